//! From a name to a cloud: which clouds this build has, and a [`Provisioner`] from a name and a flat map of settings.

use std::sync::Arc;

use provision_core::{Error, ProviderInfo, Provisioner, Result, Settings, nearest};
use provision_http::{ReqwestTransport, Transport};

/// Each row is compiled in with the feature of the same name.
macro_rules! registry {
    ($($id:literal => $provider:ty,)*) => {
        /// Ids of every cloud that this crate knows, compiled in or not.
        pub const KNOWN: &[&str] = &[$($id),*];

        /// Facts of every cloud that is compiled in.
        #[must_use]
        pub fn providers() -> Vec<&'static ProviderInfo> {
            let compiled_in: &[&'static ProviderInfo] = &[$(#[cfg(feature = $id)] <$provider>::INFO),*];
            compiled_in.to_vec()
        }

        fn build(id: &str, settings: &Settings, transport: Arc<dyn Transport>) -> Result<Box<dyn Provisioner>> {
            match id {
                $(#[cfg(feature = $id)]
                $id => Ok(Box::new(<$provider>::from_settings(settings, transport)?)),)*
                _ => {
                    // Without any cloud the arguments would be unused.
                    let _ = (settings, transport);
                    Err(unknown(id, &providers()))
                }
            }
        }
    };
}

// BEGIN GENERATED registry (cargo xtask generate)
registry! {
    "azure" => provision_azure::Azure,
    "civo" => provision_civo::Civo,
    "digitalocean" => provision_digitalocean::DigitalOcean,
    "ec2" => provision_ec2::Ec2,
    "gce" => provision_gce::Gce,
    "hetzner" => provision_hetzner::Hetzner,
    "linode" => provision_linode::Linode,
    "openstack" => provision_openstack::OpenStack,
    "ovh" => provision_ovh::Ovh,
    "packet" => provision_packet::Packet,
    "scaleway" => provision_scaleway::Scaleway,
    "vultr" => provision_vultr::Vultr,
}
// END GENERATED registry

/// The facts of a cloud by its id or an alias, without connecting to it.
///
/// # Errors
/// `InvalidRequest` for an unknown name, with the known ones; for a cloud that is not compiled in, with its feature.
pub fn find(name: &str) -> Result<&'static ProviderInfo> {
    let compiled_in = providers();
    compiled_in
        .iter()
        .find(|info| info.is_called(name))
        .copied()
        .ok_or_else(|| unknown(name, &compiled_in))
}

/// A cloud by its id or an alias, configured by [`ProviderInfo::settings`], with connections of its own. No request is
/// made.
///
/// # Errors
/// As [`find`]; `Unauthorized` when a credential is missing; `InvalidRequest` for an unknown or bad setting; `Unavailable`
/// when the system has no certificates.
///
/// ```no_run
/// # fn main() -> provision::Result<()> {
/// let settings = provision::Settings::new().with("token", "secret");
/// let cloud = provision::connect("hetzner", &settings)?;
/// println!("{}", cloud.info().default_plan);
/// # Ok(())
/// # }
/// ```
pub fn connect(name: &str, settings: &Settings) -> Result<Box<dyn Provisioner>> {
    let info = find(name)?;
    build(info.id, settings, Arc::new(ReqwestTransport::new()?))
}

/// A cloud by its id or an alias, with the settings that its environment variables hold: those of the vendor's own tools, such
/// as `HCLOUD_TOKEN`.
///
/// # Errors
/// As [`connect`].
pub fn connect_from_env(name: &str) -> Result<Box<dyn Provisioner>> {
    let mut settings = Settings::new();
    settings.fill_from(find(name)?, |variable| std::env::var(variable).ok());
    connect(name, &settings)
}

/// As [`connect`], over a transport of the caller's: a shared one for several clouds, or a scripted one in a test.
///
/// # Errors
/// As [`connect`].
pub fn connect_with(name: &str, settings: &Settings, transport: Arc<dyn Transport>) -> Result<Box<dyn Provisioner>> {
    build(find(name)?.id, settings, transport)
}

fn unknown(name: &str, compiled_in: &[&'static ProviderInfo]) -> Error {
    let shown: String = name.chars().take(40).collect();
    if KNOWN.contains(&name) {
        return Error::invalid(format!(
            "provider `{name}` is not part of this build: enable feature `{name}` of crate `provision`, or `full`"
        ));
    }
    if compiled_in.is_empty() {
        return Error::invalid(format!(
            "provider `{shown}` is not part of this build, which has none: enable a feature of crate `provision`, such as `full`"
        ));
    }
    let guess = closest(name, compiled_in).map_or_else(String::new, |guess| format!(" (did you mean `{guess}`?)"));
    let known: Vec<String> = compiled_in
        .iter()
        .map(|info| match info.aliases {
            [] => info.id.to_owned(),
            aliases => format!("{} ({})", info.id, aliases.join(", ")),
        })
        .collect();
    Error::invalid(format!(
        "unknown provider `{shown}`{guess}; known: {}",
        known.join(", ")
    ))
}

/// The id whose own name or alias is most like what was typed, if anything is.
fn closest(name: &str, compiled_in: &[&'static ProviderInfo]) -> Option<&'static str> {
    let names = |info: &&'static ProviderInfo| [info.id].into_iter().chain(info.aliases.iter().copied());
    let found = nearest(name, compiled_in.iter().flat_map(names))?;
    let info = compiled_in.iter().find(|info| names(info).any(|name| name == found))?;
    Some(info.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_is_found_by_id_and_alias_and_a_typing_mistake_is_recognised() {
        let Some(first) = providers().first().copied() else {
            let error = find("digitalocean").unwrap_err().to_string();
            assert!(error.contains("enable feature `digitalocean`"), "{error}");
            return;
        };
        for name in [first.id].iter().chain(first.aliases) {
            assert_eq!(find(name).unwrap().id, first.id);
        }
        let mistyped = format!("{}x", first.id);
        let error = find(&mistyped).unwrap_err();
        assert_eq!(error.kind(), provision_core::ErrorKind::InvalidRequest);
        let text = error.to_string();
        assert!(text.contains(&format!("did you mean `{}`?", first.id)), "{text}");
        for info in providers() {
            assert!(text.contains(info.id), "{text}");
        }
        assert!(!find("zzz").unwrap_err().to_string().contains("did you mean"));
    }

    #[test]
    fn ids_and_aliases_are_unique() {
        let mut names: Vec<&str> = providers()
            .iter()
            .flat_map(|info| [info.id].into_iter().chain(info.aliases.iter().copied()))
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(providers().iter().all(|info| KNOWN.contains(&info.id)));
    }

    #[test]
    fn every_cloud_says_which_variable_holds_its_missing_credential() {
        for info in providers() {
            let error = connect(info.id, &Settings::new()).unwrap_err();
            assert_eq!(error.kind(), provision_core::ErrorKind::Unauthorized, "{}", info.id);
            let text = error.to_string();
            let mut variables = info.settings.iter().flat_map(|setting| setting.env);
            assert!(variables.any(|name| text.contains(name)), "{text}");
            for setting in info.settings.iter().filter(|setting| setting.required) {
                assert!(text.contains(setting.name), "not all at once: {text}");
            }
        }
    }
}
