use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use provision_core::{Error, ErrorKind, ExposeSecret, Region, Result};
use provision_http::{Answer, ChainedPage, Client, Endpoint, Going, Request, Transport};
use serde::de::DeserializeOwned;

use crate::{
    auth::{self, Access, Tokens, token_request},
    config::{Config, Credentials},
    error::VENDOR,
    id, request,
    response::VersionAnswer,
};

/// Sends requests with the project's token.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    client: Client,
    tokens: Arc<Tokens>,
    interface: String,
    allow_http: bool,
    /// Whether each region's Nova knows tags, once it was asked.
    tags: Arc<Mutex<BTreeMap<String, bool>>>,
    /// Whether a request that was refused for its token is sent again with a new one.
    renews: bool,
}

/// Where the services of a region are.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) region: String,
    pub(crate) compute: Endpoint,
    /// Whether Nova takes tags with a create, and filters by them: microversion 2.52.
    pub(crate) tags: bool,
    /// With the version, `v2.0`.
    pub(crate) network: Endpoint,
    /// With the version, `v2`.
    pub(crate) image: Endpoint,
    /// The project's id.
    pub(crate) project: String,
}

impl Session {
    pub(crate) fn new(config: &Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let clock = transport.clock();
        let secret = match &config.credentials {
            Credentials::Password { password, .. } => password,
            Credentials::ApplicationCredential { secret, .. } => secret,
        };
        let builder = || Client::builder(VENDOR, transport.clone()).redact(secret.expose_secret());
        let tokens = Arc::new(Tokens::new(builder().build(), token_request(config)?, clock));
        Ok(Self {
            client: builder().authorizer(tokens.clone()).build(),
            tokens,
            interface: config.interface.clone(),
            allow_http: config.allow_http,
            tags: Arc::default(),
            renews: true,
        })
    }

    /// The same session for requests that depend on each other, such as those of a create. Renewing a token in the midst of them
    /// would make the chain longer than a call's may be: what is refused for its token ends the call with an error that may be
    /// repeated, and the next call fetches one.
    pub(crate) fn without_renewal(&self) -> Self {
        let mut session = self.clone();
        session.renews = false;
        session
    }

    /// The regions of the catalog.
    pub(crate) async fn regions(&self) -> Result<Vec<Region>> {
        let access = self.tokens.access().await?;
        let names: BTreeSet<&str> = self
            .endpoints(&access, &["compute"])
            .map(|(region, _)| region)
            .collect();
        names
            .into_iter()
            .map(|name| Ok(Region::new(id::region(name)?, "")))
            .collect()
    }

    /// The services of a region. Asks for a token and for Nova's version where they are not known yet.
    pub(crate) async fn place(&self, region: &str) -> Result<Place> {
        let access = self.tokens.access().await?;
        let url = |kinds: &[&str]| {
            let mut all = self.endpoints(&access, kinds);
            all.find(|(known, _)| *known == region).map(|(_, url)| url.to_owned())
        };
        let Some(compute) = url(&["compute"]) else {
            let known: BTreeSet<&str> = self.endpoints(&access, &["compute"]).map(|(known, _)| known).collect();
            let known: Vec<&str> = known.into_iter().collect();
            let hint = "one for requests that name none is set by `region` (environment: OS_REGION_NAME)";
            return Err(Error::unknown_region(region, &known).hint(hint));
        };
        let other = |kinds: &[&str], version: &str| match url(kinds) {
            Some(url) => self.endpoint(&with_version(&url, version)),
            None => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "region {region} has no service of type `{}` in the catalog",
                    kinds.join("` or `")
                ),
            )),
        };
        let compute = self.endpoint(&compute)?;
        let (network, image) = (other(&["network"], "v2.0")?, other(&["image"], "v2")?);
        let tags = self.knows_tags(region, &compute, &access.project).await?;
        Ok(Place {
            region: region.to_owned(),
            compute,
            tags,
            network,
            image,
            project: access.project.clone(),
        })
    }

    fn endpoints<'a>(&self, access: &'a Access, kinds: &[&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let services = access
            .catalog
            .iter()
            .filter(|service| kinds.contains(&service.kind.as_str()));
        let endpoints: Vec<_> = services
            .flat_map(|service| &service.endpoints)
            .filter(|endpoint| endpoint.interface.trim_end_matches("URL") == self.interface)
            .filter_map(|endpoint| Some((endpoint.region()?, endpoint.url.as_str())))
            .collect();
        endpoints.into_iter()
    }

    fn endpoint(&self, url: &str) -> Result<Endpoint> {
        Endpoint::parse(url, self.allow_http).map_err(|error| error.context("the catalog of the identity service"))
    }

    async fn knows_tags(&self, region: &str, compute: &Endpoint, project: &str) -> Result<bool> {
        let known = self.tags().get(region).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        // Older catalogs have the project behind the version.
        let bare = compute.as_str().trim_end_matches(project);
        let get = request::get_version(&self.endpoint(bare)?);
        let tags = self.send(get).await?.json::<VersionAnswer>()?.has_tags();
        self.tags().insert(region.to_owned(), tags);
        Ok(tags)
    }

    fn tags(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, bool>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Answer> {
        self.renewing(|| self.client.send(request.clone())).await
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        self.send(request).await?.json()
    }

    /// Reads something that may be missing.
    pub(crate) async fn find<T: DeserializeOwned + Send>(&self, request: Request) -> Result<Option<T>> {
        self.renewing(|| self.client.find(request.clone())).await
    }

    pub(crate) async fn remove(&self, request: Request) -> Result<Going> {
        self.renewing(|| self.client.remove(request.clone())).await
    }

    pub(crate) async fn pages<P: ChainedPage>(
        &self,
        request: impl Fn(Option<&str>) -> Request + Send + Sync,
    ) -> Result<Vec<P::Item>> {
        self.renewing(|| self.client.chained_pages::<P>(&request)).await
    }

    /// What was refused for its token was not acted upon, so that it may be sent again.
    async fn renewing<T: Send, F: Future<Output = Result<T>> + Send>(
        &self,
        step: impl Fn() -> F + Send + Sync,
    ) -> Result<T> {
        let used = self.tokens.current();
        let result = step().await;
        let (Some(used), Err(error)) = (used, &result) else {
            return result;
        };
        if error.kind() != ErrorKind::Unauthorized || error.operation() == Some(auth::OPERATION) {
            return result;
        }
        if self.renews {
            self.tokens.renew(&used).await?;
            return step().await;
        }
        self.tokens.forget(&used);
        result.map_err(|error| {
            error
                .with_kind(ErrorKind::Unavailable)
                .context("the cloud no longer accepts the token; call again, which gets a new one")
        })
    }
}

/// A service's URL with its version, which some catalogs have and some lack.
fn with_version(url: &str, version: &str) -> String {
    let bare = url.trim_end_matches('/');
    match bare.ends_with(&format!("/{version}")) {
        true => bare.to_owned(),
        false => format!("{bare}/{version}"),
    }
}
