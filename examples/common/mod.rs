//! What the examples share: a cloud from the environment.

use provision::{Provisioner, Settings};

/// The cloud that `PROVISION_PROVIDER` names, with its credentials from the environment.
pub(crate) fn cloud() -> provision::Result<Box<dyn Provisioner>> {
    let variable = |name: &str| std::env::var(name).ok();
    let info = provision::find(&variable("PROVISION_PROVIDER").unwrap_or_else(|| "digitalocean".to_owned()))?;
    let mut settings = Settings::new();
    settings.set("endpoint", variable("PROVISION_ENDPOINT").unwrap_or_default());
    settings.fill_from(info, variable);
    provision::connect(info.id, &settings)
}
