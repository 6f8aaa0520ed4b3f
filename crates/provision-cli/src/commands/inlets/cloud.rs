//! What inletsctl's flags about the account mean at each cloud: clouds call the same thing by different names.

use provision::{CommonSetting, ProviderInfo, Settings};

use crate::{
    args::{Globals, InletsctlArgs},
    failure::{Failure, Outcome},
};

/// Names that clouds have for what inletsctl calls so; the first known one wins. One that ends in `-file` takes a file's name.
const ACCESS_TOKEN: &[&str] = &[
    "token",
    "access-key-id",
    "access-key",
    "service-account",
    "application-key",
    "auth-file",
];
const SECRET_KEY: &[&str] = &["secret-access-key", "secret-key", "application-secret"];
const PROJECT: &[&str] = &["project"];

/// Variables of inletsctl's, used where no flag is. They come before the cloud's own.
const VARIABLES: [(&str, &[&str]); 2] = [("INLETS_ACCESS_TOKEN", ACCESS_TOKEN), ("INLETS_SECRET_KEY", SECRET_KEY)];

/// Turns the flags into settings, as if `--set` and `--secret-file` had been written.
pub(super) fn take_flags(args: &InletsctlArgs, info: &ProviderInfo, globals: &mut Globals) -> Outcome<()> {
    let secrets = [
        (
            "access-token",
            ACCESS_TOKEN,
            &args.access_token,
            &args.access_token_file,
        ),
        ("secret-key", SECRET_KEY, &args.secret_key, &args.secret_key_file),
        (
            "session-token",
            &["session-token"],
            &args.session_token,
            &args.session_token_file,
        ),
        ("consumer-key", &["consumer-key"], &args.consumer_key, &None),
    ];
    for (flag, names, value, file) in secrets {
        if value.is_none() && file.is_none() {
            continue;
        }
        let name = setting(info, flag, names)?;
        match (value, file) {
            (_, Some(file)) if name.ends_with("-file") => globals.settings.push((name.to_owned(), file.clone())),
            (_, Some(file)) => globals.secret_files.push((name.to_owned(), file.clone())),
            (Some(_), _) if name.ends_with("-file") => {
                return Err(Failure::usage(format!("{} needs --{flag}-file", info.title)));
            }
            (Some(value), _) => globals.settings.push((name.to_owned(), value.clone())),
            (None, None) => {}
        }
    }
    let values = [
        ("project-id", PROJECT, &args.project_id),
        ("organisation-id", PROJECT, &args.organisation_id),
        ("subscription-id", &["subscription-id"], &args.subscription_id),
    ];
    for (flag, names, value) in values {
        if let Some(value) = value {
            let name = setting(info, flag, names)?;
            globals.settings.push((name.to_owned(), value.clone()));
        }
    }
    Ok(())
}

/// What inletsctl's variables say.
pub(super) fn variables(info: &ProviderInfo, variable: impl Fn(&str) -> Option<String>) -> Settings {
    let mut settings = Settings::new();
    for (variable_name, names) in VARIABLES {
        let value = variable(variable_name).map(|value| value.trim().to_owned());
        if let (Some(value), Some(name)) = (value.filter(|value| !value.is_empty()), known(info, names))
            && !name.ends_with("-file")
        {
            settings.set(name, value);
        }
    }
    settings
}

/// Flags whose value is a secret, with their short form.
const SECRETS: [(&str, &str); 5] = [
    ("--access-token", "-a"),
    ("--inlets-token", "-t"),
    ("--secret-key", ""),
    ("--session-token", ""),
    ("--consumer-key", ""),
];

/// The arguments as they may be printed: without the secrets that a user wrote among them.
pub(super) fn without_secrets(arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut after_secret = false;
    let hidden = |argument: String| {
        if std::mem::take(&mut after_secret) {
            return "...".to_owned();
        }
        for (long, short) in SECRETS {
            if argument == long || argument == short {
                after_secret = true;
            } else if argument.strip_prefix(long).is_some_and(|rest| rest.starts_with('=')) {
                return format!("{long}=...");
            } else if !short.is_empty() && argument.starts_with(short) {
                return format!("{short}...");
            }
        }
        argument
    };
    arguments.into_iter().map(hidden).collect()
}

