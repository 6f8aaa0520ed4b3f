use std::{fmt, io::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::{IdempotencyKey, Invalid, UserDataRules};

/// What a host runs at first boot, as cloud-init reads it: a script, a cloud-config, or several in one multi-part text.
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

/// The format of user data, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UserDataKind {
    /// Starts with `#!`: run as root near the end of the first boot.
    Script,
    /// Starts with `#cloud-config`, alone or below `## template: jinja`: YAML that cloud-init interprets.
    CloudConfig,
    /// A MIME multi-part text that holds several of the others.
    MultiPart,
    /// Nothing to run.
    Empty,
}

impl UserData {
    /// Detects the format of a text and wraps it.
    ///
    /// # Errors
    /// [`Invalid`] when the text starts like none of the formats, with a byte order mark, or is a script with Windows line
    /// endings (the kernel would look for an interpreter whose name ends in a carriage return).
    pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        let kind = detect(&text)?;
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
                UserDataKind::MultiPart => bodies.extend(split_multi_part(part.expose())?),
                _ => bodies.push(render_part(part)),
            }
        }
        let boundary = unused_boundary(&bodies);
        let mut text = format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n");
        for body in &bodies {
            text.push_str(&format!("--{boundary}\n{body}\n"));
        }
        text.push_str(&format!("--{boundary}--\n"));
        Self::new(text)
    }

    /// The parts of a multi-part text as they stand between the boundaries, each with its own headers; none for the other
    /// formats. For a cloud that does not understand multi-part texts itself.
    ///
    /// # Errors
    /// [`Invalid`] when the text names no boundary.
    pub fn parts(&self) -> Result<Vec<String>, Invalid> {
        match self.kind {
            UserDataKind::MultiPart => split_multi_part(self.expose()),
            _ => Ok(Vec::new()),
        }
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData({:?}, {} bytes, [redacted])", self.kind, self.len())
    }
}

fn detect(text: &str) -> Result<UserDataKind, Invalid> {
    if text.is_empty() {
        return Ok(UserDataKind::Empty);
    }
    if text.starts_with('\u{feff}') {
        return Err(Invalid::new(
            "user data starts with a byte order mark: save it as UTF-8 without one",
        ));
    }
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("#!") {
        if text.starts_with(&format!("{first}\r\n")) {
            return Err(Invalid::new(
                "the script has Windows line endings: convert it to Unix ones, for example with `dos2unix`",
            ));
        }
        return Ok(UserDataKind::Script);
    }
    let is_cloud_config = |line: &str| line.trim_end() == "#cloud-config";
    let below_template = first.trim_end() == "## template: jinja" && text.lines().nth(1).is_some_and(is_cloud_config);
    if is_cloud_config(first) || below_template {
        return Ok(UserDataKind::CloudConfig);
    }
    let header = first.to_ascii_lowercase();
    if header.starts_with("content-type: multipart/") || header.starts_with("mime-version:") {
        return Ok(UserDataKind::MultiPart);
    }
    Err(Invalid::new(
        "user data must start with `#!` (a script), `#cloud-config` or the header of a MIME multi-part text; base64 or gzip is not wanted here, the provider encodes it",
    ))
}

fn render_part(part: &UserData) -> String {
    let content_type = match part.kind {
        UserDataKind::CloudConfig if part.expose().starts_with("##") => "text/jinja2",
        UserDataKind::CloudConfig => "text/cloud-config",
        _ => "text/x-shellscript",
    };
    let encoded = part.to_base64();
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(76)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "Content-Type: {content_type}; charset=\"utf-8\"\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n{}",
        lines.join("\n")
    )
}

/// The parts of a multi-part text, each with its own headers, as they stand between the boundaries.
fn split_multi_part(text: &str) -> Result<Vec<String>, Invalid> {
    let text = text.replace("\r\n", "\n");
    let head = text
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .replace("\n ", " ")
        .replace("\n\t", " ");
    let boundary = head
        .lines()
        .filter(|line| line.to_ascii_lowercase().starts_with("content-type:"))
        .find_map(|line| line.split_once("boundary=").map(|(_, rest)| rest))
        .and_then(|rest| match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => rest.split([';', ' ']).next(),
        })
        .filter(|boundary| !boundary.is_empty())
        .ok_or_else(|| Invalid::new("the multi-part user data names no boundary in its Content-Type header"))?;
    let (opening, closing) = (format!("--{boundary}"), format!("--{boundary}--"));
    let mut parts: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        if line.trim_end() == closing {
            break;
        } else if line.trim_end() == opening {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(line);
        }
    }
    Ok(parts.into_iter().map(|lines| lines.join("\n")).collect())
}

/// A boundary that occurs in no part; derived from the parts, so that the same input gives the same text.
fn unused_boundary(bodies: &[String]) -> String {
    let mut salt = bodies.join("\n");
    loop {
        let hash = IdempotencyKey::new("boundary")
            .map(|key| key.hash_with(&[&salt]))
            .unwrap_or_default();
        let boundary = format!("part-{hash}");
        if !bodies.iter().any(|body| body.contains(&boundary)) {
            return boundary;
        }
        salt.push('.');
    }
}
