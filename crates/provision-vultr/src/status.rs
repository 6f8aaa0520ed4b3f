use provision_core::HostStatus;

/// The three fields that only together tell how far an instance is. A deleted one answers 404 at once.
///
/// Source: <https://www.vultr.com/api/#tag/instances>; `isomounting` is a word of API v1. A new instance was seen as
/// `active`, `locked` and `stopped` with its address half a minute before it ran: `stopped` means something only beside `ok`.
pub(crate) fn host_status(status: &str, server: &str, power: &str, has_public_ip: bool) -> HostStatus {
    match (status, server, power) {
        ("pending" | "resizing", _, _) => HostStatus::Provisioning,
        ("suspended", _, _) => HostStatus::Failed,
        ("active", "none" | "locked" | "installingbooting" | "isomounting", _) => HostStatus::Provisioning,
        ("active", "ok", "running") => HostStatus::active_if(has_public_ip),
        ("active", "ok", "stopped") => HostStatus::Stopped,
        _ => HostStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_the_vendor_s_words_has_its_state() {
        use HostStatus::{Active, Failed, Provisioning, Stopped, Unknown};
        let servers = ["none", "locked", "installingbooting", "isomounting", "ok", "melting"];
        for server in servers {
            for power in ["running", "stopped", "humming"] {
                for ip in [true, false] {
                    assert_eq!(host_status("pending", server, power, ip), Provisioning);
                    assert_eq!(host_status("resizing", server, power, ip), Provisioning);
                    assert_eq!(host_status("suspended", server, power, ip), Failed);
                    assert_eq!(host_status("hibernating", server, power, ip), Unknown);
                    let expected = match (server, power) {
                        ("ok", "running") if ip => Active,
                        ("ok", "running") => Provisioning,
                        ("ok", "stopped") => Stopped,
                        ("ok" | "melting", _) => Unknown,
                        _ => Provisioning,
                    };
                    assert_eq!(
                        host_status("active", server, power, ip),
                        expected,
                        "active {server} {power} {ip}"
                    );
                }
            }
        }
    }
}
