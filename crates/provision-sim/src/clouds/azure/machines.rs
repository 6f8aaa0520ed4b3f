//! Virtual machines: the checks before one is made, and what switching does:
//! <https://learn.microsoft.com/en-us/azure/templates/microsoft.compute/virtualmachines>. The wording of most refusals is
//! UNCONFIRMED.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    at,
    catalog::{self, NEVER_ALLOCATED, Size},
    networks::{Exists, members, object, objects},
    put,
    template::{Refusal, Wanted},
};
use crate::kit::{
    fields::Fields,
    text::{is_ssh_key, sha256},
};

/// Custom data at most, as base64: 65,535 bytes before.
const CUSTOM_DATA_LIMIT: usize = 87_380;
const FORBIDDEN_NAMES: [&str; 18] = [
    "administrator",
    "admin",
    "user",
    "user1",
    "test",
    "user2",
    "test1",
    "user3",
    "admin1",
    "1",
    "123",
    "a",
    "actuser",
    "root",
    "console",
    "guest",
    "owner",
    "server",
];

/// What a machine needs beyond its properties.
pub(super) struct Checked {
    pub(super) user_data_sha256: Option<String>,
    /// Of what must not change.
    pub(super) frozen: String,
    /// Why it will not be made although it is accepted.
    pub(super) fails: Option<String>,
    /// Without secrets.
    pub(super) shown: Value,
}

fn invalid(message: impl Into<String>) -> Refusal {
    ("InvalidParameter", message.into())
}

/// Checks a machine. Its location is known to exist.
pub(super) fn check(wanted: &Wanted, exists: Exists<'_>) -> Result<Checked, Refusal> {
    let properties = object(&wanted.properties, "properties")?;
    let known = [
        "hardwareProfile",
        "storageProfile",
        "osProfile",
        "networkProfile",
        "securityProfile",
        "diagnosticsProfile",
        "userData",
        "priority",
        "evictionPolicy",
        "billingProfile",
    ];
    members(&properties, &known, "VirtualMachineProperties")?;
    let part = |name: &str| -> Result<Fields, Refusal> {
        properties
            .object(name)
            .ok()
            .flatten()
            .ok_or_else(|| invalid(format!("Required parameter '{name}' is missing (null).")))
    };
    let size = check_size(&part("hardwareProfile")?, &wanted.location)?;
    check_storage(&part("storageProfile")?, size)?;
    let login = part("osProfile")?;
    let user_data = check_login(&login)?;
    let network = part("networkProfile")?;
    let interfaces = objects(&network, "networkInterfaces")?;
    for interface in &interfaces {
        let id = interface
            .text("id")
            .ok()
            .flatten()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if !exists(&id) {
            let message = format!(
                "Network interface {id} referenced by virtual machine {} was not found.",
                wanted.name
            );
            return Err(("NotFound", message));
        }
    }
    if interfaces.is_empty() {
        return Err(invalid("Virtual machine must have at least one network interface."));
    }
    let mut shown = wanted.properties.clone();
    if let Some(profile) = shown.pointer_mut("/osProfile").and_then(Value::as_object_mut) {
        profile.remove("adminPassword");
        profile.remove("customData");
    }
    if at(&shown, "/storageProfile/osDisk/name").is_null() {
        put(
            &mut shown,
            "/storageProfile/osDisk/name",
            json!(format!("{}_OsDisk_1", wanted.name)),
        );
    }
    put(&mut shown, "/storageProfile/osDisk/osType", json!("Linux"));
    let frozen = [
        "adminUsername",
        "adminPassword",
        "customData",
        "linuxConfiguration",
        "computerName",
    ];
    let frozen: Vec<String> = frozen
        .iter()
        .map(|name| at(&wanted.properties, &format!("/osProfile/{name}")).to_string())
        .collect();
    let fails = (size.name == NEVER_ALLOCATED).then(|| {
        "Allocation failed. We do not have sufficient capacity for the requested VM size in this region. Read more about improving likelihood of allocation success at https://aka.ms/allocation-guidance".to_owned()
    });
    Ok(Checked {
        user_data_sha256: user_data.map(sha256),
        frozen: sha256(frozen.join("\n")),
        fails,
        shown,
    })
}

fn check_size(hardware: &Fields, location: &str) -> Result<&'static Size, Refusal> {
    let name = hardware.text("vmSize").ok().flatten().unwrap_or_default();
    let Some(size) = Size::named(name) else {
        let valid: Vec<&str> = catalog::SIZES.iter().map(|size| size.name).collect();
        return Err(invalid(format!(
            "The value {name} provided for the VM size is not valid. The valid sizes in the current region are: {}.",
            valid.join(",")
        )));
    };
    if size.offered_in(location) {
        return Ok(size);
    }
    Err(not_available(name, location))
}

/// A size that is not to be had in a region.
pub(super) fn not_available(size: &str, location: &str) -> Refusal {
    let message = format!(
        "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: {size}' is currently not available in location '{location}'. Please try another size or deploy to a different location or different zone. See https://aka.ms/azureskunotavailable for details."
    );
    ("SkuNotAvailable", message)
}

