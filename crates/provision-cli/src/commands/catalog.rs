use std::cmp::Ordering;

use provision::{Catalog, CatalogQuery, Plan, ProviderInfo, Provisioner};
use serde::Serialize;

use crate::{
    args::{ImagesArgs, PlansArgs, RegionsArgs, SizeArgs},
    context::Context,
    exchange::Exchange,
    failure::{Failure, Outcome, Tally},
    output::{self, Cell, Column},
    progress::{Progress, hint},
    size::gibibytes,
    terminal::Tone,
};

const PLANS: [Column; 8] = [
    Column::new("PLAN").shortens_to(16),
    Column::new("PROVIDER"),
    Column::new("VCPUS").goes(5),
    Column::new("MEMORY"),
    Column::new("DISK").goes(3),
    Column::new("MONTHLY"),
    Column::new("AVAILABLE").goes(4),
    Column::new("DESCRIPTION").goes(1).shortens_to(20),
];

const IMAGES: [Column; 4] = [
    Column::new("IMAGE").shortens_to(30),
    Column::new("PROVIDER"),
    Column::new("ARCHITECTURE").goes(2),
    Column::new("DESCRIPTION").goes(1).shortens_to(20),
];

const REGIONS: [Column; 4] = [
    Column::new("REGION"),
    Column::new("PROVIDER"),
    Column::new("AVAILABLE").goes(2),
    Column::new("DESCRIPTION").goes(1).shortens_to(20),
];

/// An entry of a catalog, and whose it is.
#[derive(Serialize)]
struct Offer<T> {
    provider: &'static str,
    #[serde(flatten)]
    item: T,
}

/// A plan, with its price in the currency that was asked for.
#[derive(Serialize)]
struct Priced {
    #[serde(flatten)]
    plan: Plan,
    #[serde(skip_serializing_if = "Option::is_none")]
    converted_cost: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    converted_currency: Option<String>,
}

