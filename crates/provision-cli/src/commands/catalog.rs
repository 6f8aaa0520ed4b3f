use provision::{Catalog, CatalogQuery};

use crate::{
    context::Context,
    failure::{Exit, Outcome},
    output::{self, or_dash},
};

/// `provision plans`
pub(super) async fn plans(context: &Context, region: Option<String>) -> Outcome {
    let plans = read(context, CatalogQuery::plans(), region).await?.plans;
    let header = ["PLAN", "VCPUS", "MEMORY", "DISK", "MONTHLY", "AVAILABLE", "DESCRIPTION"];
    let rows = plans.iter().map(|plan| {
        let number = |number: Option<String>, unit: &str| number.map(|number| format!("{number} {unit}"));
        vec![
            plan.id.clone(),
            or_dash(plan.vcpus.map(|vcpus| vcpus.to_string()).as_deref()),
            or_dash(number(plan.memory_mib.map(|mib| mib.to_string()), "MiB").as_deref()),
            or_dash(number(plan.disk_gb.map(|gb| gb.to_string()), "GB").as_deref()),
            or_dash(number(plan.monthly_cost.map(|cost| format!("{cost:.2}")), &plan.currency).as_deref()),
            yes_or_no(plan.available),
            plan.description.clone(),
        ]
    });
    output::rows(context.format(), &plans, &header, rows)?;
    Ok(Exit::Ok)
}

/// `provision images`
pub(super) async fn images(context: &Context, region: Option<String>) -> Outcome {
    let images = read(context, CatalogQuery::images(), region).await?.images;
    let rows = images.iter().map(|image| {
        vec![
            image.id.clone(),
            or_dash(image.architecture.as_deref()),
            image.description.clone(),
        ]
    });
    output::rows(
        context.format(),
        &images,
        &["IMAGE", "ARCHITECTURE", "DESCRIPTION"],
        rows,
    )?;
    Ok(Exit::Ok)
}

/// `provision regions`
pub(super) async fn regions(context: &Context) -> Outcome {
    let regions = read(context, CatalogQuery::regions(), None).await?.regions;
    let rows = regions.iter().map(|region| {
        vec![
            region.id.clone(),
            yes_or_no(region.available),
            region.description.clone(),
        ]
    });
    output::rows(
        context.format(),
        &regions,
        &["REGION", "AVAILABLE", "DESCRIPTION"],
        rows,
    )?;
    Ok(Exit::Ok)
}

async fn read(context: &Context, query: CatalogQuery, region: Option<String>) -> Outcome<Catalog> {
    let info = context.provider()?;
    let query = match region.or_else(|| context.config.host_defaults(info).region) {
        Some(region) => query.with_region(region),
        None => query,
    };
    Ok(context.connect(info).await?.provisioner.catalog(&query).await?)
}

fn yes_or_no(value: Option<bool>) -> String {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    }
    .to_owned()
}
