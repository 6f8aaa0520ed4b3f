use std::collections::BTreeSet;

use provision_core::{Catalog, CatalogQuery, ErrorKind};

use super::bench::Bench;
use crate::{
    Failure, Stand,
    failure::{During, ensure, refused},
};

async fn read(stand: &dyn Stand, query: CatalogQuery) -> Result<(Catalog, Bench<'_>), Failure> {
    let bench = Bench::new(stand)?;
    let catalog = bench.cloud.catalog(&query).await.during("catalog")?;
    ensure!(
        catalog == catalog.clone().sorted(),
        "the catalog is not in its documented order: end with `.sorted()`"
    );
    Ok((catalog, bench))
}

fn check_ids<'a>(what: &str, ids: impl Iterator<Item = &'a str>, default: &str) -> Result<(), Failure> {
    let all: Vec<&str> = ids.collect();
    let distinct: BTreeSet<&str> = all.iter().copied().collect();
    ensure!(!all.is_empty(), "the catalog holds no {what}");
    ensure!(distinct.len() == all.len(), "the catalog holds a {what} twice: {all:?}");
    ensure!(
        distinct.contains(default),
        "the default {what} {default:?} is not in the catalog: {all:?}"
    );
    Ok(())
}

/// The plans hold the default one, have prices, and come cheapest first.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn catalog_plans(stand: &dyn Stand) -> Result<(), Failure> {
    let (catalog, bench) = read(stand, CatalogQuery::plans()).await?;
    let info = bench.cloud.info();
    check_ids(
        "plan",
        catalog.plans.iter().map(|plan| plan.id.as_str()),
        info.default_plan,
    )?;
    for plan in &catalog.plans {
        ensure!(
            plan.monthly_cost.is_none_or(|cost| cost > 0.0 && cost.is_finite()),
            "plan {} costs {:?} a month",
            plan.id,
            plan.monthly_cost
        );
        if plan.id == info.default_plan {
            ensure!(
                plan.monthly_cost.is_some() || info.monthly_cost.amount.is_none(),
                "the default plan {} has no price",
                plan.id
            );
            ensure!(
                plan.currency == info.monthly_cost.currency || plan.monthly_cost.is_none(),
                "the default plan is priced in {}, `ProviderInfo::monthly_cost` in {}",
                plan.currency,
                info.monthly_cost.currency
            );
        }
    }
    ensure!(
        catalog.images.is_empty() && catalog.regions.is_empty(),
        "only plans were asked for, but images or regions came, too"
    );
    Ok(())
}

/// The images hold the default one.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn catalog_images(stand: &dyn Stand) -> Result<(), Failure> {
    let (catalog, bench) = read(stand, CatalogQuery::images()).await?;
    let default = bench.cloud.info().default_image;
    ensure!(
        catalog.images.iter().any(|image| image.id == default),
        "the default image {default:?} is not in the catalog: {:?}",
        catalog.images.iter().map(|image| &image.id).collect::<Vec<_>>()
    );
    ensure!(
        catalog.plans.is_empty() && catalog.regions.is_empty(),
        "only images were asked for, but plans or regions came, too"
    );
    Ok(())
}

/// The regions hold the default one.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn catalog_regions(stand: &dyn Stand) -> Result<(), Failure> {
    let (catalog, bench) = read(stand, CatalogQuery::regions()).await?;
    let default = bench.cloud.info().default_region;
    check_ids(
        "region",
        catalog.regions.iter().map(|region| region.id.as_str()),
        default,
    )?;
    ensure!(
        catalog.plans.is_empty() && catalog.images.is_empty(),
        "only regions were asked for, but plans or images came, too"
    );
    Ok(())
}

/// The catalog of a region that does not exist is `InvalidRequest` that names it, not an empty catalog.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn catalog_unknown_region(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let query = CatalogQuery::plans().with_region("nowhere-9");
    let error = refused(
        bench.cloud.catalog(&query).await,
        ErrorKind::InvalidRequest,
        "catalog of region \"nowhere-9\"",
    )?;
    ensure!(
        error.to_string().contains("nowhere-9"),
        "the error for region \"nowhere-9\" should name it, but says: {error}"
    );
    Ok(())
}
