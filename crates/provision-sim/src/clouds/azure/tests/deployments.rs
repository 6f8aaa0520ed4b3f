//! Deployments and the machines that they make.

use http::Method;
use serde_json::{Value, json};

use super::{
    super::{SUBSCRIPTION, catalog},
    world,
};
use crate::{Effect, Fault};

const PASSWORD: &str = "Pa55-word-of-nobody";

/// The template of plan A in small: an address, a network, an interface, a machine.
fn deployment() -> Value {
    let id = |kind: &str, variable: &str| format!("[resourceId('Microsoft.Network/{kind}',variables('{variable}'))]");
    let subnet = "[resourceId('Microsoft.Network/virtualNetworks/subnets',variables('vnet'),'default')]";
    let (nsg, pip, vnet, nic) = (
        id("networkSecurityGroups", "nsg"),
        id("publicIPAddresses", "pip"),
        id("virtualNetworks", "vnet"),
        id("networkInterfaces", "nic"),
    );
    let resource = |kind: &str, name: &str, needs: Value, properties: Value| {
        json!({
            "type": kind, "apiVersion": "2024-03-01", "name": name, "location": "[resourceGroup().location]",
            "tags": "[parameters('tags')]", "dependsOn": needs, "properties": properties,
        })
    };
    let rules = json!([{"name": "tcp-in", "properties": {
        "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Tcp", "sourceAddressPrefix": "*",
        "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRanges": ["80", "8000-8100"],
    }}]);
    let mut address = resource(
        "Microsoft.Network/publicIPAddresses",
        "[variables('pip')]",
        json!([]),
        json!({"publicIPAllocationMethod": "Static"}),
    );
    address["sku"] = json!({"name": "Standard"});
    let network = json!({
        "addressSpace": {"addressPrefixes": ["10.0.0.0/24"]},
        "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}],
    });
    let interface = json!({"networkSecurityGroup": {"id": nsg}, "ipConfigurations": [
        {"name": "ip", "properties": {"subnet": {"id": subnet}, "publicIPAddress": {"id": pip}}},
    ]});
    let machine = json!({
        "hardwareProfile": {"vmSize": "[parameters('size')]"},
        "storageProfile": {"imageReference": "[parameters('image')]", "osDisk": {"createOption": "FromImage"}},
        "osProfile": {
            "computerName": "[parameters('name')]", "adminUsername": "someone", "adminPassword": "[parameters('password')]",
            "customData": "[parameters('customData')]",
        },
        "networkProfile": {"networkInterfaces": [{"id": nic}]},
    });
    let kind = "Microsoft.Network/networkSecurityGroups";
    json!({"properties": {"mode": "Incremental",
        "template": {
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "parameters": {
                "name": {"type": "string"}, "size": {"type": "string", "defaultValue": "Standard_B1s"},
                "image": {"type": "object"}, "tags": {"type": "object"}, "password": {"type": "securestring"},
                "customData": {"type": "securestring"},
            },
            "variables": {
                "nsg": "[concat(parameters('name'),'-nsg')]", "pip": "[concat(parameters('name'),'-ip')]",
                "vnet": "[concat(parameters('name'),'-vnet')]", "nic": "[concat(parameters('name'),'-nic')]",
            },
            // The machine comes first on purpose: the order is that of the dependencies.
            "resources": [
                resource("Microsoft.Compute/virtualMachines", "[parameters('name')]", json!([nic]), machine),
                resource("Microsoft.Network/networkInterfaces", "[variables('nic')]", json!([nsg, pip, vnet]), interface),
                resource(kind, "[variables('nsg')]", json!([]), json!({"securityRules": rules})),
                resource("Microsoft.Network/virtualNetworks", "[variables('vnet')]", json!([]), network),
                address,
            ],
            "outputs": {"publicIP": {"type": "string", "value": "[reference(variables('pip')).ipAddress]"}},
        },
        "parameters": {
            "name": {"value": "web"}, "tags": {"value": {"team": "web"}}, "password": {"value": PASSWORD},
            "image": {"value": {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}},
            "customData": {"value": "IyEvYmluL3NoCg=="},
        },
    }})
}

