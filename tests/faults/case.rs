//! One case: a command that a fault befalls, and the caller who repeats it.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use provision::{Deletion, ErrorKind, HostId, ListFilter, Provisioner, RegionFilter};
use provision_http::Subject as About;
use provision_sim::Item;

use crate::{
    fault::{End, FAULTS, Fault, RetryAfter, Scope, WAIT},
    operation::{OTHER, Operation, Patience, Subject, TARGET, Told, carry_out, make, remove, until_active},
    verdict::{Column, Verdict},
    wire::{Sent, longest_chain},
    world::{Around, World, host, show},
};

/// What the caller does afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Then {
    /// Repeats the command, as the same process.
    Again,
    /// Repeats the command, as a new process.
    Anew,
    /// Wants the host no more.
    GiveUp,
}

impl Then {
    const ALL: [Self; 3] = [Self::Again, Self::Anew, Self::GiveUp];

    fn name(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Anew => "anew",
            Self::GiveUp => "give-up",
        }
    }
}

/// Which cloud, operation, request, fault, and what the caller does then. Its text is its name.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) cloud: String,
    pub(crate) operation: Operation,
    request: usize,
    pub(crate) fault: &'static Fault,
    then: Then,
    usual: Arc<Usual>,
}

/// What there is without faults.
#[derive(Debug)]
struct Usual {
    /// What the other host needs.
    others: Vec<Item>,
    /// How many of each kind there are once the operation's host is there as well.
    kinds: BTreeMap<String, usize>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cloud,
            operation,
            request,
            fault,
            then,
            ..
        } = self;
        write!(
            f,
            "{cloud}/{}/{request}/{}/{}",
            operation.name(),
            fault.name,
            then.name()
        )
    }
}

/// The most requests of a call of which each needs the answer to the one before it, and one that the client may repeat.
const LONGEST_CHAIN: usize = 5 + 1;

/// The most requests of a repeated command: far fewer than a caller makes that turns in a circle.
const MOST_REQUESTS: usize = 400;

/// Every case of a cloud: its operations are carried out once undisturbed, to see which requests they make.
pub(crate) async fn cases_of(cloud: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for operation in Operation::ALL {
        let world = World::new(cloud, Arc::new(|real| real));
        let restricts = world.process().info().capabilities.restrict_ports;
        if operation == Operation::CreateWithPorts && !restricts {
            continue;
        }
        let usual = Arc::new(usual(cloud, operation).await);
        let subject = prepare(&world, operation).await;
        world.wire.listen();
        carry_out(
            &world,
            &world.process(),
            operation,
            subject.as_ref(),
            Patience::Impatient,
        )
        .await;
        let sent = world.wire.sent();
        for fault in FAULTS {
            for (request, sent) in sent.iter().enumerate().filter(|(request, _)| telling(&sent, *request)) {
                // Lists only lag behind a create.
                let pointless = fault.late && (!operation.creates() || sent.subject != About::NewHost);
                let thens = Then::ALL
                    .iter()
                    .filter(|then| operation.creates() || **then == Then::Anew);
                for then in thens.filter(|_| !pointless) {
                    cases.push(Case {
                        cloud: cloud.to_owned(),
                        operation,
                        request,
                        fault,
                        then: *then,
                        usual: usual.clone(),
                    });
                }
            }
        }
    }
    cases
}

/// Of many requests of one sort, such as a list of each region, the first two and the last two.
fn telling(sent: &[Sent], request: usize) -> bool {
    let like = |sort: &&Sent| sent.get(request).is_some_and(|sent| sent.operation == sort.operation);
    let before = sent.iter().take(request).filter(like).count();
    let after = sent.iter().skip(request + 1).filter(like).count();
    before < 2 || after < 2
}

async fn usual(cloud: &str, operation: Operation) -> Usual {
    let world = World::new(cloud, Arc::new(|real| real));
    prepare(&world, Operation::Create).await;
    let others = world.items();
    let with_ports = operation == Operation::CreateWithPorts;
    let made = make(&world, &world.process(), TARGET, with_ports).await;
    made.expect("a host without faults");
    world.pass(Duration::from_secs(60));
    Usual {
        others,
        kinds: world.kinds(),
    }
}

