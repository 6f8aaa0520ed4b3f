//! The variables of the environment that are this tool's own.

use clap::ValueEnum as _;
use provision::nearest;

use crate::{
    args::{Format, Globals},
    failure::{Failure, Outcome},
    progress::warn,
};

/// Those that this tool reads. Vendors' variables are in the providers' settings.
const OWN: [&str; 7] = [
    "PROVISION_CONFIG",
    "PROVISION_OUTPUT",
    "PROVISION_PROFILE",
    "PROVISION_PROVIDER",
    "PROVISION_REGION",
    "PROVISION_SIM",
    "PROVISION_SIM_BOOT_TIME",
];
/// Those of the operator and of our own tests, which may stand in the same environment.
const OTHERS: [&str; 6] = [
    "PROVISION_ACCESS_KEY",
    "PROVISION_LICENSE",
    "PROVISION_LOG",
    "PROVISION_MATRIX_REPORT",
    "PROVISION_SECRET_KEY",
    "PROVISION_TEST_BEHIND_PROXY",
];
const PREFIX: &str = "PROVISION_";

/// A variable that is set and not empty.
pub(crate) fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that says yes or no.
fn flag(name: &str) -> Outcome<bool> {
    match text(name).map(|value| value.to_ascii_lowercase()).as_deref() {
        None | Some("0" | "false" | "no" | "off") => Ok(false),
        Some("1" | "true" | "yes" | "on") => Ok(true),
        Some(_) => Err(Failure::usage(format!(
            "the environment variable {name} must be `true` or `false`"
        ))),
    }
}

/// What the environment says where the command line says nothing.
pub(crate) fn fill(globals: &mut Globals) -> Outcome<()> {
    globals.sim |= flag("PROVISION_SIM")?;
    if let (None, Some(name)) = (globals.output, text("PROVISION_OUTPUT")) {
        let format = Format::from_str(&name, false).map_err(|_| {
            Failure::usage("the environment variable PROVISION_OUTPUT is none of the forms that -o takes")
        })?;
        globals.output = Some(format);
    }
    Ok(())
}

/// Points out variables that look like ours and mean nothing.
pub(crate) fn warn_about_unknown() {
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if let Some(message) = unknown(name) {
            warn(&message);
        }
    }
}

fn unknown(name: &str) -> Option<String> {
    if !name.starts_with(PREFIX) || OWN.contains(&name) || OTHERS.contains(&name) {
        return None;
    }
    // What all have in common tells nothing.
    let behind = |name: &'static str| name.strip_prefix(PREFIX);
    let closest = nearest(name.strip_prefix(PREFIX)?, OWN.into_iter().filter_map(behind));
    let guess = closest
        .map(|own| format!(": did you mean {PREFIX}{own}?"))
        .unwrap_or_default();
    Some(format!(
        "the environment variable {name} means nothing to this tool{guess}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_variable_is_pointed_out() {
        assert_eq!(unknown("PROVISION_PROFILE"), None);
        assert_eq!(unknown("PROVISION_LICENSE"), None);
        assert_eq!(unknown("HCLOUD_TOKEN"), None);
        assert_eq!(
            unknown("PROVISION_PROVIDR").unwrap(),
            "the environment variable PROVISION_PROVIDR means nothing to this tool: did you mean PROVISION_PROVIDER?"
        );
        assert!(!unknown("PROVISION_XYZZY").unwrap().contains("did you mean"));
    }
}
