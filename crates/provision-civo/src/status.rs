use provision_core::HostStatus;

/// An instance's `status` as a standard state, whatever its case. The words are those of Civo's own command line tool
/// (<https://github.com/civo/cli>, `utility/color_util.go`) and Terraform provider, read 2026-11-20. UNCONFIRMED: whether
/// instances are ever `FAILED`, `ERROR` or `STOPPED`.
pub(crate) fn host_status(status: &str, has_public_ip: bool) -> HostStatus {
    match status.to_ascii_uppercase().as_str() {
        "BUILDING" | "INSTANCE-CREATE" | "INSTALLING" | "REBOOTING" | "MIGRATING" | "SCALING" => {
            HostStatus::Provisioning
        }
        "ACTIVE" => HostStatus::active_if(has_public_ip),
        "SHUTOFF" | "STOPPING" | "STOPPED" => HostStatus::Stopped,
        "DELETING" => HostStatus::Deleting,
        "FAILED" | "ERROR" => HostStatus::Failed,
        _ => HostStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            ("BUILDING", true, HostStatus::Provisioning),
            ("INSTANCE-CREATE", false, HostStatus::Provisioning),
            ("installing", true, HostStatus::Provisioning),
            ("REBOOTING", true, HostStatus::Provisioning),
            ("MIGRATING", true, HostStatus::Provisioning),
            ("SCALING", true, HostStatus::Provisioning),
            ("ACTIVE", true, HostStatus::Active),
            ("Active", true, HostStatus::Active),
            ("ACTIVE", false, HostStatus::Provisioning),
            ("SHUTOFF", true, HostStatus::Stopped),
            ("STOPPING", true, HostStatus::Stopped),
            ("STOPPED", true, HostStatus::Stopped),
            ("DELETING", true, HostStatus::Deleting),
            ("FAILED", false, HostStatus::Failed),
            ("ERROR", false, HostStatus::Failed),
            ("PAUSED", true, HostStatus::Unknown),
            ("", true, HostStatus::Unknown),
        ];
        for (word, ip, expected) in table {
            assert_eq!(host_status(word, ip), expected, "{word}");
        }
    }
}
