//! `POST /projects/{id}/devices`. Only a few of the refusals are known word for word: the rest is UNCONFIRMED.

use serde_json::Value;

use super::{
    DEVICE_LIMIT, USER, body, catalog, devices, errors, is_uuid, keys,
    state::{Device, Key, State},
    unprocessable, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        fields::{FieldError, Fields, Kind},
        life::Life,
        text::sha256,
    },
};

/// Largest user data, bytes; the real limit is UNCONFIRMED.
const USER_DATA_LIMIT: usize = 65_535;

/// The fields of the specification, and those that only old clients send (the last line).
const KNOWN: &[&str] = &[
    "always_pxe",
    "billing_cycle",
    "customdata",
    "description",
    "features",
    "hardware_reservation_id",
    "hostname",
    "ip_addresses",
    "ipxe_script_url",
    "locked",
    "metro",
    "network_frozen",
    "no_ssh_keys",
    "operating_system",
    "plan",
    "private_ipv4_subnet_size",
    "project_ssh_keys",
    "public_ipv4_subnet_size",
    "spot_instance",
    "spot_price_max",
    "ssh_keys",
    "storage",
    "tags",
    "termination_time",
    "user_ssh_keys",
    "userdata",
    "facility",
    "project_id",
];

/// Fields that change nothing here but what is shown.
const SHOWN: &[(&str, Kind)] = &[
    ("always_pxe", Kind::Flag),
    ("customdata", Kind::Object),
    ("ipxe_script_url", Kind::Text),
    ("network_frozen", Kind::Flag),
    ("spot_instance", Kind::Flag),
    ("spot_price_max", Kind::Decimal),
    ("storage", Kind::Object),
];

pub(super) fn create(call: &mut Call<'_>, state: &mut State, project: &str) -> Handled {
    let fields = body(call)?;
    let mut problems: Vec<String> = Vec::new();
    if let Some(field) = fields.unknown(KNOWN) {
        problems.push(format!("Unpermitted parameter: {field}"));
    }
    let order = read_order(&fields, project, call.now, &mut problems).map_err(|problem| wrong_type(&problem))?;
    let new_keys = read_keys(call, state, project, &fields, &mut problems)?;
    let Some(order) = order.filter(|_| problems.is_empty()) else {
        return Err(errors(422, &problems));
    };
    // Status and wording UNCONFIRMED.
    let devices = state.devices.iter().filter(|device| device.project == project);
    if devices.count() >= DEVICE_LIMIT || call.over_quota() {
        return Err(unprocessable("You have reached the device limit of your project"));
    }
    if !catalog::is_in_stock(&order.plan, &order.metro) || call.sold_out() {
        return Err(unprocessable("There aren't available servers in that metro"));
    }
    let features = features(&fields).map_err(|problem| wrong_type(&problem))?;
    if let Some(missing) = features
        .iter()
        .find(|feature| !catalog::FEATURES.contains(&feature.as_str()))
    {
        return Err(unprocessable(&format!(
            "There are no available servers with the feature {missing}"
        )));
    }
    let device = make(call, order, new_keys.iter().chain(chosen_keys(state, project, &fields)));
    let mut shown = devices::show(&device, call.now);
    // The API gives the user data back whenever it is asked; it is not kept here.
    let user_data = fields.get("userdata").cloned().unwrap_or_default();
    devices::add(&mut shown, "userdata", user_data);
    devices::add(&mut shown, "root_password", Value::from(call.hex(10)));
    state.keys.extend(new_keys);
    state.devices.push(device);
    Ok(Answer::json(201, &shown))
}

/// What is needed to make a device; `None` with a problem when something is missing or wrong.
fn read_order(
    fields: &Fields,
    project: &str,
    now: u64,
    problems: &mut Vec<String>,
) -> Result<Option<Device>, FieldError> {
    let mut need = |field: &str, name: &str, known: fn(&str) -> bool| -> Result<String, FieldError> {
        let text = fields.text(field)?.unwrap_or_default();
        if text.is_empty() {
            problems.push(format!("{name} can't be blank"));
        } else if !known(text) {
            problems.push(format!("{name} {text} is invalid"));
        }
        Ok(text.to_owned())
    };
    let hostname = need("hostname", "Hostname", devices::is_hostname)?;
    let plan = need("plan", "Plan", |slug| catalog::plan(slug).is_some())?;
    let operating_system = need("operating_system", "Operating system", catalog::is_operating_system)?;
    let metro = need("metro", "Metro", |code| code == "any" || catalog::metro(code).is_some())?;
    let metro = catalog::metro(&metro).map_or_else(|| catalog::best_metro(&plan), |metro| metro.code.to_owned());
    if fields.get("facility").is_some() {
        // Withdrawn in 2024: https://github.com/kubermatic/kubermatic/issues/13243
        problems.push("Facility is no longer supported, please use metro".to_owned());
    }
    if catalog::plan(&plan).is_some_and(|plan| !plan.runs(&operating_system)) {
        problems.push(format!(
            "Operating system {operating_system} is not provisionable on {plan}"
        ));
    }
    let billing_cycle = fields.text("billing_cycle")?.unwrap_or("hourly").to_owned();
    if !["hourly", "daily", "monthly", "yearly"].contains(&billing_cycle.as_str()) {
        problems.push("Billing cycle is invalid".to_owned());
    }
    let user_data = fields.text("userdata")?.filter(|data| !data.is_empty());
    if user_data.is_some_and(|data| data.len() > USER_DATA_LIMIT) {
        problems.push("Userdata is too long".to_owned());
    }
    if fields.text("hardware_reservation_id")?.is_some_and(|id| !id.is_empty()) {
        problems.push("Hardware reservation is not available".to_owned());
    }
    let termination = fields.text("termination_time")?.map(devices::time);
    if termination.is_some_and(|time| time.is_none_or(|time| time <= now)) {
        problems.push("Termination time must be in the future".to_owned());
    }
    let tags = match fields.get("tags") {
        // packet-python sends an empty object for none.
        Some(Value::Object(none)) if none.is_empty() => Vec::new(),
        _ => fields.texts("tags")?,
    };
    let public_ipv4 = wants(fields, 4, problems)?;
    let public_ipv6 = wants(fields, 6, problems)?;
    fields.check(SHOWN)?;
    fields.flag("no_ssh_keys")?;
    // The specification's defaults, which generated clients always send. Others need addresses that the project has reserved.
    for (field, default) in [("private_ipv4_subnet_size", 28.0), ("public_ipv4_subnet_size", 31.0)] {
        if fields.decimal(field)?.is_some_and(|size| size != default) {
            problems.push(format!("{field}: the project has no addresses available"));
        }
    }
    let extras = SHOWN
        .iter()
        .filter_map(|(field, _)| Some(((*field).to_owned(), fields.get(field)?.clone())));
    let description = fields.text("description")?.map(str::to_owned);
    let locked = fields.flag("locked")?.unwrap_or_default();
    Ok(problems.is_empty().then(|| Device {
        id: String::new(),
        project: project.to_owned(),
        hostname,
        description,
        plan,
        metro,
        operating_system,
        billing_cycle,
        tags,
        keys: Vec::new(),
        user_data_sha256: user_data.map(sha256),
        locked,
        extras: extras.collect(),
        termination: termination.flatten(),
        // To be replaced by real ones.
        public_ip: public_ipv4.then(String::new),
        private_ip: String::new(),
        ipv6: public_ipv6.then(String::new),
        life: Life::new(now, 0, 0),
        off: false,
        reinstalled: false,
        moved: None,
    }))
}

