//! The command that repeats a create: what the user typed. A host is known by its name or key, so that the same command finds
//! the host of the first one.

use crate::{context::shown_setting, id::quoted};

/// The same command, ready to be copied into a shell. A value of `--set` that may be a secret is
/// left out.
pub(in crate::commands) fn command(arguments: impl IntoIterator<Item = String>) -> String {
    let mut line = vec!["provision".to_owned()];
    let mut after_set = false;
    for argument in arguments {
        let setting = argument.strip_prefix("--set=");
        line.push(match setting {
            Some(setting) => format!("--set={}", without_secret(setting)),
            None if after_set => without_secret(&argument),
            None => quoted(&argument),
        });
        after_set = argument == "--set";
    }
    line.join(" ")
}

fn without_secret(setting: &str) -> String {
    let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
    shown_setting(name, value)
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
    fn secrets_lose_their_values_and_what_is_none_stays() {
        for arguments in [
            ["--set", "token=hunter2", "create", "w"],
            ["--set=token=hunter2", "", "create", "w"],
        ] {
            let line = rerun(&arguments);
            assert!(line.contains("token=...") && !line.contains("hunter2"), "{line}");
        }
        assert_eq!(
            rerun(&["--set", "region=LON 1", "--set=nothing=x", "create", "w"]),
            "provision --set 'region=LON 1' --set=nothing=... create w"
        );
    }
}
