//! The body of an instance's insert, read strictly.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{catalog, check_fields, check_name, error, in_our_project, invalid, is_name, not_found, wrong_type};
use crate::kit::{answer::Answer, fields::Fields, text::sha256};

/// Largest metadata value, bytes.
const METADATA_LIMIT: usize = 262_144;
/// Largest metadata in all, bytes.
const METADATA_TOTAL: usize = 524_288;
/// Most labels and most network tags.
const MOST: usize = 64;

const INSTANCE: &[&str] = &[
    "advancedMachineFeatures",
    "canIpForward",
    "confidentialInstanceConfig",
    "cpuPlatform",
    "creationTimestamp",
    "deletionProtection",
    "description",
    "disks",
    "displayDevice",
    "fingerprint",
    "guestAccelerators",
    "hostname",
    "id",
    "instanceEncryptionKey",
    "keyRevocationActionType",
    "kind",
    "labelFingerprint",
    "labels",
    "lastStartTimestamp",
    "lastStopTimestamp",
    "lastSuspendedTimestamp",
    "machineType",
    "metadata",
    "minCpuPlatform",
    "name",
    "networkInterfaces",
    "networkPerformanceConfig",
    "params",
    "privateIpv6GoogleAccess",
    "reservationAffinity",
    "resourcePolicies",
    "resourceStatus",
    "satisfiesPzi",
    "satisfiesPzs",
    "scheduling",
    "selfLink",
    "serviceAccounts",
    "shieldedInstanceConfig",
    "shieldedInstanceIntegrityPolicy",
    "sourceMachineImage",
    "sourceMachineImageEncryptionKey",
    "startRestricted",
    "status",
    "statusMessage",
    "tags",
    "workloadIdentityConfig",
    "zone",
];
const DISK: &[&str] = &[
    "architecture",
    "autoDelete",
    "boot",
    "deviceName",
    "diskEncryptionKey",
    "diskSizeGb",
    "forceAttach",
    "guestOsFeatures",
    "index",
    "initializeParams",
    "interface",
    "kind",
    "licenses",
    "mode",
    "savedState",
    "shieldedInstanceInitialState",
    "source",
    "type",
];
const NEW_DISK: &[&str] = &[
    "architecture",
    "description",
    "diskName",
    "diskSizeGb",
    "diskType",
    "enableConfidentialCompute",
    "labels",
    "licenses",
    "onUpdateAction",
    "provisionedIops",
    "provisionedThroughput",
    "replicaZones",
    "resourceManagerTags",
    "resourcePolicies",
    "sourceImage",
    "sourceImageEncryptionKey",
    "sourceSnapshot",
    "sourceSnapshotEncryptionKey",
    "storagePool",
];
const INTERFACE: &[&str] = &[
    "accessConfigs",
    "aliasIpRanges",
    "fingerprint",
    "internalIpv6PrefixLength",
    "ipv6AccessConfigs",
    "ipv6AccessType",
    "ipv6Address",
    "kind",
    "name",
    "network",
    "networkAttachment",
    "networkIP",
    "nicType",
    "queueCount",
    "stackType",
    "subnetwork",
];
const ACCESS: &[&str] = &[
    "externalIpv6",
    "externalIpv6PrefixLength",
    "kind",
    "name",
    "natIP",
    "networkTier",
    "publicPtrDomainName",
    "securityPolicy",
    "setPublicPtr",
    "type",
];

/// An insert that passed all checks.
pub(super) struct Order {
    pub(super) name: String,
    pub(super) machine_type: &'static catalog::MachineType,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) tags: Vec<String>,
    pub(super) disk: Disk,
    pub(super) network: String,
    pub(super) subnetwork: Option<String>,
    /// The network tier of the public address, if there is to be one.
    pub(super) public: Option<String>,
    /// A reserved address to use.
    pub(super) reserved: Option<String>,
    pub(super) metadata: Vec<String>,
    pub(super) user_data: Option<String>,
    pub(super) service_accounts: Vec<Value>,
}

