//! What is made for one host beside it: a security group, and on an own network a port and a floating IP. Group and port exist
//! before their host and outlive it: first the key's hash leads to them, then the host's id. The floating IP bills, and is made
//! last.

use provision_core::{HostId, Labels};

/// Labels of a host with the ids of what was made for it: they tell the id as long as its name does not.
const GROUP: &str = "provision-group";
const PORT: &str = "provision-port";
/// The external network that the host's floating IP is to come from.
const FLOATING: &str = "provision-floating";

/// The parts of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) group: Option<String>,
    pub(crate) port: Option<String>,
    pub(crate) floating: Option<String>,
}

impl Parts {
    /// Those that a host's labels tell; what is no id is none of ours.
    pub(crate) fn of(labels: &Labels) -> Self {
        let id = |label| labels.get(label).filter(|id| HostId::check_uuid(id).is_ok());
        Self {
            group: id(GROUP).map(str::to_owned),
            port: id(PORT).map(str::to_owned),
            floating: id(FLOATING).map(str::to_owned),
        }
    }

    /// Labels with those of the parts.
    pub(crate) fn added_to(&self, labels: &Labels) -> Labels {
        let parts = [(GROUP, &self.group), (PORT, &self.port), (FLOATING, &self.floating)];
        let parts = parts
            .into_iter()
            .filter_map(|(label, id)| Some((label, id.as_deref()?)));
        Labels::from_vendor(labels.iter().chain(parts))
    }
}

/// The name of group and port until their host exists.
pub(crate) fn name_for_key(hash: &str) -> String {
    format!("provision-new-{hash}")
}

/// Their name once it does, and after it is gone.
pub(crate) fn name_for_host(server: &str) -> String {
    format!("provision-{server}")
}

/// The description of group and port, by which whoever gives up a key finds them also when their host was removed by somebody who
/// did not come to the end of it.
pub(crate) fn description_of_part(key_hash: &str) -> String {
    format!("provision key {key_hash}")
}

/// The description of a floating IP. It holds the key as well, which whoever gives up a key has alone.
pub(crate) fn description(server: &str, key_hash: &str) -> String {
    format!("{} key {key_hash}", name_for_host(server))
}

/// Whether a floating IP with this description was made for a server.
pub(crate) fn is_for_host(description: &str, server: &str) -> bool {
    let mut words = description.split(' ');
    words.next() == Some(&name_for_host(server))
}

/// Whether a floating IP with this description was made for a host with this key.
pub(crate) fn is_for_key(description: &str, key_hash: &str) -> bool {
    let made = description.starts_with("provision-");
    made && description.ends_with(&format!(" key {key_hash}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";

    #[test]
    fn labels_lead_to_the_parts() {
        let parts = Parts {
            group: Some(ID.into()),
            port: None,
            floating: Some(ID.replace('5', "6")),
        };
        let labels = parts.added_to(&Labels::from_vendor([("managed-by", "provision")]));
        assert!(labels.is_managed());
        assert_eq!(Parts::of(&labels), parts);
        let broken = Labels::from_vendor([(GROUP, "not-an-id")]);
        assert_eq!(Parts::of(&broken), Parts::default());
    }

    #[test]
    fn a_floating_ip_is_found_by_host_and_key() {
        let text = description(ID, "a1b2");
        assert!(is_for_host(&text, ID) && is_for_key(&text, "a1b2"));
        assert!(!is_for_host(&text, &ID.replace('5', "6")));
        assert!(!is_for_key(&text, "b2"));
        assert!(!is_for_key("mine key a1b2", "a1b2"));
        assert!(!is_for_host("", ID));
    }
}
