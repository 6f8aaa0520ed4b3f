//! Azure through `azure_mgmt_resources` and `azure_mgmt_compute`, with tokens from `azure_identity`.
//!
//! The SDK replaces the whole path of its endpoint, so that a prefix is lost: the simulator is reached under the real host
//! names, which the client resolves to it. What `create_or_update` returns is sent with `send()`: awaited, it sends the PUT
//! again and again until the answer says `Succeeded`.

mod errors;
mod hosts;

use std::sync::Arc;

use azure_core::auth::TokenCredential;
use azure_core::error::ErrorKind;
use azure_core::{HttpClient, RetryOptions, TransportOptions, Url};
use azure_identity::ClientSecretCredential;
use azure_mgmt_compute::package_2024_07_01 as compute;
use azure_mgmt_resources::package_resources_2021_04 as resources;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use compute::models::VirtualMachine;
use futures_util::StreamExt;
use provision_sim::Effect;
use resources::models::deployment_properties::Mode;
use resources::models::deployment_properties_extended::ProvisioningState;
use resources::models::{Deployment, DeploymentExtended, DeploymentProperties, ResourceGroup};
use serde_json::{Value, json};

use crate::cases::Outcome;
use crate::world::{USER_DATA, World, digest};
use crate::{cases, holds, same};

const CLOUD: &str = "azure";
const MANAGEMENT: &str = "management.azure.com";
const LOGIN: &str = "login.microsoftonline.com";
const SCOPE: &str = "https://management.azure.com/.default";
const REGION: &str = "eastus";

cases! {
    "create" => hosts::creates,
    "get" => hosts::gets,
    "list" => hosts::lists,
    "pages" => hosts::pages,
    "delete" => hosts::deletes,
    "catalog" => hosts::catalogs,
    "actions" => hosts::operations,
    "repeat" => hosts::repeats,
    "power" => hosts::switches,
    "lost answer" => hosts::loses_an_answer,
    "error: bad credential" => errors::bad_credential,
    "error: read only" => errors::read_only,
    "error: not found" => errors::not_found,
    "error: unknown plan" => errors::unknown_plan,
    "error: unknown image" => errors::unknown_image,
    "error: unknown region" => errors::unknown_region,
    "error: name taken" => errors::name_taken,
    "error: bad field" => errors::bad_field,
    "error: busy" => errors::busy,
    "error: quota" => errors::quota,
    "error: sold out" => errors::sold_out,
    "error: fails later" => errors::fails_later,
    "error: rate limited" => errors::rate_limited,
    "error: server fault" => errors::server_fault,
}

/// Both SDKs of an account.
struct Account {
    groups: resources::resource_groups::Client,
    deployments: resources::deployments::Client,
    operations: resources::deployment_operations::Client,
    resources: resources::resources::Client,
    compute: compute::Client,
    subscription: String,
}

fn told(error: azure_core::Error) -> String {
    format!("{error}: {error:?}")
}

fn http(world: &World) -> Result<Arc<dyn HttpClient>, String> {
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
    let builder = builder
        .resolve(MANAGEMENT, world.address())
        .resolve(LOGIN, world.address());
    Ok(Arc::new(builder.build().map_err(|error| error.to_string())?))
}

fn url(world: &World, host: &str) -> Result<Url, String> {
    let url = format!("http://{host}:{}", world.address().port());
    Url::parse(&url).map_err(|error| error.to_string())
}

fn credential(world: &World, client: &str, secret: &str) -> Result<Arc<dyn TokenCredential>, String> {
    Ok(Arc::new(ClientSecretCredential::new(
        http(world)?,
        url(world, LOGIN)?,
        World::setting(CLOUD, "tenant-id"),
        client.to_owned(),
        secret.to_owned(),
    )))
}

fn account_of(world: &World, credential: Arc<dyn TokenCredential>) -> Result<Account, String> {
    let transport = || Ok::<_, String>(TransportOptions::new(http(world)?));
    let management = resources::Client::builder(credential.clone())
        .endpoint(url(world, MANAGEMENT)?)
        .scopes(&[SCOPE])
        .retry(RetryOptions::none())
        .transport(transport()?)
        .build()
        .map_err(told)?;
    let compute = compute::Client::builder(credential)
        .endpoint(url(world, MANAGEMENT)?)
        .scopes(&[SCOPE])
        .retry(RetryOptions::none())
        .transport(transport()?)
        .build()
        .map_err(told)?;
    Ok(Account {
        groups: management.resource_groups_client(),
        deployments: management.deployments_client(),
        operations: management.deployment_operations_client(),
        resources: management.resources_client(),
        compute,
        subscription: World::setting(CLOUD, "subscription-id"),
    })
}

