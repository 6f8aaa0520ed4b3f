//! Invalid bodies are refused: for each field that a cloud documents every JSON value of another type, and what the cloud lists as
//! impossible. The fields and their types are excerpts of the vendors' specifications, each with its source and date.
#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Sim, SimRequest};
use serde_json::{Value, json};
use support::{got, sim};

/// Type of a field, as the specification has it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text,
    Flag,
    Number,
    Decimal,
    Texts,
    Object,
    /// A name or an id.
    NameOrId,
}

use Kind::{Decimal, Flag, NameOrId, Number, Object, Text, Texts};

/// A request that makes something, and the fields that its body may have.
struct Create {
    path: &'static str,
    header: (&'static str, &'static str),
    body: Value,
    /// Where in the body the fields stand, as a JSON pointer.
    place: &'static str,
    fields: &'static [(&'static str, Kind)],
    /// Values of the right type that are refused all the same, and such as must pass.
    refused: Vec<(&'static str, Value)>,
    taken: Vec<(&'static str, Value)>,
}

const HETZNER: (&str, &str) = ("authorization", "Bearer sim-token-hetzner");
const LINODE: (&str, &str) = ("authorization", "Bearer sim-token-linode");
const VULTR: (&str, &str) = ("authorization", "Bearer sim-token-vultr");
const PACKET: (&str, &str) = ("x-auth-token", "sim-token-packet");
const GCE: (&str, &str) = ("authorization", "Bearer sim-token-gce");

fn creates() -> Vec<Create> {
    vec![
        // https://docs.hetzner.cloud/reference/cloud#servers-create-a-server, 2026-11
        Create {
            path: "/hetzner/v1/servers",
            header: HETZNER,
            body: json!({ "name": "web-1", "server_type": "cx23", "image": "ubuntu-24.04" }),
            place: "",
            fields: &[
                ("name", Text),
                ("server_type", NameOrId),
                ("image", NameOrId),
                ("location", NameOrId),
                ("start_after_create", Flag),
                ("placement_group", Number),
                ("user_data", Text),
                ("labels", Object),
                ("automount", Flag),
                ("public_net", Object),
            ],
            refused: vec![
                ("automount", json!(true)),
                ("datacenter", json!("nbg1-dc3")),
                ("volumes", json!([1])),
                ("placement_group", json!(7)),
            ],
            taken: vec![
                ("automount", json!(false)),
                ("volumes", json!([])),
                ("user_data", Value::Null),
            ],
        },
        // https://docs.hetzner.cloud/reference/cloud#primary-ips-create-a-primary-ip, 2026-11
        Create {
            path: "/hetzner/v1/primary_ips",
            header: HETZNER,
            body: json!({ "name": "ip-1", "type": "ipv4", "assignee_type": "server" }),
            place: "",
            fields: &[
                ("name", Text),
                ("type", Text),
                ("assignee_type", Text),
                ("auto_delete", Flag),
                ("location", Text),
                ("labels", Object),
            ],
            refused: vec![("assignee_type", json!("load_balancer")), ("type", json!("ipv5"))],
            taken: vec![("auto_delete", json!(true))],
        },
        // https://techdocs.akamai.com/linode-api/reference/post-linode-instance, 2026-11
        Create {
            path: "/linode/v4/linode/instances",
            header: LINODE,
            body: json!({ "region": "eu-west", "type": "g6-nanode-1" }),
            place: "",
            fields: &[
                ("backups_enabled", Flag),
                ("booted", Flag),
                ("boot_size", Number),
                ("disk_encryption", Text),
                ("group", Text),
                ("image", Text),
                ("interface_generation", Text),
                ("kernel", Text),
                ("label", Text),
                ("maintenance_policy", Text),
                ("metadata", Object),
                ("network_helper", Flag),
                ("private_ip", Flag),
                ("region", Text),
                ("root_pass", Text),
                ("stackscript_data", Object),
                ("stackscript_id", Number),
                ("swap_size", Number),
                ("tags", Texts),
                ("type", Text),
                ("authorized_keys", Texts),
                ("authorized_users", Texts),
            ],
            refused: vec![
                ("disk_encryption", json!("maybe")),
                ("stackscript_data", json!({ "a": "b" })),
                ("stackscript_id", json!(7)),
                ("interface_generation", json!("new")),
                ("colour", json!("red")),
            ],
            taken: vec![
                ("swap_size", json!(512)),
                ("group", json!("web")),
                ("tags", json!(["a"])),
            ],
        },
        // https://deploy.equinix.com/developers/api/metal, schema DeviceCreateInMetroInput, 2025-06. `tags` may be an empty object, which
        // packet-python sends.
        Create {
            path: "/packet/metal/v1/projects/PROJECT/devices",
            header: PACKET,
            body: json!({ "hostname": "web-1", "plan": "c3.small.x86", "metro": "am", "operating_system": "ubuntu_24_04" }),
            place: "",
            fields: &[
                ("always_pxe", Flag),
                ("billing_cycle", Text),
                ("customdata", Object),
                ("description", Text),
                ("spot_price_max", Decimal),
                ("hostname", Text),
                ("ipxe_script_url", Text),
                ("locked", Flag),
                ("metro", Text),
                ("network_frozen", Flag),
                ("no_ssh_keys", Flag),
                ("operating_system", Text),
                ("plan", Text),
                ("private_ipv4_subnet_size", Decimal),
                ("project_ssh_keys", Texts),
                ("public_ipv4_subnet_size", Decimal),
                ("spot_instance", Flag),
                ("termination_time", Text),
                ("user_ssh_keys", Texts),
                ("userdata", Text),
            ],
            refused: vec![
                ("public_ipv4_subnet_size", json!(28)),
                ("private_ipv4_subnet_size", json!(31)),
                ("features", json!("txt")),
                ("features", json!([7])),
                ("features", json!(["tpm"])),
                ("features", json!({ "tpm": "required" })),
                ("features", json!({ "tpm": true })),
                ("tags", json!({ "a": 1 })),
                ("colour", json!("red")),
            ],
            taken: vec![
                ("customdata", json!({ "a": 1 })),
                ("tags", json!({})),
                ("features", json!({})),
                ("features", json!({ "tpm": "preferred", "uefi": "required" })),
                ("features", json!(["txt"])),
                ("public_ipv4_subnet_size", json!(31.0)),
                ("private_ipv4_subnet_size", json!(28.0)),
                ("spot_price_max", json!(1.5)),
                ("locked", json!(true)),
            ],
        },
        // https://www.scaleway.com/en/developers/api/instances/#path-instances-create-an-instance, 2026-11
        Create {
            path: "/scaleway/instance/v1/zones/fr-par-1/servers",
            header: ("x-auth-token", ""),
            body: json!({ "name": "web-1", "commercial_type": "DEV1-S", "image": "ubuntu_noble" }),
            place: "",
            fields: &[
                ("name", Text),
                ("commercial_type", Text),
                ("image", Text),
                ("dynamic_ip_required", Flag),
                ("routed_ip_enabled", Flag),
                ("enable_ipv6", Flag),
                ("public_ip", Text),
                ("public_ips", Texts),
                ("boot_type", Text),
                ("tags", Texts),
                ("security_group", Text),
                ("placement_group", Text),
                ("protected", Flag),
                ("volumes", Object),
            ],
            refused: vec![("boot_type", json!("disk")), ("colour", json!("red"))],
            taken: vec![("enable_ipv6", json!(false)), ("tags", json!(["a"]))],
        },
        // https://www.scaleway.com/en/developers/api/instances/#path-security-groups-create-a-security-group, 2026-11
        Create {
            path: "/scaleway/instance/v1/zones/fr-par-1/security_groups",
            header: ("x-auth-token", ""),
            body: json!({ "name": "web" }),
            place: "",
            fields: &[
                ("name", Text),
                ("description", Text),
                ("tags", Texts),
                ("stateful", Flag),
                ("organization_default", Flag),
                ("project_default", Flag),
                ("enable_default_security", Flag),
                ("inbound_default_policy", Text),
                ("outbound_default_policy", Text),
            ],
            refused: vec![
                ("project_default", json!(true)),
                ("inbound_default_policy", json!("reject")),
            ],
            taken: vec![
                ("enable_default_security", json!(true)),
                ("project_default", json!(false)),
            ],
        },
        // https://techdocs.akamai.com/linode-api/reference/post-add-stack-script, 2026-11
        Create {
            path: "/linode/v4/linode/stackscripts",
            header: LINODE,
            body: json!({ "label": "web", "images": ["any/all"], "script": "#!/bin/sh" }),
            place: "",
            fields: &[
                ("description", Text),
                ("images", Texts),
                ("is_public", Flag),
                ("label", Text),
                ("rev_note", Text),
                ("script", Text),
            ],
            refused: vec![("script", json!("echo")), ("colour", json!("red"))],
            taken: vec![("is_public", json!(false)), ("rev_note", json!("first"))],
        },
        // https://www.vultr.com/api/#tag/instances/operation/create-instance, 2026-11
        Create {
            path: "/vultr/v2/instances",
            header: VULTR,
            body: json!({ "region": "lhr", "plan": "vc2-1c-1gb", "os_id": 2284 }),
            place: "",
            fields: &[
                ("activation_email", Flag),
                ("app_variables", Object),
                ("attach_vpc", Texts),
                ("attach_vpc2", Texts),
                ("backups", Text),
                ("ddos_protection", Flag),
                ("disable_public_ipv4", Flag),
                ("enable_ipv6", Flag),
                ("enable_vpc", Flag),
                ("enable_vpc2", Flag),
                ("firewall_group_id", Text),
                ("hostname", Text),
                ("ipxe_chain_url", Text),
                ("label", Text),
                ("os_id", Number),
                ("plan", Text),
                ("region", Text),
                ("reserved_ipv4", Text),
                ("script_id", Text),
                ("sshkey_id", Texts),
                ("tag", Text),
                ("tags", Texts),
                ("user_data", Text),
                ("user_scheme", Text),
                ("vpc_only", Flag),
            ],
            refused: vec![
                ("script_id", json!("none")),
                ("sshkey_id", json!(["none"])),
                ("reserved_ipv4", json!("none")),
                ("user_data", json!("#!/bin/sh")),
                ("user_scheme", json!("admin")),
                ("vpc_only", json!(true)),
                ("app_id", json!(1)),
                ("colour", json!("red")),
            ],
            taken: vec![
                ("tag", json!("web")),
                ("script_id", json!("")),
                ("vpc_only", json!(false)),
                ("attach_vpc2", json!([])),
            ],
        },
        // Discovery document of compute.v1, revision 20261106, schema AccessConfig.
        Create {
            path: "/gce/compute/v1/projects/sim-project/zones/us-central1-a/instances",
            header: GCE,
            body: json!({ "name": "web-1", "machineType": "zones/us-central1-a/machineTypes/e2-micro", "disks": [{ "boot": true,
                "initializeParams": { "sourceImage": "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64" } }],
                "networkInterfaces": [{ "network": "global/networks/default", "accessConfigs": [{ "type": "ONE_TO_ONE_NAT" }] }] }),
            place: "/networkInterfaces/0/accessConfigs/0",
            fields: &[
                ("kind", Text),
                ("name", Text),
                ("natIP", Text),
                ("networkTier", Text),
                ("type", Text),
            ],
            refused: vec![("type", json!("NAT")), ("colour", json!("red"))],
            taken: vec![("name", json!("External NAT"))],
        },
    ]
}

/// Values that are not of a type.
fn others(kind: Kind) -> Vec<Value> {
    let all = [
        (json!("not-it"), &[Text, NameOrId][..]),
        (json!(true), &[Flag]),
        (json!(7), &[Number, NameOrId, Decimal]),
        (json!(-1.5), &[Decimal]),
        (json!({ "not": "it" }), &[Object]),
        (json!([[]]), &[]),
        (json!([7]), &[]),
    ];
    all.into_iter()
        .filter(|(_, of)| !of.contains(&kind))
        .map(|(value, _)| value)
        .collect()
}

/// The setting of the simulated account.
fn setting(cloud: &str, name: &str) -> &'static str {
    let info = provision_sim::clouds()
        .into_iter()
        .find(|info| info.id == cloud)
        .unwrap();
    info.settings.iter().find(|(known, _)| *known == name).unwrap().1
}

