use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Identifies a host to its provider: opaque to callers, and enough on its own (with the account's credentials) to find
/// the host again.
///
/// Where the vendor's id is not enough, the parts are joined by `|`, for example `web-1|us-central1-a|my-project`. Each
/// part is 1 to 255 characters of `A-Z`, `a-z`, `0-9`, `.`, `_`, `:`, `(`, `)` and `-`, and neither `.` nor `..`, so that a
/// part can stand in a URL path without changing its meaning.
///
/// ```
/// use provision_core::HostId;
/// let id = HostId::from_parts(["i-0abc", "eu-west-1"])?;
/// assert_eq!(id.as_str(), "i-0abc|eu-west-1");
/// assert_eq!(id.parts().collect::<Vec<_>>(), ["i-0abc", "eu-west-1"]);
/// assert!(HostId::new("../droplets").is_err());
/// # Ok::<(), provision_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostId(String);

impl HostId {
    /// What joins the parts of a composite id.
    pub const SEPARATOR: char = '|';
    const MAX_PART_LEN: usize = 255;
    const MAX_PARTS: usize = 4;

    /// Checks and wraps an id, composite or not.
    ///
    /// # Errors
    /// [`Invalid`] when a part is empty, too long, holds a character that an id never has, or there are more than four.
    pub fn new(id: impl Into<String>) -> Result<Self, Invalid> {
        let id = id.into();
        if id.split(Self::SEPARATOR).count() > Self::MAX_PARTS || !id.split(Self::SEPARATOR).all(is_part) {
            let shown: String = id.chars().take(80).collect();
            return Err(Invalid::new(format!(
                "{shown:?} is not a host id: an id is printed by `create` and `list`; it has up to four parts of letters, digits and `._:()-` joined by `|`"
            )));
        }
        Ok(Self(id))
    }

    /// Joins the parts of a composite id.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Result<Self, Invalid> {
        Self::new(parts.into_iter().collect::<Vec<_>>().join("|"))
    }

    /// Reads an id as a person types it: its parts joined by `/`, which no shell reads, or by `|`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_text(text: &str) -> Result<Self, Invalid> {
        Self::new(text.replace('/', "|"))
    }

    /// The id as a person types it, its parts joined by `/`.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.replace(Self::SEPARATOR, "/")
    }

    /// The whole id, parts joined by `|`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts in order; at least one.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(Self::SEPARATOR)
    }

    /// The id of a cloud whose ids are whole numbers.
    ///
    /// # Errors
    /// [`Invalid`] when this is not a positive whole number.
    pub fn as_number(&self) -> Result<u64, Invalid> {
        let digits_only = self.0.bytes().all(|b| b.is_ascii_digit());
        self.0
            .parse()
            .ok()
            .filter(|number| digits_only && *number > 0)
            .ok_or_else(|| {
                Invalid::new(format!(
                    "{:?} is not a host id of this cloud: it must be a whole number such as 512345678",
                    self.0
                ))
            })
    }

    /// The id of a cloud whose ids are UUIDs: 8-4-4-4-12 hexadecimal digits.
    ///
    /// # Errors
    /// [`Invalid`] when `part` is not a UUID.
    pub fn check_uuid(part: &str) -> Result<&str, Invalid> {
        let groups: Vec<&str> = part.split('-').collect();
        let lengths = groups.iter().map(|group| group.len());
        if lengths.eq([8, 4, 4, 4, 12]) && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
            return Ok(part);
        }
        Err(Invalid::new(format!(
            "{part:?} is not a host id of this cloud: it must be a UUID such as 5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11"
        )))
    }
}

fn is_part(part: &str) -> bool {
    (1..=HostId::MAX_PART_LEN).contains(&part.len())
        && part != "."
        && part != ".."
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._:()-".contains(&b))
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for HostId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl TryFrom<String> for HostId {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl From<HostId> for String {
    fn from(id: HostId) -> Self {
        id.0
    }
}
