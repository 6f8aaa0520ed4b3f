mod create;
mod remove;

use std::sync::Arc;

use provision_core::{
    Cloud, Deletion, Find, HostId, Hosted, IdempotencyKey, Image, Made, Order, Plan, ProviderInfo, ProvisionedHost,
    Region, Result, Settings, async_trait,
};
use provision_http::Transport;

use crate::{
    config::Config,
    id,
    info::INFO,
    request::{self, after},
    response::{Flavors, Images, ServerAnswer, Servers},
    session::{Place, Session},
};

/// OpenStack as a [`Cloud`]. Clones share the connection pool and the token.
#[derive(Debug, Clone)]
pub struct OpenStack {
    session: Session,
    region: String,
}

impl OpenStack {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the credentials cannot be sent.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        let clock = transport.clock();
        let session = Session::new(&config, transport)?;
        let region = config.region;
        Ok(Hosted::new(Self { session, region }, clock))
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    fn here<'a>(&'a self, region: Option<&'a str>) -> &'a str {
        region.unwrap_or(&self.region)
    }
}

/// The project's servers with our marker, or with a key.
async fn servers(session: &Session, place: &Place, key_hash: Option<&str>) -> Result<Vec<ProvisionedHost>> {
    let list = request::list_servers(place, key_hash)?;
    let servers = session.pages::<Servers>(|marker| after(list.clone(), marker)).await?;
    servers
        .into_iter()
        .filter(|server| server.labels().is_managed())
        .map(|server| server.into_host(place))
        .collect()
}

#[async_trait]
impl Cloud for OpenStack {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn home_region(&self) -> &str {
        &self.region
    }

    fn region(&self, region: &str) -> Result<String> {
        id::region(region).map(str::to_owned)
    }

    fn check(&self, order: &Order) -> Result<()> {
        create::check(order)
    }

    async fn hosts(&self, find: Find<'_>, region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let place = self.session.place(self.here(region)).await?;
        let key_hash = match find {
            Find::Key(hash) => Some(hash),
            _ => None,
        };
        servers(&self.session, &place, key_hash).await
    }

    async fn find(&self, order: &Order) -> Result<Vec<ProvisionedHost>> {
        let session = self.session.without_renewal();
        let place = session.place(&order.region).await?;
        servers(&session, &place, Some(&order.key.hash())).await
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        create::create(&self.session.without_renewal(), order).await
    }

    /// Opens the ports, names the parts after the host, and gives it its floating IP.
    async fn complete(&self, order: &Order, host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        let session = self.session.without_renewal();
        match create::complete(&session, order, &host, made).await {
            Ok(()) => Ok(host),
            // Nothing reaches the host as it is.
            Err(error) => Err(error.with_host(host.id)),
        }
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let (uuid, region) = id::parse(id)?;
        let place = self.session.place(region).await?;
        let get = request::get_server(&place, uuid)?;
        self.session.read::<ServerAnswer>(get).await?.server.into_host(&place)
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let (uuid, region) = id::parse(id)?;
        let place = self.session.place(region).await?;
        remove::host(&self.session, &place, uuid).await
    }

    async fn remove_leftovers(&self, key: &IdempotencyKey, region: &str) -> Result<Deletion> {
        let place = self.session.place(region).await?;
        remove::leftovers(&self.session, &place, &key.hash()).await
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        self.session.regions().await
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let place = self.session.place(self.here(region)).await?;
        let list = request::list_flavors(&place);
        let flavors = self
            .session
            .pages::<Flavors>(|marker| after(list.clone(), marker))
            .await?;
        Ok(flavors.into_iter().map(|flavor| flavor.into_plan()).collect())
    }

    async fn images(&self, region: Option<&str>) -> Result<Vec<Image>> {
        let place = self.session.place(self.here(region)).await?;
        let list = request::list_images(&place).query("limit", request::PAGE_SIZE);
        let images = self
            .session
            .pages::<Images>(|marker| after(list.clone(), marker))
            .await?;
        let mut known: Vec<Image> = Vec::new();
        // The newest of a name comes first, and is the one that is taken.
        for image in images.into_iter().filter_map(|image| image.into_image()) {
            if !known.iter().any(|known| known.id == image.id) {
                known.push(image);
            }
        }
        Ok(known)
    }
}
