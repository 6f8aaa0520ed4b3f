//! What tenants may add to hosts in the operator's own account.

use std::collections::BTreeSet;

use provision::{AdditionalRole, ProviderInfo};

use super::conditions::Problem;

/// Why a host in the operator's own account may not have these extras; `None` when it may. `allowed` are those that the
/// operator was started with.
#[must_use]
pub fn refusal<'a>(
    keys: impl IntoIterator<Item = &'a str>,
    info: &ProviderInfo,
    allowed: &BTreeSet<String>,
) -> Option<Problem> {
    let (key, why) = keys.into_iter().filter(|key| !allowed.contains(*key)).find_map(|key| {
        // One that the cloud does not know is refused with the request.
        let why = match info.additional.iter().find(|known| known.key == key)?.role {
            AdditionalRole::Harmless => return None,
            AdditionalRole::ChangesPrice => "changes what the host costs",
            AdditionalRole::GrantsAccess => "gives the host an identity or a place in the operator's own account",
            _ => "is not for everybody",
        };
        Some((key, why))
    })?;
    Some(Problem {
        reason: "AdditionalNotAllowed".to_owned(),
        message: format!(
            "`{key}` of spec.additional {why}: leave it out, name an account of yours in spec.credentialsRef, or have the \
             operator started with --allow-additional {key}"
        ),
    })
}

/// Whether one of these extras changes the price: then the plan's is not that of the host.
#[must_use]
pub fn changes_price<'a>(keys: impl IntoIterator<Item = &'a str>, info: &ProviderInfo) -> bool {
    keys.into_iter().any(|key| {
        let known = info.additional.iter().find(|known| known.key == key);
        known.is_some_and(|known| known.role == AdditionalRole::ChangesPrice)
    })
}

/// Checks the keys of `--allow-additional`.
///
/// # Errors
/// A sentence that names one which no cloud has, or which needs no permission.
pub fn check_flag<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<BTreeSet<String>, String> {
    let needs = |key: &str| {
        let mut all = provision::providers().into_iter().flat_map(|info| info.additional);
        all.any(|known| known.key == key && known.role != AdditionalRole::Harmless)
    };
    let keys = keys.into_iter().map(str::trim).filter(|key| !key.is_empty());
    keys.map(|key| match needs(key) {
        true => Ok(key.to_owned()),
        false => Err(format!(
            "--allow-additional: no cloud has an extra `{key}` that needs permission: `provision providers -o json` lists them"
        )),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_costs_and_opens_nothing_is_for_everybody() {
        for info in provision::providers() {
            for extra in info.additional {
                let refused = refusal([extra.key], info, &BTreeSet::new());
                let harmless = extra.role == AdditionalRole::Harmless;
                assert_eq!(refused.is_none(), harmless, "{}: {}", info.id, extra.key);
                if let Some(Problem { message, .. }) = refused {
                    assert!(
                        message.contains(&format!("--allow-additional {}", extra.key)),
                        "{message}"
                    );
                    let allowed = check_flag([extra.key]).unwrap();
                    assert_eq!(refusal([extra.key], info, &allowed), None);
                }
            }
        }
        assert!(check_flag(["no-such-extra"]).unwrap_err().contains("no-such-extra"));
        assert!(check_flag(["", " "]).unwrap().is_empty());
    }

    /// Names that cannot be harmless, whatever their author thought.
    #[test]
    fn extras_have_the_role_that_their_names_tell() {
        let telling = [
            "vpc",
            "network",
            "subnet",
            "subnetwork",
            "group",
            "profile",
            "account",
            "key",
            "tags",
            "firewall",
        ];
        let costs = ["disk", "volume", "reservation", "backup", "gb"];
        for info in provision::providers() {
            for extra in info.additional {
                let says = |words: &[&str]| {
                    let mut parts = extra.key.split('-');
                    parts.any(|part| words.contains(&part)) && extra.key != "host-firewall"
                };
                if says(&telling) {
                    assert_eq!(extra.role, AdditionalRole::GrantsAccess, "{}: {}", info.id, extra.key);
                } else if says(&costs) {
                    assert_eq!(extra.role, AdditionalRole::ChangesPrice, "{}: {}", info.id, extra.key);
                }
            }
        }
    }
}
