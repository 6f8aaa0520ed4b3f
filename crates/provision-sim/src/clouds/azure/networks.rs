//! Checks of network resources: <https://learn.microsoft.com/en-us/azure/templates/microsoft.network/allversions>. The
//! wording of most refusals is UNCONFIRMED.

use serde_json::Value;

use super::{
    state::{ADDRESS, INTERFACE, NETWORK, NSG},
    template::{Refusal, Wanted},
    unknown_member,
};
use crate::kit::{fields::Fields, text::is_network};

/// Whether there is a resource with this id, in lower case, when the one that is checked is made.
pub(super) type Exists<'a> = &'a dyn Fn(&str) -> bool;

/// Checks a network resource; other types pass.
pub(super) fn check(wanted: &Wanted, exists: Exists<'_>) -> Result<(), Refusal> {
    let properties = object(&wanted.properties, "properties")?;
    check_name(wanted)?;
    match wanted.kind {
        NSG => check_security_group(&properties),
        ADDRESS => check_address(wanted, &properties),
        NETWORK => check_network(&properties),
        INTERFACE => check_interface(&properties, exists),
        _ => Ok(()),
    }
}

/// <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules>
fn check_name(wanted: &Wanted) -> Result<(), Refusal> {
    let most = match wanted.kind {
        NETWORK => 64,
        NSG | ADDRESS | INTERFACE => 80,
        _ => return Ok(()),
    };
    let name = wanted.name.as_str();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = name.len() <= most
        && name.chars().all(|c| is_word(c) || c == '.' || c == '-')
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(is_word);
    // Two characters at least, for networks.
    if fits && (wanted.kind != NETWORK || name.len() >= 2) {
        return Ok(());
    }
    let message = format!(
        "Resource name {name} is invalid. The name can be up to {most} characters long. It must begin with a word character, and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'."
    );
    Err(("InvalidResourceName", message))
}

pub(super) fn object(value: &Value, name: &str) -> Result<Fields, Refusal> {
    Fields::of(value, name).map_err(|_| malformed(format!("'{name}' is not an object.")))
}

pub(super) fn members(fields: &Fields, known: &[&str], of: &str) -> Result<(), Refusal> {
    match fields.unknown(known) {
        Some(member) => Err(malformed(unknown_member(member, of))),
        None => Ok(()),
    }
}

pub(super) fn text<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    let text = fields
        .text(name)
        .map_err(|_| malformed(format!("'{name}' is not a text.")))?;
    text.ok_or_else(|| {
        (
            "MissingJsonReferenceId",
            format!("Value for the required property '{name}' is missing."),
        )
    })
}

pub(super) fn objects(fields: &Fields, name: &str) -> Result<Vec<Fields>, Refusal> {
    fields
        .objects(name)
        .map_err(|_| malformed(format!("'{name}' is not an array of objects.")))
}

fn malformed(message: String) -> Refusal {
    ("InvalidRequestFormat", format!("Cannot parse the request. {message}"))
}

/// The id in `{"id": ".."}`, which has to name something that exists.
pub(super) fn reference(fields: &Fields, name: &str, exists: Exists<'_>) -> Result<String, Refusal> {
    let missing = || {
        (
            "MissingJsonReferenceId",
            format!("Value for reference id is missing. Path properties.{name}."),
        )
    };
    let holder = fields.object(name).ok().flatten().ok_or_else(missing)?;
    let id = holder
        .text("id")
        .ok()
        .flatten()
        .ok_or_else(missing)?
        .to_ascii_lowercase();
    let parent = id.split_once("/subnets/").map_or(id.as_str(), |(parent, _)| parent);
    if exists(parent) {
        return Ok(id);
    }
    Err((
        "InvalidResourceReference",
        format!(
            "Resource {id} referenced by the request was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
        ),
    ))
}

