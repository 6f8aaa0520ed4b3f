//! What the states of a deployment and of a machine mean, from
//! <https://learn.microsoft.com/en-us/azure/virtual-machines/states-billing> and the enumerations of the SDKs (2026-11).

use provision_core::HostStatus;

/// A group's `provisioningState` while it and everything in it goes.
pub(crate) const DELETING: &str = "Deleting";
/// Our own word for a host of which there is a group, and neither a deployment nor a machine in it.
pub(crate) const NOT_DEPLOYED: &str = "not deployed";

/// What a deployment's `provisioningState` says about its host. `None`: it is done, look at the machine.
pub(crate) fn deployment_status(state: &str) -> Option<HostStatus> {
    Some(match state {
        "Succeeded" => return None,
        "Failed" | "Canceled" => HostStatus::Failed,
        "Accepted" | "Running" | "Creating" | "Created" | "Ready" | "Updating" => HostStatus::Provisioning,
        "Deleting" | "Deleted" => HostStatus::Deleting,
        _ => HostStatus::Unknown,
    })
}

/// What a machine's `provisioningState` and power state say, and the vendor's word that decided.
pub(crate) fn machine_status(provisioning: &str, power: Option<&str>, has_public_ip: bool) -> (HostStatus, String) {
    let by_provisioning = match provisioning.to_ascii_lowercase().as_str() {
        "failed" => Some(HostStatus::Failed),
        "deleting" => Some(HostStatus::Deleting),
        "creating" | "migrating" => Some(HostStatus::Provisioning),
        _ => None,
    };
    let status = by_provisioning.unwrap_or(match power {
        Some("running") => HostStatus::active_if(has_public_ip),
        Some("starting") => HostStatus::Provisioning,
        Some("stopping" | "stopped" | "deallocating" | "deallocated") => HostStatus::Stopped,
        _ => HostStatus::Unknown,
    });
    let word = match (by_provisioning, power) {
        (None, Some(power)) => power,
        _ => provisioning,
    };
    (status, word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_a_deployment_has_its_meaning() {
        let table = [
            ("Accepted", Some(HostStatus::Provisioning)),
            ("Running", Some(HostStatus::Provisioning)),
            ("Creating", Some(HostStatus::Provisioning)),
            ("Created", Some(HostStatus::Provisioning)),
            ("Ready", Some(HostStatus::Provisioning)),
            ("Updating", Some(HostStatus::Provisioning)),
            ("Failed", Some(HostStatus::Failed)),
            ("Canceled", Some(HostStatus::Failed)),
            ("Deleting", Some(HostStatus::Deleting)),
            ("Deleted", Some(HostStatus::Deleting)),
            ("NotSpecified", Some(HostStatus::Unknown)),
            ("Succeeded", None),
        ];
        for (state, expected) in table {
            assert_eq!(deployment_status(state), expected, "{state}");
        }
    }

    #[test]
    fn every_state_of_a_machine_has_its_meaning() {
        let table = [
            ("Failed", Some("running"), true, HostStatus::Failed, "Failed"),
            ("Deleting", Some("running"), true, HostStatus::Deleting, "Deleting"),
            ("Creating", None, true, HostStatus::Provisioning, "Creating"),
            ("creating", None, true, HostStatus::Provisioning, "creating"),
            (
                "Migrating",
                Some("running"),
                true,
                HostStatus::Provisioning,
                "Migrating",
            ),
            ("Succeeded", Some("running"), true, HostStatus::Active, "running"),
            ("Succeeded", Some("running"), false, HostStatus::Provisioning, "running"),
            ("Updating", Some("running"), true, HostStatus::Active, "running"),
            (
                "Succeeded",
                Some("starting"),
                true,
                HostStatus::Provisioning,
                "starting",
            ),
            ("Succeeded", Some("stopping"), true, HostStatus::Stopped, "stopping"),
            ("Succeeded", Some("stopped"), true, HostStatus::Stopped, "stopped"),
            (
                "Succeeded",
                Some("deallocating"),
                true,
                HostStatus::Stopped,
                "deallocating",
            ),
            (
                "Succeeded",
                Some("deallocated"),
                true,
                HostStatus::Stopped,
                "deallocated",
            ),
            ("Succeeded", Some("unknown"), true, HostStatus::Unknown, "unknown"),
            ("Succeeded", None, true, HostStatus::Unknown, "Succeeded"),
        ];
        for (provisioning, power, ip, status, word) in table {
            assert_eq!(
                machine_status(provisioning, power, ip),
                (status, word.to_owned()),
                "{provisioning} {power:?}"
            );
        }
    }
}