/// The account before the command: a host of ours that it must leave alone, and the one it is about.
async fn prepare(world: &World, operation: Operation) -> Option<Subject> {
    let cloud = world.process();
    make(world, &cloud, OTHER, false).await.expect("a host without faults");
    if operation.creates() {
        return None;
    }
    let subject = make(world, &cloud, TARGET, true).await.expect("a host without faults");
    if operation == Operation::Gc {
        world.pass(Duration::from_secs(700));
    }
    Some(subject)
}

impl Case {
    /// Runs it.
    pub(crate) async fn run(&self, around: Arc<Around>) -> Verdict {
        let mut verdict = Verdict::default();
        let world = World::new(&self.cloud, around);
        let subject = prepare(&world, self.operation).await;
        if self.fault.late {
            world.lag();
        }
        let process = world.process();
        let patience = match self.fault.scope {
            Scope::Once => Patience::Impatient,
            Scope::FromThere | Scope::SameSort => Patience::Patient,
        };
        world.wire.aim(self.fault, self.request);
        let command = carry_out(&world, &process, self.operation, subject.as_ref(), patience);
        let told = world.wire.run(command).await;
        let mut round = Round {
            case: self,
            world: &world,
            others: &self.usual.others,
            subject: subject.as_ref(),
            verdict: &mut verdict,
        };
        round.judge_calls(patience);
        world.wire.listen();
        round.judge(told.as_ref());
        match self.then {
            Then::Again => round.repeat(&*process, told.as_ref()).await,
            Then::Anew => round.repeat(&*world.process(), told.as_ref()).await,
            Then::GiveUp => round.give_up(told.as_ref()).await,
        }
        verdict
    }
}

/// A case under way.
struct Round<'a> {
    case: &'a Case,
    world: &'a World,
    /// What the other host needs.
    others: &'a [Item],
    subject: Option<&'a Subject>,
    verdict: &'a mut Verdict,
}