fn check_security_group(properties: &Fields) -> Result<(), Refusal> {
    members(
        properties,
        &["securityRules", "flushConnection"],
        "NetworkSecurityGroup",
    )?;
    let mut priorities = Vec::new();
    let mut names = Vec::new();
    for rule in objects(properties, "securityRules")? {
        members(&rule, &["name", "properties", "id", "type"], "SecurityRule")?;
        let name = text(&rule, "name")?.to_owned();
        let inner = rule.object("properties").ok().flatten().unwrap_or_default();
        let (direction, priority) = check_rule(&name, &inner)?;
        if priorities.contains(&(direction.clone(), priority)) || names.contains(&name.to_ascii_lowercase()) {
            let message = format!(
                "Security rule {name} conflicts with another rule: rules cannot have the same Priority and Direction, or the same name."
            );
            return Err(("SecurityRuleConflict", message));
        }
        priorities.push((direction, priority));
        names.push(name.to_ascii_lowercase());
    }
    Ok(())
}

fn check_rule(name: &str, rule: &Fields) -> Result<(String, u64), Refusal> {
    let known = [
        "description",
        "protocol",
        "sourcePortRange",
        "sourcePortRanges",
        "destinationPortRange",
        "destinationPortRanges",
        "sourceAddressPrefix",
        "sourceAddressPrefixes",
        "destinationAddressPrefix",
        "destinationAddressPrefixes",
        "access",
        "priority",
        "direction",
    ];
    members(rule, &known, "SecurityRulePropertiesFormat")?;
    let invalid = |field: &str, value: &str| {
        let message = format!("Security rule parameter {field} for rule with Id {name} cannot be '{value}'.");
        Err(("SecurityRuleInvalid", message))
    };
    let one_of = |field: &'static str, allowed: &[&str]| -> Result<String, Refusal> {
        let value = text(rule, field)?;
        match allowed.iter().find(|word| word.eq_ignore_ascii_case(value)) {
            Some(word) => Ok((*word).to_owned()),
            None => invalid(field, value).map(|()| String::new()),
        }
    };
    one_of("protocol", &["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"])?;
    one_of("access", &["Allow", "Deny"])?;
    let direction = one_of("direction", &["Inbound", "Outbound"])?;
    let priority = rule.number("priority").ok().flatten().unwrap_or_default();
    if !(100..=4096).contains(&priority) {
        invalid("priority", &priority.to_string())?;
    }
    for (single, several, is_port) in [
        ("sourcePortRange", "sourcePortRanges", true),
        ("destinationPortRange", "destinationPortRanges", true),
        ("sourceAddressPrefix", "sourceAddressPrefixes", false),
        ("destinationAddressPrefix", "destinationAddressPrefixes", false),
    ] {
        let mut values = rule
            .texts(several)
            .map_err(|_| malformed(format!("'{several}' is not an array of texts.")))?;
        let one = rule
            .text(single)
            .map_err(|_| malformed(format!("'{single}' is not a text.")))?;
        if values.is_empty() == one.is_none() {
            let message = format!("Security rule {name} must have exactly one of {single} and {several}.");
            return Err(("SecurityRuleParameterMissing", message));
        }
        let alone = one.is_some();
        values.extend(one.map(str::to_owned));
        for value in values {
            let valid = if is_port {
                is_port_range(&value)
            } else {
                is_prefix(&value)
            };
            if !(valid || value == "*" && alone) {
                invalid(single, &value)?;
            }
        }
    }
    Ok((direction, priority))
}

fn is_port_range(text: &str) -> bool {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    matches!((from.parse::<u16>(), to.parse::<u16>()), (Ok(from), Ok(to)) if from <= to)
}

fn is_prefix(text: &str) -> bool {
    is_network(text, true) || ["Internet", "VirtualNetwork", "AzureLoadBalancer"].contains(&text)
}

