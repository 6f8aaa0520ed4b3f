use std::sync::Arc;

use provision_core::{
    BasicHost, Catalog, CatalogQuery, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest, HostId, ListFilter,
    ProviderInfo, ProvisionedHost, Provisioner, Result, Settings, async_trait,
};
use provision_http::{Client, Transport};

use crate::{
    config::{Config, INFO},
    error::VENDOR,
    request,
    response::Instance,
};

/// Vultr as a [`Provisioner`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Vultr {
    client: Client,
    config: Config,
}

impl Vultr {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the token holds characters that no token has.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let client = Client::builder(VENDOR, transport)
            .secret_header("authorization", Some("Bearer"), config.token.expose_secret())?
            .build();
        Ok(Self { client, config })
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Self> {
        Self::new(Config::from_settings(settings)?, transport)
    }
}

#[async_trait]
impl Provisioner for Vultr {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        Err(fill_in("provision"))
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        match self.client.send(request::get_instance(&self.config.endpoint, id)).await {
            Ok(answer) => answer.json::<Instance>()?.into_host(),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::host_not_found(id).provider(INFO.id)),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, _request: &HostDeleteRequest) -> Result<Deletion> {
        Err(fill_in("delete"))
    }

    async fn list(&self, _filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        Err(fill_in("list"))
    }

    async fn catalog(&self, _query: &CatalogQuery) -> Result<Catalog> {
        Err(fill_in("catalog"))
    }
}

/// FILL-IN: write the operations that use this, and remove it with the last of them.
fn fill_in(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, "this operation is not written yet")
        .provider(INFO.id)
        .operation(operation)
}