/// Whether a public address of a family is wanted: both are by default.
fn wants(fields: &Fields, family: u64, problems: &mut Vec<String>) -> Result<bool, FieldError> {
    let wanted = fields.objects("ip_addresses")?;
    if wanted.is_empty() {
        return Ok(true);
    }
    let has = |family: u64, public: bool| {
        wanted.iter().any(|address| {
            address.number("address_family") == Ok(Some(family)) && address.flag("public") == Ok(Some(public))
        })
    };
    let missing = "Private IPv4 address is required";
    if !has(4, false) && !problems.iter().any(|problem| problem == missing) {
        problems.push(missing.to_owned());
    }
    Ok(has(family, true))
}

/// The features that the server must have: all of a list, or those of an object that are "required".
fn features(fields: &Fields) -> Result<Vec<String>, FieldError> {
    let Some(Value::Object(wishes)) = fields.get("features") else {
        return fields.texts("features");
    };
    let wrong = |name: &String| FieldError {
        field: format!("features.{name}"),
        expected: "\"required\" or \"preferred\"",
    };
    let mut required = Vec::new();
    for (name, wish) in wishes {
        match wish.as_str() {
            Some("required") => required.push(name.clone()),
            Some("preferred") => {}
            _ => return Err(wrong(name)),
        }
    }
    Ok(required)
}

/// The keys that a create makes; those that it names have to exist.
fn read_keys(
    call: &mut Call<'_>,
    state: &State,
    project: &str,
    fields: &Fields,
    problems: &mut Vec<String>,
) -> Result<Vec<Key>, Answer> {
    let wrong = |problem: FieldError| wrong_type(&problem);
    let named = |field: &str| fields.texts(field).map_err(wrong);
    for id in named("project_ssh_keys")? {
        if !state.keys.iter().any(|key| key.id == id && key.project == project) {
            problems.push(format!("Project ssh key {id} is invalid"));
        }
    }
    for id in named("user_ssh_keys")? {
        if id != USER || !is_uuid(&id) {
            problems.push(format!("User ssh key {id} is invalid"));
        }
    }
    let mut new = Vec::new();
    for key in fields.objects("ssh_keys").map_err(wrong)? {
        let text = |field: &str| key.text(field).map_err(wrong).map(Option::unwrap_or_default);
        new.push(keys::make(call, project, text("label")?, text("key")?)?);
    }
    Ok(new)
}

/// The project's keys that a device gets: the named ones, or all of them unless none are wanted.
fn chosen_keys<'a>(state: &'a State, project: &'a str, fields: &Fields) -> impl Iterator<Item = &'a Key> {
    let named = fields.texts("project_ssh_keys").unwrap_or_default();
    let some_named = ["project_ssh_keys", "user_ssh_keys", "ssh_keys"]
        .iter()
        .any(|field| fields.list(field).ok().flatten().is_some_and(|list| !list.is_empty()));
    let all = !some_named && fields.flag("no_ssh_keys") != Ok(Some(true));
    let keys = state.keys.iter().filter(move |key| key.project == project);
    keys.filter(move |key| all || named.contains(&key.id))
}

fn make<'a>(call: &mut Call<'_>, order: Device, keys: impl Iterator<Item = &'a Key>) -> Device {
    let number = call.next_number();
    Device {
        id: call.uuid(),
        public_ip: order.public_ip.map(|_| call.ipv4().to_string()),
        private_ip: format!(
            "10.{}.{}.{}",
            64 + number / 64_516 % 64,
            number / 254 % 254,
            number % 254 + 1
        ),
        ipv6: order
            .ipv6
            .map(|_| std::net::Ipv6Addr::from_bits(call.ipv6_net().to_bits() | 1).to_string()),
        keys: keys.map(|key| key.id.clone()).collect(),
        life: call.new_life(),
        ..order
    }
}
