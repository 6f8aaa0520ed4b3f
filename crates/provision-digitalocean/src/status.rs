use provision_core::HostStatus;

/// A Droplet's `status` as a standard state. There is no failed state: a failed create shows as an errored action, after
/// which the Droplet answers 404.
pub(crate) fn host_status(status: &str, has_public_ip: bool) -> HostStatus {
    match status {
        "new" => HostStatus::Provisioning,
        "active" => HostStatus::active_if(has_public_ip),
        "off" => HostStatus::Stopped,
        "archive" => HostStatus::Deleting,
        _ => HostStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            ("new", true, HostStatus::Provisioning),
            ("active", true, HostStatus::Active),
            ("active", false, HostStatus::Provisioning),
            ("off", true, HostStatus::Stopped),
            ("archive", true, HostStatus::Deleting),
            ("hibernating", true, HostStatus::Unknown),
        ];
        for (word, ip, expected) in table {
            assert_eq!(host_status(word, ip), expected, "{word}");
        }
    }
}
