//! A resource on its way through one reconcile: what is known of it, and how it is told what is wrong.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::controller::Action,
};
use provision::{ErrorKind, HostId, HostRef, IdempotencyKey};
use serde_json::{Value, json};

use crate::{
    account::{Account, Pause, Purpose, Watcher},
    context::Context,
    crd::{FINALIZER, HostPhase},
    engine::{Known, Seen, State},
    failure::Failure,
    managed::{Managed, News},
    mapping::conditions::Problem,
};

/// A resource on its way through the steps of one reconcile.
pub(super) struct Work<'a, K> {
    pub(super) context: &'a Context,
    pub(super) account: Arc<Account>,
    pub(super) resource: K,
    pub(super) uid: String,
    /// Whether the resource is as this operator read or wrote it last, and not as a cache showed it before that.
    pub(super) fresh: bool,
}

/// What comes after a step.
pub(super) enum Then {
    /// The next step.
    GoOn,
    /// Nothing, for now.
    Stop(Action),
}

/// Writes the status where it differs; the answer is the resource as it now is.
pub(super) async fn patch_status<K: Managed>(
    context: &Context,
    resource: &K,
    id: Option<&str>,
    state: &State,
    news: &News,
) -> Result<Option<K>, Failure> {
    match resource.status_patch(id, state, news, context.clock.now()) {
        None => Ok(None),
        Some(patch) => write_status(context, resource, patch).await.map(Some),
    }
}

