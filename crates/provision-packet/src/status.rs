use provision_core::HostStatus;

/// A device's `state` as a standard state. The words are those of the
/// [specification](https://github.com/equinix/equinix-sdk-go/blob/v0.66.0/spec/services/metalv1/oas3.fetched/components/schemas/Device.yaml);
/// `rebooting` and `rebuilding` come from older clients. Addresses are there long before a device is active.
pub(crate) fn host_status(state: &str, has_public_ip: bool) -> HostStatus {
    match state {
        "queued" | "provisioning" | "reinstalling" | "powering_on" | "rebooting" | "rebuilding" => {
            HostStatus::Provisioning
        }
        "active" => HostStatus::active_if(has_public_ip),
        "powering_off" | "inactive" => HostStatus::Stopped,
        "deprovisioning" | "deleted" => HostStatus::Deleting,
        "failed" => HostStatus::Failed,
        _ => HostStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            (
                "queued provisioning reinstalling powering_on rebooting rebuilding",
                true,
                HostStatus::Provisioning,
            ),
            ("active", true, HostStatus::Active),
            ("active", false, HostStatus::Provisioning),
            ("powering_off inactive", true, HostStatus::Stopped),
            ("deprovisioning deleted", true, HostStatus::Deleting),
            ("failed", false, HostStatus::Failed),
            ("hibernating", true, HostStatus::Unknown),
        ];
        for (words, ip, expected) in table {
            for word in words.split(' ') {
                assert_eq!(host_status(word, ip), expected, "{word}");
            }
        }
    }
}