impl Round<'_> {
    /// What there is beyond the other host.
    fn rest(&self) -> Vec<Item> {
        let mut items = self.world.items();
        items.retain(|item| !self.others.iter().any(|other| same(other, item)));
        items
    }

    fn judge_calls(&mut self, patience: Patience) {
        let sent = self.world.wire.sent();
        let log = || sent.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let hit = sent.len() > self.case.request;
        self.verdict
            .object_if(!hit, Column::Calls, || format!("the request was not sent: {}", log()));
        self.verdict.object_if(sent.len() > MOST_REQUESTS, Column::Calls, || {
            format!("{} requests", sent.len())
        });
        if self.case.operation.creates() && patience == Patience::Impatient {
            let creates = sent.iter().filter(|sent| sent.subject == About::NewHost).count();
            self.verdict
                .object_if(creates > 1, Column::Calls, || format!("{creates} creates: {}", log()));
            let chain = longest_chain(&sent);
            self.verdict.object_if(chain > LONGEST_CHAIN, Column::Calls, || {
                format!("{chain} requests one after the other: {}", log())
            });
        }
    }

    /// Judges what the caller was told by what there is.
    fn judge(&mut self, told: Option<&Told>) {
        let rest = self.rest();
        let billing: Vec<Item> = rest.iter().filter(|item| item.bills).cloned().collect();
        let alive = self.subject.is_some() && !self.case.operation.creates();
        let operation = self.case.operation;
        match told {
            None => {}
            Some(Told::Host(host)) => {
                let there = self
                    .world
                    .hosts()
                    .iter()
                    .any(|item| host.id.as_str().contains(&item.id));
                let named = self.world.hosts().iter().any(|item| item.name.starts_with(TARGET));
                self.verdict.object_if(!there && !named, Column::NotFound, || {
                    format!("{} was answered and does not exist", host.id)
                });
            }
            Some(Told::List(hosts, errors)) => {
                for name in [TARGET, OTHER] {
                    let shown = hosts.iter().any(|host| host.name == name) || !errors.is_empty();
                    self.verdict
                        .object_if(!shown, Column::EmptyList, || format!("{name} is not in the list"));
                }
                for error in errors {
                    self.judge_error(error);
                }
            }
            Some(Told::Deleted) => {
                self.verdict.object_if(!billing.is_empty(), Column::FalseDeleted, || {
                    format!("deleted, it said, but there is {}", show(&billing))
                });
                self.verdict
                    .object_if(billing.is_empty() && !rest.is_empty(), Column::Left, || {
                        format!("deleted, it said, but there is {}", show(&rest))
                    });
            }
            Some(Told::NotFound) => {
                self.verdict.object_if(alive && !rest.is_empty(), Column::NotFound, || {
                    format!("not found, it said, but there is {}", show(&rest))
                });
            }
            Some(Told::Failed(error)) => {
                let said = error.host().is_some() || error.may_exist();
                let unsaid = operation.creates() && !billing.is_empty() && !said;
                self.verdict.object_if(unsaid, Column::Unsaid, || {
                    format!("there is {}, but the error only says: {error}", show(&billing))
                });
                self.judge_error(error);
            }
        }
    }

    fn judge_error(&mut self, error: &provision::Error) {
        let kind = error.kind();
        if kind == ErrorKind::NotFound {
            return self.verdict.object(Column::NotFound, format!("not found: {error}"));
        }
        let fault = self.case.fault;
        // A cloud may be busy with what it was told before.
        let fits = fault.kinds.contains(&kind) || kind == ErrorKind::Conflict;
        self.verdict.object_if(!fits, Column::Kind, || {
            format!("{kind}, but not {:?}: {error}", fault.kinds)
        });
        if let (End::RateLimited(told), ErrorKind::RateLimited) = (fault.end, kind) {
            let wait = error.retry_after().map(|wait| wait.as_secs());
            let heeded = match told {
                RetryAfter::Absent => wait.is_none_or(|wait| wait <= 3_600),
                RetryAfter::Seconds => wait == Some(WAIT),
                RetryAfter::Negative => wait == Some(0),
                RetryAfter::Date => wait.is_some_and(|wait| (WAIT - 5..=WAIT).contains(&wait)),
            };
            self.verdict.object_if(!heeded, Column::Kind, || {
                format!("told {told:?}, waits {wait:?}: {error}")
            });
        }
    }

    /// The caller repeats the command until it is done, without faults.
    async fn repeat(&mut self, process: &dyn Provisioner, first: Option<&Told>) {
        let operation = self.case.operation;
        if operation.creates() {
            return self.repeat_create(process).await;
        }
        let told = self.once_more(process).await;
        match told {
            Told::Failed(error) => self
                .verdict
                .object(Column::Stuck, format!("repeated, it fails: {error}")),
            Told::NotFound if matches!(first, Some(Told::Deleted)) => {}
            told => self.judge_again(&told),
        }
        if operation.deletes() {
            self.judge_gone();
        }
    }

    async fn once_more(&mut self, process: &dyn Provisioner) -> Told {
        let (world, operation) = (self.world, self.case.operation);
        world.wire.listen();
        let told = carry_out(world, process, operation, self.subject, Patience::Patient).await;
        let calls = world.wire.sent().len();
        self.verdict.object_if(calls > MOST_REQUESTS, Column::Calls, || {
            format!("{calls} requests to repeat it")
        });
        told
    }

    /// A host that is gone before it is active, such as one that the first call was taking back, is asked for again.
    async fn repeat_create(&mut self, process: &dyn Provisioner) {
        let mut last = String::new();
        for _ in 0..2 {
            let host = match self.once_more(process).await {
                Told::Host(host) => host,
                told => {
                    return self
                        .verdict
                        .object(Column::Stuck, format!("repeated, it ends with {told:?}"));
                }
            };
            let id = host.id.clone();
            match until_active(self.world, process, *host).await {
                Ok(active) => return self.judge_made(&active.id).await,
                Err(error) => last = format!("repeated, {id} is never active: {error}"),
            }
            // What was made for it may still be there.
            if let Told::Failed(error) = remove(self.world, process, &id).await {
                last = format!("{last}; deleting it fails: {error}");
            }
        }
        self.verdict.object(Column::Stuck, last);
    }

    /// What a repeated command tells has to be true.
    fn judge_again(&mut self, told: &Told) {
        match told {
            Told::NotFound => {
                let rest = self.rest();
                let billing = rest.iter().any(|item| item.bills);
                self.verdict.object_if(billing, Column::NotFound, || {
                    format!("repeated, it says not found, but there is {}", show(&rest))
                });
            }
            told => self.judge(Some(told)),
        }
    }

    /// After all of it: one host, with the parts that it has without faults, and nothing when it is deleted.
    async fn judge_made(&mut self, id: &HostId) {
        let world = self.world;
        world.pass(Duration::from_secs(60));
        let hosts = world.hosts().len();
        self.verdict.object_if(hosts != 2, Column::Doubled, || {
            format!(
                "there should be this host and another one, but there are {}",
                show(&world.hosts())
            )
        });
        let (found, usual) = (world.kinds(), &self.case.usual.kinds);
        self.verdict
            .object_if(hosts == 2 && found != *usual, Column::Parts, || {
                format!("there should be {usual:?}, but there is {found:?}")
            });
        match remove(world, &*world.process(), id).await {
            Told::Deleted => {}
            told => self
                .verdict
                .object(Column::Stuck, format!("deleting it ends with {told:?}")),
        }
        self.judge_gone();
    }

    /// Whatever the caller could do is done.
    fn judge_gone(&mut self) {
        self.world.pass(Duration::from_secs(60));
        let rest = self.rest();
        let billing = rest.iter().any(|item| item.bills);
        self.verdict
            .object_if(billing, Column::Lost, || format!("in the end there is {}", show(&rest)));
        self.verdict.object_if(!billing && !rest.is_empty(), Column::Left, || {
            format!("in the end there is {}", show(&rest))
        });
        let items = self.world.items();
        let missing: Vec<Item> = self
            .others
            .iter()
            .filter(|other| !items.iter().any(|item| same(other, item)))
            .cloned()
            .collect();
        self.verdict.object_if(!missing.is_empty(), Column::Others, || {
            format!("of the other host there is no longer {}", show(&missing))
        });
    }

    /// The caller wants the host no more: it deletes what has the key, and what was made for a host that never came to be.
    async fn give_up(&mut self, told: Option<&Told>) {
        let world = self.world;
        let process = world.process();
        let key = host(&*process, TARGET, false).key();
        let unknown = match told {
            None => true,
            Some(Told::Failed(error)) => error.may_exist(),
            Some(_) => self.case.fault.late,
        };
        if unknown {
            world.pass(process.info().visible_within);
        }
        let filter = ListFilter::all().with_key(&key);
        let listed = match process.list(&filter).await {
            Ok(listed) => listed,
            Err(error) => return self.verdict.object(Column::Stuck, format!("list fails: {error}")),
        };
        for host in listed {
            match remove(world, &*process, &host.id).await {
                Told::Deleted | Told::NotFound => {}
                told => self
                    .verdict
                    .object(Column::Stuck, format!("deleting {} ends with {told:?}", host.id)),
            }
        }
        for _ in 0..120 {
            match process.delete_leftovers(&key, &RegionFilter::All).await {
                Ok(Deletion::InProgress) => world.pass(Duration::from_secs(5)),
                Ok(_) => break,
                Err(error) => {
                    self.verdict
                        .object(Column::Stuck, format!("deleting leftovers fails: {error}"));
                    break;
                }
            }
        }
        self.judge_gone();
    }
}

/// Whether two items are the same thing, whatever became of it.
fn same(a: &Item, b: &Item) -> bool {
    (&a.kind, &a.id) == (&b.kind, &b.id)
}
