use provision_core::HostStatus;

/// What a server waits for while Nova removes it.
const DELETING: &str = "deleting";

/// A server's `status` and `OS-EXT-STS:task_state` as a standard state. The words:
/// <https://docs.openstack.org/api-guide/compute/server_concepts.html#server-status> (read 2026-11-28). While a server is removed its
/// status stays what it was, and only the task tells.
pub(crate) fn host_status(status: &str, task: Option<&str>, has_public_ip: bool) -> HostStatus {
    if task == Some(DELETING) {
        return HostStatus::Deleting;
    }
    match status {
        "BUILD" | "REBUILD" | "REBOOT" | "HARD_REBOOT" | "MIGRATING" | "RESIZE" | "REVERT_RESIZE" | "PASSWORD" => {
            HostStatus::Provisioning
        }
        "ACTIVE" | "VERIFY_RESIZE" => HostStatus::active_if(has_public_ip),
        "SHUTOFF" | "PAUSED" | "SUSPENDED" | "RESCUE" | "SHELVED" | "SHELVED_OFFLOADED" => HostStatus::Stopped,
        "DELETED" | "SOFT_DELETED" => HostStatus::Deleting,
        "ERROR" => HostStatus::Failed,
        _ => HostStatus::Unknown,
    }
}

/// Why a server failed, with the kind before it where the words tell: Nova accepts a create first and looks for a place later.
pub(crate) fn failure(message: &str) -> String {
    let message = message.trim();
    let prefix = match message.contains("No valid host was found") {
        true => "capacity: ",
        false => "",
    };
    format!("{prefix}{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            ("BUILD", None, false, HostStatus::Provisioning),
            ("BUILD", Some("spawning"), false, HostStatus::Provisioning),
            ("ACTIVE", None, true, HostStatus::Active),
            ("ACTIVE", None, false, HostStatus::Provisioning),
            ("ACTIVE", Some("powering-off"), true, HostStatus::Active),
            ("ACTIVE", Some("deleting"), true, HostStatus::Deleting),
            ("ERROR", Some("deleting"), false, HostStatus::Deleting),
            ("REBOOT", Some("rebooting"), true, HostStatus::Provisioning),
            ("HARD_REBOOT", None, true, HostStatus::Provisioning),
            ("VERIFY_RESIZE", None, true, HostStatus::Active),
            ("SHUTOFF", None, true, HostStatus::Stopped),
            ("PAUSED", None, true, HostStatus::Stopped),
            ("SUSPENDED", None, true, HostStatus::Stopped),
            ("RESCUE", None, true, HostStatus::Stopped),
            ("SHELVED", None, true, HostStatus::Stopped),
            ("SHELVED_OFFLOADED", None, true, HostStatus::Stopped),
            ("DELETED", None, true, HostStatus::Deleting),
            ("SOFT_DELETED", None, true, HostStatus::Deleting),
            ("ERROR", None, false, HostStatus::Failed),
            ("UNKNOWN", None, true, HostStatus::Unknown),
            ("HIBERNATING", None, true, HostStatus::Unknown),
        ];
        for (word, task, ip, expected) in table {
            assert_eq!(host_status(word, task, ip), expected, "{word} {task:?}");
        }
    }

    #[test]
    fn a_full_cloud_is_named_as_such() {
        assert_eq!(
            failure("No valid host was found. "),
            "capacity: No valid host was found."
        );
        assert_eq!(failure("Build of instance aborted"), "Build of instance aborted");
    }
}
