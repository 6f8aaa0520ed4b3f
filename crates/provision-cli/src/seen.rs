//! What the clouds showed to earlier commands, for completion: names of plans, images, regions and hosts, in a file for each cloud.
//! A completion reads the file and asks nobody, so that it never blocks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use etcetera::BaseStrategy as _;
use provision::{
    BasicHost, Catalog, CatalogQuery, Deletion, Error, ErrorKind, HostDeleteRequest, HostId, IdempotencyKey,
    ListFilter, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result, Settled, async_trait,
};
use provision_sim::Sim;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Plans,
    Images,
    Regions,
    Hosts,
}

impl Section {
    fn key(self) -> &'static str {
        match self {
            Self::Plans => "plans",
            Self::Images => "images",
            Self::Regions => "regions",
            Self::Hosts => "hosts",
        }
    }
}

type Kept = BTreeMap<String, BTreeSet<String>>;

/// What is kept of a cloud; nothing where that cannot be read.
pub(crate) fn read(provider: &str, simulated: bool, section: Section) -> Vec<String> {
    let kept = file(provider, simulated).map(|path| load(&path)).unwrap_or_default();
    kept.get(section.key()).into_iter().flatten().cloned().collect()
}

fn load(path: &PathBuf) -> Kept {
    let text = fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn file(provider: &str, simulated: bool) -> Option<PathBuf> {
    let folder = etcetera::choose_base_strategy().ok()?.cache_dir();
    let simulated = if simulated { "sim-" } else { "" };
    Some(
        folder
            .join("provision/seen")
            .join(format!("{simulated}{provider}.json")),
    )
}

/// A provisioner that keeps the names of what its cloud shows.
#[derive(Debug)]
pub(crate) struct Seeing {
    cloud: Box<dyn Provisioner>,
    sim: Option<Sim>,
}

impl Seeing {
    /// `sim` is what simulates the cloud, if something does.
    pub(crate) fn new(cloud: Box<dyn Provisioner>, sim: Option<Sim>) -> Self {
        Self { cloud, sim }
    }

    /// Tells a simulator that cannot go on from a cloud with a fault: it is no use to try again.
    fn told<T>(&self, result: Result<T>) -> Result<T> {
        match (result, self.sim.as_ref().and_then(Sim::trouble)) {
            (Err(_), Some(trouble)) => Err(Error::new(
                ErrorKind::UnexpectedResponse,
                format!("the simulator cannot go on: {trouble}"),
            )
            .with_provider(self.info().id)),
            (result, _) => result,
        }
    }

    /// Keeps names. That it fails is nobody's concern.
    fn keep(&self, section: Section, names: Vec<String>, all: bool) {
        let Some(path) = file(self.cloud.info().id, self.sim.is_some()) else {
            return;
        };
        let mut kept = load(&path);
        let old = kept.get(section.key()).cloned().unwrap_or_default();
        let mut new: BTreeSet<String> = names.into_iter().filter(|name| is_plain(name)).collect();
        if !all {
            new.extend(old.iter().cloned());
        }
        if new == old {
            return;
        }
        kept.insert(section.key().to_owned(), new);
        let Ok(text) = serde_json::to_string(&kept) else { return };
        // Written beside and moved, so that a completion never reads half of it.
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        if folder.and_then(|()| fs::write(&beside, text)).is_ok() {
            let _ = fs::rename(&beside, &path);
        }
    }
}

/// What a shell could take for something else is not offered to it.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name.chars().all(|c| !c.is_control() && !c.is_whitespace())
}

#[async_trait]
impl Provisioner for Seeing {
    fn info(&self) -> &'static ProviderInfo {
        self.cloud.info()
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        let made = self.told(self.cloud.provision(host).await)?;
        self.keep(Section::Hosts, vec![made.name.clone()], false);
        Ok(made)
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        self.told(self.cloud.status(id).await)
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        self.told(self.cloud.delete(request).await)
    }

    async fn delete_leftovers(&self, key: &IdempotencyKey, region: &RegionFilter) -> Result<Deletion> {
        self.told(self.cloud.delete_leftovers(key, region).await)
    }

    async fn settle(&self, host: &ProvisionedHost) -> Result<Settled> {
        self.told(self.cloud.settle(host).await)
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let hosts = self.told(self.cloud.list(filter).await)?;
        let mut everywhere = ListFilter::all();
        everywhere.region = RegionFilter::All;
        let one_list = self.info().capabilities.lists_all_regions && *filter == ListFilter::all();
        let names = hosts.iter().map(|host| host.name.clone()).collect();
        self.keep(Section::Hosts, names, *filter == everywhere || one_list);
        Ok(hosts)
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let catalog = self.told(self.cloud.catalog(query).await)?;
        let plans: Vec<String> = catalog.plans.iter().map(|plan| plan.id.clone()).collect();
        let images: Vec<String> = catalog.images.iter().map(|image| image.id.clone()).collect();
        let regions: Vec<String> = catalog.regions.iter().map(|region| region.id.clone()).collect();
        // Another region may have other plans: what is not there is not gone.
        for (section, names, all) in [
            (Section::Plans, plans, false),
            (Section::Images, images, false),
            (Section::Regions, regions, true),
        ] {
            if !names.is_empty() {
                self.keep(section, names, all);
            }
        }
        Ok(catalog)
    }
}
