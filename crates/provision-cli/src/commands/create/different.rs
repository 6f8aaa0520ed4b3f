use provision::{BasicHost, ProvisionedHost};

use crate::{context::Context, failure::Failure, id};

/// The host of this name or key is another one than was asked for.
pub(in crate::commands) fn different(context: &Context, host: &BasicHost, found: &ProvisionedHost) -> Failure {
    let mut differences = Vec::new();
    if found.name != host.name.as_str() {
        differences.push(format!("its name is {}, not {}", found.name, host.name));
    }
    for (what, asked, has) in [
        ("region", &host.region, &found.region),
        ("plan", &host.plan, &found.plan),
        ("image", &host.image, &found.image),
    ] {
        if let (Some(asked), Some(has)) = (asked, has)
            && !asked.eq_ignore_ascii_case(has)
        {
            differences.push(format!("its {what} is {has}, not {asked}"));
        }
    }
    for (key, value) in &host.labels {
        if found.labels.get(key) != Some(value) {
            differences.push(format!("it lacks the label {key}={value}"));
        }
    }
    if differences.is_empty() {
        differences.push("its user data, open ports, ssh keys or other settings differ".to_owned());
    }
    let shown = id::shown(found.provider, &found.id);
    let command = context.host_command("delete", found.provider, &found.id, &["--wait"]);
    Failure::usage(format!(
        "{shown} has this name or key already, and was asked for differently: {}",
        differences.join("; ")
    ))
    .hint("choose another name, or ask for it as it was")
    .hint(format!("delete it: {command}"))
}
