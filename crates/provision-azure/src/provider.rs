use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::SystemTime};

use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, HostStatus, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, Result, Settings, async_trait,
};
use provision_http::{Answer, Client, Request, Transport};
use serde::de::DeserializeOwned;

use crate::{
    auth::{LOGIN, TokenSource, throw_away_password, token_request},
    config::{Config, Credentials, INFO, images, price},
    error::{DEPLOYMENT_ACTIVE, TOKEN_EXPIRED, VENDOR},
    request::{self, Arm, Order},
    response::{Address, Deployment, Group, Location, Machine, Page, Size, Target, host_of_group, labels},
    status::deployment_status,
};

/// Microsoft Azure as a [`Provisioner`]. Clones share the connection pool and the access token.
#[derive(Debug, Clone)]
pub struct Azure {
    client: Client,
    tokens: Option<Arc<TokenSource>>,
    arm: Arm,
}

impl Azure {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the access token holds characters that no token has.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let builder = Client::builder(VENDOR, transport.clone());
        let (client, tokens) = match &config.credentials {
            Credentials::AccessToken(token) => {
                let builder = builder.secret_header("authorization", Some("Bearer"), token.expose_secret())?;
                (builder.build(), None)
            }
            Credentials::ClientSecret {
                tenant,
                client_id,
                secret,
            } => {
                let login = Client::builder(LOGIN, transport).redact(secret.expose_secret()).build();
                let request = token_request(&config.login_endpoint, tenant, client_id, secret, &config.scope);
                let tokens = Arc::new(TokenSource::new(login, request));
                let builder = builder.redact(secret.expose_secret()).authorizer(tokens.clone());
                (builder.build(), Some(tokens))
            }
        };
        let arm = Arm {
            endpoint: config.endpoint,
            subscription: config.subscription,
        };
        Ok(Self { client, tokens, arm })
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Self> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    /// Whether to try again with a new token. A request that was refused for its token was not acted upon.
    fn renewed(&self, error: &Error) -> bool {
        error.code() == Some(TOKEN_EXPIRED) && self.tokens.as_ref().is_some_and(|tokens| tokens.forget())
    }

    async fn send(&self, request: Request) -> Result<Answer> {
        match self.client.send(request.clone()).await {
            Err(error) if self.renewed(&error) => self.client.send(request).await,
            result => result,
        }
    }