/// The region of a host: the zone where the cloud has zones and one is given.
pub(super) fn region(args: &InletsctlArgs, info: &ProviderInfo) -> Outcome<Option<String>> {
    if let Some(zone) = &args.zone {
        setting(info, "zone", &["zone"])?;
        return Ok(Some(zone.clone()));
    }
    Ok(args.region.clone())
}

/// A flag that only some clouds have, as an extra of the host.
pub(super) fn extra<'a>(info: &ProviderInfo, flag: &str, key: &'a str) -> Outcome<&'a str> {
    if info.additional.iter().any(|known| known.key == key) {
        return Ok(key);
    }
    Err(no_such_flag(info, flag))
}

fn setting(info: &ProviderInfo, flag: &str, names: &[&'static str]) -> Outcome<&'static str> {
    known(info, names).ok_or_else(|| no_such_flag(info, flag))
}

fn known(info: &ProviderInfo, names: &[&'static str]) -> Option<&'static str> {
    let find = |names: &[&'static str]| names.iter().copied().find(|name| info.setting(name).is_some());
    // A cloud that inletsctl does not know has names of its own. Azure's secret is in the file that inletsctl takes.
    let foreign = find(ACCESS_TOKEN).is_none();
    let common = match names {
        ACCESS_TOKEN if foreign => CommonSetting::AccessKey,
        SECRET_KEY if foreign => CommonSetting::SecretKey,
        _ => return find(names),
    };
    info.common_setting(common).map(|setting| setting.name)
}

fn no_such_flag(info: &ProviderInfo, flag: &str) -> Failure {
    Failure::usage(format!("{} has no --{flag}: leave it out", info.title))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings that inletsctl's flags of a cloud become, from its own documentation.
    #[test]
    fn each_clouds_flags_find_their_settings() {
        let found = |cloud: &str, names| known(provision::find(cloud).unwrap(), names);
        for (cloud, token, secret, project) in [
            ("digitalocean", "token", None, None),
            ("hetzner", "token", None, None),
            ("linode", "token", None, None),
            ("vultr", "token", None, None),
            ("scaleway", "access-key", Some("secret-key"), Some("project")),
            ("ec2", "access-key-id", Some("secret-access-key"), None),
            ("gce", "service-account", None, Some("project")),
            ("ovh", "application-key", Some("application-secret"), Some("project")),
            ("azure", "auth-file", None, None),
            (
                "openstack",
                "application-credential-id",
                Some("application-credential-secret"),
                Some("project"),
            ),
        ] {
            assert_eq!(found(cloud, ACCESS_TOKEN), Some(token), "{cloud}");
            assert_eq!(found(cloud, SECRET_KEY), secret, "{cloud}");
            assert_eq!(found(cloud, PROJECT), project, "{cloud}");
        }
        for info in provision::providers() {
            assert!(known(info, ACCESS_TOKEN).is_some(), "{} has no access token", info.id);
        }
    }

    #[test]
    fn no_secret_of_the_command_line_is_printed() {
        for line in [
            "inlets create --access-token hunter2 --tcp",
            "inlets create --access-token=hunter2",
            "inlets create -a hunter2 -t hunter2",
            "inlets create -ahunter2 -thunter2",
            "inlets create --secret-key hunter2 --session-token hunter2 --consumer-key=hunter2 --inlets-token hunter2",
        ] {
            let shown = without_secrets(line.split(' ').map(str::to_owned)).join(" ");
            assert!(!shown.contains("hunter2") && shown.contains("..."), "{shown}");
        }
        let line = "inlets create tunnel --access-token-file token --secret-key-file=key --tcp";
        assert_eq!(without_secrets(line.split(' ').map(str::to_owned)).join(" "), line);
    }

    #[test]
    fn variables_fill_what_the_cloud_knows() {
        let variable = |name: &str| match name {
            "INLETS_ACCESS_TOKEN" => Some(" abc\n".to_owned()),
            _ => Some("def".to_owned()),
        };
        let ec2 = variables(provision::find("ec2").unwrap(), variable);
        assert_eq!(
            (ec2.get("access-key-id"), ec2.get("secret-access-key")),
            (Some("abc"), Some("def"))
        );
        let names: Vec<String> = variables(provision::find("hetzner").unwrap(), variable)
            .names()
            .map(str::to_owned)
            .collect();
        assert_eq!(names, ["token"]);
        // Azure's is the name of a file.
        assert_eq!(
            variables(provision::find("azure").unwrap(), variable).names().count(),
            0
        );
    }
}
