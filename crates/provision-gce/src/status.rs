use provision_core::HostStatus;

/// An instance's `status` as a standard state, see
/// <https://cloud.google.com/compute/docs/instances/instance-lifecycle>.
///
/// `STOPPING` comes before a halt as well as before the end of a deletion; it counts as the latter, because a halted host
/// says `TERMINATED` soon after. That word means halted, not deleted. `REPAIRING` goes on to `RUNNING` or `TERMINATED`.
pub(crate) fn host_status(status: &str, has_public_ip: bool) -> HostStatus {
    match status {
        "PENDING" | "PROVISIONING" | "STAGING" => HostStatus::Provisioning,
        "RUNNING" => HostStatus::active_if(has_public_ip),
        "STOPPING" | "DEPROVISIONING" => HostStatus::Deleting,
        "PENDING_STOP" | "TERMINATED" | "STOPPED" | "SUSPENDING" | "SUSPENDED" => HostStatus::Stopped,
        _ => HostStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            ("PENDING", true, HostStatus::Provisioning),
            ("PROVISIONING", true, HostStatus::Provisioning),
            ("STAGING", true, HostStatus::Provisioning),
            ("RUNNING", true, HostStatus::Active),
            ("RUNNING", false, HostStatus::Provisioning),
            ("STOPPING", true, HostStatus::Deleting),
            ("DEPROVISIONING", true, HostStatus::Deleting),
            ("PENDING_STOP", true, HostStatus::Stopped),
            ("TERMINATED", false, HostStatus::Stopped),
            ("STOPPED", false, HostStatus::Stopped),
            ("SUSPENDING", true, HostStatus::Stopped),
            ("SUSPENDED", true, HostStatus::Stopped),
            ("REPAIRING", true, HostStatus::Unknown),
            ("MELTING", true, HostStatus::Unknown),
        ];
        for (word, ip, expected) in table {
            assert_eq!(host_status(word, ip), expected, "{word}");
        }
    }
}