fn account(world: &World) -> Result<Account, String> {
    let (client, secret) = (
        World::setting(CLOUD, "client-id"),
        World::setting(CLOUD, "client-secret"),
    );
    account_of(world, credential(world, &client, &secret)?)
}

/// Status and code of a refusal.
fn refusal<R>(result: azure_core::Result<R>) -> Result<(u16, String), String> {
    let error = match result {
        Ok(_) => return Err("no refusal".to_owned()),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::HttpResponse { status, error_code } => {
            let code = error_code.clone().ok_or_else(|| format!("no code: {error:?}"))?;
            Ok((*status as u16, code))
        }
        _ => Err(told(error)),
    }
}

/// The code inside a refusal of a whole template.
fn inner_code<R>(result: azure_core::Result<R>) -> Result<String, String> {
    let error = result.err().ok_or("no refusal")?;
    let http = error.as_http_error().ok_or_else(|| format!("no answer: {error:?}"))?;
    same!(http.error_code(), Some("InvalidTemplateDeployment"));
    same!(http.status() as u16, 400);
    // The SDK keeps the body, but shows it in texts alone.
    let text = format!("{http:?}");
    let details = text.split("\\\"details\\\":").nth(1).unwrap_or_default();
    let code = details
        .split("\\\"code\\\":\\\"")
        .nth(1)
        .and_then(|rest| rest.split("\\\"").next());
    code.map(str::to_owned).ok_or_else(|| format!("no inner code: {text}"))
}

/// A template with a machine and all that it needs; sizes and images come as parameters.
fn template() -> Value {
    let id = |kind: &str, name: &str| format!("[resourceId('{kind}',variables('{name}'))]");
    let resource = |kind: &str, name: &str, more: Value| {
        let mut resource = json!({
            "type": kind, "apiVersion": "2024-03-01", "name": name, "location": "[parameters('location')]",
            "tags": "[parameters('tags')]",
        });
        if let (Some(fields), Some(more)) = (resource.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        resource
    };
    let (nsg, ip) = (
        id("Microsoft.Network/networkSecurityGroups", "nsg"),
        id("Microsoft.Network/publicIPAddresses", "ip"),
    );
    let (net, nic) = (
        id("Microsoft.Network/virtualNetworks", "net"),
        id("Microsoft.Network/networkInterfaces", "nic"),
    );
    let rule = json!({ "name": "all", "properties": {
        "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "*", "sourceAddressPrefix": "*",
        "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
    }});
    let subnet = "[resourceId('Microsoft.Network/virtualNetworks/subnets',variables('net'),'default')]";
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "name": { "type": "string" }, "location": { "type": "string" }, "size": { "type": "string" },
            "image": { "type": "object" }, "tags": { "type": "object" }, "password": { "type": "securestring" },
            "customData": { "type": "securestring" },
        },
        "variables": {
            "nsg": "[concat(parameters('name'),'-nsg')]", "ip": "[concat(parameters('name'),'-ip')]",
            "net": "[concat(parameters('name'),'-net')]", "nic": "[concat(parameters('name'),'-nic')]",
        },
        "resources": [
            resource("Microsoft.Network/networkSecurityGroups", "[variables('nsg')]", json!({
                "properties": { "securityRules": [rule] },
            })),
            resource("Microsoft.Network/publicIPAddresses", "[variables('ip')]", json!({
                "sku": { "name": "Standard", "tier": "Regional" },
                "properties": { "publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4" },
            })),
            resource("Microsoft.Network/virtualNetworks", "[variables('net')]", json!({ "properties": {
                "addressSpace": { "addressPrefixes": ["10.0.0.0/24"] },
                "subnets": [{ "name": "default", "properties": { "addressPrefix": "10.0.0.0/24" } }],
            }})),
            resource("Microsoft.Network/networkInterfaces", "[variables('nic')]", json!({
                "dependsOn": [nsg, ip, net],
                "properties": {
                    "networkSecurityGroup": { "id": nsg },
                    "ipConfigurations": [{ "name": "one", "properties": {
                        "privateIPAllocationMethod": "Dynamic", "subnet": { "id": subnet },
                        "publicIPAddress": { "id": ip, "properties": { "deleteOption": "Delete" } },
                    }}],
                },
            })),
            resource("Microsoft.Compute/virtualMachines", "[parameters('name')]", json!({
                "apiVersion": "2024-07-01", "dependsOn": [nic],
                "properties": {
                    "hardwareProfile": { "vmSize": "[parameters('size')]" },
                    "storageProfile": {
                        "imageReference": "[parameters('image')]",
                        "osDisk": { "createOption": "FromImage", "deleteOption": "Delete",
                            "managedDisk": { "storageAccountType": "StandardSSD_LRS" } },
                    },
                    "osProfile": {
                        "computerName": "[parameters('name')]", "adminUsername": "oracle",
                        "adminPassword": "[parameters('password')]", "customData": "[parameters('customData')]",
                    },
                    "networkProfile": { "networkInterfaces": [{ "id": nic,
                        "properties": { "primary": true, "deleteOption": "Delete" } }] },
                },
            })),
        ],
        "outputs": { "publicIP": { "type": "string",
            "value": "[reference(resourceId('Microsoft.Network/publicIPAddresses',variables('ip'))).ipAddress]" } },
    })
}

