//! The command that repeats a create: what the user typed. A host is known by its name or key, so that the same command finds
//! the host of the first one.

use crate::id::quoted;

/// The same command, ready to be copied into a shell. Values of `--set` are left out: they may be secrets.
pub(in crate::commands) fn command(arguments: impl IntoIterator<Item = String>) -> String {
    let mut line = vec!["provision".to_owned()];
    let mut after_set = false;
    for argument in arguments {
        let setting = argument.strip_prefix("--set=");
        line.push(match setting {
            Some(setting) => format!("--set={}", without_value(setting)),
            None if after_set => without_value(&argument),
            None => quoted(&argument),
        });
        after_set = argument == "--set";
    }
    line.join(" ")
}

fn without_value(setting: &str) -> String {
    format!("{}=...", setting.split('=').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rerun(arguments: &[&str]) -> String {
        command(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn words_are_quoted() {
        assert_eq!(
            rerun(&["--sim", "create", "web-1", "-u", "my file.sh"]),
            "provision --sim create web-1 -u 'my file.sh'"
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