/// The boot disk.
pub(super) struct Disk {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) size_gb: u64,
    pub(super) kind: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) auto_delete: bool,
}

type Read<T> = Result<T, Answer>;

pub(super) fn read(fields: &Fields, zone: &str) -> Read<Order> {
    check_fields(fields, "resource", INSTANCE)?;
    let name = required(fields, "name")?;
    check_name(name)?;
    let machine_type = read_machine_type(required(fields, "machineType")?, zone)?;
    let disks = fields.objects("disks").map_err(|problem| wrong_type(&problem))?;
    let [disk] = disks.as_slice() else {
        return Err(invalid(
            "Invalid value for field 'resource.disks': ''. A boot disk is required.",
        ));
    };
    let interfaces = fields
        .objects("networkInterfaces")
        .map_err(|problem| wrong_type(&problem))?;
    let [interface] = interfaces.as_slice() else {
        return Err(invalid(
            "Invalid value for field 'resource.networkInterfaces': ''. At least one network interface is required.",
        ));
    };
    let disk = read_disk(disk, zone, name)?;
    let image_is_arm = disk.image.contains("arm64");
    if machine_type.arm != image_is_arm {
        return Err(invalid(&format!(
            "Requested boot disk architecture ({}) is not compatible with machine type architecture ({}).",
            if image_is_arm { "ARM64" } else { "X86_64" },
            if machine_type.arm { "ARM64" } else { "X86_64" },
        )));
    }
    let (metadata, user_data) = read_metadata(fields)?;
    let mut order = Order {
        name: name.to_owned(),
        machine_type,
        labels: labels(fields)?,
        tags: read_tags(fields)?,
        disk,
        network: String::new(),
        subnetwork: None,
        public: None,
        reserved: None,
        metadata,
        user_data,
        service_accounts: read_service_accounts(fields)?,
    };
    read_interface(interface, zone, &mut order)?;
    Ok(order)
}

fn text<'a>(fields: &'a Fields, field: &str) -> Read<Option<&'a str>> {
    fields.text(field).map_err(|problem| wrong_type(&problem))
}

fn required<'a>(fields: &'a Fields, field: &str) -> Read<&'a str> {
    let found = text(fields, field)?.filter(|text| !text.is_empty());
    found.ok_or_else(|| {
        error(
            400,
            "required",
            &format!("Invalid value for field 'resource.{field}': ''. Required field '{field}' not specified."),
        )
    })
}

fn read_machine_type(reference: &str, zone: &str) -> Read<&'static catalog::MachineType> {
    let refuse = |why: String| {
        invalid(&format!(
            "Invalid value for field 'resource.machineType': '{reference}'. {why}"
        ))
    };
    let parts: Vec<&str> = in_our_project(reference).unwrap_or_default().split('/').collect();
    let ["zones", of_zone, "machineTypes", name] = parts.as_slice() else {
        return Err(refuse("The URL is malformed.".to_owned()));
    };
    if *of_zone != zone {
        return Err(refuse(format!("The referenced resource is not in zone '{zone}'.")));
    }
    catalog::find_machine_type(name).ok_or_else(|| {
        refuse(format!(
            "Machine type with name '{name}' does not exist in zone '{zone}'."
        ))
    })
}

