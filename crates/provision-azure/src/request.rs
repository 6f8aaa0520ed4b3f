//! Pure functions that build every request of the provider. Sources:
//! <https://learn.microsoft.com/en-us/rest/api/resources/>, <https://learn.microsoft.com/en-us/rest/api/compute/>,
//! <https://learn.microsoft.com/en-us/azure/templates/microsoft.compute/virtualmachines> (read 2026-11).

use std::time::SystemTime;

use provision_core::{
    Error, ExposeSecret, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, OpenPorts, Order, PortRange, Protocol, Result,
    SecretString,
};
use provision_http::{Endpoint, Request, Subject, url::Url};
use serde_json::{Map, Value, json};

use crate::{id::Target, info::INFO, tags};

/// Old enough to be in every cloud; one for each resource provider.
const RESOURCES: &str = "2021-04-01";
const SUBSCRIPTIONS: &str = "2022-12-01";
const COMPUTE: &str = "2024-07-01";
const NETWORK: &str = "2024-03-01";

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Arm {
    pub(crate) endpoint: Endpoint,
    pub(crate) subscription: String,
}

impl Arm {
    pub(crate) fn get_group(&self, target: &Target) -> Request {
        let url = self.url(group(target), &version(RESOURCES));
        Request::get("get resource group", url).about(Subject::Host)
    }

    /// The request that makes the host, as far as it is known by its key: with all of its labels.
    pub(crate) fn create_group(&self, target: &Target, order: &Order, now: SystemTime) -> Result<Request> {
        let url = self.url(group(target), &version(RESOURCES));
        Request::put("create resource group", url)
            .about(Subject::NewHost)
            .json(&json!({ "location": order.region, "tags": tags::of_order(order, now) }))
    }

    pub(crate) fn delete_group(&self, target: &Target) -> Request {
        // Machines are cut off instead of shut down, which saves minutes of billing.
        let query = format!(
            "forceDeletionTypes=Microsoft.Compute/virtualMachines&{}",
            version(RESOURCES)
        );
        Request::delete("delete resource group", self.url(group(target), &query)).about(Subject::Host)
    }

    pub(crate) fn get_deployment(&self, target: &Target) -> Request {
        let url = self.url(deployment(target), &version(RESOURCES));
        Request::get("get deployment", url).about(Subject::Part)
    }

    /// Deploys the host into its group, which is in `region` and was made at the time `created`.
    pub(crate) fn create_deployment(
        &self,
        target: &Target,
        order: &Order,
        region: &str,
        created: SystemTime,
        password: &SecretString,
    ) -> Result<Request> {
        let custom_data = order.user_data.to_base64_for(INFO.user_data);
        let tags = json!(tags::of_order(order, created));
        let parameters = parameters(order, region, &tags, &custom_data, password)?;
        let template = template(&parameters)?;
        let body = json!({
            "properties": { "mode": "Incremental", "template": template, "parameters": parameters },
            "tags": tags,
        });
        let url = self.url(deployment(target), &version(RESOURCES));
        Ok(Request::put("create deployment", url)
            .about(Subject::Host)
            .json(&body)?
            .redact(order.user_data.expose())
            .redact(&custom_data)
            .redact(password.expose_secret()))
    }

    pub(crate) fn get_machine(&self, target: &Target) -> Request {
        let path = [
            "resourceGroups",
            &target.group,
            "providers",
            "Microsoft.Compute",
            "virtualMachines",
            &target.name,
        ];
        let query = format!("$expand=instanceView&{}", version(COMPUTE));
        Request::get("get machine", self.url(path, &query)).about(Subject::Part)
    }

    pub(crate) fn list_addresses_of(&self, target: &Target) -> Request {
        let path = [
            "resourceGroups",
            &target.group,
            "providers",
            "Microsoft.Network",
            "publicIPAddresses",
        ];
        Request::get("get public ip address", self.url(path, &version(NETWORK))).about(Subject::Part)
    }

    /// Groups that carry our marker.
    pub(crate) fn list_groups(&self) -> Request {
        self.list_tagged(MANAGED_BY_LABEL, MANAGED_BY)
    }

    /// Groups of the key with this hash.
    pub(crate) fn list_groups_of_key(&self, hash: &str) -> Request {
        self.list_tagged(KEY_LABEL, hash)
    }

    /// The filter takes one tag. Labels hold no character that needs another escape.
    fn list_tagged(&self, name: &str, value: &str) -> Request {
        let filter = format!("$filter=tagName%20eq%20'{name}'%20and%20tagValue%20eq%20'{value}'");
        let query = format!("{filter}&{}", version(RESOURCES));
        self.list("list resource groups", ["resourcegroups"], &query)
    }

    pub(crate) fn list_addresses(&self) -> Request {
        let path = ["providers", "Microsoft.Network", "publicIPAddresses"];
        self.list("list public ip addresses", path, &version(NETWORK))
    }

