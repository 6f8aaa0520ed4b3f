#![allow(
    unreachable_pub,
    reason = "the schema derive makes a public twin of each type inside a function"
)]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A host to have at a cloud. What it was made from cannot be changed afterwards.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "provision.dev",
    version = "v1alpha1",
    kind = "Host",
    plural = "hosts",
    singular = "host",
    namespaced,
    status = "HostResourceStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Host is a host at a cloud: created with the resource and deleted with it",
    printcolumn = r#"{"jsonPath":".status.phase","name":"Phase","type":"string"}"#,
    printcolumn = r#"{"jsonPath":".status.ip","name":"IP","type":"string"}"#,
    printcolumn = r#"{"jsonPath":".spec.provider","name":"Provider","type":"string"}"#,
    printcolumn = r#"{"jsonPath":".status.region","name":"Region","type":"string"}"#,
    printcolumn = r#"{"jsonPath":".status.monthlyCost","name":"Cost","type":"string","description":"Of a month, without tax"}"#,
    printcolumn = r#"{"jsonPath":".status.id","name":"ID","priority":1,"type":"string"}"#,
    printcolumn = r#"{"jsonPath":".metadata.creationTimestamp","name":"Age","type":"date"}"#
)]
#[x_kube(
    validation = ("has(self.provider) == has(oldSelf.provider) && (!has(self.provider) || self.provider == oldSelf.provider)", "provider cannot be changed: make a new Host"),
    validation = ("has(self.region) == has(oldSelf.region) && (!has(self.region) || self.region == oldSelf.region)", "region cannot be changed: make a new Host"),
    validation = ("has(self.plan) == has(oldSelf.plan) && (!has(self.plan) || self.plan == oldSelf.plan)", "plan cannot be changed: make a new Host"),
    validation = ("has(self.regions) == has(oldSelf.regions) && (!has(self.regions) || self.regions == oldSelf.regions)", "regions cannot be changed: make a new Host"),
    validation = ("has(self.plans) == has(oldSelf.plans) && (!has(self.plans) || self.plans == oldSelf.plans)", "plans cannot be changed: make a new Host"),
    validation = ("!has(self.region) || !has(self.regions)", "give region or regions, not both"),
    validation = ("!has(self.plan) || !has(self.plans)", "give plan or plans, not both"),
    validation = ("has(self.image) == has(oldSelf.image) && (!has(self.image) || self.image == oldSelf.image)", "image cannot be changed: make a new Host"),
    validation = ("has(self.userData) == has(oldSelf.userData) && (!has(self.userData) || self.userData == oldSelf.userData)", "userData cannot be changed: make a new Host"),
    validation = ("has(self.labels) == has(oldSelf.labels) && (!has(self.labels) || self.labels == oldSelf.labels)", "labels cannot be changed: make a new Host"),
    validation = ("has(self.ports) == has(oldSelf.ports) && (!has(self.ports) || self.ports == oldSelf.ports)", "ports cannot be changed: make a new Host"),
    validation = ("has(self.ttl) == has(oldSelf.ttl) && (!has(self.ttl) || self.ttl == oldSelf.ttl)", "ttl cannot be changed: make a new Host"),
    validation = ("has(self.sshKeys) == has(oldSelf.sshKeys) && (!has(self.sshKeys) || self.sshKeys == oldSelf.sshKeys)", "sshKeys cannot be changed: make a new Host"),
    validation = ("has(self.additional) == has(oldSelf.additional) && (!has(self.additional) || self.additional == oldSelf.additional)", "additional cannot be changed: make a new Host")
)]
#[serde(rename_all = "camelCase")]
pub struct HostResourceSpec {
    /// The cloud, by id or alias; the operator's own when absent. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub provider: Option<String>,
    /// The cloud's region or zone. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub region: Option<String>,
    /// Regions in the order in which they are tried, in the place of `region`: the next one when there is no room in one, or when
    /// the cloud could not build the host there. Cannot be changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub regions: Vec<Word>,
    /// The cloud's plan; the cheapest sensible one when absent. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub plan: Option<String>,
    /// Plans in the order in which they are tried in each region, in the place of `plan`. Cannot be changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub plans: Vec<Word>,
    /// The cloud's image; Ubuntu LTS when absent. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub image: Option<String>,
    /// What the host runs at first boot. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data: Option<UserDataSource>,
    /// Labels for the host at the cloud. Cannot be changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub labels: BTreeMap<String, Word>,
    /// Inbound ports that are open, such as `443` or `8000-8100/udp`; all when absent, none when empty. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub ports: Option<Vec<Port>>,
    /// How long after its creation the Host is deleted, such as `90m`, `12h` or `7d`. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+[smhd])+$"))]
    pub ttl: Option<String>,
    /// SSH keys in the form that the cloud wants: id, name or public key. Cannot be changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub ssh_keys: Vec<Text>,
    /// Settings that only this cloud knows. Cannot be changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub additional: BTreeMap<String, Text>,
    /// The Secret with the cloud's credentials; the operator's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<CredentialsRef>,
    /// What happens to the host when the resource is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// A short text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Word(#[schemars(length(max = 63))] pub String);

/// A longer text, such as a public key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Text(#[schemars(length(max = 1024))] pub String);

/// A port or a run of ports with a protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Port(#[schemars(length(max = 16), regex(pattern = r"^[0-9]+(-[0-9]+)?(/(tcp|udp))?$"))] pub String);

/// Where user data comes from: exactly one of the three.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(validation = ("[has(self.inline), has(self.secretKeyRef), has(self.configMapKeyRef)].filter(given, given).size() == 1", "give exactly one of inline, secretKeyRef and configMapKeyRef"))]
#[serde(rename_all = "camelCase")]
pub struct UserDataSource {
    /// The text itself. Whoever may read the resource may read it: no secrets here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub inline: Option<String>,
    /// A key of a Secret in the resource's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeyRef>,
    /// A key of a ConfigMap in the resource's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeyRef>,
}

/// A key of a Secret or ConfigMap in the same namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// A Secret in the same namespace whose keys are the cloud's settings, such as `token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialsRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What happens to a host when its resource is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It is deleted, with everything that was created for it.
    #[default]
    Delete,
    /// It stays and goes on billing.
    Retain,
}

