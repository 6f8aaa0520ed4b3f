use std::{
    collections::{BTreeMap, btree_map},
    str::FromStr,
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use crate::{IdempotencyKey, Invalid, time};

/// The label that marks a host as ours. Listing, deletion by IP and garbage collection look only at marked hosts.
pub const MANAGED_BY_LABEL: &str = "managed-by";
/// The value of [`MANAGED_BY_LABEL`].
pub const MANAGED_BY: &str = "provision";
/// The label that carries the hash of a host's [`IdempotencyKey`].
pub const KEY_LABEL: &str = "provision-key";
/// The label that carries the digest of what a host was asked for, so that a later call with its key can tell whether it
/// asks for the same.
pub const REQUEST_LABEL: &str = "provision-request";
/// The label that carries the time after which garbage collection may delete the host, in unix seconds.
pub const EXPIRES_LABEL: &str = "provision-expires";
/// The label with which a user keeps garbage collection away from a host: `keep=true`.
pub const KEEP_LABEL: &str = "keep";

/// Labels of a host, in a form that every cloud can hold, as labels or as `key:value` tags.
///
/// A key is 1 to 63 characters of `a-z`, `0-9`, `_` and `-`, starts with a letter and ends with a letter or digit; a value
/// is empty or 1 to 63 characters of the same set, starting and ending with a letter or digit. (The narrowest of the
/// clouds: [GCE labels](https://cloud.google.com/compute/docs/labeling-resources) and
/// [Hetzner labels](https://docs.hetzner.cloud/reference/cloud#labels).)
///
/// ```
/// use provision_core::Labels;
/// let mut labels = Labels::new();
/// labels.insert("team", "web")?;
/// assert!(labels.insert("Team", "web").is_err());
/// assert!(labels.insert("managed-by", "me").is_err(), "reserved");
/// # Ok::<(), provision_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// No labels.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one label of the user's, replacing the value of an earlier one with that key.
    ///
    /// # Errors
    /// [`Invalid`] when the key or value breaks the rules above or the key is reserved (`managed-by`, `provision-...`).
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), Invalid> {
        if key == MANAGED_BY_LABEL || key.starts_with("provision-") {
            return Err(Invalid::new(format!(
                "label `{key}` is reserved: choose a key other than `managed-by` that does not start with `provision-`"
            )));
        }
        self.insert_checked(key, value)
    }

    /// The marker, the key, the order's digest and the expiry of a host that is being created, on top of the user's own
    /// labels.
    pub(crate) fn for_new_host(&self, key: &IdempotencyKey, digest: &str, expires: Option<SystemTime>) -> Self {
        let mut all = self.clone();
        all.0.insert(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned());
        all.0.insert(KEY_LABEL.to_owned(), key.hash());
        all.0.insert(REQUEST_LABEL.to_owned(), digest.to_owned());
        if let Some(expires) = expires {
            all.0
                .insert(EXPIRES_LABEL.to_owned(), time::unix_seconds(expires).to_string());
        }
        all
    }

    /// Reads labels from a cloud's key/value labels. Those that do not follow our rules belong to somebody else and are
    /// left out.
    #[must_use]
    pub fn from_vendor<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut labels = Self::new();
        for (key, value) in pairs {
            let _ = labels.insert_checked(key, value);
        }
        labels
    }

    /// Reads labels from a cloud's plain tags written as [`to_tags`](Self::to_tags) writes them. Other tags are left out.
    #[must_use]
    pub fn from_tags<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        Self::from_vendor(tags.into_iter().filter_map(|tag| tag.split_once(':')))
    }

    /// One `key:value` text per label, for clouds that have plain tags.
    #[must_use]
    pub fn to_tags(&self) -> Vec<String> {
        self.iter().map(|(key, value)| format!("{key}:{value}")).collect()
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All labels, ordered by key.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the marker is among them, that is whether the host is ours.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.get(MANAGED_BY_LABEL) == Some(MANAGED_BY)
    }

    /// Whether the host was created with this key.
    #[must_use]
    pub fn has_key(&self, key: &IdempotencyKey) -> bool {
        self.is_managed() && self.get(KEY_LABEL) == Some(key.hash().as_str())
    }

    /// The hash of the key that the host was created with.
    #[must_use]
    pub fn key_hash(&self) -> Option<&str> {
        self.get(KEY_LABEL).filter(|_| self.is_managed())
    }

    /// When garbage collection may delete the host.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.get(EXPIRES_LABEL)?.parse().ok().and_then(time::from_unix_seconds)
    }

    /// Whether every label of `wanted` is here with the same value.
    #[must_use]
    pub fn contains_all(&self, wanted: &Self) -> bool {
        wanted.iter().all(|(key, value)| self.get(key) == Some(value))
    }

    fn insert_checked(&mut self, key: &str, value: &str) -> Result<(), Invalid> {
        if !is_word(key) || !key.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(Invalid::new(format!(
                "label key {:?} is not valid: 1 to 63 characters of a-z, 0-9, `_` and `-`, starting with a letter and ending with a letter or digit",
                shorten(key)
            )));
        }
        if !value.is_empty() && !is_word(value) {
            return Err(Invalid::new(format!(
                "value {:?} of label `{key}` is not valid: up to 63 characters of a-z, 0-9, `_` and `-`, starting and ending with a letter or digit",
                shorten(value)
            )));
        }
        self.0.insert(key.to_owned(), value.to_owned());
        Ok(())
    }
}

fn is_word(text: &str) -> bool {
    let lower_or_digit = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.first().is_some_and(lower_or_digit)
        && bytes.last().is_some_and(lower_or_digit)
        && bytes.iter().all(|b| lower_or_digit(b) || matches!(b, b'_' | b'-'))
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Iterates over labels as `(key, value)`, ordered by key.
#[derive(Debug, Clone)]
pub struct Iter<'a>(btree_map::Iter<'a, String, String>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Reads `key=value,key2=value2`; an empty text gives no labels.
impl FromStr for Labels {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut labels = Self::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(Invalid::new(format!(
                    "label {:?} has no value: write `key=value`",
                    shorten(pair)
                )));
            };
            labels.insert(key, value)?;
        }
        Ok(labels)
    }
}