fn check_address(wanted: &Wanted, properties: &Fields) -> Result<(), Refusal> {
    let known = [
        "publicIPAllocationMethod",
        "publicIPAddressVersion",
        "idleTimeoutInMinutes",
        "dnsSettings",
        "deleteOption",
    ];
    members(properties, &known, "PublicIPAddressPropertiesFormat")?;
    let sku = wanted
        .sku
        .as_ref()
        .and_then(|sku| sku.get("name")?.as_str())
        .unwrap_or("Basic");
    match sku.to_ascii_lowercase().as_str() {
        "standard" => {}
        // Retired on 2025-09-30.
        "basic" => {
            let message =
                "Cannot create more than 0 IPv4 Basic SKU public IP addresses for this subscription in this region.";
            return Err(("IPv4BasicSkuPublicIpCountLimitReached", message.to_owned()));
        }
        _ => {
            return Err((
                "InvalidSku",
                format!("The SKU '{sku}' of a public IP address is not valid."),
            ));
        }
    }
    if !text(properties, "publicIPAllocationMethod")?.eq_ignore_ascii_case("Static") {
        let message = format!(
            "Standard sku publicIp {} must have AllocationMethod set to Static.",
            wanted.id
        );
        return Err(("StandardSkuPublicIPMustBeStatic", message));
    }
    match properties.text("publicIPAddressVersion").ok().flatten() {
        None => Ok(()),
        Some(version) if ["IPv4", "IPv6"].iter().any(|known| known.eq_ignore_ascii_case(version)) => Ok(()),
        Some(other) => Err(malformed(format!("The address version '{other}' is not valid."))),
    }
}

fn check_network(properties: &Fields) -> Result<(), Refusal> {
    members(
        properties,
        &["addressSpace", "subnets", "dhcpOptions", "enableDdosProtection"],
        "VirtualNetworkPropertiesFormat",
    )?;
    let prefix = |text: &str| match is_network(text, false) {
        true => Ok(()),
        false => Err((
            "InvalidAddressPrefixFormat",
            format!("Address prefix {text} is not formatted correctly."),
        )),
    };
    let space = properties.object("addressSpace").ok().flatten().unwrap_or_default();
    let prefixes = space.texts("addressPrefixes").unwrap_or_default();
    if prefixes.is_empty() {
        return Err((
            "VnetAddressSpaceEmpty",
            "The address space of a virtual network must not be empty.".to_owned(),
        ));
    }
    prefixes.iter().try_for_each(|text| prefix(text))?;
    for subnet in objects(properties, "subnets")? {
        members(&subnet, &["name", "properties", "id"], "Subnet")?;
        text(&subnet, "name")?;
        let inner = subnet.object("properties").ok().flatten().unwrap_or_default();
        prefix(text(&inner, "addressPrefix")?)?;
    }
    Ok(())
}

fn check_interface(properties: &Fields, exists: Exists<'_>) -> Result<(), Refusal> {
    let known = [
        "networkSecurityGroup",
        "ipConfigurations",
        "enableAcceleratedNetworking",
        "enableIPForwarding",
        "dnsSettings",
    ];
    members(properties, &known, "NetworkInterfacePropertiesFormat")?;
    if properties.get("networkSecurityGroup").is_some() {
        reference(properties, "networkSecurityGroup", exists)?;
    }
    let configurations = objects(properties, "ipConfigurations")?;
    if configurations.is_empty() {
        return Err((
            "NicMustHaveIpConfiguration",
            "A network interface must have an IP configuration.".to_owned(),
        ));
    }
    for configuration in configurations {
        members(
            &configuration,
            &["name", "properties"],
            "NetworkInterfaceIPConfiguration",
        )?;
        text(&configuration, "name")?;
        let inner = configuration.object("properties").ok().flatten().unwrap_or_default();
        let known = [
            "privateIPAllocationMethod",
            "privateIPAddress",
            "privateIPAddressVersion",
            "subnet",
            "publicIPAddress",
            "primary",
        ];
        members(&inner, &known, "NetworkInterfaceIPConfigurationPropertiesFormat")?;
        reference(&inner, "subnet", exists)?;
        if inner.get("publicIPAddress").is_some() {
            reference(&inner, "publicIPAddress", exists)?;
        }
    }
    Ok(())
}