/// `provision plans`
pub(super) async fn plans(context: &Context, args: &PlansArgs) -> Outcome {
    let mut tally = Tally::default();
    let catalogs = read(context, CatalogQuery::plans(), args.region.as_deref(), &mut tally).await?;
    let exchange = args
        .currency
        .as_deref()
        .map(|currency| Exchange::new(currency, &args.rates));
    let mut offers = Vec::new();
    for (info, catalog) in catalogs {
        let orderable = |plan: &Plan| !args.available || plan.available != Some(false);
        let plans = catalog.plans.into_iter();
        for plan in plans.filter(|plan| fits(plan, args.size) && orderable(plan)) {
            let converted = match (&exchange, plan.monthly_cost) {
                (Some(exchange), Some(cost)) => Some(exchange.convert(cost, &plan.currency)?),
                _ => None,
            };
            let item = Priced {
                converted_cost: converted,
                converted_currency: converted.and(exchange.as_ref()).map(|to| to.currency().to_owned()),
                plan,
            };
            offers.push(Offer {
                provider: info.id,
                item,
            });
        }
    }
    if let Some(limit) = args.max_price {
        one_currency(&offers)?;
        offers.retain(|offer| price(offer).is_some_and(|(price, _)| price <= limit));
    }
    // Amounts of different currencies have no order.
    if one_currency(&offers).is_ok() {
        offers.sort_by(|a, b| match (price(a), price(b)) {
            (Some((a, _)), Some((b, _))) => a.total_cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
    } else {
        hint("prices are in several currencies: --currency USD --rate EUR=1.1 makes them one, and sorts by it");
    }
    let rows = offers.iter().map(|offer| {
        let plan = &offer.item.plan;
        let price = price(offer);
        vec![
            Cell::from(plan.id.as_str()),
            Cell::from(offer.provider),
            Cell::from(plan.vcpus.map(|vcpus| vcpus.to_string())).sorted_by(plan.vcpus),
            Cell::from(plan.memory_mib.map(gibibytes)).sorted_by(plan.memory_mib.map(number)),
            Cell::from(plan.disk_gb.map(|gb| format!("{gb} GB"))).sorted_by(plan.disk_gb.map(number)),
            Cell::from(price.map(|(amount, currency)| format!("{amount:.2} {currency}")))
                .sorted_by(price.map(|(amount, _)| amount)),
            yes_or_no(plan.available),
            Cell::from(plan.description.as_str()),
        ]
    });
    let rows = rows.collect();
    output::sheet(&context.view(&args.table), &offers, &columns(context, &PLANS)?, rows)?;
    Ok(tally.exit_of_whole())
}

/// `provision images`
pub(super) async fn images(context: &Context, args: &ImagesArgs) -> Outcome {
    let mut tally = Tally::default();
    let catalogs = read(context, CatalogQuery::images(), args.region.as_deref(), &mut tally).await?;
    let images = offers(catalogs, |catalog| catalog.images);
    let rows = images.iter().map(|offer| {
        vec![
            Cell::from(offer.item.id.as_str()),
            Cell::from(offer.provider),
            Cell::from(offer.item.architecture.as_deref()),
            Cell::from(offer.item.description.as_str()),
        ]
    });
    let rows = rows.collect();
    output::sheet(&context.view(&args.table), &images, &columns(context, &IMAGES)?, rows)?;
    Ok(tally.exit_of_whole())
}

/// `provision regions`
pub(super) async fn regions(context: &Context, args: &RegionsArgs) -> Outcome {
    let mut tally = Tally::default();
    let catalogs = read(context, CatalogQuery::regions(), None, &mut tally).await?;
    let regions = offers(catalogs, |catalog| catalog.regions);
    let rows = regions.iter().map(|offer| {
        vec![
            Cell::from(offer.item.id.as_str()),
            Cell::from(offer.provider),
            yes_or_no(offer.item.available),
            Cell::from(offer.item.description.as_str()),
        ]
    });
    let rows = rows.collect();
    output::sheet(&context.view(&args.table), &regions, &columns(context, &REGIONS)?, rows)?;
    Ok(tally.exit_of_whole())
}

/// Whether a plan is as large as it has to be. What is not known is not large enough.
pub(super) fn fits(plan: &Plan, size: SizeArgs) -> bool {
    let memory = size
        .min_memory
        .is_none_or(|least| plan.memory_mib.is_some_and(|mib| mib >= least.mib));
    memory
        && size
            .min_vcpus
            .is_none_or(|least| plan.vcpus.is_some_and(|vcpus| vcpus >= least))
}

/// Reads a part of the catalog of every selected cloud, side by side; a cloud that fails is said and left out.
async fn read(
    context: &Context,
    query: CatalogQuery,
    region: Option<&str>,
    tally: &mut Tally,
) -> Outcome<Vec<(&'static ProviderInfo, Catalog)>> {
    let selection = context.selection()?;
    let clouds = context.connect_all(&selection, tally).await?;
    let query = |cloud: &dyn Provisioner| {
        let query = query.clone();
        let default = || context.config.host_defaults(cloud.info()).region;
        match region.map(str::to_owned).or_else(default) {
            Some(region) => query.with_region(region),
            None => query,
        }
    };
    let progress = Progress::start("reading the catalog");
    let reading = clouds.iter().map(async |cloud| {
        let cloud = &*cloud.provisioner;
        (cloud.info(), cloud.catalog(&query(cloud)).await)
    });
    let answers = futures_util::future::join_all(reading).await;
    drop(progress);
    let mut catalogs = Vec::new();
    for (info, answer) in answers {
        match answer {
            Ok(catalog) => catalogs.push((info, catalog)),
            Err(error) if selection.is_one() => return Err(error.into()),
            Err(error) => tally.failed(&Failure::from(error)),
        }
    }
    tally.done(catalogs.len());
    Ok(catalogs)
}

fn offers<T>(catalogs: Vec<(&'static ProviderInfo, Catalog)>, part: impl Fn(Catalog) -> Vec<T>) -> Vec<Offer<T>> {
    let offers = catalogs.into_iter().flat_map(|(info, catalog)| {
        let items = part(catalog).into_iter();
        items.map(|item| Offer {
            provider: info.id,
            item,
        })
    });
    offers.collect()
}

/// Whose an entry is stands in the table where there are several clouds.
fn columns<'a>(context: &Context, columns: &[Column<'a>]) -> Outcome<Vec<Column<'a>>> {
    let one = context.selection()?.is_one();
    let hide = |column: &Column<'a>| {
        if one && column.title() == "PROVIDER" {
            column.wide()
        } else {
            *column
        }
    };
    Ok(columns.iter().map(hide).collect())
}

fn price(offer: &Offer<Priced>) -> Option<(f64, &str)> {
    let item = &offer.item;
    match (item.converted_cost, &item.converted_currency) {
        (Some(cost), Some(currency)) => Some((cost, currency)),
        _ => Some((item.plan.monthly_cost?, &item.plan.currency)),
    }
}

fn one_currency(offers: &[Offer<Priced>]) -> Outcome<()> {
    let mut currencies: Vec<&str> = offers.iter().filter_map(price).map(|(_, currency)| currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    match currencies.len().cmp(&1) {
        Ordering::Greater => Err(Failure::usage(format!(
            "prices are in {}: say which one counts with --currency, and what the others are worth with --rate",
            currencies.join(", ")
        ))),
        _ => Ok(()),
    }
}

fn number(size: u64) -> f64 {
    size as f64
}

fn yes_or_no(value: Option<bool>) -> Cell {
    match value {
        Some(true) => Cell::from("yes").with_tone(Tone::Good),
        Some(false) => Cell::from("no").with_tone(Tone::Bad),
        None => Cell::from(""),
    }
}
