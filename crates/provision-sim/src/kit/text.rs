//! Texts: times, digests, keys, escaping.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// `2026-11-20T10:00:00Z`, whole seconds.
pub(crate) fn rfc3339(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .map(|at| at.to_string())
        .unwrap_or_default()
}

/// SHA-256, lower-case hexadecimal.
pub(crate) fn sha256(data: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(data.as_ref()))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A fingerprint for a public key: the right shape (16 pairs of digits), but not its MD5.
pub(crate) fn fingerprint(public_key: &str) -> String {
    let digest = Sha256::digest(public_key.trim().as_bytes());
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(":")
}

/// Whether a text looks like an OpenSSH public key: a known type and base64.
pub(crate) fn is_ssh_key(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let known = ["ssh-rsa", "ssh-ed25519", "ssh-dss"].contains(&kind)
        || kind.starts_with("ecdsa-sha2-nistp")
        || kind.starts_with("sk-ssh-")
        || kind.starts_with("sk-ecdsa-");
    let blob = words.next().unwrap_or_default();
    known && !blob.is_empty() && STANDARD.decode(blob).is_ok()
}

/// Whether a text is a network or an address: `203.0.113.0/24`, `::/0`, and without the prefix if `bare` is allowed.
pub(crate) fn is_network(text: &str, bare: bool) -> bool {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    match prefix {
        Some(prefix) => prefix.parse::<u8>().is_ok_and(|prefix| prefix <= longest),
        None => bare,
    }
}

/// A value made safe to stand inside XML.
pub(crate) fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds() {
        assert_eq!(rfc3339(1_795_168_800_999), "2026-11-20T10:00:00Z");
    }

    #[test]
    fn keys_and_networks_are_recognised() {
        assert!(is_ssh_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@host"));
        assert!(!is_ssh_key("ssh-ed25519"));
        assert!(!is_ssh_key("AAAAC3NzaC1lZDI1NTE5AAAAIA=="));
        assert!(is_network("0.0.0.0/0", false) && is_network("::/0", false) && is_network("192.0.2.1", true));
        assert!(!is_network("192.0.2.1", false) && !is_network("192.0.2.0/33", false) && !is_network("x/8", true));
        assert_eq!(fingerprint("a").len(), 47);
        assert_eq!(escape_xml("<a b='&'>"), "&lt;a b=&apos;&amp;&apos;&gt;");
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        assert_eq!(
            sha256("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
