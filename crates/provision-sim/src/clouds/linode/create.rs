//! Making an instance.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    USER, body, catalog, check_known, check_label, devices, error, instances, invalid, reply, scripts,
    state::{Device, Instance, State},
    tags, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        fields::{Fields, Kind},
        text::{is_ssh_key, sha256},
    },
};

/// Instances that the simulated account may have.
const INSTANCE_LIMIT: usize = 10_000;
/// Largest user data before base64, bytes.
const USER_DATA_LIMIT: usize = 65_535;
/// Fields that the API documents.
const FIELDS: &[&str] = &[
    "authorized_keys",
    "authorized_users",
    "backup_id",
    "backups_enabled",
    "boot_size",
    "booted",
    "disk_encryption",
    "firewall_id",
    "group",
    "image",
    "interface_generation",
    "interfaces",
    "ipv4",
    "kernel",
    "label",
    "maintenance_policy",
    "metadata",
    "network_helper",
    "placement_group",
    "private_ip",
    "region",
    "root_pass",
    "stackscript_data",
    "stackscript_id",
    "swap_size",
    "tags",
    "type",
];

/// A create request that passed all checks.
struct Order {
    label: Option<String>,
    region: String,
    plan: String,
    image: Option<String>,
    tags: Vec<String>,
    /// Of the user data, or of the StackScript.
    user_data_sha256: Option<String>,
    firewall: Option<u64>,
    generation: &'static str,
    private_ip: bool,
    backups: bool,
    booted: bool,
    group: String,
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let order = read_order(call, state)?;
    if state.instances.len() >= INSTANCE_LIMIT || call.over_quota() {
        return Err(error(400, "Account Limit reached. Please open a support ticket."));
    }
    if call.sold_out() {
        // UNCONFIRMED: the text of API v3, no source has that of v4.
        return Err(invalid("type", "No open slots for this plan!"));
    }
    let instance = make(call, state, order);
    let answer = reply(200, &instances::show(&instance, call.now));
    state.instances.push(instance);
    Ok(answer)
}

fn read_order(call: &Call<'_>, state: &State) -> Result<Order, Answer> {
    let fields = body(call, FIELDS)?;
    for field in ["backup_id", "ipv4", "placement_group", "stackscript_data"] {
        if fields.get(field).is_some() {
            return Err(invalid(field, "is not simulated"));
        }
    }
    fields
        .check(&[
            ("boot_size", Kind::Number),
            ("kernel", Kind::Text),
            ("maintenance_policy", Kind::Text),
            ("network_helper", Kind::Flag),
            ("swap_size", Kind::Number),
        ])
        .map_err(wrong_type)?;
    if !matches!(
        fields.text("disk_encryption").map_err(wrong_type)?,
        None | Some("enabled" | "disabled")
    ) {
        return Err(invalid("disk_encryption", "Must be one of enabled, disabled"));
    }
    let text = |field: &str| fields.text(field).map_err(wrong_type);
    let flag = |field: &str| fields.flag(field).map_err(wrong_type);
    // Wording for missing fields UNCONFIRMED.
    let region = text("region")?.ok_or_else(|| invalid("region", "region is required"))?;
    let region = catalog::region(region).ok_or_else(|| invalid("region", "region is not valid"))?;
    let plan = text("type")?.ok_or_else(|| invalid("type", "type is required"))?;
    if !catalog::has_type(plan) {
        return Err(invalid("type", "A valid plan type by that ID was not found"));
    }
    let image = match text("image")? {
        Some(image) => Some(catalog::image(image).ok_or_else(|| invalid("image", "image is not valid"))?),
        None => None,
    };
    let label = text("label")?.map(str::to_owned);
    if let Some(label) = &label {
        check_label(label, 64)?;
        instances::check_unique(state, label, None)?;
    }
    read_login(&fields, image.is_some())?;
    let user_data = read_user_data(&fields)?;
    if user_data.is_some() && !(region.metadata && image.as_ref().is_some_and(|image| image.cloud_init)) {
        // Wording UNCONFIRMED.
        return Err(invalid(
            "metadata.user_data",
            "Metadata is not supported by this region or image",
        ));
    }
    let script = match fields.number("stackscript_id").map_err(wrong_type)? {
        None => None,
        Some(id) => Some(scripts::for_image(state, id, image.as_ref().map(|image| image.id))?),
    };
    let (generation, firewall) = read_network(&fields, state)?;
    let booted = flag("booted")?.unwrap_or(image.is_some());
    Ok(Order {
        label,
        region: region.id.to_owned(),
        plan: plan.to_owned(),
        image: image.map(|image| image.id.to_owned()),
        tags: tags(&fields)?.unwrap_or_default(),
        user_data_sha256: user_data
            .map(sha256)
            .or_else(|| script.map(|script| script.sha256.clone())),
        firewall,
        generation,
        private_ip: flag("private_ip")?.unwrap_or(false),
        backups: flag("backups_enabled")?.unwrap_or(false),
        booted,
        group: text("group")?.unwrap_or_default().to_owned(),
    })
}

