use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{HostId, HostName, HostRef, HostStatus, IdempotencyKey, Labels, OpenPorts, UserData, time};

/// A host to create. Everything but the name and the user data has a default per cloud.
///
/// ```
/// use std::time::Duration;
/// use provision_core::{BasicHost, IdempotencyKey, OpenPorts, UserData};
///
/// let host = BasicHost::new("web-1".parse()?, UserData::new("#!/bin/sh\napt-get install -y nginx\n")?)
///     .with_region("fra1")
///     .with_ports(OpenPorts::Only(vec!["80".parse()?, "443".parse()?]))
///     .with_ttl(Duration::from_secs(3600));
/// assert_eq!(host.key(), IdempotencyKey::new("web-1")?, "it is known by its name");
/// # Ok::<(), provision_core::Invalid>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BasicHost {
    /// Name of the host; becomes its host name.
    pub name: HostName,
    /// What the host runs at first boot. Raw, never base64: the provider encodes it.
    pub user_data: UserData,
    /// The vendor's region or zone; `None` for the provider's default.
    pub region: Option<String>,
    /// The vendor's plan; `None` for the cheapest sensible one.
    pub plan: Option<String>,
    /// The vendor's image; `None` for Ubuntu LTS.
    pub image: Option<String>,
    /// The user's own labels; the marker is added by the provider.
    pub labels: Labels,
    /// Inbound ports that are reachable.
    pub ports: OpenPorts,
    /// SSH keys to install, in the form that the vendor wants (id, name or public key text). Installed, never managed.
    pub ssh_keys: Vec<String>,
    key: Option<IdempotencyKey>,
    /// When garbage collection may delete the host.
    pub expires: Option<SystemTime>,
    /// Provider-specific extras; an unknown key is refused with a list of the known ones.
    pub additional: BTreeMap<String, String>,
}

impl BasicHost {
    /// A host with a name and user data and defaults for the rest.
    #[must_use]
    pub fn new(name: HostName, user_data: UserData) -> Self {
        Self {
            name,
            user_data,
            region: None,
            plan: None,
            image: None,
            labels: Labels::new(),
            ports: OpenPorts::All,
            ssh_keys: Vec::new(),
            key: None,
            expires: None,
            additional: BTreeMap::new(),
        }
    }

    /// In this region or zone of the vendor's.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// With this plan of the vendor's.
    #[must_use]
    pub fn with_plan(mut self, plan: impl Into<String>) -> Self {
        self.plan = Some(plan.into());
        self
    }

    /// With this image of the vendor's.
    #[must_use]
    pub fn with_image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// With these labels of the user's own.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// With these ports open.
    #[must_use]
    pub fn with_ports(mut self, ports: OpenPorts) -> Self {
        self.ports = ports;
        self
    }

    /// With these SSH keys, in the form that the vendor wants.
    #[must_use]
    pub fn with_ssh_keys(mut self, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.ssh_keys = keys.into_iter().map(Into::into).collect();
        self
    }

    /// Known by this key instead of its name.
    #[must_use]
    pub fn with_key(mut self, key: IdempotencyKey) -> Self {
        self.key = Some(key);
        self
    }

    /// What the host is known by: its name, unless [`with_key`](Self::with_key) set another key.
    #[must_use]
    pub fn key(&self) -> IdempotencyKey {
        self.key.clone().unwrap_or_else(|| (&self.name).into())
    }

    /// Lets garbage collection delete the host once `ttl` has passed from now.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.expires = SystemTime::now().checked_add(ttl);
        self
    }

    /// With one more extra of the provider's.
    #[must_use]
    pub fn with_additional(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.additional.insert(key.into(), value.into());
        self
    }
}

/// A host as the cloud reports it.
///
/// JSON and other formats have the same field names, and `expires` besides. `id` is the text form of [`HostRef`], which names the
/// provider and needs no quotes in a shell; times are RFC 3339; absent facts are null.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProvisionedHost {
    /// The provider's id, such as `digitalocean`.
    pub provider: &'static str,
    /// Identifies the host to its provider.
    pub id: HostId,
    /// The name, as the cloud has it.
    pub name: String,
    /// The standard state.
    pub status: HostStatus,
    /// The vendor's own word for the state.
    pub raw_status: String,
    /// The public address: IPv4 where there is one.
    pub ip: Option<IpAddr>,
    /// Where it runs.
    pub region: Option<String>,
    /// Its plan.
    pub plan: Option<String>,
    /// Its image, as far as the cloud still says.
    pub image: Option<String>,
    /// Its labels, the marker among them.
    pub labels: Labels,
    /// When the cloud accepted it.
    pub created: Option<SystemTime>,
    /// Why it failed, in the cloud's words.
    pub message: Option<String>,
    /// How `provision` came by it; `None` for a host that was read or listed.
    pub origin: Option<Origin>,
}

/// How [`provision`](crate::Provisioner::provision) came by a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// This call made it.
    Created,
    /// An earlier call with the same key made it, and asked for the same.
    Adopted,
    /// An earlier call with the same key made it, and asked for something else: another plan, other user data, other ports. It
    /// is as it was then; the caller decides whether that will do.
    AdoptedDifferent,
}

impl Origin {
    /// The name in snake case, as JSON has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Adopted => "adopted",
            Self::AdoptedDifferent => "adopted_different",
        }
    }
}