/// Writes a merge patch of a status, if the resource is still the same one.
pub(super) async fn write_status<K: Managed>(context: &Context, resource: &K, mut patch: Value) -> Result<K, Failure> {
    if let Some(map) = patch.as_object_mut() {
        map.insert("metadata".to_owned(), json!({ "uid": resource.uid() }));
    }
    let api = context.api::<K>(&resource.namespace().unwrap_or_default());
    let written = api
        .patch_status(&resource.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    remember_version(context, &written);
    Ok(written)
}

fn remember_version<K: Managed>(context: &Context, written: &K) {
    if let Some(uid) = written.uid() {
        let version = written.resource_version();
        context.remember(&uid, |memory| memory.written = version);
    }
}

impl<K: Managed> Work<'_, K> {
    pub(super) fn known(&self) -> Known {
        let phase = self.resource.stored_phase();
        let info = self.account.info();
        let id = self.stored_id();
        Known {
            deleting: self.resource.meta().deletion_timestamp.as_ref().map(moment),
            claimed: is_claimed(&self.resource),
            lacks_region: id.as_ref().is_some_and(|id| self.lacks_region(id)),
            visible_within: info.visible_within,
            given_up: id.is_some() && self.resource.attempt().replaces == id,
            twin: id.as_ref().is_some_and(|id| self.account.has_twin(id)),
            id,
            phase: (phase != HostPhase::Pending).then_some(phase),
            retain: self.resource.retains(),
            expired: self
                .resource
                .expires()
                .is_some_and(|expires| expires <= self.context.clock.now()),
        }
    }

    /// The id as the status has it. An id that is no id cannot come from us, nor does one of another's host; the cloud is asked
    /// by key instead.
    pub(super) fn stored_id(&self) -> Option<HostId> {
        self.resource
            .stored_id()
            .filter(|id| !id.is_empty())
            .and_then(|id| HostId::new(id).ok())
            .filter(|id| !self.context.memory(&self.uid).disowned.contains(id))
    }

    /// Where lists are by region, our ids have one, and those of inlets-operator have not.
    fn lacks_region(&self, id: &HostId) -> bool {
        !self.account.info().capabilities.lists_all_regions && id.parts().count() == 1
    }

    pub(super) fn seen(&self) -> Seen {
        if self.resource.meta().deletion_timestamp.is_some() {
            return Seen::Unread;
        }
        let Some(id) = self.stored_id().filter(|id| !self.lacks_region(id)) else {
            return Seen::Unread;
        };
        if self.resource.attempt().replaces.as_ref() == Some(&id) {
            return Seen::Unread;
        }
        if let Ok(key) = self.key() {
            self.account.belongs(&id, &key);
        }
        let region = self.resource.choice(&self.context.options).region;
        self.account.watch(&id, region.as_deref(), &self.watcher())
    }

    pub(super) fn watcher(&self) -> Watcher {
        Watcher {
            kind: K::KIND,
            namespace: self.resource.namespace().unwrap_or_default(),
            name: self.resource.name_any(),
        }
    }

    /// A host of this account, as people write it.
    pub(super) fn name_of(&self, id: &HostId) -> String {
        HostRef::new(self.account.info().id, id.clone()).to_string()
    }

    pub(super) fn key(&self) -> Result<IdempotencyKey, Failure> {
        Ok(IdempotencyKey::new(self.uid.clone()).map_err(provision::Error::from)?)
    }

    /// Reads the resource itself: what a cache shows may be older than what this operator wrote a moment ago. `None`: it is
    /// another one by now, or gone.
    pub(super) async fn refresh(&mut self) -> Result<Option<Then>, Failure> {
        if self.fresh {
            return Ok(None);
        }
        let api = self.context.api::<K>(&self.resource.namespace().unwrap_or_default());
        match api.get_opt(&self.resource.name_any()).await? {
            Some(now) if now.uid().as_deref() == Some(&self.uid) => {
                self.resource = now;
                self.fresh = true;
                Ok(Some(Then::GoOn))
            }
            _ => {
                let memory = self.context.forget(&self.uid);
                self.context.metrics.moved(K::KIND, memory.counted, None);
                Ok(Some(Then::Stop(Action::await_change())))
            }
        }
    }

    /// Changes finalizers, if nobody else changed the resource meanwhile.
    pub(super) async fn patch_metadata(&mut self, mut metadata: Value) -> Result<(), Failure> {
        if let Some(map) = metadata.as_object_mut() {
            map.insert("uid".to_owned(), json!(self.uid));
            map.insert("resourceVersion".to_owned(), json!(self.resource.resource_version()));
        }
        let api = self.context.api::<K>(&self.resource.namespace().unwrap_or_default());
        let patch = Patch::Merge(json!({ "metadata": metadata }));
        self.resource = api
            .patch(&self.resource.name_any(), &PatchParams::default(), &patch)
            .await?;
        remember_version(self.context, &self.resource);
        self.fresh = true;
        Ok(())
    }

    /// After a failure there is a date for the next attempt, whatever else brings the resource up again.
    pub(super) fn wait_for_next_attempt(&self) -> Option<Then> {
        let at = self.context.memory(&self.uid).retry_at?;
        let wait = at.duration_since(self.context.clock.now()).ok()?;
        (!wait.is_zero()).then(|| Then::Stop(Action::requeue(wait)))
    }

    /// The next failure is the first one again.
    pub(super) fn succeeded(&self) {
        self.context.remember(&self.uid, |memory| {
            memory.failures = 0;
            memory.retry_at = None;
        });
    }

    /// Tells a failure and sets the date of the next attempt.
    pub(super) async fn failed(&mut self, failure: &Failure, action: &str) -> Result<Then, Failure> {
        if let Failure::Cloud(error) = failure
            && error.kind() == ErrorKind::RateLimited
        {
            // It is the account that waits. Nobody is to wait longer than it does.
            let over = Pause {
                reason: "RateLimited",
                lasts: Duration::ZERO,
            };
            let pause = self.account.pause(Purpose::Delete).unwrap_or(over);
            return self.wait_for(&pause).await;
        }
        let delay = failure.delay(self.context.memory(&self.uid).failures);
        let at = self.context.clock.now() + delay;
        self.context.remember(&self.uid, |memory| {
            memory.failures = memory.failures.saturating_add(1);
            memory.retry_at = Some(at);
        });
        Ok(Then::Stop(self.tell_problem(&failure.problem(), action, delay).await?))
    }

    pub(super) async fn wait_for(&mut self, pause: &Pause) -> Result<Then, Failure> {
        let wait = pause.lasts.max(Duration::from_secs(1));
        if pause.reason == "DeletionsFirst" {
            return Ok(Then::Stop(Action::requeue(wait)));
        }
        // New credentials end the pause, and nobody says when they come.
        let wait = if self.account.is_refused() {
            wait.min(Duration::from_secs(30))
        } else {
            wait
        };
        Ok(Then::Stop(self.tell_problem(&problem_of(pause), "Wait", wait).await?))
    }

    pub(super) async fn tell_problem(
        &mut self,
        problem: &Problem,
        action: &str,
        wait: Duration,
    ) -> Result<Action, Failure> {
        self.context
            .tell(&self.resource, true, &problem.reason, action, &problem.message)
            .await;
        let deleting = self.resource.meta().deletion_timestamp.is_some();
        let state = State {
            phase: if deleting {
                HostPhase::Deleting
            } else {
                self.resource.stored_phase()
            },
            ip: None,
            message: None,
        };
        self.count(state.phase);
        let news = News {
            problem: Some(problem.clone()),
            ..News::default()
        };
        self.show(&state, &news).await?;
        Ok(Action::requeue(wait))
    }

    /// Brings the status up to date.
    pub(super) async fn show(&mut self, state: &State, news: &News) -> Result<(), Failure> {
        let id = self.resource.stored_id().map(str::to_owned);
        self.show_id(id.as_deref(), state, news).await
    }

    /// As [`show`](Self::show), with another host's id.
    pub(super) async fn show_with_id(&mut self, id: &HostId, state: &State, news: &News) -> Result<(), Failure> {
        self.show_id(Some(id.as_str()), state, news).await
    }

    /// As [`show`](Self::show), and forgets the host.
    pub(super) async fn show_without_id(&mut self, state: &State, news: &News) -> Result<(), Failure> {
        self.show_id(None, state, news).await
    }

    async fn show_id(&mut self, id: Option<&str>, state: &State, news: &News) -> Result<(), Failure> {
        if let Some(resource) = patch_status(self.context, &self.resource, id, state, news).await? {
            self.resource = resource;
            self.fresh = true;
        }
        Ok(())
    }

    pub(super) fn count(&self, phase: HostPhase) {
        let phase = phase.as_str();
        let before = self.context.memory(&self.uid).counted;
        self.context.remember(&self.uid, |memory| memory.counted = Some(phase));
        self.context.metrics.moved(K::KIND, before, Some(phase));
    }
}

pub(super) fn problem_of(pause: &Pause) -> Problem {
    let message = match pause.reason {
        "RateLimited" => "the cloud asks for a pause: too many requests",
        "KeptForDeletions" => {
            "so few requests are left of what the cloud allows in an hour that they are kept for deletions"
        }
        "Forbidden" => "the credentials lack a permission: replace them, they are tried again as soon as they change",
        _ => "the cloud refused the credentials: replace them, they are tried again as soon as they change",
    };
    Problem {
        reason: pause.reason.to_owned(),
        message: message.to_owned(),
    }
}

pub(super) fn moment(time: &Time) -> SystemTime {
    SystemTime::from(time.0)
}

pub(super) fn is_claimed<K: Managed>(resource: &K) -> bool {
    resource.finalizers().iter().any(|name| name == FINALIZER)
}
