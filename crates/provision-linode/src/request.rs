//! Pure functions that build every request of the provider. Source: <https://techdocs.akamai.com/linode-api/reference>

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use provision_core::{
    Error, ErrorKind, ExposeSecret, Find, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, Order, PortRange, Protocol, Result,
    SecretString,
};
use provision_http::{Endpoint, Request, Subject, url::Url};
use serde::Serialize;
use serde_json::json;

use crate::info::INFO;

/// The largest page that the API gives.
pub(crate) const PAGE_SIZE: usize = 500;

/// The most rules of a firewall: <https://techdocs.akamai.com/linode-api/reference/post-firewalls>
const MAX_RULES: usize = 25;

#[derive(Serialize)]
struct CreateInstance<'a> {
    label: &'a str,
    region: &'a str,
    #[serde(rename = "type")]
    plan: &'a str,
    image: &'a str,
    root_pass: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorized_keys: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorized_users: Vec<&'a str>,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    booted: bool,
    backups_enabled: bool,
    interface_generation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_ip: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firewall_id: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interfaces: Vec<Interface>,
}

#[derive(Serialize)]
struct Metadata {
    user_data: String,
}

#[derive(Serialize)]
struct Interface {
    public: Public,
    firewall_id: i64,
}

/// An IPv4 and an IPv6 address of the cloud's choice.
#[derive(Serialize)]
struct Public {}

/// Instead of the account's default firewall: none.
const NO_FIREWALL: i64 = -1;

/// A password for the root user that nobody needs to know: the API wants one, or SSH keys.
///
/// 240 random bits, and one character of each class, because the API refuses weak passwords by rules of its own.
pub(crate) fn root_password() -> Result<SecretString> {
    let mut random = [0_u8; 30];
    getrandom::fill(&mut random).map_err(|error| {
        Error::new(
            ErrorKind::Unavailable,
            format!("the operating system gives no random numbers for a root password: {error}"),
        )
    })?;
    Ok(SecretString::from(format!("{}aA1-", URL_SAFE_NO_PAD.encode(random))))
}

pub(crate) fn create_instance(endpoint: &Endpoint, order: &Order, root_password: &SecretString) -> Result<Request> {
    let linode_interfaces = linode_interfaces(order)?;
    let user_data = order.user_data.to_base64_for(INFO.user_data);
    let keys = order.ssh_keys.iter().map(String::as_str);
    let (authorized_keys, authorized_users) = keys.partition(|key| is_public_key(key));
    let body = CreateInstance {
        label: order.name.as_str(),
        region: &order.region,
        plan: &order.plan,
        image: &order.image,
        root_pass: root_password.expose_secret(),
        authorized_keys,
        authorized_users,
        tags: order.labels.to_tags(),
        metadata: (!order.user_data.is_empty()).then(|| Metadata {
            user_data: user_data.clone(),
        }),
        booted: true,
        backups_enabled: false,
        // Named, because the account's setting decides otherwise, and with it how a firewall is attached.
        interface_generation: if linode_interfaces { "linode" } else { "legacy_config" },
        private_ip: (!linode_interfaces).then_some(false),
        firewall_id: (!linode_interfaces).then_some(NO_FIREWALL),
        interfaces: if linode_interfaces {
            vec![Interface {
                public: Public {},
                firewall_id: NO_FIREWALL,
            }]
        } else {
            Vec::new()
        },
    };
    let create = Request::post("create instance", instances(endpoint)).about(Subject::NewHost);
    Ok(create
        .json(&body)?
        .redact(order.user_data.expose())
        .redact(&user_data)
        .redact(root_password.expose_secret()))
}

/// A public key has a type and a blob; anything else is the name of a user whose keys are to be installed.
fn is_public_key(text: &str) -> bool {
    text.trim().contains(char::is_whitespace)
}

/// The additional setting `interfaces`.
fn linode_interfaces(order: &Order) -> Result<bool> {
    match order.extra("interfaces") {
        None | Some("legacy") => Ok(false),
        // Such a firewall is attached to an interface, whose id is not in the answer of the create.
        Some("linode") if order.ports.restricted().is_some() => Err(Error::new(
            ErrorKind::Unsupported,
            "ports cannot be restricted with `interfaces=linode`: leave them open and close them in the user data",
        )),
        Some("linode") => Ok(true),
        Some(_) => Err(Error::invalid(
            "additional setting `interfaces` must be `legacy` or `linode`",
        )),
    }
}

pub(crate) fn get_instance(endpoint: &Endpoint, id: u64) -> Request {
    Request::get("get instance", instance(endpoint, id)).about(Subject::Host)
}

/// A list but for the number of its [`page`]. Labels are unique in an account.
pub(crate) fn list_instances(endpoint: &Endpoint, find: Find<'_>) -> Result<Request> {
    let filter = match find {
        Find::Key(hash) => json!({ "tags": format!("{KEY_LABEL}:{hash}") }),
        Find::Name(name) => json!({ "label": name.as_str() }),
        _ => json!({ "tags": marker() }),
    };
    filtered(list("list instances", instances(endpoint)), &filter)
}

pub(crate) fn delete_instance(endpoint: &Endpoint, id: u64) -> Request {
    Request::delete("delete instance", instance(endpoint, id)).about(Subject::Host)
}

fn instances(endpoint: &Endpoint) -> Url {
    endpoint.join(["v4", "linode", "instances"])
}

fn instance(endpoint: &Endpoint, id: u64) -> Url {
    endpoint.join(["v4", "linode", "instances", &id.to_string()])
}

#[derive(Serialize)]
struct CreateFirewall<'a> {
    label: String,
    tags: [String; 1],
    rules: Rules<'a>,
    devices: Devices,
}

