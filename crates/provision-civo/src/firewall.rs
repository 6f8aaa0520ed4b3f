//! How the firewall that is made for one host is called. It exists before its host, so that no port is ever open that should
//! not be, and outlives it, because Civo deletes none that an instance uses: first the host's key leads to it, then the
//! host's id.

use provision_core::{IdempotencyKey, PortRange};

/// The label of an instance that holds the id of the firewall which was made for it.
pub(crate) const LABEL: &str = "provision-firewall";

/// The name until the host exists. One that was left by a call which asked for other ports has another name: it would open
/// what must stay closed.
pub(crate) fn new_name(key: &IdempotencyKey, region: &str, network: &str, ports: &[PortRange]) -> String {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let parts = [region, network].into_iter().chain(ports.iter().map(String::as_str));
    let digest = key.hash_with(&parts.collect::<Vec<_>>());
    let short: String = digest.chars().take(8).collect();
    format!("{}{short}", of_key(key))
}

/// What the names of all firewalls begin with that wait for the host of a key.
pub(crate) fn of_key(key: &IdempotencyKey) -> String {
    format!("provision-new-{}-", key.hash())
}

/// The name once the host exists, and after it is gone.
pub(crate) fn name_of(instance: &str) -> String {
    format!("provision-{instance}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_firewall_is_found_by_its_key_and_used_for_the_same_ports_only() {
        let key = IdempotencyKey::new("order-17").unwrap();
        let name = |region, network, ports: &[&str]| {
            let ports: Vec<PortRange> = ports.iter().map(|port| port.parse().unwrap()).collect();
            new_name(&key, region, network, &ports)
        };
        let first = name("LON1", "n1", &["443"]);
        assert_eq!(first, name("LON1", "n1", &["443"]));
        assert!(first.len() <= 63 && first.starts_with(&of_key(&key)), "{first}");
        for other in [
            name("FRA1", "n1", &["443"]),
            name("LON1", "n2", &["443"]),
            name("LON1", "n1", &["22", "443"]),
            name("LON1", "n1", &["443/udp"]),
            name("LON1", "n1", &[]),
        ] {
            assert_ne!(other, first);
            assert!(other.starts_with(&of_key(&key)));
        }
        assert!(!first.starts_with(&of_key(&IdempotencyKey::new("order-18").unwrap())));
    }
}