fn read_disk(disk: &Fields, zone: &str, instance: &str) -> Read<Disk> {
    check_fields(disk, "resource.disks[0]", DISK)?;
    let flag = |field: &str| disk.flag(field).map_err(|problem| wrong_type(&problem));
    if flag("boot")? != Some(true) {
        return Err(invalid(
            "Invalid value for field 'resource.disks[0].boot': 'false'. Boot disk must be the first disk.",
        ));
    }
    let params = disk
        .object("initializeParams")
        .map_err(|problem| wrong_type(&problem))?
        .ok_or_else(|| {
            invalid(
                "Invalid value for field 'resource.disks[0]': ''. You must specify one of source or initializeParams.",
            )
        })?;
    check_fields(&params, "resource.disks[0].initialize_params", NEW_DISK)?;
    let reference = text(&params, "sourceImage")?.unwrap_or_default();
    let image = catalog::find_image(reference).ok_or_else(|| match catalog::image_path(reference) {
        Some(path) => error(404, "notFound", &format!("The resource '{path}' was not found")),
        None => invalid(&format!(
            "Invalid value for field 'resource.disks[0].initializeParams.sourceImage': '{reference}'. The URL is malformed."
        )),
    })?;
    // 64-bit numbers are texts; numbers are taken as well.
    let size = match params.get("diskSizeGb") {
        None => Some(image.disk_gb),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    };
    let size_gb = size.filter(|size| (image.disk_gb..=65_536).contains(size)).ok_or_else(|| {
        invalid(&format!(
            "Invalid value for field 'resource.disks[0].initializeParams.diskSizeGb'. Requested disk size cannot be smaller than the image size ({} GB)",
            image.disk_gb
        ))
    })?;
    let kind = match text(&params, "diskType")? {
        None => "pd-standard",
        Some(reference) => {
            let path = in_our_project(reference).unwrap_or_default();
            let kind = path.strip_prefix(&format!("zones/{zone}/diskTypes/"));
            kind.filter(|kind| catalog::DISK_TYPES.contains(kind))
                .ok_or_else(|| not_found(path))?
        }
    };
    let name = text(&params, "diskName")?.unwrap_or(instance);
    check_name(name)?;
    Ok(Disk {
        name: name.to_owned(),
        image: format!("projects/{}/global/images/{}", image.project, image.name),
        size_gb,
        kind: kind.to_owned(),
        labels: labels(&params)?,
        auto_delete: flag("autoDelete")?.unwrap_or(false),
    })
}

fn read_interface(interface: &Fields, zone: &str, order: &mut Order) -> Read<()> {
    check_fields(interface, "resource.network_interfaces[0]", INTERFACE)?;
    let network = text(interface, "network")?.unwrap_or("global/networks/default");
    let path = in_our_project(network).unwrap_or_default();
    let name = path.strip_prefix("global/networks/").unwrap_or_default();
    if !catalog::is_network(name) {
        return Err(invalid(&format!(
            "Invalid value for field 'resource.networkInterfaces[0].network': '{network}'. The referenced network resource cannot be found."
        )));
    }
    name.clone_into(&mut order.network);
    if let Some(subnetwork) = text(interface, "subnetwork")? {
        let region = zone.rsplit_once('-').map_or(zone, |(region, _)| region);
        let path = in_our_project(subnetwork).unwrap_or_default();
        let name = path.strip_prefix(&format!("regions/{region}/subnetworks/"));
        let name = name.filter(|name| catalog::is_network(name)).ok_or_else(|| {
            invalid(&format!(
                "Invalid value for field 'resource.networkInterfaces[0].subnetwork': '{subnetwork}'. The referenced subnetwork resource cannot be found."
            ))
        })?;
        order.subnetwork = Some(name.to_owned());
    }
    let configs = interface
        .objects("accessConfigs")
        .map_err(|problem| wrong_type(&problem))?;
    if let Some(config) = configs.first() {
        check_fields(config, "resource.network_interfaces[0].access_configs[0]", ACCESS)?;
        let kind = text(config, "type")?.unwrap_or("ONE_TO_ONE_NAT");
        let tier = text(config, "networkTier")?.unwrap_or("PREMIUM");
        if kind != "ONE_TO_ONE_NAT" || !["PREMIUM", "STANDARD"].contains(&tier) {
            return Err(invalid(
                "Invalid value for field 'resource.networkInterfaces[0].accessConfigs[0].type'.",
            ));
        }
        for field in ["kind", "name", "publicPtrDomainName", "securityPolicy"] {
            text(config, field)?;
        }
        order.public = Some(tier.to_owned());
        order.reserved = text(config, "natIP")?.map(str::to_owned);
    }
    Ok(())
}

