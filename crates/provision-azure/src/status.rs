use provision_core::HostStatus;

/// The vendor's `status` as a standard state. FILL-IN: every word that the vendor documents, with its page.
pub(crate) fn host_status(status: &str, has_public_ip: bool) -> HostStatus {
    match status {
        "pending" => HostStatus::Provisioning,
        "active" => HostStatus::active_if(has_public_ip),
        _ => HostStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            ("pending", true, HostStatus::Provisioning),
            ("active", true, HostStatus::Active),
            ("active", false, HostStatus::Provisioning),
            ("hibernating", true, HostStatus::Unknown),
        ];
        for (word, ip, expected) in table {
            assert_eq!(host_status(word, ip), expected, "{word}");
        }
    }
}
