//! The calls to one region and what they make together: an instance with its security group, and the end of both.

use provision_core::{Error, ErrorKind, IdempotencyKey, Result};
use provision_http::{Answer, Client, Endpoint, Request};

use crate::{
    config::{INFO, is_arm},
    request::{self, GENERATIONS, HOST_TAG, Launch, Order},
    response::{self, Group, Instance},
};

/// EC2 in one region.
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) region: String,
}

/// What is known of a key.
pub(crate) enum Known {
    /// Its host.
    Host(Box<Instance>),
    /// No host; it was used that often for hosts that are gone.
    Nothing { generation: usize },
}

impl Api {
    pub(crate) async fn send(&self, request: Request) -> Result<Answer> {
        self.client.send(request).await
    }

    /// Instances by a filter that leaves few.
    pub(crate) async fn instances(&self, request: Request) -> Result<Vec<Instance>> {
        Ok(response::instances(&self.send(request).await?)?.0)
    }

    pub(crate) async fn groups(&self, request: Request) -> Result<Vec<Group>> {
        response::groups(&self.send(request).await?)
    }

    /// Looks for the host that an earlier call with the key made.
    pub(crate) async fn find_by_key(&self, order: &Order<'_>) -> Result<Known> {
        let Some(key) = &order.host.key else {
            return Ok(Known::Nothing { generation: 0 });
        };
        let tokens = order.tokens();
        let found = self.instances(request::find_by_token(&self.endpoint, &tokens)).await?;
        let mut generation = 0;
        for instance in found {
            // Two tokens for each generation.
            let used = tokens.iter().position(|token| instance.token.as_deref() == Some(token));
            let Some(used) = used.map(|at| at / 2) else { continue };
            if instance.is_terminated() {
                // It may have lost its tags already.
                generation = generation.max(used + 1);
            } else if instance.is_ending() {
                let message = format!(
                    "the host of this key, `{}`, is being deleted: try again when it is gone",
                    instance.id
                );
                return Err(Error::new(ErrorKind::Conflict, message).with_provider(INFO.id));
            } else if instance.labels().has_key(key) {
                return Ok(Known::Host(Box::new(instance)));
            }
        }
        if generation >= GENERATIONS {
            let message = format!("{GENERATIONS} hosts were made with this key and deleted: use a new key");
            return Err(Error::invalid(message).with_provider(INFO.id));
        }
        Ok(Known::Nothing { generation })
    }

