//! What callers do, as the documentation tells them to.

use std::{net::IpAddr, time::Duration};

use provision::{
    Deletion, Error, ErrorKind, HostDeleteRequest, HostId, ListFilter, ProvisionedHost, Provisioner, RegionFilter,
    Result, gc, survey,
    wait::{Creation, Outcome, Removal, RemovalOutcome, Wait, find_by_ip},
};

use crate::world::{World, host, pace};

/// What is done while a fault lurks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Create,
    CreateWithPorts,
    Status,
    List,
    ListEverywhere,
    DeleteById,
    DeleteByName,
    DeleteByAddress,
    Gc,
}

impl Operation {
    pub(crate) const ALL: [Self; 9] = [
        Self::Create,
        Self::CreateWithPorts,
        Self::Status,
        Self::List,
        Self::ListEverywhere,
        Self::DeleteById,
        Self::DeleteByName,
        Self::DeleteByAddress,
        Self::Gc,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::CreateWithPorts => "create-with-ports",
            Self::Status => "status",
            Self::List => "list",
            Self::ListEverywhere => "list-everywhere",
            Self::DeleteById => "delete-by-id",
            Self::DeleteByName => "delete-by-name",
            Self::DeleteByAddress => "delete-by-address",
            Self::Gc => "gc",
        }
    }

    pub(crate) fn deletes(self) -> bool {
        matches!(
            self,
            Self::DeleteById | Self::DeleteByName | Self::DeleteByAddress | Self::Gc
        )
    }

    pub(crate) fn creates(self) -> bool {
        matches!(self, Self::Create | Self::CreateWithPorts)
    }
}

/// The name of the host that an operation is about, and of the one that it must leave alone.
pub(crate) const TARGET: &str = "target-1";
pub(crate) const OTHER: &str = "untouched-1";

/// What a command told its caller in the end.
#[derive(Debug)]
pub(crate) enum Told {
    Host(Box<ProvisionedHost>),
    /// Hosts, and what could not be read.
    List(Vec<ProvisionedHost>, Vec<Error>),
    Deleted,
    NotFound,
    Failed(Error),
}

impl From<Result<ProvisionedHost>> for Told {
    fn from(result: Result<ProvisionedHost>) -> Self {
        match result {
            Ok(host) => Self::Host(Box::new(host)),
            Err(error) => Self::Failed(error),
        }
    }
}

/// The host of an operation that needs one.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) id: HostId,
    ip: IpAddr,
}

/// Makes a host and waits until it is there, as `wait::create` does.
pub(crate) async fn make(world: &World, cloud: &dyn Provisioner, name: &str, with_ports: bool) -> Result<Subject> {
    let mut wanted = host(cloud, name, with_ports);
    if name == TARGET {
        wanted.expires = Some(world.sim.clock().now() + Duration::from_secs(600));
    }
    let made = Creation::new(cloud, &wanted, &world.timer, pace()).run(|_| {}).await?;
    let made = until_active(world, cloud, made).await?;
    let ip = made
        .ip
        .ok_or_else(|| Error::new(ErrorKind::UnexpectedResponse, "an active host has an address"))?;
    Ok(Subject { id: made.id, ip })
}

pub(crate) async fn until_active(
    world: &World,
    cloud: &dyn Provisioner,
    made: ProvisionedHost,
) -> Result<ProvisionedHost> {
    let mut wait = Wait::until_active(cloud, made.id.clone(), &world.timer, pace()).created(made);
    match (wait.run(|_| {}).await?, wait.host()) {
        (Outcome::Active, Some(host)) => Ok(host.clone()),
        (outcome, host) => Err(Error::new(
            ErrorKind::Unavailable,
            format!("waiting for the host ended with {outcome:?}: {host:?}"),
        )),
    }
}

/// Deletes until it is over, as `wait::delete` does.
pub(crate) async fn remove(world: &World, cloud: &dyn Provisioner, id: &HostId) -> Told {
    let mut removal = Removal::new(cloud, id.clone(), &world.timer, pace());
    match removal.run(|_| {}).await {
        Ok(RemovalOutcome::Complete) => Told::Deleted,
        Ok(RemovalOutcome::NotFound) => Told::NotFound,
        Ok(outcome) => Told::Failed(Error::new(
            ErrorKind::Unavailable,
            format!("deleting ended with {outcome:?}: {:?}", removal.last_error()),
        )),
        Err(error) => Told::Failed(error),
    }
}