/// Which of several hosts with one key stays: see [`settle`](crate::Provisioner::settle).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Settled {
    /// The host that stays, the oldest one.
    pub host: ProvisionedHost,
    /// The others, whose deletion was begun: delete each until it is over.
    pub duplicates: Vec<HostId>,
    /// Whether the list showed the host that was asked about, and so every older one. While it is off, ask again.
    pub certain: bool,
}

impl ProvisionedHost {
    /// A host with the facts that are always known.
    #[must_use]
    pub fn new(
        provider: &'static str,
        id: HostId,
        name: impl Into<String>,
        status: HostStatus,
        raw_status: impl Into<String>,
    ) -> Self {
        Self {
            provider,
            id,
            name: name.into(),
            status,
            raw_status: raw_status.into(),
            ip: None,
            region: None,
            plan: None,
            image: None,
            labels: Labels::new(),
            created: None,
            message: None,
            origin: None,
        }
    }

    /// The provider and the id, as text that any shell leaves alone.
    #[must_use]
    pub fn host_ref(&self) -> HostRef {
        HostRef::new(self.provider, self.id.clone())
    }

    /// When garbage collection may delete it.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.labels.expires()
    }
}

impl Serialize for ProvisionedHost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ProvisionedHost", 14)?;
        fields.serialize_field("provider", self.provider)?;
        fields.serialize_field("id", &self.host_ref())?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("status", &self.status)?;
        fields.serialize_field("raw_status", &self.raw_status)?;
        fields.serialize_field("ip", &self.ip)?;
        fields.serialize_field("region", &self.region)?;
        fields.serialize_field("plan", &self.plan)?;
        fields.serialize_field("image", &self.image)?;
        fields.serialize_field("labels", &self.labels)?;
        fields.serialize_field("created", &self.created.and_then(time::to_rfc3339))?;
        fields.serialize_field("expires", &self.expires().and_then(time::to_rfc3339))?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("origin", &self.origin)?;
        fields.end()
    }
}

/// Which host to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostDeleteRequest {
    /// The host with this id, marked or not.
    Id(HostId),
    /// The marked host with this public address.
    Ip {
        /// The public address.
        ip: IpAddr,
        /// Where to look, on clouds whose lists are per region.
        region: RegionFilter,
    },
}

impl HostDeleteRequest {
    /// The marked host with this address, in every region.
    #[must_use]
    pub fn ip(ip: IpAddr) -> Self {
        Self::Ip {
            ip,
            region: RegionFilter::All,
        }
    }
}

impl From<HostId> for HostDeleteRequest {
    fn from(id: HostId) -> Self {
        Self::Id(id)
    }
}

/// How far a deletion has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use = "a deletion in progress has to be called again, else something may go on billing"]
pub enum Deletion {
    /// The cloud accepted it, but something is still there: call again.
    InProgress,
    /// It is done: neither the host nor anything that was created for it is left.
    Removed,
    /// The cloud says that there is no such host, and nothing that was made for it was found. After
    /// [`InProgress`](Self::InProgress) this is the end of the deletion; as the first answer it means that the id is mistyped,
    /// or that the host was deleted before.
    NotFound,
}

impl Deletion {
    /// Whether nothing is left: there is no need to call again.
    #[must_use]
    pub fn is_over(self) -> bool {
        self != Self::InProgress
    }
}

/// Which regions to look at, on clouds whose lists are per region. Clouds with one list for all apply it to the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RegionFilter {
    /// Every region that one call can cover: all of them where the cloud has one list, else the configured region.
    #[default]
    Default,
    /// Only this one.
    Only(String),
    /// All of them, at the price of more requests where the lists are per region.
    All,
}

/// Which of our hosts to list. The default lists all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListFilter {
    /// Where to look.
    pub region: RegionFilter,
    /// Labels that a host must carry with these values.
    pub labels: Labels,
    /// The exact name.
    pub name: Option<HostName>,
    /// The hash of the key that it was made with: [`IdempotencyKey::hash`].
    pub key_hash: Option<String>,
}

impl ListFilter {
    /// All of our hosts.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The host that was made with a key.
    #[must_use]
    pub fn with_key(mut self, key: &IdempotencyKey) -> Self {
        self.key_hash = Some(key.hash());
        self
    }

    /// The host of a name.
    #[must_use]
    pub fn with_name(mut self, name: HostName) -> Self {
        self.name = Some(name);
        self
    }

    /// Only those with these labels.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// Where to look.
    #[must_use]
    pub fn with_region(mut self, region: RegionFilter) -> Self {
        self.region = region;
        self
    }

    /// Whether a host is ours and passes the filter. Providers ask this of every host, whatever the cloud filtered.
    #[must_use]
    pub fn matches(&self, host: &ProvisionedHost) -> bool {
        let in_region = match &self.region {
            RegionFilter::Only(region) => host.region.as_deref() == Some(region.as_str()),
            RegionFilter::Default | RegionFilter::All => true,
        };
        in_region
            && host.labels.is_managed()
            && host.labels.contains_all(&self.labels)
            && self.name.as_ref().is_none_or(|name| name.as_str() == host.name)
            && self
                .key_hash
                .as_deref()
                .is_none_or(|hash| host.labels.key_hash() == Some(hash))
    }
}
