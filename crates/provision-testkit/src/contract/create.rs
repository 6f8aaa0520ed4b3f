use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use provision_core::{BasicHost, CatalogQuery, HostStatus, Labels, MANAGED_BY_LABEL, ProvisionedHost};
use sha2::{Digest, Sha256};

use super::bench::{Bench, host, join};
use crate::{
    Failure, Stand,
    failure::{During, ensure},
};

/// `provision` returns at once with a host that is being built; after booting it is active with its public address.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn create_to_active(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let info = bench.cloud.info();
    let wanted = host("create-1")?;
    let created = bench.cloud.provision(&wanted).await.during("provision")?;
    ensure!(
        matches!(created.status, HostStatus::Provisioning | HostStatus::Active),
        "provision should answer provisioning or active, but answers {}",
        created.status
    );
    describes(&created, &wanted, info.id, "the host that provision answers")?;
    let booting = bench.cloud.status(&created.id).await.during("status of a new host")?;
    describes(&booting, &wanted, info.id, "the host right after provision")?;
    ensure!(
        booting.status == HostStatus::Provisioning,
        "the host is still booting, but its status is {} (the vendor says {:?}): map only the vendor's word for running to active",
        booting.status,
        booting.raw_status
    );
    let active = bench.until_active(&created.id).await?;
    describes(&active, &wanted, info.id, "the active host")?;
    ensure!(
        active.id == created.id,
        "the id changed from {} to {} while the host booted",
        created.id,
        active.id
    );
    let ip = active.ip.during("the address of an active host")?;
    ensure!(
        active.created.is_some(),
        "the active host does not say when it was created: of several hosts with one key the oldest stays"
    );
    let hosts = bench.hosts();
    ensure!(hosts.len() == 1, "one provision made {} hosts", hosts.len());
    if let Some(expected) = hosts.first().and_then(|host| host.ip.as_deref()) {
        ensure!(
            ip.to_string() == expected,
            "the host has the public address {expected}, but status says {ip}"
        );
    }
    for (what, found, expected) in [
        ("region", &active.region, info.default_region),
        ("plan", &active.plan, info.default_plan),
    ] {
        ensure!(
            found.as_deref() == Some(expected),
            "a host without a wish should have the default {what} {expected:?}, but has {found:?}"
        );
    }
    Ok(())
}

fn describes(found: &ProvisionedHost, wanted: &BasicHost, provider: &str, what: &str) -> Result<(), Failure> {
    ensure!(
        found.name == wanted.name.as_str(),
        "{what} should be named {}, but is {:?}",
        wanted.name,
        found.name
    );
    ensure!(
        found.provider == provider,
        "{what} should come from {provider:?}, but says {:?}",
        found.provider
    );
    ensure!(
        !found.raw_status.is_empty(),
        "{what} should have the vendor's raw status"
    );
    ensure!(
        found.status != HostStatus::Active || found.ip.is_some(),
        "{what} is active without a public address: use `HostStatus::active_if`"
    );
    ensure!(
        found.labels.is_managed(),
        "{what} lacks the label `{MANAGED_BY_LABEL}`: it has to be set inside the create request and read back"
    );
    Ok(())
}

/// The guest sees the user data byte for byte.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn user_data_arrives(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let wanted = host("user-data-1")?;
    bench.active(&wanted).await?;
    let hosts = bench.hosts();
    let seen = hosts
        .first()
        .and_then(|host| host.user_data_sha256.clone())
        .during("the user data that the guest sees")?;
    let expected = Sha256::digest(wanted.user_data.expose())
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
    ensure!(
        seen == expected,
        "the guest sees other user data than was asked for: check the encoding (base64 once where the API wants it, never twice)"
    );
    Ok(())
}

/// Region, plan, image, labels and expiry are those that were asked for.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn defaults_and_overrides(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let mut wanted = host("choice-1")?;
    wanted.labels = labels("team=web,tier=front-1")?;
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    wanted.expires = Some(expires);
    let created = create_another(&bench, &mut wanted).await?;
    let active = bench.until_active(&created.id).await?;
    for (what, found, wish) in [
        ("region", &active.region, &wanted.region),
        ("plan", &active.plan, &wanted.plan),
    ] {
        ensure!(found == wish, "asked for {what} {wish:?}, got {found:?}");
    }
    ensure!(
        active.image.is_none() || active.image == wanted.image,
        "asked for image {:?}, got {:?}",
        wanted.image,
        active.image
    );
    ensure!(
        active.labels.contains_all(&wanted.labels),
        "asked for labels {:?}, got {:?}",
        wanted.labels,
        active.labels
    );
    ensure!(
        active.expires() == Some(expires),
        "asked for expiry {expires:?}, got {:?}",
        active.expires()
    );
    Ok(())
}

/// Creates the host in a region, with a plan and an image that are not the defaults, as the catalog offers them. The
/// catalog does not say which plan runs which image, so that a refused plan leads to the next one.
pub(super) async fn create_another(bench: &Bench<'_>, host: &mut BasicHost) -> Result<ProvisionedHost, Failure> {
    const TRIES: usize = 8;
    let (cloud, info) = (&bench.cloud, bench.cloud.info());
    let regions = cloud
        .catalog(&CatalogQuery::regions())
        .await
        .during("catalog of regions")?;
    let mut refusals = Vec::new();
    for region in &regions.regions {
        if region.id == info.default_region || region.available == Some(false) {
            continue;
        }
        let query = CatalogQuery::all().with_region(&region.id);
        let catalog = cloud.catalog(&query).await.during("catalog of another region")?;
        let default_image = catalog.images.iter().find(|image| image.id == info.default_image);
        let architecture = default_image.and_then(|image| image.architecture.clone());
        let image = catalog
            .images
            .iter()
            .find(|image| image.id != info.default_image && image.architecture == architecture);
        let Some(image) = image else { continue };
        let plans = catalog.plans.iter().filter(|plan| {
            let sold_here = plan.regions.is_empty() || plan.regions.contains(&region.id);
            plan.id != info.default_plan && sold_here && plan.available != Some(false)
        });
        for plan in plans {
            host.region = Some(region.id.clone());
            host.plan = Some(plan.id.clone());
            host.image = Some(image.id.clone());
            match cloud.provision(host).await {
                Ok(created) => return Ok(created),
                Err(error) => refusals.push(format!("{} with {} in {}: {error}", plan.id, image.id, region.id)),
            }
            ensure!(
                refusals.len() < TRIES,
                "what the catalog offers is refused: {}",
                join(&refusals)
            );
        }
    }
    Err(Failure::new(format!(
        "the catalog offers no region other than the default with another plan and image that can be ordered: {}",
        join(&refusals)
    )))
}

pub(super) fn labels(text: &str) -> Result<Labels, Failure> {
    text.parse()
        .map_err(|invalid: provision_core::Invalid| Failure::new(invalid.to_string()))
}