/// Calls `delete` until it is over or fails: the first failure is told, however soon it would pass.
async fn remove_or_fail(world: &World, cloud: &dyn Provisioner, id: &HostId) -> Told {
    let request = HostDeleteRequest::Id(id.clone());
    let mut accepted = false;
    for _ in 0..120 {
        match cloud.delete(&request).await {
            Ok(Deletion::InProgress) => accepted = true,
            Ok(Deletion::NotFound) if !accepted => return Told::NotFound,
            Ok(_) => return Told::Deleted,
            // Busy is what a cloud may be.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Told::Failed(error),
        }
        world.pass(Duration::from_secs(5));
    }
    Told::Failed(Error::new(ErrorKind::Conflict, "the deletion was never over"))
}

/// How a command deals with failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It tells the first one.
    Impatient,
    /// It tries again what may pass, for ten minutes.
    Patient,
}

async fn take_away(world: &World, cloud: &dyn Provisioner, id: &HostId, patience: Patience) -> Told {
    match patience {
        Patience::Impatient => remove_or_fail(world, cloud, id).await,
        Patience::Patient => remove(world, cloud, id).await,
    }
}

/// Carries an operation out.
pub(crate) async fn carry_out(
    world: &World,
    cloud: &dyn Provisioner,
    operation: Operation,
    subject: Option<&Subject>,
    patience: Patience,
) -> Told {
    let missing = || Told::Failed(Error::invalid("the case has no host"));
    match (operation, subject) {
        (Operation::Create | Operation::CreateWithPorts, _) => {
            let wanted = host(cloud, TARGET, operation == Operation::CreateWithPorts);
            match patience {
                Patience::Impatient => cloud.provision(&wanted).await.into(),
                Patience::Patient => {
                    let mut creation = Creation::new(cloud, &wanted, &world.timer, pace());
                    creation.run(|_| {}).await.into()
                }
            }
        }
        (Operation::Status, Some(subject)) => cloud.status(&subject.id).await.into(),
        (Operation::List, _) => match cloud.list(&ListFilter::all()).await {
            Ok(hosts) => Told::List(hosts, Vec::new()),
            Err(error) => Told::Failed(error),
        },
        (Operation::ListEverywhere, _) => {
            let everywhere = ListFilter::all().with_region(RegionFilter::All);
            let survey = survey::hosts(cloud, &everywhere).await;
            Told::List(survey.hosts, survey.gaps.into_iter().map(|gap| gap.error).collect())
        }
        (Operation::DeleteById, Some(subject)) => take_away(world, cloud, &subject.id, patience).await,
        (Operation::DeleteByName, _) => {
            let name = TARGET.parse().expect("a good name");
            let mut survey = survey::hosts_named(&[cloud], &name).await;
            match (survey.gaps.pop(), survey.hosts.pop()) {
                (_, Some(found)) => take_away(world, cloud, &found.id, patience).await,
                (Some(gap), None) => Told::Failed(gap.error),
                (None, None) => Told::NotFound,
            }
        }
        (Operation::DeleteByAddress, Some(subject)) => match find_by_ip(cloud, subject.ip, RegionFilter::All).await {
            Ok(found) => take_away(world, cloud, &found.id, patience).await,
            Err(error) if error.kind() == ErrorKind::NotFound => Told::NotFound,
            Err(error) => Told::Failed(error),
        },
        (Operation::Gc, _) => collect(world, cloud).await,
        (_, None) => missing(),
    }
}

async fn collect(world: &World, cloud: &dyn Provisioner) -> Told {
    let mut options = gc::Options::dry_run();
    options.delete = true;
    options.now = world.sim.clock().now();
    options.pace = pace();
    let report = gc::collect(cloud, &world.timer, &options).await;
    let action = report.hosts.iter().find(|finding| finding.host.name == TARGET);
    match (action.map(|finding| finding.action), report.errors.into_iter().next()) {
        (Some(gc::Action::Deleted), _) => Told::Deleted,
        (_, Some(error)) => Told::Failed(error),
        (None, None) => Told::NotFound,
        (Some(action), None) => Told::Failed(Error::new(
            ErrorKind::UnexpectedResponse,
            format!("gc: {}", action.as_str()),
        )),
    }
}