/// What a deployment asks for.
struct Order {
    name: String,
    size: &'static str,
    sku: &'static str,
    region: &'static str,
}

fn order(name: &str) -> Order {
    Order {
        name: name.to_owned(),
        size: "Standard_B2ats_v2",
        sku: "server",
        region: REGION,
    }
}

fn tags() -> Value {
    json!({ "managed-by": "oracle" })
}

fn deployment(order: &Order) -> Deployment {
    let value = |value: Value| json!({ "value": value });
    let image = json!({ "publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": order.sku, "version": "latest" });
    let properties = DeploymentProperties {
        template: Some(template()),
        parameters: Some(json!({
            "name": value(json!(order.name)), "location": value(json!(order.region)), "size": value(json!(order.size)),
            "image": value(image), "tags": value(tags()), "password": value(json!("An-oracle-needs-1")),
            "customData": value(json!(STANDARD.encode(USER_DATA))),
        })),
        ..DeploymentProperties::new(Mode::Incremental)
    };
    Deployment {
        tags: Some(tags()),
        ..Deployment::new(properties)
    }
}

impl Account {
    async fn group(&self, name: &str) -> Result<ResourceGroup, String> {
        let wanted = ResourceGroup {
            tags: Some(tags()),
            ..ResourceGroup::new(REGION.to_owned())
        };
        let made = self.groups.create_or_update(name, wanted, &self.subscription);
        made.send().await.map_err(told)?.into_body().await.map_err(told)
    }

    async fn put(&self, order: &Order) -> azure_core::Result<DeploymentExtended> {
        let made = self
            .deployments
            .create_or_update("group-1", &order.name, deployment(order), &self.subscription);
        made.send().await?.into_body().await
    }

    /// A group with a machine.
    async fn make(&self, name: &str) -> Result<DeploymentExtended, String> {
        self.group("group-1").await?;
        self.put(&order(name)).await.map_err(told)
    }

    async fn deployment(&self, name: &str) -> Result<DeploymentExtended, String> {
        let found = self.deployments.get("group-1", name, &self.subscription);
        found.send().await.map_err(told)?.into_body().await.map_err(told)
    }

    async fn machine(&self, name: &str) -> Result<VirtualMachine, String> {
        let found = self
            .compute
            .virtual_machines_client()
            .get("group-1", name, &self.subscription);
        found
            .expand("instanceView")
            .send()
            .await
            .map_err(told)?
            .into_body()
            .await
            .map_err(told)
    }
}

fn state(deployment: &DeploymentExtended) -> Option<ProvisioningState> {
    deployment.properties.as_ref()?.provisioning_state.clone()
}

/// The codes of a machine's statuses.
fn statuses(machine: &VirtualMachine) -> Vec<String> {
    let properties = machine.properties.as_ref();
    let view = properties.and_then(|properties| properties.instance_view.as_ref());
    let statuses = view.map(|view| view.statuses.iter().filter_map(|status| status.code.clone()).collect());
    statuses.unwrap_or_default()
}

/// Ids compare without case.
fn lower(ids: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut ids: Vec<_> = ids.into_iter().map(|id| id.to_ascii_lowercase()).collect();
    ids.sort();
    ids
}
