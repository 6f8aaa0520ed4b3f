//! Looking at many places, some of which cannot be read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod fake;

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, SystemTime},
};

use fake::{FakeTimer, steady};
use provision::{
    BasicHost, Capabilities, Catalog, CatalogQuery, Deletion, Error, ErrorKind, HostDeleteRequest, HostId, HostStatus,
    IdempotencyKey, Labels, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, Region, RegionFilter, Result,
    async_trait,
    gc::{Action, Options, collect},
    survey,
};

static REGIONAL: ProviderInfo = ProviderInfo::new("regional", "Regional").with_defaults("a", "small", "ubuntu");
static GLOBAL: ProviderInfo = ProviderInfo::new("global", "Global")
    .with_defaults("a", "small", "ubuntu")
    .with_capabilities(Capabilities::new().with_lists_all_regions());

/// A cloud with regions, of which some answer with an error.
#[derive(Debug)]
struct Land {
    info: &'static ProviderInfo,
    regions: Result<Vec<&'static str>, ErrorKind>,
    hosts: BTreeMap<&'static str, Result<Vec<ProvisionedHost>, ErrorKind>>,
    calls: Mutex<Vec<String>>,
}

impl Land {
    fn new(info: &'static ProviderInfo, regions: &[&'static str]) -> Self {
        Self {
            info,
            regions: Ok(regions.to_vec()),
            hosts: BTreeMap::new(),
            calls: Mutex::default(),
        }
    }

    fn with(mut self, region: &'static str, hosts: Result<Vec<ProvisionedHost>, ErrorKind>) -> Self {
        self.hosts.insert(region, hosts);
        self
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn note(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }

    fn in_region(&self, region: &str) -> Result<Vec<ProvisionedHost>> {
        match self.hosts.get(region) {
            Some(Ok(hosts)) => Ok(hosts.clone()),
            Some(Err(kind)) => Err(Error::new(*kind, "scripted")),
            None => Ok(Vec::new()),
        }
    }
}

#[async_trait]
impl Provisioner for Land {
    fn info(&self) -> &'static ProviderInfo {
        self.info
    }
    async fn provision(&self, _host: &BasicHost) -> Result<ProvisionedHost> {
        panic!("nothing is created")
    }
    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let all = self.hosts.values().filter_map(|hosts| hosts.as_ref().ok());
        let found = all.flatten().find(|host| host.id == *id);
        found.cloned().ok_or_else(|| Error::host_not_found(id))
    }
    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        let HostDeleteRequest::Id(id) = request else {
            panic!("deleted by something else than an id")
        };
        self.note(format!("delete {id}"));
        Ok(Deletion::Removed)
    }
    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let mut hosts = match &filter.region {
            RegionFilter::Only(region) => {
                self.note(format!("list {region}"));
                self.in_region(region)?
            }
            _ if self.info.capabilities.lists_all_regions => {
                self.note("list");
                let mut all = Vec::new();
                for region in self.hosts.keys() {
                    all.extend(self.in_region(region)?);
                }
                all
            }
            _ => {
                self.note("list home");
                self.in_region("a")?
            }
        };
        hosts.retain(|host| filter.matches(host));
        Ok(hosts)
    }
    async fn catalog(&self, _query: &CatalogQuery) -> Result<Catalog> {
        self.note("regions");
        let mut catalog = Catalog::default();
        match &self.regions {
            Ok(regions) => catalog.regions = regions.iter().map(|id| Region::new(*id, "")).collect(),
            Err(kind) => return Err(Error::new(*kind, "scripted")),
        }
        Ok(catalog)
    }
}

fn host(id: &str, name: &str, region: &str) -> ProvisionedHost {
    let mut host = ProvisionedHost::new("regional", HostId::new(id).unwrap(), name, HostStatus::Active, "up");
    let expired = [("managed-by", "provision"), ("provision-expires", "1")];
    host.labels = Labels::from_vendor(expired);
    host.region = Some(region.to_owned());
    host
}

fn everywhere() -> ListFilter {
    ListFilter::all().with_region(RegionFilter::All)
}

fn names(survey: &survey::Survey) -> Vec<&str> {
    survey.hosts.iter().map(|host| host.name.as_str()).collect()
}

/// Three regions, one of them down.
fn torn() -> Land {
    Land::new(&REGIONAL, &["a", "b", "c"])
        .with("a", Ok(vec![host("1", "web-2", "a")]))
        .with("b", Err(ErrorKind::Unavailable))
        .with("c", Ok(vec![host("2", "web-1", "c")]))
}