/// How far a host has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostResourceStatus {
    /// The host's id at its cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its public address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The cloud's region or zone that it was made in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its state in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<HostPhase>,
    /// `Ready`, `Progressing` and `Degraded`, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What a month cost without tax when the host was admitted, such as `4.00 USD`; absent when no price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_cost: Option<String>,
}

/// State of a host in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HostPhase {
    /// Nothing was asked of the cloud yet, or what was asked is not done: it refused, or failed half-way.
    Pending,
    /// The cloud builds or boots it.
    Provisioning,
    /// It runs and has an address.
    Active,
    /// It exists but is switched off.
    Stopped,
    /// The cloud could not build it, or broke it.
    Failed,
    /// The cloud no longer has it, though nobody deleted the resource.
    Gone,
    /// It is being deleted.
    Deleting,
    /// The cloud says something of it that has no known meaning.
    Unknown,
}

impl HostPhase {
    /// The name, as the resource shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Provisioning => "Provisioning",
            Self::Active => "Active",
            Self::Stopped => "Stopped",
            Self::Failed => "Failed",
            Self::Gone => "Gone",
            Self::Deleting => "Deleting",
            Self::Unknown => "Unknown",
        }
    }

    /// The word that a Tunnel's `hostStatus` has for it.
    #[must_use]
    pub fn tunnel_word(self) -> &'static str {
        match self {
            Self::Pending => "",
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Gone => "gone",
            Self::Deleting => "deleting",
            Self::Unknown => "unknown",
        }
    }
}
