//! A create of Nova's, checked as strictly as Nova does.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    catalog::{self, Flavor, Region},
    fault::{bad_request, malformed, nova, wrong},
    groups, networks,
    servers::Version,
    state::State,
};
use crate::{
    call::Call,
    kit::{answer::Answer, fields::Fields, text::sha256},
};

/// In characters of base64.
const USER_DATA_LIMIT: usize = 65_535;
const MOST_METADATA: usize = 128;
const FIELDS: &[&str] = &[
    "name",
    "imageRef",
    "flavorRef",
    "user_data",
    "metadata",
    "networks",
    "security_groups",
    "key_name",
    "availability_zone",
    "config_drive",
];

/// What the server is attached to.
pub(super) enum Attachment {
    Network(String),
    Port(String),
}

pub(super) struct Order {
    pub(super) name: String,
    pub(super) flavor: &'static Flavor,
    pub(super) image: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tags: Vec<String>,
    pub(super) user_data_sha256: Option<String>,
    pub(super) attachment: Attachment,
    pub(super) groups: Vec<String>,
    pub(super) key_name: Option<String>,
    pub(super) config_drive: bool,
}

pub(super) fn read(call: &Call<'_>, state: &State, region: &'static Region, version: Version) -> Result<Order, Answer> {
    let whole = call.json().map_err(malformed)?;
    let server = whole.object("server").map_err(wrong)?;
    let fields =
        server.ok_or_else(|| bad_request("Invalid input for field/attribute body. 'server' is a required property"))?;
    let mut known = FIELDS.to_vec();
    if version >= Version::TAGS {
        known.push("tags");
    }
    if let Some(field) = fields.unknown(&known) {
        return Err(bad_request(&format!(
            "Invalid input for field/attribute server. Additional properties are not allowed ('{field}' was unexpected)"
        )));
    }
    let text = |field: &str| fields.text(field).map_err(wrong).map(|text| text.map(str::to_owned));
    let name = text("name")?.unwrap_or_default();
    if !(1..=255).contains(&name.len()) {
        return Err(bad_request(&format!(
            "Invalid input for field/attribute name. Value: {name}."
        )));
    }
    let wanted = text("flavorRef")?.unwrap_or_default();
    let flavor =
        catalog::flavor(region, &wanted).ok_or_else(|| bad_request(&format!("Flavor {wanted} could not be found.")))?;
    let image = text("imageRef")?.unwrap_or_default();
    let found = catalog::image(region, &image).ok_or_else(|| bad_request("Can not find requested image"))?;
    if flavor.disk < found.min_disk {
        return Err(bad_request("Flavor's disk is too small for requested image."));
    }
    if text("availability_zone")?.is_some_and(|zone| zone != "nova") {
        return Err(bad_request("The requested availability zone is not available"));
    }
    let key_name = text("key_name")?;
    if key_name
        .as_ref()
        .is_some_and(|name| !state.key_pairs.iter().any(|key| key.name == *name))
    {
        return Err(bad_request("Invalid key_name provided."));
    }
    Ok(Order {
        name,
        flavor,
        image,
        metadata: metadata(&fields)?,
        tags: tags(&fields)?,
        user_data_sha256: user_data(text("user_data")?)?,
        attachment: attachment(&fields, state, region)?,
        groups: security_groups(&fields, state, region)?,
        key_name,
        config_drive: fields.flag("config_drive").map_err(wrong)?.unwrap_or(false),
    })
}

fn user_data(text: Option<String>) -> Result<Option<String>, Answer> {
    let Some(text) = text else { return Ok(None) };
    if text.len() > USER_DATA_LIMIT {
        return Err(bad_request(
            "Invalid input for field/attribute user_data. Value is too long.",
        ));
    }
    let decoded = STANDARD.decode(&text);
    let decoded =
        decoded.map_err(|_| bad_request("Invalid input for field/attribute user_data. It is not a 'base64'"))?;
    Ok(Some(sha256(decoded)))
}

