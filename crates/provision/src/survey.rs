//! Looking at many places at once: every region of a cloud, several clouds. A place that cannot be read does not hide the
//! others, and is named.
//!
//! [`Provisioner::list`] is all or nothing, because a list that lacks a part without a word is taken for the whole. A [`Survey`]
//! says what it lacks: check [`is_whole`](Survey::is_whole) before you conclude that something is not there.

use futures_util::{StreamExt as _, future::join_all, stream};
use provision_core::{
    Catalog, CatalogQuery, Error, ErrorKind, HostName, IdempotencyKey, ListFilter, ProvisionedHost, Provisioner,
    RegionFilter, Result,
};

/// Regions of one cloud that are asked at the same time.
const SIDE_BY_SIDE: usize = 8;

/// The hosts of several places, and the places that could not be read.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Survey {
    /// Every host that was seen, by name, then by provider and id.
    pub hosts: Vec<ProvisionedHost>,
    /// What could not be read, each named in its error.
    pub gaps: Vec<Gap>,
}

/// A place that could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Gap {
    /// The provider's id.
    pub provider: &'static str,
    /// The region; `None` stands for the whole cloud.
    pub region: Option<String>,
    /// Why, with the region in its text.
    pub error: Error,
}

impl Survey {
    /// Whether every place could be read: only then does a host that is not seen not exist.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty()
    }

    fn gap(cloud: &dyn Provisioner, region: Option<&str>, error: Error) -> Self {
        let error = match region {
            Some(region) => error.context(format!("region `{region}` could not be read")),
            None => error,
        };
        let gap = Gap {
            provider: cloud.info().id,
            region: region.map(str::to_owned),
            error,
        };
        Self {
            hosts: Vec::new(),
            gaps: vec![gap],
        }
    }

    fn of(hosts: Vec<ProvisionedHost>) -> Self {
        Self {
            hosts,
            gaps: Vec::new(),
        }
    }

    fn join(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            whole.hosts.extend(part.hosts);
            whole.gaps.extend(part.gaps);
        }
        let order = |host: &ProvisionedHost| (host.name.clone(), host.provider, host.id.clone());
        whole.hosts.sort_by_key(order);
        // A region can be asked twice, where it is both the home region and in the list.
        whole.hosts.dedup_by(|a, b| a.provider == b.provider && a.id == b.id);
        whole
    }
}

/// The marked hosts of one cloud that match a filter. [`RegionFilter::All`] looks in every region, side by side.
///
/// Never fails as a whole: what went wrong is in [`Survey::gaps`]. A region that the cloud does not have is one.
pub async fn hosts(cloud: &dyn Provisioner, filter: &ListFilter) -> Survey {
    match &filter.region {
        RegionFilter::All if !cloud.info().capabilities.lists_all_regions => every_region(cloud, filter).await,
        RegionFilter::Only(region) => match one_region(cloud, filter, region).await {
            Ok(hosts) => Survey::join([Survey::of(hosts)]),
            Err(error) => Survey::gap(cloud, None, error),
        },
        _ => match cloud.list(filter).await {
            Ok(hosts) => Survey::join([Survey::of(hosts)]),
            Err(error) => Survey::gap(cloud, None, error),
        },
    }
}

/// As [`hosts`], on several clouds side by side.
pub async fn hosts_on(clouds: &[&dyn Provisioner], filter: &ListFilter) -> Survey {
    Survey::join(join_all(clouds.iter().map(|cloud| hosts(*cloud, filter))).await)
}

/// The marked hosts with a name, in every region of several clouds. Names need not be unique: see how many there are.
pub async fn hosts_named(clouds: &[&dyn Provisioner], name: &HostName) -> Survey {
    let filter = ListFilter::all().with_name(name.clone());
    hosts_on(clouds, &filter.with_region(RegionFilter::All)).await
}

/// The marked hosts with a key, in every region of several clouds: whether a create would make a second one elsewhere.
pub async fn hosts_with_key(clouds: &[&dyn Provisioner], key: &IdempotencyKey) -> Survey {
    let filter = ListFilter::all().with_key(key);
    hosts_on(clouds, &filter.with_region(RegionFilter::All)).await
}

/// A part of the catalogs of several clouds, read side by side; in the order of the clouds.
pub async fn catalogs(clouds: &[&dyn Provisioner], query: &CatalogQuery) -> Vec<Result<Catalog>> {
    join_all(clouds.iter().map(|cloud| cloud.catalog(query))).await
}

async fn every_region(cloud: &dyn Provisioner, filter: &ListFilter) -> Survey {
    let regions = match cloud.catalog(&CatalogQuery::regions()).await {
        Ok(catalog) => catalog.regions,
        Err(error) if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::RateLimited) => {
            return Survey::gap(cloud, None, error);
        }
        // Better the home region than nothing.
        Err(error) => {
            let home = filter.clone().with_region(RegionFilter::Default);
            let Ok(hosts) = cloud.list(&home).await else {
                return Survey::gap(cloud, None, error);
            };
            let error = error.context("the regions could not be read, only the home region was looked at");
            return Survey::join([Survey::of(hosts), Survey::gap(cloud, None, error)]);
        }
    };
    let look = async |region: &str| {
        let there = filter.clone().with_region(RegionFilter::Only(region.to_owned()));
        cloud.list(&there).await
    };
    let mut regions: Vec<String> = regions.into_iter().map(|region| region.id).collect();
    let default = regions.iter().position(|region| region == cloud.info().default_region);
    if regions.is_empty() {
        return Survey::default();
    }
    // A rejected credential or a rate limit shows before all others are asked at the same time.
    let first = regions.remove(default.unwrap_or_default());
    let first = match look(&first).await {
        Ok(hosts) => Survey::of(hosts),
        Err(error) if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::RateLimited) => {
            return Survey::gap(cloud, None, error);
        }
        Err(error) => Survey::gap(cloud, Some(&first), error),
    };
    let others = regions.iter().map(async |region| match look(region).await {
        Ok(hosts) => Survey::of(hosts),
        Err(error) => Survey::gap(cloud, Some(region), error),
    });
    let others: Vec<Survey> = stream::iter(others).buffered(SIDE_BY_SIDE).collect().await;
    Survey::join(others.into_iter().chain([first]))
}

/// A region of which nothing is listed may not exist at all: that costs a second look.
async fn one_region(cloud: &dyn Provisioner, filter: &ListFilter, region: &str) -> Result<Vec<ProvisionedHost>> {
    let listed = cloud.list(filter).await;
    match &listed {
        Ok(hosts) if !hosts.is_empty() => return listed,
        Err(error) if !may_be_unknown(error) => return listed,
        _ => {}
    }
    match cloud.catalog(&CatalogQuery::regions()).await {
        Ok(catalog) => {
            let known: Vec<&str> = catalog.regions.iter().map(|known| known.id.as_str()).collect();
            if !known.iter().any(|known| same_region(known, region)) {
                return Err(Error::unknown_region(region, &known).with_provider(cloud.info().id));
            }
            listed
        }
        // Whether it exists cannot be told, but it was read.
        Err(_) => listed,
    }
}

/// What asking a region that is none can end with.
fn may_be_unknown(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::Unavailable | ErrorKind::UnexpectedResponse | ErrorKind::InvalidRequest
    )
}

/// Some clouds take a region by the name that people read, such as `West Europe`.
fn same_region(known: &str, asked: &str) -> bool {
    let plain = |text: &str| text.replace(' ', "").to_ascii_lowercase();
    plain(known) == plain(asked)
}