    /// With their power states. `$expand=instanceView` would need a filter by scale set:
    /// <https://learn.microsoft.com/en-us/rest/api/compute/virtual-machines/list-all> (read 2026-11-20).
    pub(crate) fn list_machines(&self) -> Request {
        let path = ["providers", "Microsoft.Compute", "virtualMachines"];
        self.list("list machines", path, &format!("statusOnly=true&{}", version(COMPUTE)))
    }

    pub(crate) fn list_sizes(&self, region: &str) -> Request {
        let path = ["providers", "Microsoft.Compute", "locations", region, "vmSizes"];
        self.list("list machine sizes", path, &version(COMPUTE))
    }

    pub(crate) fn list_regions(&self) -> Request {
        self.list("list regions", ["locations"], &version(SUBSCRIPTIONS))
    }

    /// The next page, if it is at the same place: the token goes nowhere else. `None` for any other link.
    pub(crate) fn follow(&self, operation: &'static str, link: &str) -> Option<Request> {
        let next: Url = link.parse().ok()?;
        let home: Url = self.endpoint.as_str().parse().ok()?;
        (next.origin() == home.origin()).then(|| Request::get(operation, next).about(Subject::Other))
    }

    fn list<'a>(&'a self, operation: &'static str, path: impl IntoIterator<Item = &'a str>, query: &str) -> Request {
        Request::get(operation, self.url(path, query)).about(Subject::Other)
    }

    /// `query` stands in the URL as it is: `+` for a space is not safe with ARM, and `$` needs no escape.
    fn url<'a>(&'a self, path: impl IntoIterator<Item = &'a str>, query: &str) -> Url {
        let whole = ["subscriptions", self.subscription.as_str()].into_iter().chain(path);
        let mut url = self.endpoint.join(whole);
        url.set_query(Some(query));
        url
    }
}

fn group(target: &Target) -> [&str; 2] {
    ["resourcegroups", &target.group]
}

fn deployment(target: &Target) -> [&str; 6] {
    let [groups, group] = group(target);
    [
        groups,
        group,
        "providers",
        "Microsoft.Resources",
        "deployments",
        &target.deployment,
    ]
}

fn version(of: &str) -> String {
    format!("api-version={of}")
}

/// What the template is filled in with, checked: a text from outside stands in parameters only.
fn parameters(
    order: &Order,
    region: &str,
    tags: &Value,
    custom_data: &str,
    password: &SecretString,
) -> Result<Map<String, Value>> {
    let plan = &order.plan;
    if plan.is_empty() || !plan.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
        return Err(Error::invalid(format!(
            "plan {plan:?} is not a machine size: write it as {}",
            INFO.default_plan
        )));
    }
    let admin = admin_username(order)?;
    let ssh_keys = ssh_keys(&order.ssh_keys, admin)?;
    let mut parameters = Map::new();
    let mut set = |name: &str, value: Value| {
        parameters.insert(name.to_owned(), json!({ "value": value }));
    };
    set("name", json!(order.name.as_str()));
    set("location", json!(region));
    set("size", json!(plan));
    set("image", image_reference(&order.image)?);
    set("tags", tags.clone());
    set("rules", rules(&order.ports));
    set("adminUsername", json!(admin));
    if let Some(subnet) = order.extra("subnet") {
        set("subnet", json!(subnet_id(subnet)?));
    }
    match ssh_keys.is_empty() {
        true => set("adminPassword", json!(password.expose_secret())),
        false => set("sshKeys", json!(ssh_keys)),
    }
    if !custom_data.is_empty() {
        set("customData", json!(custom_data));
    }
    Ok(parameters)
}

/// What to deploy, with the options taken out that no parameter was given for. It is the same text for everybody: what a
/// user chose stands in parameters only, because a text in square brackets would be run.
fn template(parameters: &Map<String, Value>) -> Result<Value> {
    let mut template: Value = serde_json::from_str(include_str!("template.json"))
        .map_err(|_| Error::invalid("the deployment's template is not JSON: report this as a bug"))?;
    let given = |name: &str| parameters.contains_key(name);
    if let Some(declared) = template.pointer_mut("/parameters").and_then(Value::as_object_mut) {
        declared.retain(|name, _| given(name));
    }
    const OPTIONS: [(&str, &str); 3] = [
        ("adminPassword", "adminPassword"),
        ("sshKeys", "linuxConfiguration"),
        ("customData", "customData"),
    ];
    let resources = template.pointer_mut("/resources").and_then(Value::as_array_mut);
    for resource in resources.into_iter().flatten() {
        if let Some(login) = resource
            .pointer_mut("/properties/osProfile")
            .and_then(Value::as_object_mut)
        {
            for (_, field) in OPTIONS.iter().filter(|(parameter, _)| !given(parameter)) {
                login.remove(*field);
            }
        }
        if given("subnet") {
            let subnet = "/properties/ipConfigurations/0/properties/subnet/id";
            if let Some(id) = resource.pointer_mut(subnet) {
                *id = json!("[parameters('subnet')]");
            }
            if let Some(needs) = resource.pointer_mut("/dependsOn").and_then(Value::as_array_mut) {
                needs.retain(|need| need.as_str().is_none_or(|need| !need.contains("virtualNetworks")));
            }
        }
    }
    if given("subnet") {
        let is_network = |resource: &Value| resource.get("type") == Some(&json!("Microsoft.Network/virtualNetworks"));
        if let Some(resources) = template.pointer_mut("/resources").and_then(Value::as_array_mut) {
            resources.retain(|resource| !is_network(resource));
        }
    }
    Ok(template)
}