    /// A read whose object may be missing.
    async fn find<T: DeserializeOwned>(&self, request: Request) -> Result<Option<T>> {
        match self.send(request).await {
            Ok(answer) => answer.json().map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn pages<T: DeserializeOwned + Send>(&self, first: Request) -> Result<Vec<T>> {
        let operation = first.operation();
        let read = |answer: &Answer, _: usize| {
            let page: Page<T> = answer.json()?;
            let next = match page.next_link.as_deref().filter(|link| !link.is_empty()) {
                None => None,
                Some(link) => Some(self.arm.follow(operation, link).ok_or_else(|| {
                    answer.unexpected("the next page is at another place than `endpoint`, where the token must not go")
                })?),
            };
            Ok((page.value, next))
        };
        match self.client.pages(first.clone(), read).await {
            Err(error) if self.renewed(&error) => self.client.pages(first, read).await,
            result => result,
        }
    }

    /// Deploys into a group that has nothing in it. A refusal removes the group again.
    async fn deploy(&self, order: &Order) -> Result<ProvisionedHost> {
        let refusal = match self.send(order.create_deployment.clone()).await {
            Ok(answer) => return self.accepted(order, answer.json::<Deployment>()?.state()),
            // Another call with the same key was quicker.
            Err(error) if error.code() == Some(DEPLOYMENT_ACTIVE) => return self.accepted(order, "Running"),
            // The next call with the same key goes on from here.
            Err(error) if order.has_key() && error.is_retryable() => return Err(error),
            Err(error) if error.http_status().is_some_and(|status| (400..500).contains(&status)) => error,
            Err(error) => return Err(error),
        };
        let target = &order.target;
        match self.roll_back(target).await {
            Ok(None) => Err(refusal),
            Ok(Some(state)) => self.accepted(order, &state),
            Err(_) => Err(refusal.hint(format!(
                "resource group `{}` is left behind, empty and free of charge: delete host `{}|{}`",
                target.group, target.group, target.name
            ))),
        }
    }

    /// Removes the group of a deployment that was refused, unless another call with the same key got through: then its
    /// state.
    async fn roll_back(&self, target: &Target) -> Result<Option<String>> {
        if let Some(deployment) = self.find::<Deployment>(self.arm.get_deployment(target)).await?
            && deployment_status(deployment.state()) != Some(HostStatus::Failed)
        {
            return Ok(Some(deployment.state().to_owned()));
        }
        self.delete_group(target).await.map(|_| None)
    }

    /// The host as it is right after its deployment was accepted.
    fn accepted(&self, order: &Order, state: &str) -> Result<ProvisionedHost> {
        let target = &order.target;
        let mut host = ProvisionedHost::new(
            INFO.id,
            target.id()?,
            target.name.clone(),
            HostStatus::Provisioning,
            state,
        );
        host.region = Some(order.region.clone());
        host.plan = Some(order.plan.clone());
        host.image = Some(order.image.clone());
        host.labels = labels(&order.tags);
        host.created = Some(order.created);
        Ok(host)
    }

    /// What is in a group of that name already: the host of an earlier call with the same key, or somebody else's.
    async fn take_up(&self, host: &BasicHost, order: &Order, group: &Group) -> Result<ProvisionedHost> {
        let target = &order.target;
        let taken = |message: String| Err(Error::new(ErrorKind::AlreadyExists, message).with_provider(INFO.id));
        if !group.labels().is_managed() {
            return taken(format!(
                "resource group `{}` exists and was not made by this tool, which leaves it alone: choose another name",
                target.group
            ));
        }
        if group.is_deleting() {
            let message = format!(
                "resource group `{}` of an earlier host is still being deleted: try again in a few minutes",
                target.group
            );
            return Err(Error::new(ErrorKind::Conflict, message).with_provider(INFO.id));
        }
        if !host.key.as_ref().is_some_and(|key| group.labels().has_key(key)) {
            return taken(format!(
                "host `{}` exists: choose another name, delete that host, or use the key that it was made with",
                target.name
            ));
        }
        let deployment = self.find::<Deployment>(self.arm.get_deployment(target)).await?;
        match deployment {
            None => self.deploy(order).await,
            // Parts of it may bill, so that a refusal must not remove it unseen: it is deployed anew, or stays.
            Some(failed) if deployment_status(failed.state()) == Some(HostStatus::Failed) => {
                match self.send(order.create_deployment.clone()).await {
                    Ok(answer) => self.accepted(order, answer.json::<Deployment>()?.state()),
                    Err(error) if error.code() == Some(DEPLOYMENT_ACTIVE) => self.accepted(order, "Running"),
                    Err(error) => Err(error.hint(format!(
                        "an earlier attempt failed, too: delete host `{}|{}` to start afresh",
                        target.group, target.name
                    ))),
                }
            }
            // Never deployed again: the new password alone would be refused.
            Some(deployment) => self.read(target, group, Some(deployment)).await,
        }
    }

    /// The host in a group, from its deployment and, once that is done, its machine.
    async fn read(&self, target: &Target, group: &Group, deployment: Option<Deployment>) -> Result<ProvisionedHost> {
        if let Some(deployment) = &deployment
            && let Some(status) = deployment_status(deployment.state())
        {
            let mut host = group.host(target, status, deployment.state())?;
            if status == HostStatus::Failed {
                host.message = deployment.failure();
            }
            return Ok(host);
        }
        match (self.find::<Machine>(self.arm.get_machine(target)).await?, &deployment) {
            (Some(machine), deployment) => {
                let told = deployment.as_ref().and_then(Deployment::ip);
                let ip = match told {
                    Some(ip) => Some(ip),
                    None => self.address_of(target).await?,
                };
                group.host_with_machine(target, machine, ip)
            }
            (None, None) => group.host_without_machine(target, SystemTime::now()),
            (None, Some(_)) => group.host_without_its_machine(target),
        }
    }

    /// The address in a host's group, for a deployment that does not tell.
    async fn address_of(&self, target: &Target) -> Result<Option<IpAddr>> {
        let addresses = self.pages::<Address>(self.arm.list_addresses_of(target)).await?;
        Ok(addresses.iter().find_map(Address::ip))
    }

    async fn delete_group(&self, target: &Target) -> Result<Deletion> {
        match self.send(self.arm.delete_group(target)).await {
            Ok(_) => Ok(Deletion::InProgress),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Deletion::Removed),
            // UNCONFIRMED: the answer to a second deletion may be this instead of 202.
            Err(error) if error.code() == Some("ResourceGroupBeingDeleted") => Ok(Deletion::InProgress),
            Err(error) => Err(error),
        }
    }

    /// Deletes a group and all that is in it, if it is one of ours.
    async fn delete_marked(&self, target: &Target) -> Result<Deletion> {
        let Some(group) = self.find::<Group>(self.arm.get_group(target)).await? else {
            // Everything of a host is in its group, so that nothing can be left.
            return Ok(Deletion::Removed);
        };
        if !group.labels().is_managed() {
            return Err(Error::invalid(format!(
                "resource group `{}` was not made by this tool, and deleting it would delete everything in it: use `az group delete` if you mean it",
                target.group
            ))
            .with_provider(INFO.id));
        }
        if group.is_deleting() {
            return Ok(Deletion::InProgress);
        }
        self.delete_group(target).await
    }

    /// The marked group that holds an address.
    async fn find_by_ip(&self, ip: IpAddr) -> Result<Target> {
        let none = || Error::no_host_with_ip(ip).with_provider(INFO.id);
        let addresses = self.pages::<Address>(self.arm.list_addresses()).await?;
        let holder = addresses.iter().find(|address| address.ip() == Some(ip));
        let group = holder.and_then(Address::group).ok_or_else(none)?;
        Ok(Target {
            name: host_of_group(&group).to_owned(),
            group,
        })
    }

    async fn delete_by_ip(&self, ip: IpAddr) -> Result<Deletion> {
        let target = self.find_by_ip(ip).await?;
        match self.find::<Group>(self.arm.get_group(&target)).await? {
            Some(group) if group.labels().is_managed() && group.is_deleting() => Ok(Deletion::InProgress),
            Some(group) if group.labels().is_managed() => self.delete_group(&target).await,
            _ => Err(Error::no_host_with_ip(ip).with_provider(INFO.id)),
        }
    }
}

#[async_trait]
impl Provisioner for Azure {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        let order = Order::new(&self.arm, host, &throw_away_password()?, SystemTime::now())?;
        // A PUT would replace the tags of a group that is there already, and that may be somebody else's.
        if let Some(group) = self.find::<Group>(self.arm.get_group(&order.target)).await? {
            return self.take_up(host, &order, &group).await;
        }
        self.send(order.create_group.clone()).await?;
        self.deploy(&order).await
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let target = Target::of_id(id)?;
        let Some(group) = self.find::<Group>(self.arm.get_group(&target)).await? else {
            return Err(Error::host_not_found(id).with_provider(INFO.id));
        };
        if group.is_deleting() {
            return group.host(&target, HostStatus::Deleting, "Deleting");
        }
        let deployment = self.find::<Deployment>(self.arm.get_deployment(&target)).await?;
        self.read(&target, &group, deployment).await
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => self.delete_marked(&Target::of_id(id)?).await,
            HostDeleteRequest::Ip { ip, .. } => self.delete_by_ip(*ip).await,
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let groups = self.pages::<Group>(self.arm.list_groups()).await?;
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let addresses = self.pages::<Address>(self.arm.list_addresses()).await?;
        let machines = self.pages::<Machine>(self.arm.list_machines()).await?;
        let addresses: BTreeMap<String, IpAddr> = addresses
            .iter()
            .filter_map(|address| Some((address.group()?, address.ip()?)))
            .collect();
        let mut machines: BTreeMap<String, Machine> = machines
            .into_iter()
            .filter_map(|machine| Some((machine.group()?, machine)))
            .collect();
        let now = SystemTime::now();
        let hosts = groups.into_iter().map(|group| {
            let key = group.name.to_ascii_lowercase();
            let machine = machines.remove(&key);
            let target = group.target(machine.as_ref());
            match machine {
                Some(machine) => group.host_with_machine(&target, machine, addresses.get(&key).copied()),
                None => group.host_without_machine(&target, now),
            }
        });
        hosts
            .filter(|host| host.as_ref().map_or(true, |host| filter.matches(host)))
            .collect()
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let mut catalog = Catalog::default();
        let region = request::region(query.wanted_region())?;
        if query.wants(CatalogSection::Plans) {
            // One page: a few hundred sizes at most.
            let sizes: Page<Size> = self.send(self.arm.list_sizes(region)).await?.json()?;
            catalog.plans = sizes
                .value
                .into_iter()
                .map(|size| {
                    let price = price(region, size.name());
                    size.into_plan(price)
                })
                .collect();
        }
        if query.wants(CatalogSection::Images) {
            catalog.images = images();
        }
        if query.wants(CatalogSection::Regions) {
            let locations = self.pages::<Location>(self.arm.list_regions()).await?;
            catalog.regions = locations.into_iter().filter_map(Location::into_region).collect();
        }
        Ok(catalog.sorted())
    }
}
