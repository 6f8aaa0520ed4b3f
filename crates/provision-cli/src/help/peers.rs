//! Flags that other tools have for the same thing, answered with ours.

use clap::{
    Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Flags of doctl, hcloud, linode-cli, vultr-cli, civo, scw, aws, gcloud and az, by the option of ours.
const FLAGS: &[(&str, &[&str])] = &[
    (
        "plan",
        &[
            "size",
            "type",
            "instance-type",
            "machine-type",
            "server-type",
            "vm-size",
            "flavor",
            "commercial-type",
        ],
    ),
    ("image", &["image-id", "ami", "os", "os-id", "template", "diskimage"]),
    (
        "region",
        &[
            "location",
            "datacenter",
            "zone",
            "facility",
            "metro",
            "availability-zone",
        ],
    ),
    (
        "user-data",
        &[
            "user-data-file",
            "user-data-from-file",
            "userdata",
            "custom-data",
            "cloud-init",
        ],
    ),
    ("label", &["tag", "tags", "tag-name", "tag-names", "labels"]),
    (
        "ssh-key",
        &["ssh-keys", "key-name", "ssh-key-values", "sshkeys", "authorized-keys"],
    ),
    ("output", &["format", "output-format", "json"]),
    (
        "secret-file",
        &[
            "token",
            "access-token",
            "api-token",
            "api-key",
            "access-key",
            "secret-key",
        ],
    ),
    ("set", &["project", "project-id", "subscription", "subscription-id"]),
];

/// Flags of peers that name the host, which here stands without one.
const HOSTS: &[&str] = &["id", "name", "instance-id", "instance-ids", "server-id", "hostname"];

/// What a flag that we do not have is called here, for an error of clap's about `arguments`.
pub(crate) fn hint_for(error: &clap::Error, command: &Command, arguments: &[String]) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let flag = flag.strip_prefix("--")?;
    let flag = flag.split(['=', ' ']).next()?;
    let page = page(command, arguments);
    let has = |long: &str| {
        let mut all = page.get_arguments().chain(command.get_arguments());
        all.any(|argument| argument.get_long() == Some(long))
    };
    if HOSTS.contains(&flag) {
        let positional = page.get_positionals().next()?;
        let example = format!("{} {}", page.get_name(), positional.get_id().as_str().to_uppercase());
        return Some(format!("here the host stands without a flag: `{example}`"));
    }
    let ours = FLAGS.iter().filter(|(_, theirs)| theirs.contains(&flag));
    let (ours, _) = ours.into_iter().find(|(ours, _)| has(ours))?;
    let how = match *ours {
        "secret-file" => {
            "write `--secret-file NAME=FILE`, or use the cloud's variable; `provision providers` lists them".to_owned()
        }
        "set" => "write `--set NAME=VALUE`; `provision providers -o yaml` lists the settings".to_owned(),
        ours => format!("here it is `--{ours}`"),
    };
    Some(how)
}

/// The page of the command that the arguments name.
fn page<'a>(command: &'a Command, arguments: &[String]) -> &'a Command {
    let mut page = command;
    for argument in arguments {
        if let Some(sub) = page.find_subcommand(argument) {
            page = sub;
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(line: &str) -> Option<String> {
        let command = crate::help::command();
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let error = command.clone().try_get_matches_from(&arguments).unwrap_err();
        hint_for(&error, &command, &arguments)
    }

    #[test]
    fn flags_of_peers_are_answered_with_ours() {
        for (line, ours) in [
            ("provision create w --size s-1", "here it is `--plan`"),
            ("provision -p hetzner create w --type cx23", "here it is `--plan`"),
            ("provision create w --image-id 1", "here it is `--image`"),
            ("provision create w --image-id=1", "here it is `--image`"),
            ("provision create w --location fsn1", "here it is `--region`"),
            ("provision create w --tag-names a", "here it is `--label`"),
            ("provision list --format json", "here it is `--output`"),
            ("provision list --token x", "write `--secret-file NAME=FILE`"),
            ("provision create w --project-id x", "write `--set NAME=VALUE`"),
        ] {
            let hint = hint(line).unwrap_or_default();
            assert!(hint.starts_with(ours), "{line}: {hint}");
        }
        for line in [
            "provision delete --id 1",
            "provision rm --instance-ids 1",
            "provision create --name w",
        ] {
            let hint = hint(line).unwrap_or_default();
            assert!(
                hint.starts_with("here the host stands without a flag"),
                "{line}: {hint}"
            );
        }
        // What means nothing, or nothing on that page.
        for line in [
            "provision create w --frobnicate",
            "provision regions --size x",
            "provision nothing",
        ] {
            assert_eq!(hint(line), None, "{line}");
        }
    }
}
