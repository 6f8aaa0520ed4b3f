//! Hosts as inlets-operator makes them: the requests of its Go code
//! (<https://github.com/inlets/cloud-provision/tree/5786ca1/provision>; Civo and Packet: its parent commits up to e314bdd), with
//! the values of <https://github.com/inlets/inlets-operator/blob/33495ab1/controller.go>, and the Tunnel that it leaves.
//!
//! What differs: images and plans that the simulator does not offer any more are others of the same kind. Azure's address is of
//! the Standard SKU, because Azure retired the Basic one, and its members are spelled as in Microsoft's reference. Linode's StackScript and Vultr's startup script, which hold the user
//! data and stay behind as they do with the Go code, are not simulated, nor is the old form of EC2's rules. Packet takes metros in the place of facilities. OVH was
//! never one of inlets-operator's clouds, nor was Vultr; the state of OVH's host is made by renaming one of ours.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use provision::{
    BasicHost, ListFilter, UserData, connect_with,
    http::{Request, Response, Transport, TransportError},
};
use provision_sim::SimRequest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{SimTransport, TUNNELS, World, gate::Gate, service};

const SCRIPT: &str = "#!/bin/bash\nexport AUTHTOKEN=\"x\"\n";
const UUID: &str = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";

/// What such a host leaves behind on purpose: it is for the whole project.
pub(crate) const SHARED: &str = "inlets";

/// The clouds that inlets-operator knew, to which none will be added.
pub(crate) const CLOUDS: [&str; 11] = [
    "azure",
    "civo",
    "digitalocean",
    "ec2",
    "gce",
    "hetzner",
    "linode",
    "ovh",
    "packet",
    "scaleway",
    "vultr",
];

impl World {
    /// Makes a Service with the Tunnel and the host that inlets-operator made for it, as they are while it waits for the host.
    /// Answers the id that it stored.
    pub(crate) async fn leave_by_inlets_operator(&self, name: &str) -> String {
        let tunnel = format!("{name}-tunnel");
        let id = Go::new(self).await.provision(&tunnel).await;
        let made = self.cluster.create("services", service(name));
        let owner = json!({
            "apiVersion": "v1", "kind": "Service", "name": name, "uid": made["metadata"]["uid"],
            "controller": true, "blockOwnerDeletion": true,
        });
        let object = json!({
            "apiVersion": "operator.inlets.dev/v1alpha1", "kind": "Tunnel",
            "metadata": { "name": tunnel, "namespace": "shop", "ownerReferences": [owner] },
            "spec": { "serviceRef": { "name": name, "namespace": "shop" }, "updateServiceIP": true },
        });
        self.cluster.create(TUNNELS, object);
        let token = json!({ "metadata": { "name": tunnel, "namespace": "shop" }, "data": { "token": "eA==" } });
        self.cluster.create("secrets", token);
        let status = json!({ "status": {
            "generated": true, "hostStatus": "provisioning", "hostIP": "", "hostId": id,
            "authTokenRef": { "name": tunnel, "namespace": "shop" },
        } });
        self.cluster.patch_status(TUNNELS, "shop", &tunnel, &status);
        id
    }
}

/// The Go code at one cloud.
struct Go<'a> {
    world: &'a World,
    headers: Vec<(String, String)>,
}

impl<'a> Go<'a> {
    /// With the credentials of the account, as a request of this workspace shows them.
    async fn new(world: &'a World) -> Self {
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let inner = SimTransport {
            sim: world.sim.clone(),
            gate: Arc::new(Gate::open()),
        };
        let transport = Arc::new(Eavesdropper {
            inner,
            seen: seen.clone(),
        });
        let cloud = connect_with(world.cloud, &World::settings(world.cloud), transport).unwrap();
        cloud.list(&ListFilter::all()).await.unwrap();
        let headers = seen.lock().unwrap().clone().into_iter().collect();
        Self { world, headers }
    }

