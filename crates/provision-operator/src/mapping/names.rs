//! Names of hosts, and times to live.

use std::time::Duration;

use provision::{Error, HostName, IdempotencyKey, NameRules, Result};
use sha2::{Digest as _, Sha256};

/// A host name from a resource's name that is unique in the account: resources of the same name in two namespaces, or one
/// made again after it was deleted, must not meet at a cloud with unique names.
///
/// # Errors
/// `InvalidRequest` when no name can be made that the cloud accepts.
pub fn host_name(resource: &str, key: &IdempotencyKey, rules: &NameRules) -> Result<HostName> {
    let hash = key.hash();
    let mark = hash.get(..8).unwrap_or(&hash);
    let mut name = String::new();
    for c in resource.chars() {
        let c = if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        };
        if c != '-' || !name.ends_with('-') {
            name.push(c);
        }
    }
    let name = name.trim_start_matches('-');
    let name = if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.to_owned()
    } else {
        format!("h{name}")
    };
    let room = rules.max_len.min(HostName::MAX_LEN).saturating_sub(mark.len() + 1);
    let short: String = name.chars().take(room).collect();
    Ok(HostName::new(format!("{}-{mark}", short.trim_end_matches('-')))?)
}

/// What stands for a namespace in a label: eight hexadecimal digits.
#[must_use]
pub fn namespace_mark(namespace: &str) -> String {
    mark(namespace, 4)
}

/// What stands for an installation in a label, by its own namespace: six hexadecimal digits.
#[must_use]
pub fn installation_mark(namespace: &str) -> String {
    mark(namespace, 3)
}

fn mark(text: &str, bytes: usize) -> String {
    let digest = Sha256::digest(text);
    digest.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a time to live such as `90m`, `1h30m` or `7d`.
///
/// # Errors
/// `InvalidRequest` when it is not one, or is zero.
pub fn parse_ttl(text: &str) -> Result<Duration> {
    let invalid = || {
        Error::invalid(format!(
            "ttl {text:?} is not a time: write `90m`, `12h`, `1h30m` or `7d`"
        ))
    };
    let (mut seconds, mut digits) = (0_u64, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit: u64 = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(invalid()),
        };
        let number: u64 = digits.parse().map_err(|_| invalid())?;
        let part = number.checked_mul(unit).ok_or_else(invalid)?;
        seconds = seconds.checked_add(part).ok_or_else(invalid)?;
        digits.clear();
    }
    if seconds == 0 || !digits.is_empty() {
        return Err(invalid());
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::new(text).unwrap()
    }

    #[test]
    fn names_fit_every_cloud_and_differ_by_key() {
        let strict = NameRules::HOST_NAME
            .with_len(1, 32)
            .with_letter_first()
            .without_double_hyphen();
        for name in [
            "nginx-1-tunnel",
            "1st.example.com",
            "A__b",
            &"x".repeat(253),
            "ends-with---",
        ] {
            for rules in [strict, NameRules::HOST_NAME] {
                let host = host_name(name, &key("uid-1"), &rules).unwrap();
                rules.check("a cloud", &host).unwrap();
                assert_ne!(host, host_name(name, &key("uid-2"), &rules).unwrap());
            }
        }
        let name = host_name("nginx-1-tunnel", &key("web-1"), &NameRules::HOST_NAME).unwrap();
        assert_eq!(name.as_str(), "nginx-1-tunnel-c4719afa");
    }

    #[test]
    fn marks_are_pinned_because_hosts_are_found_by_them() {
        // printf shop | sha256sum
        assert_eq!(namespace_mark("shop"), "8d9001d3");
        assert_eq!(installation_mark("shop"), "8d9001");
    }

    #[test]
    fn times_to_live_are_sums_of_units() {
        for (text, seconds) in [("90m", 5400), ("1h30m", 5400), ("7d", 604_800), ("5s", 5)] {
            assert_eq!(parse_ttl(text).unwrap().as_secs(), seconds, "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "0s",
            "5w",
            "1h5",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(parse_ttl(text).is_err(), "{text}");
        }
    }
}