#[test]
fn a_deployment_makes_a_machine_and_its_group_takes_it_along() {
    let world = world();
    world.group("rg");
    let target = format!(
        "http://127.0.0.1:9/azure/subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/Microsoft.Resources/deployments/web?api-version=2021-04-01"
    );
    let (status, headers, body) = world.whole(Method::PUT, &target, Some(&deployment()));
    assert_eq!(
        (status, body["properties"]["provisioningState"].as_str()),
        (201, Some("Accepted")),
        "{body}"
    );
    assert!(!body.to_string().contains(PASSWORD));
    // Absolute, and below the prefix by which the client came.
    let operation = headers["azure-asyncoperation"].to_str().unwrap().to_owned();
    assert!(
        operation.starts_with("http://127.0.0.1:9/azure/subscriptions/"),
        "{operation}"
    );
    assert_eq!(world.whole(Method::GET, &operation, None).2["status"], "Accepted");
    let (status, body) = world.deploy("rg", &deployment());
    assert_eq!(
        (status, body["error"]["code"].as_str()),
        (409, Some("DeploymentActive"))
    );

    world.advance(10);
    let path = "/RESOURCEGROUPS/RG/providers/microsoft.compute/virtualmachines/WEB?$expand=instanceView";
    assert_eq!(world.get(path)["properties"]["provisioningState"], "Creating");
    world.advance(10);
    assert_eq!(world.whole(Method::GET, &operation, None).2["status"], "Succeeded");
    let machine = world.get(path);
    assert_eq!(
        machine["properties"]["instanceView"]["statuses"][1]["code"],
        "PowerState/running"
    );
    assert!(!machine.to_string().contains(PASSWORD) && !machine.to_string().contains("IyEvYmlu"));
    assert_eq!(machine["tags"]["team"], "web");
    let disk = world.get("/providers/Microsoft.Compute/disks")["value"][0].clone();
    // Required by the types of the crate azure_mgmt_compute.
    assert_eq!(disk["properties"]["creationData"]["createOption"], "FromImage");
    let done = world.get("/resourcegroups/rg/providers/Microsoft.Resources/deployments/web");
    let ip = &world.get("/providers/Microsoft.Network/publicIPAddresses")["value"][0]["properties"]["ipAddress"];
    assert_eq!(
        done["properties"]["outputs"]["publicIP"],
        json!({"type": "String", "value": ip})
    );
    assert_eq!(
        world.get("/resourcegroups/rg/deployments/web/operations")["value"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    let states = world.get("/providers/Microsoft.Compute/virtualMachines?statusOnly=true");
    assert!(states["value"][0]["id"].as_str().unwrap().contains("/RG/"));
    let items = world.sim.inventory();
    let mut kinds: Vec<_> = items.iter().map(|item| item.kind.as_str()).collect();
    kinds.sort_unstable();
    let all = [
        "address",
        "firewall",
        "host",
        "network",
        "network-interface",
        "resource-group",
        "volume",
    ];
    assert_eq!(kinds, all);

    // What must not change is refused, later.
    let mut changed = deployment();
    changed["properties"]["parameters"]["password"]["value"] = json!("An0ther-password");
    assert_eq!(world.deploy("rg", &changed).0, 200);
    world.advance(20);
    let failed = world.get("/resourcegroups/rg/providers/Microsoft.Resources/deployments/web");
    assert_eq!(failed["properties"]["provisioningState"], "Failed");
    assert!(failed.to_string().contains("PropertyChangeNotAllowed"));

    let target =
        format!("http://127.0.0.1:9/azure/subscriptions/{SUBSCRIPTION}/resourcegroups/rg?api-version=2021-04-01");
    let (status, headers, _) = world.whole(Method::DELETE, &target, None);
    let location = headers["location"].to_str().unwrap().to_owned();
    assert_eq!((status, world.whole(Method::GET, &location, None).0), (202, 202));
    assert_eq!(
        world.get("/resourcegroups/rg")["properties"]["provisioningState"],
        "Deleting"
    );
    assert_eq!(
        world.deploy("rg", &deployment()).1["error"]["code"],
        "ResourceGroupBeingDeleted"
    );
    world.advance(5);
    assert_eq!(world.whole(Method::GET, &location, None).0, 200);
    assert_eq!(
        world.call(Method::GET, "/resourcegroups/rg", None).1["error"]["code"],
        "ResourceGroupNotFound"
    );
    assert!(world.sim.inventory().is_empty());
}

#[test]
fn bad_templates_are_refused_at_once_and_leave_nothing() {
    let world = world();
    world.group("rg");
    type Change = fn(&mut Value);
    let table: [(&str, Change); 17] = [
        ("InvalidTemplate", |d| {
            d["properties"]["parameters"]["extra"] = json!({"value": 1})
        }),
        ("InvalidTemplate", |d| {
            d["properties"]["parameters"]["name"] = Value::Null
        }),
        ("InvalidTemplate", |d| {
            d["properties"]["parameters"]["name"]["value"] = json!(7)
        }),
        ("InvalidTemplate", |d| {
            d["properties"]["template"]["variables"]["nic"] = json!("[nothing('x')]")
        }),
        ("InvalidTemplate", |d| {
            d["properties"]["template"]["resources"][0]["dependsOn"] = json!(["unknown"])
        }),
        ("InvalidTemplate", |d| {
            d["properties"]["template"]["resources"][3]["dependsOn"] = json!(["web-nic"])
        }),
        ("InvalidTemplate", |d| {
            d["properties"]["template"]["resources"][0]["size"] = json!("x")
        }),
        ("InvalidRequestContent", |d| d["properties"]["modus"] = json!("x")),
        ("InvalidResourceReference", |d| {
            d["properties"]["template"]["resources"][1]["dependsOn"] = json!(["web-nsg", "web-ip"]);
        }),
        ("InvalidParameter", |d| {
            d["properties"]["parameters"]["size"] = json!({"value": "no-such-size"})
        }),
        ("InvalidParameter", |d| {
            d["properties"]["parameters"]["password"]["value"] = json!("weak")
        }),
        ("InvalidParameter", |d| {
            d["properties"]["parameters"]["customData"]["value"] = json!("not base64!")
        }),
        ("InvalidParameter", |d| {
            d["properties"]["parameters"]["name"]["value"] = json!("web_1")
        }),
        ("PlatformImageNotFound", |d| {
            d["properties"]["parameters"]["image"]["value"]["sku"] = json!("x")
        }),
        ("LocationNotAvailableForResourceType", |d| {
            d["properties"]["template"]["resources"][2]["location"] = json!("nowhere");
        }),
        ("IPv4BasicSkuPublicIpCountLimitReached", |d| {
            d["properties"]["template"]["resources"][4]["sku"]["name"] = json!("Basic");
        }),
        ("SecurityRuleInvalid", |d| {
            let rule = &mut d["properties"]["template"]["resources"][2]["properties"]["securityRules"][0];
            rule["properties"]["priority"] = json!(99);
        }),
    ];
    for (code, change) in table {
        let mut deployment = deployment();
        change(&mut deployment);
        let (status, body) = world.deploy("rg", &deployment);
        let error = &body["error"];
        let found = error["details"][0]["code"].as_str().or(error["code"].as_str());
        assert_eq!((status, found), (400, Some(code)), "{body}");
    }
    assert_eq!(world.sim.inventory().len(), 1, "the group alone");
    let path = "/resourcegroups/rg/providers/Microsoft.Resources/deployments/web";
    assert_eq!(
        world.call(Method::GET, path, None).1["error"]["code"],
        "DeploymentNotFound"
    );
    for (effect, code) in [(Effect::SoldOut, "SkuNotAvailable"), (Effect::Quota, "QuotaExceeded")] {
        world.sim.faults().add(Fault::new(effect).cloud("azure").times(1));
        assert_eq!(world.deploy("rg", &deployment()).1["error"]["details"][0]["code"], code);
    }
    world.call(Method::POST, "/providers/Microsoft.Network/unregister", None);
    assert_eq!(
        world.deploy("rg", &deployment()).1["error"]["code"],
        "MissingSubscriptionRegistration"
    );
}

#[test]
fn some_deployments_fail_later() {
    let world = world();
    world.group("rg");
    let mut big = deployment();
    big["properties"]["parameters"]["size"] = json!({"value": catalog::NEVER_ALLOCATED});
    assert_eq!(world.deploy("rg", &big).0, 201);
    world.advance(10);
    let failed = world.get("/resourcegroups/rg/providers/Microsoft.Resources/deployments/web");
    let inner = failed["properties"]["error"]["details"][0]["message"].as_str().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(inner).unwrap()["error"]["code"],
        "AllocationFailed"
    );
    let view = world.get("/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web/instanceView");
    assert_eq!(view["statuses"][0]["code"], "ProvisioningState/failed/AllocationFailed");
}

#[test]
fn machines_are_switched_and_deleted_from_outside() {
    let world = world();
    world.group("rg");
    world.deploy("rg", &deployment());
    world.advance(20);
    let machine = "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web";
    let power = || {
        world.get(&format!("{machine}/instanceView"))["statuses"][1]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(power(), "PowerState/running");
    assert_eq!(world.call(Method::POST, &format!("{machine}/deallocate"), None).0, 202);
    assert_eq!(power(), "PowerState/deallocated");
    world.call(Method::POST, &format!("{machine}/start"), None);
    assert_eq!(power(), "PowerState/running");
    assert_eq!(world.call(Method::DELETE, machine, None).0, 202);
    world.advance(5);
    assert_eq!(
        world.call(Method::GET, machine, None).1["error"]["code"],
        "ResourceNotFound"
    );
    let left: Vec<_> = world.sim.inventory().into_iter().map(|item| item.kind).collect();
    assert_eq!(left, ["resource-group", "firewall", "network"]);
}

/// As Go's programs write them: members and words in another case, and the whole resource in `reference`.
#[test]
fn members_and_words_are_read_in_any_case() {
    let world = world();
    world.group("rg");
    let text = deployment()
        .to_string()
        .replace("publicIPAllocationMethod", "publicIpAllocationMethod")
        .replace("publicIPAddress\":", "publicIpAddress\":")
        .replace("\"Static\"", "\"static\"")
        .replace("\"FromImage\"", "\"fromImage\"")
        .replace("\"securestring\"", "\"secureString\"")
        .replace("\"Incremental\"", "\"Complete\"")
        .replace(
            "[reference(variables('pip')).ipAddress]",
            "[reference(variables('pip'), '2024-03-01', 'Full').properties.ipAddress]",
        );
    let (status, body) = world.deploy("rg", &serde_json::from_str(&text).unwrap());
    assert_eq!(status, 201, "{body}");
    world.advance(60);
    let made = world.get("/resourcegroups/rg/providers/Microsoft.Resources/deployments/web");
    assert_eq!(made["properties"]["provisioningState"], "Succeeded", "{made}");
    let ip = &made["properties"]["outputs"]["publicIP"]["value"];
    let address = world.get("/resourcegroups/rg/providers/Microsoft.Network/publicIPAddresses/web-ip");
    assert_eq!(&address["properties"]["ipAddress"], ip);
    assert_eq!(
        address["properties"]["publicIPAllocationMethod"]
            .as_str()
            .map(str::to_ascii_lowercase),
        Some("static".to_owned())
    );
}

#[test]
fn names_are_no_longer_than_their_kind_allows() {
    for (part, most) in [("-vnet", 64), ("-ip", 80), ("-nsg", 80), ("-nic", 80)] {
        for (length, status) in [(most, 201), (most + 1, 400)] {
            let world = world();
            world.group("rg");
            let long = format!("'{}'", "x".repeat(length));
            let text = deployment().to_string().replace(
                &format!("[concat(parameters('name'),'{part}')]"),
                &format!("[concat({long},'')]"),
            );
            let (got, body) = world.deploy("rg", &serde_json::from_str(&text).unwrap());
            assert_eq!(got, status, "{part} {length}: {body}");
            assert_eq!(status == 400, body.to_string().contains("InvalidResourceName"));
        }
    }
}
