//! Pure functions that build every request of the provider. Sources:
//! <https://learn.microsoft.com/en-us/rest/api/resources/>, <https://learn.microsoft.com/en-us/rest/api/compute/>,
//! <https://learn.microsoft.com/en-us/azure/templates/microsoft.compute/virtualmachines> (read 2026-11).

use std::{collections::BTreeMap, time::SystemTime};

use provision_core::{
    BasicHost, Error, ExposeSecret, KEY_LABEL, OpenPorts, PortRange, Protocol, Result, SecretString, unix_seconds,
};
use provision_http::{Endpoint, Request};
use serde_json::{Map, Value, json};

use crate::{
    config::INFO,
    error::{CREATE_DEPLOYMENT, CREATE_GROUP},
    response::Target,
};

/// Old enough to be in every cloud; one for each resource provider.
const RESOURCES: &str = "2021-04-01";
const SUBSCRIPTIONS: &str = "2022-12-01";
const COMPUTE: &str = "2024-07-01";
const NETWORK: &str = "2024-03-01";

/// Tags of the group beside the labels: facts that lists need and that ARM does not show.
pub(crate) const CREATED_TAG: &str = "provision-created";
pub(crate) const PLAN_TAG: &str = "provision-plan";
pub(crate) const IMAGE_TAG: &str = "provision-image";

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Arm {
    pub(crate) endpoint: Endpoint,
    pub(crate) subscription: String,
}

impl Arm {
    fn get<'a>(&'a self, operation: &'static str, path: impl IntoIterator<Item = &'a str>, query: &str) -> Request {
        Request::get(operation, self.url(path, query))
    }

    /// `query` stands in the URL as it is: `+` for a space is not safe with ARM, and `$` needs no escape.
    fn url<'a>(&'a self, path: impl IntoIterator<Item = &'a str>, query: &str) -> provision_http::url::Url {
        let whole = ["subscriptions", self.subscription.as_str()].into_iter().chain(path);
        let mut url = self.endpoint.join(whole);
        url.set_query(Some(query));
        url
    }

    fn group<'a>(&'a self, target: &'a Target) -> [&'a str; 2] {
        ["resourcegroups", &target.group]
    }

    fn deployment<'a>(&'a self, target: &'a Target) -> [&'a str; 6] {
        let [groups, group] = self.group(target);
        [
            groups,
            group,
            "providers",
            "Microsoft.Resources",
            "deployments",
            &target.name,
        ]
    }

    pub(crate) fn get_group(&self, target: &Target) -> Request {
        self.get("get resource group", self.group(target), &version(RESOURCES))
    }

    pub(crate) fn delete_group(&self, target: &Target) -> Request {
        // Machines are cut off instead of shut down, which saves minutes of billing.
        let query = format!(
            "forceDeletionTypes=Microsoft.Compute/virtualMachines&{}",
            version(RESOURCES)
        );
        Request::delete("delete resource group", self.url(self.group(target), &query))
    }

    pub(crate) fn get_deployment(&self, target: &Target) -> Request {
        self.get("get deployment", self.deployment(target), &version(RESOURCES))
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
        self.get(
            "get machine",
            path,
            &format!("$expand=instanceView&{}", version(COMPUTE)),
        )
    }

    pub(crate) fn list_addresses_of(&self, target: &Target) -> Request {
        let path = [
            "resourceGroups",
            &target.group,
            "providers",
            "Microsoft.Network",
            "publicIPAddresses",
        ];
        self.get("get public ip address", path, &version(NETWORK))
    }

    pub(crate) fn list_groups(&self) -> Request {
        // The filter takes one tag; these characters need no other escape.
        let filter = "$filter=tagName%20eq%20'managed-by'%20and%20tagValue%20eq%20'provision'";
        let query = format!("{filter}&{}", version(RESOURCES));
        self.get("list resource groups", ["resourcegroups"], &query)
    }

    pub(crate) fn list_addresses(&self) -> Request {
        let path = ["providers", "Microsoft.Network", "publicIPAddresses"];
        self.get("list public ip addresses", path, &version(NETWORK))
    }

    /// With their power states. `$expand=instanceView` would need a filter by scale set:
    /// <https://learn.microsoft.com/en-us/rest/api/compute/virtual-machines/list-all> (read 2026-11-20).
    pub(crate) fn list_machines(&self) -> Request {
        let path = ["providers", "Microsoft.Compute", "virtualMachines"];
        self.get("list machines", path, &format!("statusOnly=true&{}", version(COMPUTE)))
    }

    pub(crate) fn list_sizes(&self, region: &str) -> Request {
        let path = ["providers", "Microsoft.Compute", "locations", region, "vmSizes"];
        self.get("list machine sizes", path, &version(COMPUTE))
    }

    pub(crate) fn list_regions(&self) -> Request {
        self.get("list regions", ["locations"], &version(SUBSCRIPTIONS))
    }

    /// The next page, if it is at the same place: the token goes nowhere else. `None` for any other link.
    pub(crate) fn follow(&self, operation: &'static str, link: &str) -> Option<Request> {
        let next: provision_http::url::Url = link.parse().ok()?;
        let home: provision_http::url::Url = self.endpoint.as_str().parse().ok()?;
        (next.origin() == home.origin()).then(|| Request::get(operation, next))
    }
}

