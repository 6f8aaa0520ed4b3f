use provision_core::{CatalogQuery, Price};

use super::bench::Bench;
use crate::{
    Failure, Stand,
    failure::{During, ensure},
};

/// The default plan costs the same in the catalog and in `ProviderInfo`: public IPv4 and default disk included, in whole
/// cents, with its day and what it covers.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn a_plan_has_one_price(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let info = bench.cloud.info();
    let cost = info.monthly_cost;
    let Some(amount) = cost.amount else {
        ensure!(
            info.retired.is_some(),
            "`ProviderInfo::monthly_cost` has no amount: only a service that is closed has no price"
        );
        return Ok(());
    };
    ensure!(
        Price::new(amount, cost.currency).is_some_and(|price| price.amount == amount),
        "`ProviderInfo::monthly_cost` is {amount}, which is no price in whole cents"
    );
    ensure!(
        is_day(cost.as_of) && cost.includes.contains("IPv4"),
        "`ProviderInfo::monthly_cost` has to say its day and that it includes the public IPv4, but says {:?} and {:?}",
        cost.as_of,
        cost.includes
    );
    for query in [
        CatalogQuery::plans(),
        CatalogQuery::plans().with_region(info.default_region),
    ] {
        let catalog = bench.cloud.catalog(&query).await.during("catalog")?;
        let plan = catalog.plans.iter().find(|plan| plan.id == info.default_plan);
        let plan = plan.during("the default plan in the catalog")?;
        let shown = |price: Option<Price>| price.map_or_else(|| "no price".to_owned(), |price| price.to_string());
        let (listed, known) = (plan.price(), info.price(info.default_plan, info.default_region));
        ensure!(
            shown(listed.clone()) == shown(known.clone()),
            "the default plan {} costs {} in the catalog and {} in `ProviderInfo::monthly_cost`: both are what a host bills in \
             a month, with public IPv4 ({}) and without tax",
            plan.id,
            shown(listed),
            shown(known),
            cost.includes
        );
        let here = plan.price_in(info.default_region);
        ensure!(
            here == plan.price(),
            "in the default region {} the plan {} costs {}, but the catalog of that region says {}",
            info.default_region,
            plan.id,
            shown(here),
            shown(plan.price())
        );
    }
    Ok(())
}

fn is_day(text: &str) -> bool {
    let form = |(at, byte): (usize, u8)| {
        if at == 4 || at == 7 {
            byte == b'-'
        } else {
            byte.is_ascii_digit()
        }
    };
    text.len() == 10 && text.bytes().enumerate().all(form)
}
