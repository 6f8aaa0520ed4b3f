//! The calls to one region: what an instance needs before it is launched, and what is left when it is gone.

use futures_util::future::{join_all, join3};
use provision_core::{Deletion, Error, ErrorKind, Order, Result};
use provision_http::{Client, Endpoint, Going, Request};

use crate::{
    request::{self, Groups, Launch},
    response::{self, Group, Instance},
};

/// How many hosts one after another a key can have in a group of the user's. AWS remembers the client tokens of terminated
/// instances for a day or more, and shows the instances for an hour.
const GENERATIONS: usize = 20;
/// How many tokens of terminated instances that are not shown any more are passed over in one call.
const TRIES: usize = 3;

/// EC2 in one region.
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) region: String,
}

/// Where to launch; nothing for the default VPC.
#[derive(Debug, Default)]
struct Place {
    subnet: Option<String>,
    vpc: Option<String>,
}

impl Api {
    /// `None` when EC2 says that there is no such instance, in its own words.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Instance>> {
        let answer = match self.client.send(request::get_instance(&self.endpoint, id)).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = response::instances(&answer)?
            .0
            .into_iter()
            .find(|instance| instance.id == id);
        let found =
            found.ok_or_else(|| answer.unexpected("the answer lacks the instance that was asked for: try again"));
        found.map(Some)
    }

    /// Groups that carry our marker.
    pub(crate) async fn groups(&self, wanted: Groups<'_>) -> Result<Vec<Group>> {
        let answer = self.client.send(request::find_groups(&self.endpoint, wanted)).await?;
        let mut groups = response::groups(&answer)?;
        groups.retain(Group::is_ours);
        Ok(groups)
    }

    /// Makes the instance in a group of its own. The group also makes the client token: it is the same in every call for this
    /// host, and another one for the next host of the key.
    pub(crate) async fn launch_in_group_of_key(&self, order: &Order) -> Result<Instance> {
        let groups = self.groups(Groups::Of(order));
        let (place, image, groups) = join3(self.place(order), self.image(order), groups).await;
        let (place, image) = (place?, image?);
        let group = match groups?.first() {
            None => self.make_group(order, place.vpc.as_deref()).await?,
            Some(group) => {
                self.check_unused(group).await?;
                group.id.clone()
            }
        };
        let launch = Launch {
            image: image.as_deref(),
            token: &request::token(order, &group),
            group: &group,
            subnet: place.subnet.as_deref(),
        };
        match self.launch(order, launch).await {
            Ok(instance) => Ok(instance),
            Err(error) => Err(self.give_up(&group, error).await),
        }
    }

    /// Makes the instance in the user's group. Nothing else goes with a host of the key there, so that its hosts are counted.
    pub(crate) async fn launch_in_group_of_user(&self, order: &Order, group: &str) -> Result<Instance> {
        let tokens: Vec<String> = (0..GENERATIONS)
            .map(|number| request::token(order, &number.to_string()))
            .collect();
        let known = self.client.send(request::find_by_token(&self.endpoint, &tokens));
        let (place, image, known) = join3(self.place(order), self.image(order), known).await;
        let (place, image, known) = (place?, image?, response::instances(&known?)?.0);
        let ended = known.iter().filter(|instance| instance.is_ending());
        let ended: Vec<&str> = ended.filter_map(|instance| instance.token.as_deref()).collect();
        let last = tokens.iter().rposition(|token| ended.contains(&token.as_str()));
        let used = last.map_or(0, |last| last + 1);
        let mut refused = Error::invalid(format!("AWS remembers {GENERATIONS} hosts of this key"));
        for token in tokens.iter().skip(used).take(TRIES) {
            let launch = Launch {
                image: image.as_deref(),
                token,
                group,
                subnet: place.subnet.as_deref(),
            };
            match self.launch(order, launch).await {
                Err(error) if error.code() == Some("IdempotentInstanceTerminated") => refused = error,
                other => return other,
            }
        }
        Err(refused.hint("use another name or key, or try again in a day"))
    }

    /// The subnet to launch in and the VPC of the group.
    async fn place(&self, order: &Order) -> Result<Place> {
        let (subnet, vpc) = (order.extra("subnet-id"), order.extra("vpc-id"));
        let (key, value) = match (subnet, vpc) {
            (Some(subnet), None) => ("subnet-id", subnet),
            (None, Some(vpc)) => ("vpc-id", vpc),
            _ => {
                return Ok(Place {
                    subnet: subnet.map(str::to_owned),
                    vpc: vpc.map(str::to_owned),
                });
            }
        };
        let found = self
            .client
            .send(request::find_subnets(&self.endpoint, subnet, vpc))
            .await?;
        let (subnet, vpc) = response::best_subnet(&found)?.ok_or_else(|| {
            Error::invalid(format!(
                "there is no subnet for `{key}` {value:?} in {}: choose another `{key}`",
                self.region
            ))
        })?;
        Ok(Place {
            subnet: Some(subnet),
            vpc: Some(vpc),
        })
    }

    /// The newest of the images that the default one stands for. Whoever may not list them may be allowed to have EC2 resolve
    /// the parameter, which needs another permission (`ssm:GetParameters`) and which not every part of AWS has: UNCONFIRMED.
    async fn image(&self, order: &Order) -> Result<Option<String>> {
        if !order.default_image {
            return Ok(None);
        }
        let list = request::list_images(&self.endpoint, Some(request::is_arm(&order.plan)));
        let images = match self.client.send(list).await {
            Ok(answer) => response::newest_images(&answer)?,
            Err(error) if error.code() == Some("UnauthorizedOperation") => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(images.into_iter().next().map(|image| image.id))
    }

    async fn make_group(&self, order: &Order, vpc: Option<&str>) -> Result<String> {
        let create = request::create_group(&self.endpoint, order, vpc);
        match self.client.send(create).await {
            Ok(answer) => response::created_group(&answer),
            // Another call with the key made it just now, or it has lost its marker.
            Err(error) if error.code() == Some("InvalidGroup.Duplicate") => Err(error.with_kind(ErrorKind::Conflict)),
            Err(error) => Err(error),
        }
    }

    /// A group that no host was tied to is taken up, so that a lost launch is found by its token. Otherwise the host is gone,
    /// or not shown yet: only then is its group in use.
    async fn check_unused(&self, group: &Group) -> Result<()> {
        if !group.has_rules && group.host().is_none() {
            return Ok(());
        }
        let delete = request::delete_group(&self.endpoint, &group.id);
        match self.remove_group(delete).await? {
            Going::Busy(_) => Ok(()),
            Going::Accepted | Going::Gone => Err(Error::new(
                ErrorKind::Conflict,
                "what an earlier host of this key left behind is removed now: try again",
            )),
        }
    }

    async fn launch(&self, order: &Order, launch: Launch<'_>) -> Result<Instance> {
        let run = request::run_instance(&self.endpoint, order, launch)?;
        match self.client.send(run).await {
            Ok(answer) => response::launched(&answer),
            // EC2 answers what it refuses with 5xx, too: a sold-out type, one request too many.
            Err(error) if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::UnexpectedResponse) => {
                Err(error.with_may_exist(false))
            }
            Err(error) => Err(error),
        }
    }

    /// Removes the group of a launch that was refused. Where the same call may succeed, it stays for that.
    async fn give_up(&self, group: &str, refused: Error) -> Error {
        let refused = match refused.code() {
            Some("InvalidGroup.NotFound") => {
                return refused
                    .with_kind(ErrorKind::Conflict)
                    .hint("the new group is not visible everywhere yet: try again");
            }
            Some("IdempotentInstanceTerminated") => refused.with_kind(ErrorKind::Conflict).hint("try again"),
            _ if refused.is_retryable() || refused.may_exist() => return refused,
            _ => refused,
        };
        match self.client.remove(request::delete_group(&self.endpoint, group)).await {
            Ok(_) => refused,
            Err(_) => refused.hint(format!(
                "security group {group} could not be removed: call again with the same name or key, or delete the group"
            )),
        }
    }

    /// Makes a change to a group that may be new, if there is one to make and it is not made yet.
    pub(crate) async fn change_new_group(&self, change: Option<Request>) -> Result<()> {
        let Some(change) = change else { return Ok(()) };
        match self.client.send(change).await {
            Err(error) if error.code() == Some("InvalidPermission.Duplicate") => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(error
                .with_kind(ErrorKind::Conflict)
                .hint("the new group is not visible everywhere yet: try again")),
            other => response::check_done(&other?),
        }
    }

    /// Says at the group of an instance whose it is; also for an instance that never came to the end of its create, and for one
    /// of inlets-operator's.
    pub(crate) async fn tie_group_of(&self, instance: &Instance) -> Result<()> {
        match (instance.own_group(), instance.group_of_inlets()) {
            (None, Some((group, _))) => {
                self.tie(request::adopt_group(&self.endpoint, group, &instance.id))
                    .await
            }
            (own, _) => self.tie_group(own, &instance.id).await,
        }
    }

    /// Says at the own group of an instance whose it is.
    pub(crate) async fn tie_group(&self, group: Option<&str>, instance: &str) -> Result<()> {
        match group {
            Some(group) => self.tie(request::tag_group(&self.endpoint, group, instance)).await,
            None => Ok(()),
        }
    }

    async fn tie(&self, tag: Request) -> Result<()> {
        match self.client.send(tag).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => response::check_done(&other?),
        }
    }

    /// Only EC2's own word counts as success: nothing looks for the group again.
    async fn remove_group(&self, delete: Request) -> Result<Going> {
        match self.client.send(delete).await {
            Ok(answer) => response::check_done(&answer).map(|()| Going::Accepted),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Going::Gone),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(Going::Busy(error)),
            Err(error) => Err(error),
        }
    }

    /// Deletes groups; one that something refers to is left for later.
    pub(crate) async fn delete_groups(&self, groups: &[Group]) -> Result<Deletion> {
        let delete = |group: &Group| self.remove_group(request::delete_group(&self.endpoint, &group.id));
        let deleted: Result<Vec<Going>> = join_all(groups.iter().map(delete)).await.into_iter().collect();
        Ok(match deleted? {
            all if all.iter().any(Going::is_busy) => Deletion::InProgress,
            all if all.iter().any(|going| !going.is_gone()) => Deletion::Removed,
            _ => Deletion::NotFound,
        })
    }
}
