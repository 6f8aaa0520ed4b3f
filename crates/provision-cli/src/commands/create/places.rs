//! Where a host may be made: clouds, regions and plans in the order in which they are asked.

use provision::{
    CatalogQuery, HostStatus, IdempotencyKey, ListFilter, ProviderInfo, ProvisionedHost, RegionFilter, survey,
};

use crate::{
    args::CreateArgs,
    commands::catalog::fits,
    context::{Cloud, Context, Selection},
    failure::{Exit, Failure, Outcome},
    price::{self, PriceBook},
    progress::say,
};

/// The word for the plan with the lowest price.
const CHEAPEST: &str = "cheapest";

/// A place; what is not named is the provider's default.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) info: &'static ProviderInfo,
    pub(super) region: Option<String>,
    pub(super) plan: Option<String>,
}

impl Place {
    /// The place in words.
    pub(super) fn shown(&self) -> String {
        let mut words = vec![self.info.id];
        words.extend(self.region.as_deref());
        words.extend(self.plan.as_deref());
        words.join(" ")
    }

    /// What has a price there.
    pub(super) fn priced(&self, clouds: &[Cloud]) -> Option<price::Key> {
        let cloud = cloud_of(clouds, self)?;
        Some(price::place(cloud, self.plan.as_deref(), self.region.as_deref()))
    }

    /// Whether it is the same cloud and region.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.info.id == other.info.id && self.region == other.region
    }
}

/// Every place that the arguments name: cloud by cloud, in each its regions, in each region the plans.
pub(super) fn named(context: &Context, args: &CreateArgs, selection: &Selection) -> Outcome<Vec<Place>> {
    let mut places = Vec::new();
    for info in &selection.infos {
        let defaults = context.config.host_defaults(info);
        for region in of_cloud(&args.regions, info, selection)? {
            for plan in of_cloud(&args.plans, info, selection)? {
                let place = Place {
                    info,
                    region: region.clone().or_else(|| defaults.region.clone()),
                    plan: plan.or_else(|| default_plan(args, defaults.plan.as_deref())),
                };
                if !places
                    .iter()
                    .any(|known: &Place| known.is_beside(&place) && known.plan == place.plan)
                {
                    places.push(place);
                }
            }
        }
    }
    Ok(places)
}

/// The words that count for a cloud: those without a provider before them, and those with its own.
fn of_cloud(words: &[String], info: &ProviderInfo, selection: &Selection) -> Outcome<Vec<Option<String>>> {
    let mut own = Vec::new();
    for word in words {
        let prefixed = word
            .split_once('/')
            .and_then(|(prefix, rest)| Some((provision::find(prefix).ok()?, rest)));
        match prefixed {
            Some((whose, _)) if !selection.contains(whose) => {
                return Err(Failure::usage(format!(
                    "`{word}` is of a cloud that -p does not name: add {} to -p",
                    whose.id
                )));
            }
            Some((whose, rest)) if whose.id == info.id => own.push(Some(rest.to_owned())),
            Some(_) => {}
            None => own.push(Some(word.clone())),
        }
    }
    Ok(if own.is_empty() { vec![None] } else { own })
}

/// The plan of a place that names none: the configuration's, unless a size was asked for.
fn default_plan(args: &CreateArgs, configured: Option<&str>) -> Option<String> {
    let sized = args.size.min_memory.is_some() || args.size.min_vcpus.is_some();
    if sized && args.plans.is_empty() {
        return Some(CHEAPEST.to_owned());
    }
    configured.map(str::to_owned)
}

/// Whether the plan is to be chosen from what the cloud offers now.
pub(super) fn chooses_plan(place: &Place) -> bool {
    place.plan.as_deref() == Some(CHEAPEST)
}

