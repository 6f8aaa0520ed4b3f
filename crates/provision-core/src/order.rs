use std::collections::BTreeMap;

use crate::{
    BasicHost, Error, HostName, IdempotencyKey, Labels, OpenPorts, ProviderInfo, Result, UserData, digest::Digest,
};

/// A [`BasicHost`] that passed every check which needs no cloud, with every default filled in and every label made: what a
/// [`Cloud`](crate::Cloud) is handed to create.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Order {
    /// Name of the host.
    pub name: HostName,
    /// What the host runs at first boot, raw.
    pub user_data: UserData,
    /// The vendor's region or zone.
    pub region: String,
    /// The vendor's plan.
    pub plan: String,
    /// The vendor's image.
    pub image: String,
    /// Every label that the host gets: the user's, the marker, the key's hash, the digest of the order and the expiry.
    pub labels: Labels,
    /// Inbound ports that are reachable.
    pub ports: OpenPorts,
    /// SSH keys to install.
    pub ssh_keys: Vec<String>,
    /// What the host is known by.
    pub key: IdempotencyKey,
    /// The provider's extras; only keys that it knows.
    pub additional: BTreeMap<String, String>,
    /// Whether the image is the provider's default, because none was asked for.
    pub default_image: bool,
    /// Whether the plan is the provider's default, because none was asked for.
    pub default_plan: bool,
}

impl Order {
    /// Checks a host against what a provider takes and fills in its defaults; `region` is the one that it
    /// asks for or else the home region, as the cloud spells it.
    ///
    /// # Errors
    /// As [`ProviderInfo::check`].
    pub fn new(info: &ProviderInfo, region: &str, host: &BasicHost) -> Result<Self> {
        info.check(host)?;
        let or = |asked: &Option<String>, default: &str| asked.clone().unwrap_or_else(|| default.to_owned());
        let mut order = Self {
            name: host.name.clone(),
            user_data: host.user_data.clone(),
            region: region.to_owned(),
            plan: or(&host.plan, info.default_plan),
            image: or(&host.image, info.default_image),
            labels: host.labels.clone(),
            ports: host.ports.clone(),
            ssh_keys: host.ssh_keys.clone(),
            key: host.key(),
            additional: host.additional.clone(),
            default_image: host.image.is_none(),
            default_plan: host.plan.is_none(),
        };
        order.labels = host.labels.for_new_host(&order.key, &order.digest(), host.expires);
        info.check_labels(&order.labels)?;
        Ok(order)
    }

    /// An extra of the provider's.
    #[must_use]
    pub fn extra(&self, key: &str) -> Option<&str> {
        self.additional.get(key).map(String::as_str)
    }

    /// An extra of the provider's that is `true` or `false`; `false` when absent.
    ///
    /// # Errors
    /// `InvalidRequest` for any other text.
    pub fn flag(&self, key: &str) -> Result<bool> {
        match self.extra(key) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error::invalid(format!(
                "additional setting `{key}` must be `true` or `false`"
            ))),
        }
    }

    /// Says which plan, image and region a refused create asked for, because clouds seldom repeat what they refuse.
    pub(crate) fn describe(&self) -> String {
        format!(
            "asked for plan `{}` with image `{}` in region `{}`",
            self.plan, self.image, self.region
        )
    }

    /// What was asked for, in short: two orders with one digest ask for the same host. The expiry is left out, because it
    /// moves with the time of the call. User data is a secret: 128 bits of a hash over all of it together tell nothing of it
    /// that could not be guessed in whole.
    fn digest(&self) -> String {
        let mut digest = Digest::new();
        for text in [
            self.name.as_str(),
            self.user_data.expose(),
            &self.region,
            &self.plan,
            &self.image,
        ] {
            digest.part(text);
        }
        match self.ports.restricted() {
            None => digest.part("all"),
            Some(ports) => digest.list(ports.iter().map(ToString::to_string)),
        }
        digest.list(&self.ssh_keys);
        for pairs in [self.labels.iter().collect::<Vec<_>>(), self.extras()] {
            digest.list(pairs.iter().flat_map(|(key, value)| [*key, *value]));
        }
        digest.hex()
    }

    fn extras(&self) -> Vec<(&str, &str)> {
        let pairs = self.additional.iter();
        pairs.map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }
}