/// At least one way to log in, where an image is deployed.
fn read_login(fields: &Fields, deploys: bool) -> Result<(), Answer> {
    let keys = fields.texts("authorized_keys").map_err(wrong_type)?;
    if !keys.iter().all(|key| is_ssh_key(key)) {
        // Wording UNCONFIRMED.
        return Err(invalid("authorized_keys", "SSH Key is not valid"));
    }
    let users = fields.texts("authorized_users").map_err(wrong_type)?;
    if let Some(unknown) = users.iter().find(|user| *user != USER) {
        // Wording UNCONFIRMED.
        return Err(invalid("authorized_users", &format!("Username {unknown} is not valid")));
    }
    let password = fields.text("root_pass").map_err(wrong_type)?;
    if let Some(password) = password {
        if !(7..=128).contains(&password.chars().count()) {
            return Err(invalid("root_pass", "Length must be 7-128 characters"));
        }
        if !is_strong(password) {
            return Err(invalid("root_pass", "Password does not meet strength requirement"));
        }
    }
    if deploys && password.is_none() && keys.is_empty() && users.is_empty() {
        return Err(error(
            400,
            "Must provide valid root_pass, authorized_keys, or authorized_users",
        ));
    }
    Ok(())
}

/// The API scores passwords by rules of its own; here 11 characters of three classes will do.
fn is_strong(password: &str) -> bool {
    let classes: [fn(char) -> bool; 4] = [
        |c| c.is_ascii_lowercase(),
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_digit(),
        |c| !c.is_ascii_alphanumeric(),
    ];
    let used = classes.iter().filter(|class| password.chars().any(**class)).count();
    password.chars().count() >= 11 && used >= 3
}

fn read_user_data(fields: &Fields) -> Result<Option<Vec<u8>>, Answer> {
    let Some(metadata) = fields.object("metadata").map_err(wrong_type)? else {
        return Ok(None);
    };
    check_known(&metadata, "metadata.", &["user_data"])?;
    let Some(encoded) = metadata.text("user_data").map_err(wrong_type)? else {
        return Ok(None);
    };
    let field = "metadata.user_data";
    // Wording UNCONFIRMED.
    let decoded = STANDARD
        .decode(encoded)
        .map_err(|_| invalid(field, "Must be base64 encoded"))?;
    if decoded.len() > USER_DATA_LIMIT {
        return Err(invalid(field, "Decoded user_data must not exceed 65535 bytes"));
    }
    Ok((!decoded.is_empty()).then_some(decoded))
}

/// Generation of the interfaces, and the firewall to attach. The account's setting is
/// `legacy_config_default_but_linode_allowed`.
fn read_network(fields: &Fields, state: &State) -> Result<(&'static str, Option<u64>), Answer> {
    let firewall = match fields.get("firewall_id") {
        None => None,
        Some(value) => match value.as_i64() {
            Some(-1) => None,
            Some(id)
                if state
                    .firewalls
                    .iter()
                    .any(|firewall| u64::try_from(id) == Ok(firewall.id)) =>
            {
                u64::try_from(id).ok()
            }
            _ => return Err(invalid("firewall_id", "firewall_id is not valid")),
        },
    };
    let interfaces = fields.objects("interfaces").map_err(wrong_type)?;
    match fields.text("interface_generation").map_err(wrong_type)? {
        None | Some("legacy_config") => {
            for interface in &interfaces {
                check_known(
                    interface,
                    "interfaces.",
                    &["purpose", "label", "ipam_address", "primary", "subnet_id"],
                )?;
            }
            Ok(("legacy_config", firewall))
        }
        Some("linode") => {
            // Wording UNCONFIRMED.
            if fields.get("firewall_id").is_some() {
                return Err(invalid(
                    "firewall_id",
                    "Cannot be set on a Linode that uses Linode Interfaces",
                ));
            }
            if interfaces.is_empty() {
                return Err(invalid("interfaces", "At least one interface is required"));
            }
            for interface in &interfaces {
                check_known(
                    interface,
                    "interfaces.",
                    &["default_route", "firewall_id", "public", "vlan", "vpc"],
                )?;
                if interface.object("public").map_err(wrong_type)?.is_none() {
                    return Err(invalid("interfaces", "only public interfaces are simulated"));
                }
                // The account has no default firewall, so that none has to be asked for.
                if interface.get("firewall_id").and_then(|id| id.as_i64()) != Some(-1) {
                    return Err(invalid("interfaces.firewall_id", "firewall_id is required"));
                }
            }
            Ok(("linode", None))
        }
        Some(_) => Err(invalid("interface_generation", "Must be one of legacy_config, linode")),
    }
}

fn make(call: &mut Call<'_>, state: &mut State, order: Order) -> Instance {
    let number = call.next_number();
    let id = 90_210_000 + number;
    let mut ipv4 = vec![call.ipv4().to_string()];
    if order.private_ip {
        ipv4.push(format!("192.168.{}.{}", 128 + number / 250 % 100, number % 250 + 1));
    }
    let now = call.now;
    if let Some(firewall) = order.firewall {
        let device = Device {
            id: devices::new_id(call),
            instance: id,
            created: now,
        };
        for firewall in state.firewalls.iter_mut().filter(|known| known.id == firewall) {
            firewall.devices.push(device.clone());
        }
    }
    Instance {
        id,
        label: order.label.unwrap_or_else(|| format!("linode{id}")),
        region: order.region,
        plan: order.plan,
        image: order.image,
        tags: order.tags,
        ipv4,
        ipv6: format!(
            "{}::f03c:95ff:fe00:1",
            call.ipv6_net().to_string().trim_end_matches(':')
        ),
        host_uuid: call.hex(40),
        user_data_sha256: order.user_data_sha256,
        backups: order.backups,
        generation: order.generation.to_owned(),
        off: !order.booted,
        group: order.group,
        updated: now,
        life: call.new_life(),
    }
}
