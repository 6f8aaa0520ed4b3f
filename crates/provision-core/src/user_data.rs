use std::{fmt, io::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::{Invalid, UserDataRules};

mod format;
mod mime;

pub use mime::UserDataPart;

/// What a host runs at first boot, as cloud-init reads it: a script, a cloud-config, any other of its formats, or several in
/// one multi-part text.
///
/// Counts as a secret, because it usually carries tokens: it is never shown by `Debug`, errors or logs. Always raw; a
/// provider encodes it the way its API wants. See
/// [cloud-init's formats](https://docs.cloud-init.io/en/latest/explanation/format.html).
///
/// ```
/// use provision_core::{UserData, UserDataKind};
/// let script = UserData::new("#!/bin/sh\necho hello\n")?;
/// assert_eq!(script.kind(), UserDataKind::Script);
/// let config = UserData::new("#cloud-config\npackages: [nginx]\n")?;
/// let both = UserData::combine(&[script, config])?;
/// assert_eq!(both.kind(), UserDataKind::MultiPart);
/// # Ok::<(), provision_core::Invalid>(())
/// ```
#[derive(Clone)]
pub struct UserData {
    text: SecretString,
    kind: UserDataKind,
}

/// The format of user data, told by how it begins, as cloud-init tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UserDataKind {
    /// Starts with `#!`: run as root near the end of the first boot.
    Script,
    /// Starts with `#cloud-config`: YAML that cloud-init interprets.
    CloudConfig,
    /// Starts with `## template: jinja`: a script or a cloud-config below it, in which cloud-init fills in what it knows about
    /// the host.
    Template,
    /// Starts with `#include` or `#include-once`: addresses from which cloud-init fetches user data.
    Include,
    /// Starts with `#cloud-boothook`: run early in every boot.
    BootHook,
    /// Starts with `#part-handler`: Python code that handles other parts.
    PartHandler,
    /// Starts with `#cloud-config-archive`: a YAML list of parts.
    Archive,
    /// Starts with `#cloud-config-jsonp`: a JSON patch of the cloud-config.
    JsonPatch,
    /// A MIME text, which holds one or several of the others, each below headers of its own.
    MultiPart,
    /// Nothing to run.
    Empty,
}

impl UserData {
    /// Detects the format of a text and wraps it. White space alone is nothing to run.
    ///
    /// # Errors
    /// [`Invalid`] when the text starts like none of the formats, with a byte order mark, or is a script with Windows line
    /// endings (the kernel would look for an interpreter whose name ends in a carriage return).
    pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
        let mut text = text.into();
        let kind = format::detect(&text)?;
        if kind == UserDataKind::Empty {
            text.clear();
        }
        Ok(Self {
            text: SecretString::from(text),
            kind,
        })
    }

    /// No user data.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            text: SecretString::from(String::new()),
            kind: UserDataKind::Empty,
        }
    }

    /// The format.
    #[must_use]
    pub fn kind(&self) -> UserDataKind {
        self.kind
    }

    /// The raw text. A secret: only for the body of a request.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Length of the raw text in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// Whether there is nothing to run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// The raw text in standard base64 with padding.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.expose())
    }

    /// The raw text, compressed with gzip. The same text always gives the same bytes.
    #[must_use]
    pub fn to_gzip(&self) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        // Writing to a Vec cannot fail; an empty result would be refused by the size check's caller as not smaller.
        let _ = encoder.write_all(self.expose().as_bytes());
        encoder.finish().unwrap_or_default()
    }

    /// Base64 of the raw text, or of its gzip where only that fits and the cloud's image accepts it.
    #[must_use]
    pub fn to_base64_for(&self, rules: UserDataRules) -> String {
        if self.len() > rules.max_bytes && rules.gzip {
            STANDARD.encode(self.to_gzip())
        } else {
            self.to_base64()
        }
    }

    /// Checks the size against a cloud's limit.
    ///
    /// # Errors
    /// [`Invalid`] with both sizes when the text, compressed where the cloud allows it, is too large.
    pub fn check(&self, title: &str, rules: UserDataRules) -> Result<(), Invalid> {
        let raw = self.len();
        if raw <= rules.max_bytes {
            return Ok(());
        }
        let compressed = if rules.gzip { Some(self.to_gzip().len()) } else { None };
        if compressed.is_some_and(|size| size <= rules.max_bytes) {
            return Ok(());
        }
        let also = compressed
            .map(|size| format!(" ({size} compressed)"))
            .unwrap_or_default();
        Err(Invalid::new(format!(
            "user data has {raw} bytes{also}, {title} takes {}: let the script download the rest",
            rules.max_bytes
        )))
    }

    /// Puts several into one multi-part text, which cloud-init runs in order. Multi-part ones are taken apart first, so
    /// that the result is never nested; empty ones are left out; a single one is returned as it is.
    ///
    /// # Errors
    /// [`Invalid`] when a multi-part text among them has no boundary.
    pub fn combine(parts: &[Self]) -> Result<Self, Invalid> {
        let parts: Vec<&Self> = parts.iter().filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            [] => return Ok(Self::empty()),
            [only] => return Ok((*only).clone()),
            _ => {}
        }
        let mut bodies = Vec::new();
        for part in &parts {
            match part.kind {
                UserDataKind::MultiPart => bodies.extend(mime::split(part.expose())?),
                kind => bodies.push(mime::render_part(
                    format::content_type(kind, part.expose()),
                    &part.to_base64(),
                )),
            }
        }
        Self::new(mime::join(&bodies))
    }

    /// The parts of a MIME text, each with its own headers; none for the other formats. For a cloud that does not understand
    /// them itself.
    ///
    /// # Errors
    /// [`Invalid`] when the text names no boundary.
    pub fn parts(&self) -> Result<Vec<UserDataPart>, Invalid> {
        match self.kind {
            UserDataKind::MultiPart => mime::parts(self.expose()),
            _ => Ok(Vec::new()),
        }
    }

    /// The text in the bytes of a file, for [`new`](Self::new). What is compressed with gzip is unpacked, up to this many
    /// bytes: cloud-init would do the same, and where only the compressed text fits, [`to_base64_for`](Self::to_base64_for)
    /// packs it again.
    ///
    /// # Errors
    /// [`Invalid`] when the bytes are no UTF-8 text, cannot be unpacked, or are more than `max_bytes`.
    pub fn decode(bytes: &[u8], max_bytes: usize) -> Result<String, Invalid> {
        format::decode(bytes, max_bytes)
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData({:?}, {} bytes, [redacted])", self.kind, self.len())
    }
}