#[tokio::test]
async fn a_region_that_is_down_is_named_and_the_others_are_shown() {
    let cloud = torn();
    let survey = survey::hosts(&cloud, &everywhere()).await;
    assert_eq!(names(&survey), ["web-1", "web-2"]);
    assert!(!survey.is_whole());
    assert_eq!(survey.gaps.len(), 1);
    assert_eq!(survey.gaps[0].region.as_deref(), Some("b"));
    assert_eq!(survey.gaps[0].error.kind(), ErrorKind::Unavailable);
    let text = survey.gaps[0].error.to_string();
    assert!(text.contains("region `b` could not be read"), "{text}");
    let mut calls = cloud.calls();
    calls.sort();
    assert_eq!(calls, ["list a", "list b", "list c", "regions"]);
}

#[tokio::test]
async fn a_rejected_credential_is_one_error_and_not_one_for_each_region() {
    let mut cloud = torn();
    cloud.regions = Err(ErrorKind::Unauthorized);
    let survey = survey::hosts(&cloud, &everywhere()).await;
    assert_eq!((survey.hosts.len(), survey.gaps.len()), (0, 1));
    assert_eq!(survey.gaps[0].error.kind(), ErrorKind::Unauthorized);
    assert_eq!(cloud.calls(), ["regions"]);
    // Where the list of regions needs no request, the first region shows it.
    let cloud = Land::new(&REGIONAL, &["c", "a", "b"])
        .with("a", Err(ErrorKind::Unauthorized))
        .with("b", Err(ErrorKind::Unauthorized));
    let survey = survey::hosts(&cloud, &everywhere()).await;
    assert_eq!((survey.gaps.len(), &survey.gaps[0].region), (1, &None));
    assert_eq!(cloud.calls(), ["regions", "list a"]);
}

#[tokio::test]
async fn without_the_list_of_regions_the_home_region_is_shown() {
    let mut cloud = torn();
    cloud.regions = Err(ErrorKind::Forbidden);
    let survey = survey::hosts(&cloud, &everywhere()).await;
    assert_eq!(names(&survey), ["web-2"]);
    let text = survey.gaps[0].error.to_string();
    assert!(text.contains("only the home region"), "{text}");
}

#[tokio::test]
async fn a_region_that_does_not_exist_is_an_error_and_an_empty_one_is_not() {
    for info in [&REGIONAL, &GLOBAL] {
        let cloud = Land::new(info, &["a", "b"]).with("nowhere", Ok(Vec::new()));
        let look = async |region: &str| {
            let filter = ListFilter::all().with_region(RegionFilter::Only(region.to_owned()));
            survey::hosts(&cloud, &filter).await
        };
        assert!(look("b").await.is_whole());
        let gaps = look("nowhere").await.gaps;
        assert_eq!(gaps[0].error.kind(), ErrorKind::InvalidRequest);
        let text = gaps[0].error.to_string();
        assert!(text.contains("nowhere") && text.contains("a, b"), "{text}");
    }
    // A host name that nothing resolves is what a region that is none looks like on some clouds.
    let cloud = Land::new(&REGIONAL, &["a"]).with("nowhere", Err(ErrorKind::Unavailable));
    let filter = ListFilter::all().with_region(RegionFilter::Only("nowhere".to_owned()));
    let survey = survey::hosts(&cloud, &filter).await;
    assert_eq!(survey.gaps[0].error.kind(), ErrorKind::InvalidRequest);
    // One that exists and is down is down.
    let survey = survey::hosts(&torn(), &ListFilter::all().with_region(RegionFilter::Only("b".into()))).await;
    assert_eq!(survey.gaps[0].error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn several_clouds_are_one_list() {
    let (one, mut other) = (torn(), Land::new(&GLOBAL, &["a"]));
    other = other.with("a", Ok(vec![host("3", "web-1", "a")]));
    let clouds: [&dyn Provisioner; 2] = [&one, &other];
    let found = survey::hosts_named(&clouds, &"web-1".parse().unwrap()).await;
    assert_eq!(names(&found), ["web-1", "web-1"]);
    assert_eq!(found.gaps.len(), 1);
    let keyed = survey::hosts_with_key(&clouds, &IdempotencyKey::new("k").unwrap()).await;
    assert!(keyed.hosts.is_empty() && !keyed.is_whole());
}

#[tokio::test]
async fn garbage_is_collected_in_the_regions_that_answer() {
    let cloud = torn();
    let mut options = Options::dry_run();
    options.delete = true;
    options.now = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
    options.pace = steady(Some(Duration::from_secs(10)));
    let report = collect(&cloud, &FakeTimer::default(), &options).await;
    let actions: Vec<Action> = report.hosts.iter().map(|finding| finding.action).collect();
    assert_eq!(actions, [Action::Deleted, Action::Deleted]);
    assert_eq!(report.errors.len(), 1);
    let text = report.errors[0].to_string();
    assert!(text.contains("nothing was deleted there: region `b`"), "{text}");
    assert_eq!(
        cloud.calls().iter().filter(|call| call.starts_with("delete")).count(),
        2
    );
}