#[derive(Serialize)]
struct Rules<'a> {
    inbound: &'a [Rule],
    inbound_policy: &'static str,
    outbound: [Rule; 0],
    outbound_policy: &'static str,
}

/// One rule of a firewall.
#[derive(Serialize)]
pub(crate) struct Rule {
    action: &'static str,
    label: String,
    protocol: &'static str,
    ports: String,
    addresses: Addresses,
}

#[derive(Serialize)]
struct Addresses {
    ipv4: [&'static str; 1],
    ipv6: [&'static str; 1],
}

#[derive(Serialize)]
struct Devices {
    linodes: [u64; 1],
}

/// The rules that let the ports in, checked before anything is created.
pub(crate) fn firewall_rules(ports: &[PortRange]) -> Result<Vec<Rule>> {
    let mut ports = ports.to_vec();
    ports.sort_unstable();
    ports.dedup();
    if ports.len() > MAX_RULES {
        let count = ports.len();
        return Err(Error::invalid(format!(
            "{count} port ranges were asked for, Linode's firewall takes {MAX_RULES} rules: join neighbouring ports to ranges such as `8000-8100`"
        )));
    }
    let rule = |range: PortRange| Rule {
        action: "ACCEPT",
        label: format!("{}-{}", range.protocol(), range.ports()),
        protocol: match range.protocol() {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        },
        ports: range.ports(),
        addresses: Addresses {
            ipv4: ["0.0.0.0/0"],
            ipv6: ["::/0"],
        },
    };
    Ok(ports.into_iter().map(rule).collect())
}

/// The label of an instance's own firewall, which has 3 to 32 characters: found again with the instance's id alone, even
/// when the instance is gone.
pub(crate) fn firewall_label(instance: u64) -> String {
    format!("provision-{instance}")
}

/// Inbound traffic needs a rule, outbound traffic is free.
pub(crate) fn create_firewall(endpoint: &Endpoint, instance: u64, rules: &[Rule]) -> Result<Request> {
    let body = CreateFirewall {
        label: firewall_label(instance),
        tags: [marker()],
        rules: Rules {
            inbound: rules,
            inbound_policy: "DROP",
            outbound: [],
            outbound_policy: "ACCEPT",
        },
        devices: Devices { linodes: [instance] },
    };
    let create = Request::post("create firewall", firewalls(endpoint)).about(Subject::Other);
    create.json(&body)
}

/// Labels are unique in an account.
pub(crate) fn find_firewall(endpoint: &Endpoint, instance: u64) -> Result<Request> {
    let find = page(list("find firewall", firewalls(endpoint)), 1);
    filtered(find, &json!({ "label": firewall_label(instance) }))
}

pub(crate) fn delete_firewall(endpoint: &Endpoint, id: u64) -> Request {
    let url = endpoint.join(["v4", "networking", "firewalls", &id.to_string()]);
    Request::delete("delete firewall", url).about(Subject::Part)
}

fn firewalls(endpoint: &Endpoint) -> Url {
    endpoint.join(["v4", "networking", "firewalls"])
}

pub(crate) fn list_types(endpoint: &Endpoint, number: usize) -> Request {
    page(list("list types", endpoint.join(["v4", "linode", "types"])), number)
}

pub(crate) fn list_images(endpoint: &Endpoint, number: usize) -> Request {
    page(list("list images", endpoint.join(["v4", "images"])), number)
}

pub(crate) fn list_regions(endpoint: &Endpoint, number: usize) -> Request {
    page(list("list regions", endpoint.join(["v4", "regions"])), number)
}

/// One page of a list.
pub(crate) fn page(list: Request, number: usize) -> Request {
    list.query("page", number).query("page_size", PAGE_SIZE)
}

fn list(operation: &'static str, url: Url) -> Request {
    Request::get(operation, url).about(Subject::Other)
}

/// Lists are filtered by a header: <https://techdocs.akamai.com/linode-api/reference/filtering-and-sorting>
fn filtered(request: Request, filter: &serde_json::Value) -> Result<Request> {
    request.header("x-filter", &filter.to_string())
}

fn marker() -> String {
    format!("{MANAGED_BY_LABEL}:{MANAGED_BY}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_passwords_differ_and_hold_every_class_of_characters() {
        let (one, other) = (root_password().unwrap(), root_password().unwrap());
        let text = one.expose_secret();
        assert_ne!(text, other.expose_secret());
        assert_eq!(text.len(), 44);
        for class in [
            |c: char| c.is_ascii_lowercase(),
            |c: char| c.is_ascii_uppercase(),
            |c: char| c.is_ascii_digit(),
            |c: char| c.is_ascii_punctuation(),
        ] {
            assert!(text.chars().any(class));
        }
    }

    #[test]
    fn rules_are_ordered_distinct_and_not_too_many() {
        let ports = |texts: &[&str]| -> Vec<PortRange> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let rules = firewall_rules(&ports(&["443", "80", "53/udp", "443"])).unwrap();
        let labels: Vec<&str> = rules.iter().map(|rule| rule.label.as_str()).collect();
        assert_eq!(labels, ["tcp-80", "tcp-443", "udp-53"]);
        let many: Vec<PortRange> = (1..=26)
            .map(|port| PortRange::new(Protocol::Tcp, port * 2, port * 2).unwrap())
            .collect();
        assert!(firewall_rules(&many[..25]).is_ok());
        assert_eq!(firewall_rules(&many).err().unwrap().kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn the_longest_label_of_a_firewall_fits() {
        assert!(firewall_label(u64::MAX).len() <= 32);
    }
}
