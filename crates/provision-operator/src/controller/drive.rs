//! The one reconcile of Tunnels and Hosts: asks the engine for the next step and carries it out.

use std::{sync::Arc, time::Duration};

use kube::{
    ResourceExt as _,
    api::{DeleteParams, Preconditions},
    runtime::controller::Action,
};
use provision::{HostId, Origin, ProvisionedHost};
use serde_json::json;

use super::{
    admission::admit,
    complete::complete_id,
    effects::Effects,
    elsewhere, one, removal,
    work::{Then, Work, is_claimed, moment, patch_status, problem_of},
};
use crate::{
    account::Purpose,
    budget::{self, sound},
    context::Context,
    crd::{FINALIZER, HostPhase, PROVIDER_ANNOTATION},
    engine::{State, Step, next},
    failure::Failure,
    managed::{Managed, News},
};

/// More steps than any resource takes in a row: a guard against going round in circles.
const MAX_STEPS: usize = 16;
/// How often a settled resource is looked at without a reason.
const RESYNC: Duration = Duration::from_secs(600);

/// Brings a resource and its host as far as they can come now.
///
/// # Errors
/// When the cluster's API fails. Failures of the cloud are told in the resource, and end with a date for the next attempt.
pub async fn reconcile<K: Effects>(resource: Arc<K>, context: Arc<Context>) -> Result<Action, Failure> {
    let result = run(resource, &context).await;
    context.metrics.reconciled(K::KIND, result.is_ok());
    result
}

async fn run<K: Effects>(resource: Arc<K>, context: &Context) -> Result<Action, Failure> {
    let resource = (*resource).clone();
    let Some(uid) = resource.uid() else {
        return Ok(Action::await_change());
    };
    // Another installation's, or one that has left this one's labels.
    if !context.options.scope.has(&resource) {
        return Ok(Action::await_change());
    }
    if is_deleted_without_us(&resource) {
        context.forget(&uid);
        return Ok(Action::await_change());
    }
    let account = match context.account(&resource).await {
        Ok(account) => account,
        Err(error) => {
            let failure = Failure::Cloud(error);
            return without_account(context, resource, &uid, &failure).await;
        }
    };
    let written = context.memory(&uid).written;
    let mut work = Work {
        context,
        account,
        fresh: written.is_some() && written == resource.resource_version(),
        resource,
        uid,
    };
    if let Some(action) = work.refuse_another_cloud().await? {
        return Ok(action);
    }
    work.disown_what_is_foreign().await?;
    for _ in 0..MAX_STEPS {
        let step = next(&work.known(), &work.seen(), &context.memory(&work.uid).removal);
        tracing::debug!(kind = K::KIND, name = work.resource.name_any(), ?step, "next step");
        let then = match step {
            Step::Rest => Then::Stop(Action::await_change()),
            Step::Claim => work.claim().await?,
            Step::Create => work.create().await?,
            Step::CompleteId => complete_id(&mut work).await?,
            Step::Settle(state) => match one::settle(&mut work, &state).await? {
                Some(then) => then,
                None => match elsewhere::give_up(&mut work, &state).await? {
                    Some(then) => then,
                    None => work.report(state).await?,
                },
            },
            Step::Replace(id) => elsewhere::replace(&mut work, &id).await?,
            Step::Report(state) => work.report(state).await?,
            Step::Expire => work.expire().await?,
            Step::Delete(id) => removal::delete(&mut work, &id).await?,
            Step::LookForStrays { begun_after } => removal::look_for_strays(&mut work, begun_after).await?,
            Step::Release => removal::release(&mut work).await?,
        };
        if let Then::Stop(action) = then {
            return Ok(action);
        }
    }
    Ok(Action::requeue(Duration::from_secs(5)))
}

fn is_deleted_without_us<K: Managed>(resource: &K) -> bool {
    resource.meta().deletion_timestamp.is_some() && !is_claimed(resource)
}

/// Without credentials nothing can be asked, not even whether the host is gone: the finalizer stays.
async fn without_account<K: Managed>(
    context: &Context,
    resource: K,
    uid: &str,
    failure: &Failure,
) -> Result<Action, Failure> {
    // A resource that the cloud never heard of needs no cloud.
    let problem = failure.problem();
    context
        .tell(&resource, true, &problem.reason, "Connect", &problem.message)
        .await;
    let state = State {
        phase: resource.stored_phase(),
        ip: None,
        message: None,
    };
    let news = News {
        problem: Some(problem),
        ..News::default()
    };
    patch_status(context, &resource, resource.stored_id(), &state, &news).await?;
    let failures = context.memory(uid).failures;
    context.remember(uid, |memory| memory.failures = failures.saturating_add(1));
    Ok(Action::requeue(Duration::from_secs(60)))
}