fn version(of: &str) -> String {
    format!("api-version={of}")
}

/// Everything that a create sends, made before anything is sent.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) target: Target,
    pub(crate) region: String,
    pub(crate) plan: String,
    pub(crate) image: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: SystemTime,
    pub(crate) create_group: Request,
    pub(crate) create_deployment: Request,
}

impl Order {
    /// Whether a later call can find the group by the host's key.
    pub(crate) fn has_key(&self) -> bool {
        self.tags.contains_key(KEY_LABEL)
    }

    pub(crate) fn new(arm: &Arm, host: &BasicHost, password: &SecretString, now: SystemTime) -> Result<Self> {
        let target = Target::of_host(host.name.as_str());
        let region = region(host.region.as_deref())?.to_owned();
        let plan = host.plan.as_deref().unwrap_or(INFO.default_plan).to_owned();
        if plan.is_empty() || !plan.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            return Err(refused(format!(
                "plan {plan:?} is not a machine size: write it as {}",
                INFO.default_plan
            )));
        }
        let image = host.image.as_deref().unwrap_or(INFO.default_image).to_owned();
        let image_reference = image_reference(&image)?;
        let mut tags: BTreeMap<String, String> = host
            .all_labels()
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        tags.insert(CREATED_TAG.to_owned(), unix_seconds(now).to_string());
        tags.insert(PLAN_TAG.to_owned(), plan.clone());
        if image.len() <= 256 {
            tags.insert(IMAGE_TAG.to_owned(), image.clone());
        }
        let subnet = host
            .additional
            .get("subnet")
            .map(|subnet| subnet_id(subnet))
            .transpose()?;
        let admin = admin_username(host)?;
        let ssh_keys = ssh_keys(&host.ssh_keys, admin)?;

        let mut parameters = Map::new();
        let mut set = |name: &str, value: Value| {
            parameters.insert(name.to_owned(), json!({ "value": value }));
        };
        set("name", json!(target.name));
        set("location", json!(region));
        set("size", json!(plan));
        set("image", image_reference);
        set("tags", json!(tags));
        set("rules", rules(&host.ports));
        set("adminUsername", json!(admin));
        if let Some(subnet) = subnet {
            set("subnet", json!(subnet));
        }
        if ssh_keys.is_empty() {
            set("adminPassword", json!(password.expose_secret()));
        } else {
            set("sshKeys", json!(ssh_keys));
        }
        let custom_data = host.user_data.to_base64_for(INFO.user_data);
        if !custom_data.is_empty() {
            set("customData", json!(custom_data));
        }
        let template = template(&parameters)?;
        let body = json!({
            "properties": { "mode": "Incremental", "template": template, "parameters": parameters },
            "tags": tags,
        });
        let query = version(RESOURCES);
        let create_group = Request::put(CREATE_GROUP, arm.url(arm.group(&target), &query))
            .json(&json!({ "location": region, "tags": tags }))?;
        let create_deployment = Request::put(CREATE_DEPLOYMENT, arm.url(arm.deployment(&target), &query))
            .json(&body)?
            .redact(host.user_data.expose())
            .redact(&custom_data)
            .redact(password.expose_secret());
        Ok(Self {
            target,
            region,
            plan,
            image,
            tags,
            created: now,
            create_group,
            create_deployment,
        })
    }
}

/// What to deploy, with the options taken out that no parameter was given for. It is the same text for everybody: what a
/// user chose stands in parameters only, because a text in square brackets would be run.
fn template(parameters: &Map<String, Value>) -> Result<Value> {
    let mut template: Value = serde_json::from_str(include_str!("template.json"))
        .map_err(|_| refused("the deployment's template is not JSON: report this as a bug".to_owned()))?;
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

fn refused(message: String) -> Error {
    Error::invalid(message).with_provider(INFO.id)
}

/// The region to use. Azure's names are letters and digits, and `East US` is only their text for people.
pub(crate) fn region(wanted: Option<&str>) -> Result<&str> {
    let region = wanted.unwrap_or(INFO.default_region);
    if !region.is_empty() && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return Ok(region);
    }
    Err(refused(format!(
        "region {region:?} is not a region of Azure: write it as {}; list the regions to see all",
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
        _ => Err(refused(format!(
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
    Err(refused(
        "additional setting `subnet` must be the resource id of a subnet: /subscriptions/../resourceGroups/../providers/Microsoft.Network/virtualNetworks/../subnets/..".to_owned(),
    ))
}

fn admin_username(host: &BasicHost) -> Result<&str> {
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
    let Some(name) = host.additional.get("admin-username") else {
        return Ok("provision");
    };
    let valid = (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
        && !FORBIDDEN.contains(&name.as_str());
    if valid {
        return Ok(name);
    }
    Err(refused(
        "additional setting `admin-username` must be 1 to 32 characters of a-z, 0-9, `_` and `-`, starting with a letter, and none of the names that Azure forbids, such as admin, root, user or test".to_owned(),
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
                return Err(refused(
                    "an ssh key for Azure is the text of a public key, starting with `ssh-ed25519` or `ssh-rsa`: pass the content of the .pub file".to_owned(),
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