    fn send(&self, method: &str, path: &str, body: Sent<'_>) -> Value {
        let mut request = SimRequest::new(method.parse().unwrap(), &format!("/{}{path}", self.world.cloud));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = match body {
            Sent::Nothing => request,
            Sent::Json(value) => request.json(&value),
            Sent::Text(kind, text) => request.header("content-type", kind).body(text.to_owned()),
        };
        let answer = self.world.sim.handle(request).answer().unwrap();
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(
            answer.status().is_success(),
            "{method} {path}: {}: {text}",
            answer.status()
        );
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    fn get(&self, path: &str) -> Value {
        self.send("GET", path, Sent::Nothing)
    }

    fn post(&self, path: &str, body: Value) -> Value {
        self.send("POST", path, Sent::Json(body))
    }

    async fn provision(&self, name: &str) -> String {
        match self.world.cloud {
            "digitalocean" => {
                let droplet = self.post(
                    "/v2/droplets",
                    json!({
                        "name": name, "region": "lon1", "size": "s-1vcpu-1gb", "image": "ubuntu-22-04-x64", "ssh_keys": null,
                        "backups": false, "ipv6": false, "private_networking": false, "monitoring": false,
                        "user_data": SCRIPT, "tags": ["inlets"],
                    }),
                );
                droplet["droplet"]["id"].to_string()
            }
            "hetzner" => self.hetzner(name),
            "linode" => {
                let instance = self.post(
                    "/v4/linode/instances",
                    json!({
                        "label": name, "image": "linode/ubuntu22.04", "region": "eu-west", "type": "g6-nanode-1",
                        "root_pass": "aB3$aB3$aB3$aB3$", "tags": ["inlets"],
                    }),
                );
                instance["id"].to_string()
            }
            "vultr" => {
                let instance = self.post(
                    "/v2/instances",
                    json!({
                        "region": "lhr", "plan": "vc2-1c-1gb", "os_id": 2284, "hostname": name, "label": name,
                        "tag": "inlets-exit-node",
                    }),
                );
                text(&instance["instance"]["id"])
            }
            "scaleway" => self.scaleway(name),
            "civo" => self.civo(name),
            "packet" => {
                let project = World::settings("packet").get("project").unwrap().to_owned();
                let device = self.post(
                    &format!("/metal/v1/projects/{project}/devices"),
                    json!({
                        "hostname": name, "plan": "c3.small.x86", "metro": "am", "operating_system": "ubuntu_24_04",
                        "billing_cycle": "hourly", "project_id": project, "userdata": SCRIPT, "tags": ["inlets"],
                        "no_ssh_keys": true,
                    }),
                );
                text(&device["id"])
            }
            "gce" => self.gce(name),
            "ec2" => self.ec2(),
            "azure" => self.azure(name),
            "ovh" => self.renamed(name).await,
            other => panic!("inlets-operator does not know {other}"),
        }
    }

    fn hetzner(&self, name: &str) -> String {
        let id = |path: &str, list: &str| self.get(path)[list][0]["id"].clone();
        let server = self.post(
            "/v1/servers",
            json!({
                "name": name, "server_type": id("/v1/server_types?name=cx23", "server_types"),
                "image": id("/v1/images?name=ubuntu-22.04", "images"),
                "location": text(&self.get("/v1/locations?name=fsn1")["locations"][0]["name"]),
                "start_after_create": true, "user_data": SCRIPT, "labels": { "managed-by": "inlets" },
            }),
        );
        server["server"]["id"].to_string()
    }

    fn scaleway(&self, name: &str) -> String {
        let zone = "/instance/v1/zones/fr-par-1";
        let images =
            self.get("/marketplace/v2/local-images?image_label=ubuntu_jammy&zone=fr-par-1&type=instance_local");
        let server = self.post(
            &format!("{zone}/servers"),
            json!({
                "name": name, "commercial_type": "DEV1-S", "image": images["local_images"][0]["id"], "tags": ["inlets"],
                "dynamic_ip_required": true, "project": World::settings("scaleway").get("project").unwrap(),
            }),
        );
        let id = text(&server["server"]["id"]);
        let data = format!("{zone}/servers/{id}/user_data/cloud-init");
        self.send("PATCH", &data, Sent::Text("text/plain", SCRIPT));
        self.post(&format!("{zone}/servers/{id}/action"), json!({ "action": "poweron" }));
        id
    }

    fn civo(&self, name: &str) -> String {
        let images = self.get("/v2/disk_images?region=LON1");
        let image = images
            .as_array()
            .unwrap()
            .iter()
            .find(|image| image["name"] == "ubuntu-jammy");
        let values = [
            ("hostname", name.to_owned()),
            ("size", "g4s.xsmall".to_owned()),
            ("public_ip", "create".to_owned()),
            ("template_id", text(&image.unwrap()["id"])),
            ("initial_user", "civo".to_owned()),
            ("script", SCRIPT.to_owned()),
            ("region", "LON1".to_owned()),
            ("network_id", text(&self.get("/v2/networks?region=LON1")[0]["id"])),
            ("tags", "inlets".to_owned()),
        ];
        let sent = Sent::Text("application/x-www-form-urlencoded", &form(&values));
        text(&self.send("POST", "/v2/instances", sent)["id"])
    }

    fn gce(&self, name: &str) -> String {
        let account: Value = serde_json::from_str(World::settings("gce").get("service-account").unwrap()).unwrap();
        let project = text(&account["project_id"]);
        let (zone, region) = ("us-central1-a", "us-central1");
        let base = format!("/compute/v1/projects/{project}");
        self.post(
            &format!("{base}/global/firewalls"),
            json!({
                "name": SHARED, "description": "Firewall rule created by inlets-operator",
                "network": format!("projects/{project}/global/networks/default"),
                "allowed": [{ "IPProtocol": "tcp", "ports": ["8123", "80", "443"] }], "sourceRanges": ["0.0.0.0/0"],
                "direction": "INGRESS", "targetTags": ["inlets"],
            }),
        );
        let addresses = format!("{base}/regions/{region}/addresses");
        self.post(
            &addresses,
            json!({
                "addressType": "EXTERNAL", "description": "Static IP for inlets tunnel server", "networkTier": "PREMIUM",
                "name": name,
            }),
        );
        let address = text(&self.get(&format!("{addresses}/{name}"))["address"]);
        self.post(
            &format!("{base}/zones/{zone}/instances"),
            json!({
                "name": name, "description": "Tunnel server for inlets", "canIpForward": true,
                "machineType": format!("zones/{zone}/machineTypes/f1-micro"),
                "zone": format!("projects/{project}/zones/{zone}"),
                "disks": [{
                    "autoDelete": true, "boot": true, "deviceName": name, "mode": "READ_WRITE", "type": "PERSISTENT",
                    "initializeParams": {
                        "description": "Boot Disk for the exit-node created by inlets-operator", "diskName": name,
                        "diskSizeGb": "10",
                        "sourceImage": "projects/ubuntu-os-cloud/global/images/ubuntu-2204-jammy-v20261012",
                    },
                }],
                "metadata": { "items": [{ "key": "startup-script", "value": SCRIPT }] },
                "labels": { "inlets": "exit-node" },
                "tags": { "items": ["http-server", "https-server", "inlets"] },
                "scheduling": { "automaticRestart": true, "onHostMaintenance": "MIGRATE", "preemptible": false },
                "networkInterfaces": [{
                    "accessConfigs": [{ "type": "ONE_TO_ONE_NAT", "name": "External NAT", "natIP": address }],
                    "network": "global/networks/default",
                }],
            }),
        );
        format!("{name}|{zone}|{project}|{region}")
    }

    fn ec2(&self) -> String {
        let group_name = format!("inlets-{UUID}");
        let group = self.ec2_call(
            "CreateSecurityGroup",
            &[
                ("GroupDescription", "inlets security group"),
                ("GroupName", &group_name),
            ],
        );
        let group = element(&group, "groupId");
        for port in ["8123", "80"] {
            let rule = [
                ("GroupId", group.as_str()),
                ("IpPermissions.1.IpProtocol", "tcp"),
                ("IpPermissions.1.FromPort", port),
                ("IpPermissions.1.ToPort", port),
                ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
            ];
            self.ec2_call("AuthorizeSecurityGroupIngress", &rule);
        }
        let images = self.ec2_call(
            "DescribeImages",
            &[
                ("Filter.1.Name", "name"),
                (
                    "Filter.1.Value.1",
                    "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20260820",
                ),
            ],
        );
        let run = self.ec2_call(
            "RunInstances",
            &[
                ("ImageId", &element(&images, "imageId")),
                ("InstanceType", "t3.micro"),
                ("MinCount", "1"),
                ("MaxCount", "1"),
                ("UserData", "IyEvYmluL2Jhc2gK"),
                ("NetworkInterface.1.DeviceIndex", "0"),
                ("NetworkInterface.1.AssociatePublicIpAddress", "true"),
                ("NetworkInterface.1.DeleteOnTermination", "true"),
                ("NetworkInterface.1.SecurityGroupId.1", &group),
            ],
        );
        let id = element(&run, "instanceId");
        self.ec2_call(
            "CreateTags",
            &[
                ("ResourceId.1", &id),
                ("Tag.1.Key", "Name"),
                ("Tag.1.Value", &group_name),
                ("Tag.2.Key", "inlets"),
                ("Tag.2.Value", "exit-node"),
            ],
        );
        id
    }

    /// A call with a signature of AWS's, version 4.
    fn ec2_call(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let mut all = vec![("Action", action.to_owned()), ("Version", "2016-11-15".to_owned())];
        all.extend(parameters.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let (body, settings) = (form(&all), World::settings("ec2"));
        let (key, secret) = (
            settings.get("access-key-id").unwrap(),
            settings.get("secret-access-key").unwrap(),
        );
        let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap();
        let now = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!("{}/us-east-1/ec2/aws4_request", &now[..8]);
        let hash = |text: &str| hex(&Sha256::digest(text));
        let canonical = format!(
            "POST\n/ec2\n\nhost:localhost\nx-amz-date:{now}\n\nhost;x-amz-date\n{}",
            hash(&body)
        );
        let signed = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", hash(&canonical));
        let parts = scope.split('/');
        let signing = parts.fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
        let signature = hex(&hmac(&signing, &signed));
        let header =
            format!("AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}");
        let request = SimRequest::new(http::Method::POST, "/ec2")
            .header("x-amz-date", &now)
            .header("authorization", &header)
            .body(body);
        let answer = self.world.sim.handle(request).answer().unwrap();
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(answer.status().is_success(), "{action}: {text}");
        text
    }

    fn azure(&self, name: &str) -> String {
        let subscription = World::settings("azure").get("subscription-id").unwrap().to_owned();
        let (group, deployment) = (format!("inlets-{name}"), format!("deployment-{UUID}"));
        let path = format!("/subscriptions/{subscription}/resourcegroups/{group}");
        let made = format!("{path}?api-version=2021-04-01");
        self.send("PUT", &made, Sent::Json(json!({ "location": "westeurope" })));
        let mut body: Value = serde_json::from_str(include_str!("inlets_azure.json")).unwrap();
        body["properties"]["parameters"]["virtualMachineName"]["value"] = json!(name);
        body["properties"]["parameters"]["virtualMachineRG"]["value"] = json!(group);
        let made = format!("{path}/providers/Microsoft.Resources/deployments/{deployment}?api-version=2021-04-01");
        self.send("PUT", &made, Sent::Json(body));
        format!("{group}|{deployment}")
    }

    /// OVH's labels are in the name.
    async fn renamed(&self, name: &str) -> String {
        let host = BasicHost::new(name.parse().unwrap(), UserData::new(SCRIPT).unwrap());
        let host = self.world.by_hand().provision(&host).await.unwrap();
        let change = |state: &str| {
            let start = state.find(&format!("\"{name}--")).unwrap() + 1;
            let end = start + state[start..].find('"').unwrap();
            format!("{}{name}{}", &state[..start], &state[end..])
        };
        self.world.sim.rewrite(self.world.cloud, change).unwrap();
        host.id.as_str().to_owned()
    }
}

enum Sent<'a> {
    Nothing,
    Json(Value),
    /// Its type, and itself.
    Text(&'a str, &'a str),
}

/// Remembers the credentials in the headers that pass through.
#[derive(Debug)]
struct Eavesdropper {
    inner: SimTransport,
    seen: Arc<Mutex<BTreeMap<String, String>>>,
}

#[async_trait]
impl Transport for Eavesdropper {
    fn clock(&self) -> provision::Clock {
        self.inner.clock()
    }

    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        for name in ["authorization", "x-auth-token"] {
            if let Some(value) = request.headers().get(name) {
                let value = value.to_str().unwrap().to_owned();
                self.seen.lock().unwrap().insert(name.to_owned(), value);
            }
        }
        self.inner.send(request, timeout).await
    }
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    rest.split('<').next().unwrap().to_owned()
}

fn form(values: &[(&str, String)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs = values.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// HMAC with SHA-256 (RFC 2104), for keys of up to 64 bytes.
fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let pad = |byte: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect() };
    let inner = Sha256::digest([pad(0x36), text.as_bytes().to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}