/// When to try again after a reconcile that failed.
pub fn retry<K>(_resource: Arc<K>, failure: &Failure, _context: Arc<Context>) -> Action {
    Action::requeue(failure.delay(0))
}

impl<K: Effects> Work<'_, K> {
    /// The cloud of the operator changed while this host was at another one: asking the new one whether the host is gone
    /// would leave it billing.
    async fn refuse_another_cloud(&mut self) -> Result<Option<Action>, Failure> {
        let here = self.account.info().id;
        let there = self.resource.annotations().get(PROVIDER_ANNOTATION).cloned();
        let Some(there) = there.filter(|there| there != here) else {
            return Ok(None);
        };
        let failure = Failure::Missing {
            reason: "OtherCloud",
            message: format!(
                "the host is at {there}, but the operator now works with {here}: start it with --provider {there}"
            ),
        };
        let action = self
            .tell_problem(&failure.problem(), "Connect", Duration::from_secs(300))
            .await?;
        Ok(Some(action))
    }

    async fn claim(&mut self) -> Result<Then, Failure> {
        let mut finalizers = self.resource.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        let annotations = json!({ PROVIDER_ANNOTATION: self.account.info().id });
        self.patch_metadata(json!({ "finalizers": finalizers, "annotations": annotations }))
            .await?;
        Ok(Then::GoOn)
    }

    async fn create(&mut self) -> Result<Then, Failure> {
        if let Some(then) = self.wait_for_next_attempt() {
            return Ok(then);
        }
        if let Some(then) = self.refresh().await? {
            return Ok(then);
        }
        // Where ids are made of names the next host may have the id of the one that was given up.
        if self.resource.attempt().replaces.is_some() {
            return elsewhere::forget(self).await;
        }
        if let Some(pause) = self.account.pause(Purpose::Other) {
            return self.wait_for(&pause).await;
        }
        if let Some(problem) = self.resource.refusal(&self.context.options, self.account.info()) {
            return Ok(Then::Stop(
                self.tell_problem(&problem, "Create", Duration::from_secs(120)).await?,
            ));
        }
        let cost = self.context.monthly_cost(&self.resource, &self.account).await;
        let cost = cost.and_then(sound);
        if let Some(then) = admit(self, cost.as_ref()).await? {
            return Ok(then);
        }
        match self.ask_for_host().await {
            Ok(host) => {
                if let Some(then) = self.drop_other(&host.id).await? {
                    return Ok(then);
                }
                let cost = cost.as_ref().map(budget::to_text);
                self.store(host, cost).await?;
                Ok(Then::GoOn)
            }
            Err(Failure::Kube(error)) => Err(error.into()),
            Err(failure) => {
                if let Failure::Cloud(error) = &failure
                    && let Some(id) = error.host()
                {
                    if let Some(then) = self.drop_other(id).await? {
                        return Ok(then);
                    }
                    self.keep(id).await?;
                }
                elsewhere::after_refusal(self, failure).await
            }
        }
    }

    async fn ask_for_host(&mut self) -> Result<ProvisionedHost, Failure> {
        let key = self.key()?;
        let request = self.resource.request(self.context, &key, self.account.info()).await?;
        Ok(self.account.cloud().provision(&request).await?)
    }

    /// Deletes the host of an earlier attempt, if the key has led to another one since.
    async fn drop_other(&mut self, id: &HostId) -> Result<Option<Then>, Failure> {
        let other = self.stored_id().filter(|other| other != id);
        one::leave_only(self, id, other.into_iter().collect()).await
    }

    /// Stores the id of a host that exists though it is not all that was asked for: it bills, and is deleted with the resource.
    /// The phase stays, so that the next attempt goes on with it.
    async fn keep(&mut self, id: &HostId) -> Result<(), Failure> {
        if self.stored_id().as_ref() == Some(id) {
            return Ok(());
        }
        let state = State {
            phase: self.resource.stored_phase(),
            ip: None,
            message: None,
        };
        self.show_with_id(id, &state, &News::default()).await
    }

    /// Stores the id before anything else is done with the host.
    async fn store(&mut self, host: ProvisionedHost, cost: Option<String>) -> Result<(), Failure> {
        let id = host.id.clone();
        let state = State {
            phase: HostPhase::Provisioning,
            ip: None,
            message: None,
        };
        let region = host
            .region
            .clone()
            .or_else(|| self.resource.choice(&self.context.options).region);
        let news = News {
            problem: None,
            cost,
            region: region.clone(),
        };
        self.show_with_id(&id, &state, &news).await?;
        self.succeeded();
        self.account.watch(&id, region.as_deref(), &self.watcher());
        // A host that was asked for differently will do: what a resource says of its host never changes, what the operator adds
        // to it does.
        let reason = match host.origin {
            Some(Origin::Adopted | Origin::AdoptedDifferent) => "HostAdopted",
            _ => "HostCreated",
        };
        let note = format!("host {}", self.name_of(&id));
        self.context.tell(&self.resource, false, reason, "Create", &note).await;
        Ok(())
    }

    async fn report(&mut self, state: State) -> Result<Then, Failure> {
        self.count(state.phase);
        self.context.note_price(&self.resource, &self.uid, &self.account).await;
        let was_active = self.resource.stored_phase() == HostPhase::Active;
        let pause = self
            .account
            .pause(Purpose::Other)
            .filter(|pause| !matches!(pause.reason, "DeletionsFirst" | "KeptForDeletions"));
        let paused = pause.as_ref().map(problem_of);
        // What hindered the last attempt is told until one succeeds, and not taken back and told again each time.
        let hitch = self.context.memory(&self.uid).hitch;
        let mut news = News {
            problem: paused.clone().or_else(|| hitch.clone()),
            ..News::default()
        };
        self.show(&state, &news).await?;
        self.announce(&state, was_active).await;
        match self.resource.follow(self.context, &state).await {
            Ok(()) => {
                self.context.remember(&self.uid, |memory| {
                    memory.failures = 0;
                    memory.hitch = None;
                });
                if hitch.is_some() {
                    news.problem = paused;
                    self.show(&state, &news).await?;
                }
                let wait = pause.map_or(RESYNC, |pause| pause.lasts.max(Duration::from_secs(5)));
                Ok(Then::Stop(Action::requeue(wait.min(self.left_to_live()))))
            }
            Err(Failure::Kube(error)) => Err(error.into()),
            Err(failure) => {
                let problem = failure.problem();
                self.context.remember(&self.uid, |memory| memory.hitch = Some(problem));
                self.failed(&failure, "Follow").await
            }
        }
    }

    /// How long until the resource is deleted by itself.
    fn left_to_live(&self) -> Duration {
        let expires = self.resource.expires();
        expires.map_or(Duration::MAX, |expires| {
            expires.duration_since(self.context.clock.now()).unwrap_or_default()
        })
    }

    async fn announce(&self, state: &State, was_active: bool) {
        let message = state.message.clone().unwrap_or_default();
        let ip = state.ip.map(|ip| ip.to_string()).unwrap_or_default();
        match state.phase {
            HostPhase::Active if !was_active => {
                let took = self.resource.creation_timestamp().map(|created| moment(&created));
                if let Some(took) = took.and_then(|created| self.context.clock.now().duration_since(created).ok()) {
                    self.context.metrics.became_active(self.account.info().id, took);
                }
                self.context
                    .tell(&self.resource, false, "HostActive", "Poll", &format!("address {ip}"))
                    .await;
            }
            HostPhase::Failed => {
                self.context
                    .tell(&self.resource, true, "HostFailed", "Poll", &message)
                    .await
            }
            HostPhase::Gone => {
                self.context
                    .tell(&self.resource, true, "HostGone", "Poll", &message)
                    .await
            }
            HostPhase::Stopped => {
                self.context
                    .tell(
                        &self.resource,
                        true,
                        "HostStopped",
                        "Poll",
                        "the host is switched off and may go on billing",
                    )
                    .await;
            }
            _ => {}
        }
    }

    async fn expire(&mut self) -> Result<Then, Failure> {
        if let Some(then) = self.refresh().await? {
            return Ok(then);
        }
        self.context
            .tell(
                &self.resource,
                false,
                "Expired",
                "Expire",
                "its time to live has passed",
            )
            .await;
        let api = self.context.api::<K>(&self.resource.namespace().unwrap_or_default());
        let precondition = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(self.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        api.delete(&self.resource.name_any(), &precondition).await?;
        // The deletion is an event of its own.
        Ok(Then::Stop(Action::requeue(Duration::from_secs(30))))
    }
}