/// Puts the cheapest plan that is large enough and can be ordered into a place that asks for it.
pub(super) async fn choose_plan(
    args: &CreateArgs,
    cloud: &Cloud,
    place: &mut Place,
    prices: &mut PriceBook,
) -> Outcome<()> {
    if !chooses_plan(place) {
        return Ok(());
    }
    let mut query = CatalogQuery::plans();
    if let Some(region) = place.region.clone() {
        query = query.with_region(region);
    }
    let catalog = cloud.provisioner.catalog(&query).await?;
    let mut plans = catalog.plans.iter();
    let plan = plans.find(|plan| plan.available != Some(false) && plan.monthly_cost.is_some() && fits(plan, args.size));
    let plan = plan.ok_or_else(|| {
        Failure::new(
            Exit::QuotaOrCapacity,
            format!(
                "{} offers no plan with a known price that is large enough",
                place.info.title
            ),
        )
    })?;
    say(&format!("{}: the cheapest plan is {}", place.info.id, plan.id));
    place.plan = Some(plan.id.clone());
    let (_, _, region) = price::place(cloud, None, place.region.as_deref());
    prices.keep(place.info, catalog.plans, &region);
    Ok(())
}

/// The host with this key in any of the places, if there is one: then it is the one, wherever it is. A place that cannot be read may
/// have it, so that nothing can be made anywhere.
pub(super) async fn existing(
    clouds: &[Cloud],
    places: &[Place],
    key: &IdempotencyKey,
) -> Outcome<Option<ProvisionedHost>> {
    let mut found: Vec<ProvisionedHost> = Vec::new();
    let mut looked: Vec<&Place> = Vec::new();
    for place in places {
        let everywhere = place.info.capabilities.lists_all_regions;
        let seen = |known: &&Place| known.info.id == place.info.id && (everywhere || known.region == place.region);
        if looked.iter().any(seen) {
            continue;
        }
        looked.push(place);
        let Some(cloud) = cloud_of(clouds, place) else { continue };
        let region = match &place.region {
            _ if everywhere => RegionFilter::All,
            Some(region) => RegionFilter::Only(region.clone()),
            None => RegionFilter::Default,
        };
        let filter = ListFilter::all().with_key(key).with_region(region);
        let survey = survey::hosts(&*cloud.provisioner, &filter).await;
        if let Some(gap) = survey.gaps.into_iter().next() {
            let failure = Failure::from(gap.error);
            return Err(failure.hint(format!(
                "a host of this name may be on {}: leave that place out, or try again",
                place.info.title
            )));
        }
        found.extend(survey.hosts);
    }
    let elsewhere = |host: &&ProvisionedHost| found.first().is_some_and(|first| first.provider != host.provider);
    if let (Some(first), Some(other)) = (found.first(), found.iter().find(elsewhere)) {
        return Err(Failure::usage(format!(
            "{} and {} both have this name or key: delete one of them",
            first.host_ref(),
            other.host_ref()
        )));
    }
    // Of several on one cloud the library makes one.
    found.sort_by_key(|host| host.status == HostStatus::Deleting);
    Ok(found.into_iter().next())
}

/// The place that asks for a host as it is, or for one most like it.
pub(super) fn place_of(places: &[Place], host: &ProvisionedHost) -> Option<usize> {
    let same = |asked: &Option<String>, has: &Option<String>| match (asked, has) {
        (Some(asked), Some(has)) => asked.eq_ignore_ascii_case(has),
        _ => true,
    };
    let fitness = |place: &Place| (same(&place.region, &host.region), same(&place.plan, &host.plan));
    let here = places
        .iter()
        .enumerate()
        .filter(|(_, place)| place.info.id == host.provider);
    // The first of equals.
    here.rev().max_by_key(|(_, place)| fitness(place)).map(|(at, _)| at)
}

pub(super) fn cloud_of<'a>(clouds: &'a [Cloud], place: &Place) -> Option<&'a Cloud> {
    clouds.iter().find(|cloud| cloud.provisioner.info().id == place.info.id)
}
