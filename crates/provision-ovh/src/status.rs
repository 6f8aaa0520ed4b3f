use provision_core::HostStatus;

/// An instance's `status` as a standard state: `cloud.instance.InstanceStatusEnum` of the
/// [API](https://eu.api.ovh.com/console/?section=%2Fcloud&branch=v1).
pub(crate) fn host_status(status: &str, has_public_ip: bool) -> HostStatus {
    match status {
        "BUILD" | "BUILDING" | "REBUILD" | "REBOOT" | "HARD_REBOOT" | "RESUMING" | "MIGRATING" | "PASSWORD"
        | "RESIZE" | "REVERT_RESIZE" | "UNSHELVING" | "UNRESCUING" | "SNAPSHOTTING" => HostStatus::Provisioning,
        "ACTIVE" => HostStatus::active_if(has_public_ip),
        "STOPPED" | "SHUTOFF" | "PAUSED" | "SUSPENDED" | "SHELVING" | "SHELVED" | "SHELVED_OFFLOADED" => {
            HostStatus::Stopped
        }
        "DELETING" | "SOFT_DELETED" | "DELETED" => HostStatus::Deleting,
        "ERROR" => HostStatus::Failed,
        // RESCUE, RESCUED, RESCUING, RESIZED, VERIFY_RESIZE, UNKNOWN, and words to come.
        _ => HostStatus::Unknown,
    }
}

/// Whether an instance is only shown as a memory. A `SOFT_DELETED` one could still be restored, so that it counts as going.
pub(crate) fn is_gone(status: &str) -> bool {
    status == "DELETED"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            (
                "BUILD BUILDING REBUILD REBOOT HARD_REBOOT RESUMING MIGRATING PASSWORD RESIZE REVERT_RESIZE UNSHELVING UNRESCUING SNAPSHOTTING",
                HostStatus::Provisioning,
            ),
            ("ACTIVE", HostStatus::Active),
            (
                "STOPPED SHUTOFF PAUSED SUSPENDED SHELVING SHELVED SHELVED_OFFLOADED",
                HostStatus::Stopped,
            ),
            ("DELETING SOFT_DELETED DELETED", HostStatus::Deleting),
            ("ERROR", HostStatus::Failed),
            (
                "RESCUE RESCUED RESCUING RESIZED VERIFY_RESIZE UNKNOWN MELTING active",
                HostStatus::Unknown,
            ),
        ];
        for (words, expected) in table {
            for word in words.split(' ') {
                assert_eq!(host_status(word, true), expected, "{word}");
            }
        }
        assert_eq!(host_status("ACTIVE", false), HostStatus::Provisioning);
        assert!(is_gone("DELETED") && !is_gone("SOFT_DELETED") && !is_gone("DELETING"));
    }
}
