//! What a key of the configuration file should have been.

use provision::ProviderInfo;

/// Words of other clouds and tools for what every provider has here.
const WORDS: [(&str, &[&str]); 3] = [
    (
        "region",
        &[
            "zone",
            "location",
            "datacenter",
            "metro",
            "facility",
            "availability-zone",
        ],
    ),
    (
        "plan",
        &[
            "size",
            "type",
            "server-type",
            "instance-type",
            "machine-type",
            "flavor",
            "commercial-type",
        ],
    ),
    ("image", &["os", "os-id", "ami", "operating-system"]),
];

/// Words for the credentials.
const CREDENTIALS: [&str; 10] = [
    "token",
    "api-token",
    "api-key",
    "access-token",
    "access-key",
    "access-key-id",
    "secret-key",
    "secret-access-key",
    "client-secret",
    "application-secret",
];

/// The right form of a key that a provider does not have, as far as it can be told; empty otherwise.
pub(super) fn instead(info: &ProviderInfo, key: &str) -> String {
    let key = key.replace('_', "-").to_ascii_lowercase();
    let name = key.strip_suffix(super::FILE_SUFFIX).unwrap_or(&key);
    let has = |info: &ProviderInfo| info.settings.iter().any(|setting| setting.name == name);
    // Only its spelling differs.
    if has(info) || WORDS.iter().any(|(ours, _)| *ours == name) {
        return format!(": write `{key}`");
    }
    let word = WORDS.iter().find(|(_, theirs)| theirs.contains(&name));
    let others: Vec<&str> = provision::providers()
        .iter()
        .filter(|other| has(other))
        .map(|other| other.id)
        .collect();
    let mut parts = Vec::new();
    if !others.is_empty() {
        parts.push(format!(", which belongs to {}", others.join(", ")));
    }
    if let Some((ours, _)) = word {
        parts.push(format!(": here it is `{ours}`"));
    } else if CREDENTIALS.contains(&name) {
        let ours: Vec<String> = info
            .settings
            .iter()
            .filter(|setting| setting.secret)
            .map(|setting| format!("`{}`", setting.name))
            .collect();
        parts.push(format!(": here it is {}", ours.join(" or ")));
    } else if let Some(first) = others.first() {
        parts.push(format!(": move it to [provider.{first}]"));
    }
    parts.concat()
}

/// What to do about a key that stands outside of every provider, from the words of the reader's error.
pub(super) fn outside(message: &str) -> Option<String> {
    let key = message.strip_prefix("unknown field `")?.split('`').next()?;
    if let Ok(info) = provision::find(key) {
        return Some(format!("write [provider.{}] instead of [{key}]", info.id));
    }
    let known = WORDS.iter().any(|(ours, _)| *ours == key)
        || provision::providers()
            .iter()
            .flat_map(|info| info.settings)
            .any(|setting| setting.name == key.strip_suffix(super::FILE_SUFFIX).unwrap_or(key));
    known.then(|| format!("write `{key}` below the provider that it is for, such as [provider.digitalocean]"))
}