/// Azure's names of regions are letters and digits, and `East US` is only their text for people.
pub(crate) fn region(wanted: &str) -> Result<String> {
    if !wanted.is_empty() && wanted.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return Ok(wanted.to_owned());
    }
    Err(Error::invalid(format!(
        "region {wanted:?} is not a region of Azure: write it as {}; list the regions to see all",
        INFO.default_region
    )))
}

/// `publisher:offer:sku:version`, or the resource id of an image of one's own.
fn image_reference(image: &str) -> Result<Value> {
    let safe = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if is_resource_id(image) {
        return Ok(json!({ "id": image }));
    }
    match image.split(':').collect::<Vec<_>>().as_slice() {
        [publisher, offer, sku, version] if [publisher, offer, sku, version].into_iter().all(safe) => {
            Ok(json!({ "publisher": publisher, "offer": offer, "sku": sku, "version": version }))
        }
        _ => Err(Error::invalid(format!(
            "image {image:?} is not valid: write `publisher:offer:sku:version`, such as {}, or the resource id of an image",
            INFO.default_image
        ))),
    }
}

fn is_resource_id(text: &str) -> bool {
    text.to_ascii_lowercase().starts_with("/subscriptions/")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._()-".contains(c))
}

fn subnet_id(text: &str) -> Result<&str> {
    let lower = text.to_ascii_lowercase();
    if is_resource_id(text) && lower.contains("/virtualnetworks/") && lower.contains("/subnets/") {
        return Ok(text);
    }
    Err(Error::invalid(
        "additional setting `subnet` must be the resource id of a subnet: /subscriptions/../resourceGroups/../providers/Microsoft.Network/virtualNetworks/../subnets/..",
    ))
}

fn admin_username(order: &Order) -> Result<&str> {
    // https://learn.microsoft.com/en-us/azure/virtual-machines/linux/faq#what-are-the-username-requirements-when-creating-a-vm-
    const FORBIDDEN: [&str; 14] = [
        "admin",
        "administrator",
        "root",
        "user",
        "user1",
        "test",
        "test1",
        "guest",
        "console",
        "owner",
        "server",
        "sys",
        "support",
        "backup",
    ];
    let Some(name) = order.extra("admin-username") else {
        return Ok("provision");
    };
    let valid = (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
        && !FORBIDDEN.contains(&name);
    if valid {
        return Ok(name);
    }
    Err(Error::invalid(
        "additional setting `admin-username` must be 1 to 32 characters of a-z, 0-9, `_` and `-`, starting with a letter, and none of the names that Azure forbids, such as admin, root, user or test",
    ))
}

/// Azure takes the text of RSA and Ed25519 keys:
/// <https://learn.microsoft.com/en-us/azure/virtual-machines/linux/mac-create-ssh-keys#supported-ssh-key-formats>.
fn ssh_keys(keys: &[String], admin: &str) -> Result<Vec<Value>> {
    let path = format!("/home/{admin}/.ssh/authorized_keys");
    keys.iter()
        .map(|key| {
            let key = key.trim();
            let known = key.starts_with("ssh-rsa AAAA") || key.starts_with("ssh-ed25519 AAAA");
            if !known || key.chars().any(char::is_control) {
                return Err(Error::invalid(
                    "an ssh key for Azure is the text of a public key, starting with `ssh-ed25519` or `ssh-rsa`: pass the content of the .pub file",
                ));
            }
            Ok(json!({ "path": path, "keyData": key }))
        })
        .collect()
}

/// Without a rule a Standard address lets nothing in.
fn rules(ports: &OpenPorts) -> Value {
    let rule = |name: &str, priority: u16, protocol: &str, ports: (&str, Value)| {
        json!({ "name": name, "properties": {
            "priority": priority, "direction": "Inbound", "access": "Allow", "protocol": protocol,
            "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", ports.0: ports.1,
        }})
    };
    let of_protocol = |ranges: &[PortRange], protocol: Protocol| -> Vec<String> {
        let wanted = ranges.iter().filter(|range| range.protocol() == protocol);
        wanted.map(PortRange::ports).collect()
    };
    match ports.restricted() {
        None => json!([rule("all-in", 100, "*", ("destinationPortRange", json!("*")))]),
        Some(ranges) => [
            ("tcp-in", 100, "Tcp", Protocol::Tcp),
            ("udp-in", 110, "Udp", Protocol::Udp),
        ]
        .into_iter()
        .map(|(name, priority, word, protocol)| (name, priority, word, of_protocol(ranges, protocol)))
        .filter(|(.., ports)| !ports.is_empty())
        .map(|(name, priority, word, ports)| rule(name, priority, word, ("destinationPortRanges", json!(ports))))
        .collect(),
    }
}