fn check_storage(storage: &Fields, size: &Size) -> Result<(), Refusal> {
    members(
        storage,
        &["imageReference", "osDisk", "dataDisks", "diskControllerType"],
        "StorageProfile",
    )?;
    let Some(image) = storage.get("imageReference") else {
        return Err(invalid("Required parameter 'imageReference' is missing (null)."));
    };
    catalog::check_image(image, size)?;
    let disk = storage.object("osDisk").ok().flatten().unwrap_or_default();
    let known = [
        "name",
        "createOption",
        "deleteOption",
        "managedDisk",
        "caching",
        "diskSizeGB",
        "osType",
    ];
    members(&disk, &known, "OSDisk")?;
    let create = disk.text("createOption").ok().flatten().unwrap_or_default();
    if !create.eq_ignore_ascii_case("FromImage") {
        return Err(invalid("The value of parameter osDisk.createOption is invalid."));
    }
    let managed = disk.object("managedDisk").ok().flatten().unwrap_or_default();
    let kinds = [
        "Standard_LRS",
        "StandardSSD_LRS",
        "Premium_LRS",
        "StandardSSD_ZRS",
        "Premium_ZRS",
    ];
    match managed.text("storageAccountType").ok().flatten() {
        Some(kind) if !kinds.iter().any(|known| known.eq_ignore_ascii_case(kind)) => {
            Err(invalid(format!("Storage account type '{kind}' is not valid.")))
        }
        _ => Ok(()),
    }
}

/// The custom data, decoded.
fn check_login(login: &Fields) -> Result<Option<Vec<u8>>, Refusal> {
    let known = [
        "computerName",
        "adminUsername",
        "adminPassword",
        "customData",
        "linuxConfiguration",
        "secrets",
        "allowExtensionOperations",
    ];
    members(login, &known, "OSProfile")?;
    let text = |name: &str| {
        login
            .text(name)
            .map_err(|_| invalid(format!("The value of parameter osProfile.{name} is invalid.")))
    };
    let computer = text("computerName")?.unwrap_or_default();
    let letters = computer.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !(1..=64).contains(&computer.len()) || !letters || computer.starts_with('-') || computer.ends_with('-') {
        return Err(invalid(
            "Linux host name cannot exceed 64 characters in length or contain the following characters: ` ~ ! @ # $ % ^ & * ( ) = + _ [ ] { } \\ | ; : ' \" , < > / ?.",
        ));
    }
    let admin = text("adminUsername")?.unwrap_or_default();
    if admin.is_empty() || admin.len() > 64 || FORBIDDEN_NAMES.contains(&admin.to_ascii_lowercase().as_str()) {
        return Err(invalid(format!(
            "The Admin Username specified is not allowed. ('{admin}')"
        )));
    }
    let linux = login.object("linuxConfiguration").ok().flatten().unwrap_or_default();
    members(
        &linux,
        &[
            "disablePasswordAuthentication",
            "ssh",
            "provisionVMAgent",
            "patchSettings",
        ],
        "LinuxConfiguration",
    )?;
    let keys = check_keys(&linux, admin)?;
    let no_password = linux
        .flag("disablePasswordAuthentication")
        .ok()
        .flatten()
        .unwrap_or(false);
    match text("adminPassword")? {
        _ if no_password && keys == 0 => {
            return Err(invalid(
                "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
            ));
        }
        None if !no_password => return Err(invalid("Required parameter 'adminPassword' is missing (null).")),
        Some(password) if !no_password => check_password(password)?,
        _ => {}
    }
    let Some(custom) = text("customData")? else {
        return Ok(None);
    };
    let refused = || {
        invalid("Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.")
    };
    if custom.len() > CUSTOM_DATA_LIMIT || custom.is_empty() {
        return Err(refused());
    }
    STANDARD.decode(custom).map(Some).map_err(|_| refused())
}

fn check_keys(linux: &Fields, admin: &str) -> Result<usize, Refusal> {
    let ssh = linux.object("ssh").ok().flatten().unwrap_or_default();
    let keys = objects(&ssh, "publicKeys")?;
    for key in &keys {
        members(key, &["path", "keyData"], "SshPublicKey")?;
        let path = format!("/home/{admin}/.ssh/authorized_keys");
        if key.text("path").ok().flatten() != Some(path.as_str()) {
            return Err(invalid(format!(
                "Destination path for SSH public keys is currently limited to its default value {path} due to a known issue in Linux provisioning agent."
            )));
        }
        let data = key.text("keyData").ok().flatten().unwrap_or_default();
        if !is_ssh_key(data) || !(data.starts_with("ssh-rsa ") || data.starts_with("ssh-ed25519 ")) {
            return Err(invalid(
                "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.",
            ));
        }
    }
    Ok(keys.len())
}

fn check_password(password: &str) -> Result<(), Refusal> {
    let has = |wanted: fn(char) -> bool| usize::from(password.chars().any(wanted));
    let classes = has(|c| c.is_ascii_lowercase())
        + has(|c| c.is_ascii_uppercase())
        + has(|c| c.is_ascii_digit())
        + has(|c| !c.is_alphanumeric());
    if (6..=72).contains(&password.len()) && classes >= 3 {
        return Ok(());
    }
    Err(invalid(
        "The supplied password must be between 6-72 characters long and must satisfy at least 3 of password complexity requirements from the following: Contains an uppercase character, Contains a lowercase character, Contains a numeric digit, Contains a special character, Control characters are not allowed.",
    ))
}