/// Keys of the metadata, and the digest of the user data as the guest sees it.
fn read_metadata(fields: &Fields) -> Read<(Vec<String>, Option<String>)> {
    let wrong = |problem| wrong_type(&problem);
    let metadata = fields.object("metadata").map_err(wrong)?.unwrap_or_default();
    check_fields(&metadata, "resource.metadata", &["fingerprint", "items", "kind"])?;
    let (mut keys, mut user_data, mut total) = (Vec::new(), None, 0);
    for item in metadata.objects("items").map_err(wrong)? {
        check_fields(&item, "resource.metadata.items", &["key", "value"])?;
        let key = text(&item, "key")?.unwrap_or_default();
        let value = text(&item, "value")?.unwrap_or_default();
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !(1..=128).contains(&key.len()) || !key.bytes().all(known) || keys.iter().any(|known| known == key) {
            return Err(invalid(&format!(
                "Invalid value for field 'metadata.items.key': '{key}'."
            )));
        }
        if value.len() > METADATA_LIMIT {
            return Err(invalid(&format!(
                "Invalid value for field 'metadata.items[{}].value'. Value for field 'metadata.items.value' is too large: maximum size {METADATA_LIMIT} character(s); actual size {}.",
                keys.len(),
                value.len()
            )));
        }
        total += key.len() + value.len();
        // cloud-init reads the one, Google's agent runs the other.
        if key == "user-data" || key == "startup-script" && user_data.is_none() {
            user_data = Some(sha256(value));
        }
        keys.push(key.to_owned());
    }
    if total > METADATA_TOTAL {
        return Err(invalid(
            "Invalid value for field 'metadata': ''. Metadata is too large.",
        ));
    }
    Ok((keys, user_data))
}

fn read_tags(fields: &Fields) -> Read<Vec<String>> {
    let wrong = |problem| wrong_type(&problem);
    let tags = fields.object("tags").map_err(wrong)?.unwrap_or_default();
    check_fields(&tags, "resource.tags", &["fingerprint", "items"])?;
    let items = tags.texts("items").map_err(wrong)?;
    match items.iter().find(|tag| !is_name(tag)) {
        Some(tag) => Err(invalid(&format!(
            "Invalid value for field 'resource.tags.items': '{tag}'. Must be a match of regex '(?:[a-z](?:[-a-z0-9]{{0,61}}[a-z0-9])?)'"
        ))),
        None if items.len() > MOST => Err(invalid(
            "Invalid value for field 'resource.tags.items': ''. Too many tags.",
        )),
        None => Ok(items),
    }
}

fn read_service_accounts(fields: &Fields) -> Read<Vec<Value>> {
    let accounts = fields
        .objects("serviceAccounts")
        .map_err(|problem| wrong_type(&problem))?;
    let mut shown = Vec::new();
    for account in &accounts {
        check_fields(account, "resource.service_accounts", &["email", "scopes"])?;
        let email = text(account, "email")?.unwrap_or_default();
        if !email.contains('@') && email != "default" {
            return Err(invalid(&format!(
                "The resource '{email}' of type 'serviceAccount' was not found."
            )));
        }
        shown.push(serde_json::json!({ "email": email, "scopes": account.texts("scopes").map_err(|problem| wrong_type(&problem))? }));
    }
    Ok(shown)
}

/// Up to 64; keys start with a lower-case letter.
fn labels(fields: &Fields) -> Read<BTreeMap<String, String>> {
    let object = fields
        .object("labels")
        .map_err(|problem| wrong_type(&problem))?
        .unwrap_or_default();
    let plain = |text: &str| {
        text.len() <= 63
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
    };
    let mut labels = BTreeMap::new();
    for (key, value) in object.iter() {
        let value = value.as_str().unwrap_or("?");
        if !plain(key) || !plain(value) || !key.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(invalid(&format!(
                "Invalid value for field 'resource.labels': ''. Label key '{key}' or value '{value}' violates format constraints."
            )));
        }
        labels.insert(key.to_owned(), value.to_owned());
    }
    if labels.len() > MOST {
        return Err(invalid(
            "Invalid value for field 'resource.labels': ''. Too many labels.",
        ));
    }
    Ok(labels)
}
