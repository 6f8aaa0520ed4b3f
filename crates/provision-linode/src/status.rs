use provision_core::HostStatus;

/// An instance's `status` as a standard state; the words are those of
/// <https://techdocs.akamai.com/linode-api/reference/get-linode-instance> (read 2026-11-20).
///
/// A new instance may be `offline` for a moment between `provisioning` and `booting` (UNCONFIRMED), which is told as
/// `Stopped`: the API does not say whether it is about to boot.
pub(crate) fn host_status(status: &str, has_public_ip: bool) -> HostStatus {
    match status {
        "provisioning" | "booting" => HostStatus::Provisioning,
        "running" => HostStatus::active_if(has_public_ip),
        "rebooting" | "rebuilding" | "restoring" | "cloning" | "migrating" | "resizing" | "busy" => {
            HostStatus::Provisioning
        }
        "shutting_down" | "offline" | "stopped" => HostStatus::Stopped,
        "deleting" => HostStatus::Deleting,
        "billing_suspension" => HostStatus::Failed,
        _ => HostStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            ("provisioning", true, HostStatus::Provisioning),
            ("booting", true, HostStatus::Provisioning),
            ("running", true, HostStatus::Active),
            ("running", false, HostStatus::Provisioning),
            ("rebooting", true, HostStatus::Provisioning),
            ("rebuilding", true, HostStatus::Provisioning),
            ("restoring", true, HostStatus::Provisioning),
            ("cloning", true, HostStatus::Provisioning),
            ("migrating", true, HostStatus::Provisioning),
            ("resizing", true, HostStatus::Provisioning),
            ("busy", true, HostStatus::Provisioning),
            ("shutting_down", true, HostStatus::Stopped),
            ("offline", true, HostStatus::Stopped),
            ("stopped", true, HostStatus::Stopped),
            ("deleting", true, HostStatus::Deleting),
            ("billing_suspension", true, HostStatus::Failed),
            ("melting", true, HostStatus::Unknown),
        ];
        for (word, ip, expected) in table {
            assert_eq!(host_status(word, ip), expected, "{word}");
        }
    }
}
