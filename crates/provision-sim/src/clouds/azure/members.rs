//! Names of members: the API reads them in any case, as .NET does, and shows them in its own.

use serde_json::{Map, Value};

/// The members that the checks of resources know and that have a capital in them. One that is missing here is read in its own case
/// only.
const NAMES: &[&str] = &[
    "addressPrefix",
    "addressPrefixes",
    "addressSpace",
    "adminPassword",
    "adminUsername",
    "allowExtensionOperations",
    "billingProfile",
    "computerName",
    "createOption",
    "customData",
    "dataDisks",
    "deleteOption",
    "destinationAddressPrefix",
    "destinationAddressPrefixes",
    "destinationPortRange",
    "destinationPortRanges",
    "dhcpOptions",
    "diagnosticsProfile",
    "disablePasswordAuthentication",
    "diskControllerType",
    "diskSizeGB",
    "dnsSettings",
    "enableAcceleratedNetworking",
    "enableDdosProtection",
    "enableIPForwarding",
    "evictionPolicy",
    "flushConnection",
    "hardwareProfile",
    "idleTimeoutInMinutes",
    "imageReference",
    "ipConfigurations",
    "keyData",
    "linuxConfiguration",
    "managedDisk",
    "networkInterfaces",
    "networkProfile",
    "networkSecurityGroup",
    "osDisk",
    "osProfile",
    "osType",
    "patchSettings",
    "privateIPAddress",
    "privateIPAddressVersion",
    "privateIPAllocationMethod",
    "provisionVMAgent",
    "publicIPAddress",
    "publicIPAddressVersion",
    "publicIPAllocationMethod",
    "publicKeys",
    "securityProfile",
    "securityRules",
    "sourceAddressPrefix",
    "sourceAddressPrefixes",
    "sourcePortRange",
    "sourcePortRanges",
    "storageAccountType",
    "storageProfile",
    "userData",
    "vmSize",
];

/// The value with its members' names in the API's own case.
pub(super) fn canonical(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.into_iter().map(rename).collect::<Map<_, _>>()),
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        other => other,
    }
}

fn rename((name, value): (String, Value)) -> (String, Value) {
    let known = NAMES.iter().find(|known| known.eq_ignore_ascii_case(&name));
    (known.map_or(name, |known| (*known).to_owned()), canonical(value))
}