fn metadata(fields: &Fields) -> Result<BTreeMap<String, String>, Answer> {
    let Some(pairs) = fields.object("metadata").map_err(wrong)? else {
        return Ok(BTreeMap::new());
    };
    let mut metadata = BTreeMap::new();
    for (key, value) in pairs.iter() {
        let good = (1..=255).contains(&key.len())
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_:. ".contains(&byte));
        let value = value.as_str().filter(|value| value.len() <= 255);
        let (true, Some(value)) = (good, value) else {
            return Err(bad_request(&format!(
                "Invalid input for field/attribute metadata. {key}"
            )));
        };
        metadata.insert(key.to_owned(), value.to_owned());
    }
    match metadata.len() > MOST_METADATA {
        true => Err(nova(403, "forbidden", "Maximum number of metadata items exceeds 128")),
        false => Ok(metadata),
    }
}

fn tags(fields: &Fields) -> Result<Vec<String>, Answer> {
    let tags = fields.texts("tags").map_err(wrong)?;
    let bad = |tag: &&String| tag.is_empty() || tag.len() > 60 || tag.contains(['/', ',']);
    if let Some(tag) = tags.iter().find(bad) {
        return Err(bad_request(&format!(
            "Invalid input for field/attribute 0. Value: {tag}. '{tag}' does not match '^[^,/]*$'"
        )));
    }
    match tags.len() > 50 {
        true => Err(bad_request("Invalid input for field/attribute tags. It is too long")),
        false => Ok(tags),
    }
}

fn attachment(fields: &Fields, state: &State, region: &Region) -> Result<Attachment, Answer> {
    let many = "Multiple possible networks found, use a Network ID to be more specific.";
    let Some(list) = fields.get("networks").and_then(Value::as_array) else {
        return Err(nova(409, "conflictingRequest", many));
    };
    let [one] = list.as_slice() else {
        return Err(bad_request("The simulator attaches a server to one network"));
    };
    let one = Fields::of(one, "networks").map_err(wrong)?;
    if let Some(field) = one.unknown(&["uuid", "port"]) {
        return Err(bad_request(&format!(
            "Additional properties are not allowed ('{field}' was unexpected)"
        )));
    }
    match (one.text("uuid").map_err(wrong)?, one.text("port").map_err(wrong)?) {
        (Some(network), None) if !networks::exists(region, network) => {
            Err(bad_request(&format!("Network {network} could not be found.")))
        }
        (Some(network), None) if network == region.external_network() && !region.direct => {
            let message = format!("It is not allowed to create an interface on external network {network}");
            Err(nova(403, "forbidden", &message))
        }
        (Some(network), None) => Ok(Attachment::Network(network.to_owned())),
        (None, Some(port)) => match state
            .ports
            .iter()
            .find(|known| known.id == port && known.region == region.name)
        {
            None => Err(bad_request(&format!("Port id {port} could not be found."))),
            Some(used) if !used.device.is_empty() => {
                let message = format!("Port {port} is still in use.");
                Err(nova(409, "conflictingRequest", &message))
            }
            Some(_) => Ok(Attachment::Port(port.to_owned())),
        },
        _ => Err(bad_request("Invalid input for field/attribute networks.")),
    }
}

fn security_groups(fields: &Fields, state: &State, region: &Region) -> Result<Vec<String>, Answer> {
    let wanted = fields.objects("security_groups").map_err(wrong)?;
    if wanted.is_empty() {
        return Ok(vec![region.default_group()]);
    }
    let group = |fields: &Fields| {
        let name = fields.text("name").map_err(wrong)?.unwrap_or_default();
        let unknown = || bad_request(&format!("Unable to find security_group with name or id '{name}'"));
        groups::resolve(state, region, name).ok_or_else(unknown)
    };
    wanted.iter().map(group).collect()
}