impl Create {
    fn send(&self, sim: &Sim, change: Option<(&str, &Value)>) -> (u16, Value) {
        let mut body = self.body.clone();
        if let Some((field, value)) = change {
            let place = body.pointer_mut(self.place).and_then(Value::as_object_mut).unwrap();
            place.insert(field.to_owned(), value.clone());
        }
        let (name, mut value) = self.header;
        let mut path = self.path.to_owned();
        if path.contains("PROJECT") {
            path = path.replace("PROJECT", setting("packet", "project"));
        }
        if value.is_empty() {
            value = setting("scaleway", "secret-key");
            body.as_object_mut()
                .unwrap()
                .insert("project".to_owned(), json!(setting("scaleway", "project")));
        }
        let answer = got(sim.handle(SimRequest::new(Method::POST, &path).header(name, value).json(&body)));
        (answer.status, answer.json)
    }
}

#[test]
fn invalid_bodies_are_refused_and_valid_ones_are_not() {
    let (mut sent, mut invalid, mut wrong) = (0, 0, Vec::new());
    for create in creates() {
        let mut expect = |change: Option<(&str, &Value)>, passes: bool| {
            let sim = sim();
            let (status, answer) = create.send(&sim, change);
            sent += 1;
            invalid += usize::from(!passes);
            let hosts = sim.inventory().iter().filter(|item| item.kind == "host").count();
            let fits = if passes {
                status < 300
            } else {
                (400..500).contains(&status) && hosts == 0
            };
            if !fits {
                wrong.push(format!(
                    "{} {change:?}: {status} {:.200}",
                    create.path,
                    answer.to_string()
                ));
            }
        };
        expect(None, true);
        for (field, kind) in create.fields {
            for value in others(*kind) {
                expect(Some((field, &value)), false);
            }
        }
        for (field, value) in &create.refused {
            expect(Some((field, value)), false);
        }
        for (field, value) in &create.taken {
            expect(Some((field, value)), true);
        }
    }
    println!("{sent} bodies, {invalid} of them invalid");
    assert!(
        wrong.is_empty(),
        "{} of {sent} bodies are not answered as the cloud does:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
