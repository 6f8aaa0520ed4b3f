//! The command that repeats a create: what the user typed. A host is known by its name or key, so that the same command finds
//! the host of the first one.

use crate::{context::shown_setting, id::quoted};

/// The options whose value is `NAME=VALUE` and may be a secret.
const SET: &str = "--set";
const VAR: &str = "--var";

/// The same command, ready to be copied into a shell. Values of `--set` and `--var` that may be secrets are left out.
pub(in crate::commands) fn command(arguments: impl IntoIterator<Item = String>) -> String {
    let mut line = vec!["provision".to_owned()];
    let mut before = String::new();
    for argument in arguments {
        line.push(match argument.split_once('=') {
            Some((option @ (SET | VAR), pair)) => format!("{option}={}", without_secret(option, pair)),
            _ if [SET, VAR].contains(&before.as_str()) => without_secret(&before, &argument),
            _ => quoted(&argument),
        });
        before = argument;
    }
    line.join(" ")
}

/// `NAME=...` for what may be a secret; the name of a variable's file stays.
fn without_secret(option: &str, pair: &str) -> String {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    match option {
        VAR if value.starts_with('@') => quoted(pair),
        VAR => format!("{name}=..."),
        _ => shown_setting(name, value),
    }
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
            ["create", "w", "--var", "token=hunter2"],
            ["create", "w", "--var=token=hunter2", ""],
        ] {
            let line = rerun(&arguments);
            assert!(line.contains("token=...") && !line.contains("hunter2"), "{line}");
        }
        assert_eq!(
            rerun(&["--set", "region=LON 1", "--set=nothing=x", "create", "w"]),
            "provision --set 'region=LON 1' --set=nothing=... create w"
        );
        assert_eq!(
            rerun(&["create", "w", "--var", "TOKEN=@my file"]),
            "provision create w --var 'TOKEN=@my file'"
        );
    }
}