    /// Makes the group, unless there is one of the user's, and the instance. Whatever fails before the instance exists
    /// takes the group with it.
    pub(crate) async fn create(&self, order: &Order<'_>, generation: usize) -> Result<Instance> {
        let (subnet, vpc) = self.network(order).await?;
        let group = match order.additional("security-group") {
            Some(group) => group.to_owned(),
            None => self.make_group(order, vpc.as_deref()).await?,
        };
        match self.launch(order, generation, &group, subnet.as_deref()).await {
            Ok(instance) => Ok(instance),
            Err(error) if order.additional("security-group").is_some() => Err(error),
            Err(error) => {
                let unknown = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::UnexpectedResponse);
                let unseen = error.code() == Some("InvalidGroup.NotFound");
                let error = if unseen {
                    error
                        .with_kind(ErrorKind::Conflict)
                        .hint("the new group is not visible everywhere yet: try again")
                } else {
                    error
                };
                if (unknown || unseen) && order.host.key.is_some() {
                    // The next call with the key goes on from here, and has to ask for the same group.
                    return Err(error);
                }
                // If the instance exists after all, EC2 keeps its group.
                Err(self.roll_back(&group, error).await)
            }
        }
    }

    /// The subnet to launch in and the VPC of the group; the default VPC without wishes.
    async fn network(&self, order: &Order<'_>) -> Result<(Option<String>, Option<String>)> {
        let (subnet, vpc) = (order.additional("subnet-id"), order.additional("vpc-id"));
        let own = |text: Option<&str>| text.map(str::to_owned);
        if subnet.is_some() == vpc.is_some() || (subnet.is_some() && order.additional("security-group").is_some()) {
            return Ok((own(subnet), own(vpc)));
        }
        let found = self.send(request::find_subnets(&self.endpoint, subnet, vpc)).await?;
        match response::best_subnet(&found)? {
            Some((subnet, vpc)) => Ok((Some(subnet), Some(vpc))),
            None => {
                let (key, value) = if subnet.is_some() {
                    ("subnet-id", subnet)
                } else {
                    ("vpc-id", vpc)
                };
                let value = value.unwrap_or_default();
                let message = format!(
                    "there is no subnet for `{key}` {value:?} in {}: choose another `{key}`",
                    self.region
                );
                Err(Error::invalid(message).with_provider(INFO.id))
            }
        }
    }

    async fn make_group(&self, order: &Order<'_>, vpc: Option<&str>) -> Result<String> {
        let group = match self.send(request::create_group(&self.endpoint, order, vpc)).await {
            Ok(answer) => response::created_group(&answer)?,
            Err(error) if error.code() == Some("InvalidGroup.Duplicate") => {
                return self.adopt_group(order, vpc, error).await;
            }
            Err(error) => return Err(error),
        };
        match self.open_ports(order, &group).await {
            Ok(()) => Ok(group),
            Err(error) => Err(self.roll_back(&group, error).await),
        }
    }

    /// The group that an earlier call with the key left.
    async fn adopt_group(&self, order: &Order<'_>, vpc: Option<&str>, refused: Error) -> Result<String> {
        let found = self
            .groups(request::find_groups(&self.endpoint, vpc, &[&order.group]))
            .await?;
        let Some(group) = found
            .into_iter()
            .find(|group| group.name == order.group && group.is_ours())
        else {
            // It was just made and is not visible yet, or has lost its tag.
            return Err(refused.with_kind(ErrorKind::Conflict));
        };
        if group.rules.is_empty() {
            self.open_ports(order, &group.id).await?;
            return Ok(group.id);
        }
        // One in use belongs to an instance that is not visible yet: the client token leads to it.
        if group.rules == request::rules(order.host.ports.restricted()) || !self.delete_group(&group.id).await? {
            return Ok(group.id);
        }
        let message = "an earlier call with this key asked for other ports; what it left is removed now: try again";
        Err(Error::new(ErrorKind::Conflict, message).with_provider(INFO.id))
    }

    async fn open_ports(&self, order: &Order<'_>, group: &str) -> Result<()> {
        let rules = request::rules(order.host.ports.restricted());
        if rules.is_empty() {
            return Ok(());
        }
        match self.send(request::open_ports(&self.endpoint, group, &rules)).await {
            Err(error) if error.code() == Some("InvalidPermission.Duplicate") => Ok(()),
            Err(error) if error.code() == Some("InvalidGroup.NotFound") => {
                let hint = "the new group is not visible everywhere yet: try again";
                Err(error.with_kind(ErrorKind::Conflict).hint(hint))
            }
            other => other.map(|_| ()),
        }
    }

    /// Removes a group after a failure.
    async fn roll_back(&self, group: &str, error: Error) -> Error {
        match self.delete_group(group).await {
            Ok(_) => error,
            Err(_) => error.hint(format!(
                "security group {group} could not be removed: call again with the same key, or delete the group"
            )),
        }
    }

    /// Starts the instance. It is asked for again only after a refusal that says that nothing was made: with the next
    /// token when that of a deleted host is still remembered, and with an image looked up when the parameter is refused.
    async fn launch(
        &self,
        order: &Order<'_>,
        mut generation: usize,
        group: &str,
        subnet: Option<&str>,
    ) -> Result<Instance> {
        let mut fallback = None;
        loop {
            let token = order.token(generation, fallback.is_some());
            let launch = Launch {
                image: fallback.as_deref().unwrap_or(&order.image),
                token: token.as_deref(),
                group,
                subnet,
            };
            let error = match self.send(request::run_instance(&self.endpoint, order, &launch)).await {
                Ok(answer) => return response::launched(&answer),
                Err(error) => error,
            };
            match error.code() {
                Some("IdempotentInstanceTerminated") if generation + 1 < GENERATIONS => generation += 1,
                // The host exists, made with other wishes: for one, an older image of the same parameter.
                Some("IdempotentParameterMismatch") => {
                    return match self.find_by_key(order).await? {
                        Known::Host(instance) => Ok(*instance),
                        Known::Nothing { .. } => Err(error),
                    };
                }
                _ if fallback.is_none() && order.is_default_image() && refuses_parameter(&error) => {
                    let images = self
                        .send(request::list_images(&self.endpoint, Some(is_arm(order.plan))))
                        .await;
                    let newest = images.and_then(|answer| response::newest_images(&answer));
                    match newest.ok().and_then(|images| images.into_iter().next()) {
                        Some(image) => fallback = Some(image.id),
                        None => return Err(error),
                    }
                }
                _ => return Err(error),
            }
        }
    }

    /// Asks for the end of an instance; one that is gone is fine.
    pub(crate) async fn terminate(&self, id: &str) -> Result<()> {
        match self.send(request::terminate_instance(&self.endpoint, id)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Takes a living instance out of its own group and deletes that, so that nothing has to be waited for. What EC2 does
    /// not allow is left for later, with a tag by which it is found.
    pub(crate) async fn drop_group_of(&self, instance: &Instance) -> Result<()> {
        let Some(name) = instance.own_group() else {
            return Ok(());
        };
        let request = request::find_groups(&self.endpoint, instance.vpc.as_deref(), &["default", name]);
        let groups = self.groups(request).await?;
        let named = |wanted: &str| groups.iter().find(|group| group.name == wanted);
        let Some(own) = named(name).filter(|group| group.is_ours()) else {
            return Ok(());
        };
        if let (Some(default), Some(_)) = (named("default"), instance.own_group_id()) {
            let swap = request::set_group(&self.endpoint, &instance.id, &default.id);
            tolerate(self.send(swap).await.map(|_| ()))?;
        }
        let deleted = match self.delete_group(&own.id).await {
            Ok(deleted) => deleted,
            Err(error) => tolerate(Err(error)).map(|()| false)?,
        };
        if !deleted {
            let tag = request::tag_group(&self.endpoint, &own.id, &instance.id, instance.ip);
            tolerate(self.send(tag).await.map(|_| ()))?;
        }
        Ok(())
    }

    /// Deletes our groups of an instance that is going or gone; whether any is left. They are found by their name where the
    /// instance still tells it, else by their tag.
    pub(crate) async fn drop_leftovers(&self, instance: &str, name: Option<&str>) -> Result<bool> {
        let request = match name {
            Some(name) => request::find_groups(&self.endpoint, None, &[name]),
            None => request::find_groups_by_tag(&self.endpoint, HOST_TAG, instance),
        };
        let mut left = false;
        // A later host of the same key has a group of the same name.
        let is_its = |group: &&Group| group.is_ours() && group.tag(HOST_TAG).is_none_or(|host| host == instance);
        for group in self.groups(request).await?.iter().filter(is_its) {
            left |= !self.delete_group(&group.id).await?;
        }
        Ok(left)
    }

    /// Deletes the groups that were made with a key; whether any is left, because an instance uses it.
    pub(crate) async fn drop_group_of_key(&self, key: &IdempotencyKey) -> Result<bool> {
        let name = request::group_name(key);
        let mut left = false;
        let found = self
            .groups(request::find_groups(&self.endpoint, None, &[&name]))
            .await?;
        for group in found.iter().filter(|group| group.is_ours()) {
            left |= !self.delete_group(&group.id).await?;
        }
        Ok(left)
    }

    /// Whether a group is gone; one that an interface still refers to is not.
    async fn delete_group(&self, group: &str) -> Result<bool> {
        match self.send(request::delete_group(&self.endpoint, group)).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("InvalidGroup.NotFound") => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Passes over a refusal that must not keep an instance alive: a permission that is missing, a state or number of
/// interfaces with which the step does not work.
fn tolerate(result: Result<()>) -> Result<()> {
    match result {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Forbidden | ErrorKind::Conflict | ErrorKind::InvalidRequest | ErrorKind::NotFound
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// Whether EC2 did not take the SSM parameter as image. Which code it has is UNCONFIRMED, so that all which it may be
/// count: nothing was made in any case.
fn refuses_parameter(error: &Error) -> bool {
    let text = error.message().to_ascii_lowercase();
    match error.code() {
        Some("UnauthorizedOperation" | "AccessDeniedException" | "ParameterNotFound") => true,
        Some(code) if code.starts_with("InvalidAMIID.") => true,
        Some("InvalidParameterValue" | "InvalidParameter") => ["ssm", "imageid", "image id", "parameter store"]
            .iter()
            .any(|word| text.contains(word)),
        _ => false,
    }
}
