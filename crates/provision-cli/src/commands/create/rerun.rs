//! The command that repeats a create: what the user typed, with the key.

use provision::BasicHost;

use crate::id::quoted;

/// The same command with the same key, ready to be copied into a shell. Values of `--set` are left out: they may be
/// secrets.
pub(super) fn command(arguments: impl IntoIterator<Item = String>, host: &BasicHost) -> String {
    let mut line = vec!["provision".to_owned()];
    let (mut after_set, mut has_key) = (false, false);
    for argument in arguments {
        has_key |= argument == "--key" || argument.starts_with("--key=");
        let setting = argument.strip_prefix("--set=");
        line.push(match setting {
            Some(setting) => format!("--set={}", without_value(setting)),
            None if after_set => without_value(&argument),
            None => quoted(&argument),
        });
        after_set = argument == "--set";
    }
    if let (Some(key), false) = (&host.key, has_key) {
        line.extend(["--key".to_owned(), quoted(key.as_str())]);
    }
    line.join(" ")
}

fn without_value(setting: &str) -> String {
    format!("{}=...", setting.split('=').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use provision::{IdempotencyKey, UserData};

    use super::*;

    fn rerun(arguments: &[&str]) -> String {
        let mut host = BasicHost::new("web-1".parse().unwrap(), UserData::empty());
        host.key = Some(IdempotencyKey::new("k 1").unwrap());
        command(arguments.iter().map(|argument| (*argument).to_owned()), &host)
    }

    #[test]
    fn the_key_is_added_once_and_words_are_quoted() {
        assert_eq!(
            rerun(&["--sim", "create", "web-1", "-u", "my file.sh"]),
            "provision --sim create web-1 -u 'my file.sh' --key 'k 1'"
        );
        assert_eq!(
            rerun(&["create", "w", "--key", "k 1"]),
            "provision create w --key 'k 1'"
        );
        assert_eq!(rerun(&["create", "w", "--key=k"]), "provision create w --key=k");
    }

    #[test]
    fn settings_lose_their_values() {
        for arguments in [
            ["--set", "token=hunter2", "create", "w"],
            ["--set=token=hunter2", "", "create", "w"],
        ] {
            let line = rerun(&arguments);
            assert!(line.contains("token=...") && !line.contains("hunter2"), "{line}");
        }
    }
}
