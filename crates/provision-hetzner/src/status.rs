use provision_core::HostStatus;

/// A server's `status` as a standard state. A failed create is only visible in its action, after which the server answers
/// 404. `off` right after the create means "not started yet".
pub(crate) fn host_status(status: &str, has_public_ip: bool) -> HostStatus {
    match status {
        "initializing" | "starting" | "migrating" | "rebuilding" => HostStatus::Provisioning,
        "running" => HostStatus::active_if(has_public_ip),
        "stopping" | "off" => HostStatus::Stopped,
        "deleting" => HostStatus::Deleting,
        _ => HostStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            ("initializing", true, HostStatus::Provisioning),
            ("starting", true, HostStatus::Provisioning),
            ("running", true, HostStatus::Active),
            ("running", false, HostStatus::Provisioning),
            ("stopping", true, HostStatus::Stopped),
            ("off", true, HostStatus::Stopped),
            ("deleting", true, HostStatus::Deleting),
            ("migrating", true, HostStatus::Provisioning),
            ("rebuilding", true, HostStatus::Provisioning),
            ("unknown", true, HostStatus::Unknown),
            ("melting", true, HostStatus::Unknown),
        ];
        for (word, ip, expected) in table {
            assert_eq!(host_status(word, ip), expected, "{word}");
        }
    }
}
