//! Garbage collection: deletes hosts whose time to live has passed, and nothing else.
//!
//! Looks only at hosts that carry our marker, keeps those labelled `keep=true`, does nothing unless told to, and fails
//! closed: where the list could not be read, nothing is deleted. A region that is down or refused does not keep the others.
//!
//! What was made for a host that never came to be is in no list and never expires: whoever gives a key up calls
//! [`Provisioner::delete_leftovers`] with it. Nothing of that sort bills.

use std::time::SystemTime;

use provision_core::{
    EXPIRES_LABEL, Error, ErrorKind, KEEP_LABEL, ListFilter, ProvisionedHost, Provisioner, RegionFilter, Result,
};

use crate::{
    survey,
    wait::{Pace, Removal, RemovalOutcome, Timer},
};

/// What to collect.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Whether to delete. Off: only say what would be deleted.
    pub delete: bool,
    /// Where to look.
    pub region: RegionFilter,
    /// The moment against which hosts expire.
    pub now: SystemTime,
    /// How each deletion is repeated; its timeout counts for each host.
    pub pace: Pace,
}

impl Options {
    /// Deletes nothing, looks at every region, against the current time.
    #[must_use]
    pub fn dry_run() -> Self {
        Self {
            delete: false,
            region: RegionFilter::All,
            now: SystemTime::now(),
            pace: Pace::within(std::time::Duration::from_secs(300)),
        }
    }
}

/// What garbage collection found and did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// The provider's id.
    pub provider: &'static str,
    /// Every host of ours that was seen.
    pub hosts: Vec<Finding>,
    /// What could not be read, or not be deleted.
    pub errors: Vec<Error>,
}

/// What was decided about a host.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The host, as it was listed.
    pub host: ProvisionedHost,
    /// What happened to it.
    pub action: Action,
    /// Why, in a few words.
    pub reason: String,
}

/// What happened to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Left alone.
    Kept,
    /// Expired; a dry run left it.
    WouldDelete,
    /// Expired and deleted with everything that was created for it.
    Deleted,
    /// Expired, but still there: see the report's errors.
    NotDeleted,
}

impl Action {
    /// The name in kebab case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::WouldDelete => "would-delete",
            Self::Deleted => "deleted",
            Self::NotDeleted => "not-deleted",
        }
    }
}

/// Lists our hosts and deletes those that have expired, one after the other, each until nothing of it is left.
///
/// Never fails as a whole: what went wrong is in [`Report::errors`]. Each host is read again right before it is deleted,
/// so that a `keep=true` set meanwhile counts.
pub async fn collect(cloud: &dyn Provisioner, timer: &dyn Timer, options: &Options) -> Report {
    let mut report = Report {
        provider: cloud.info().id,
        hosts: Vec::new(),
        errors: Vec::new(),
    };
    let filter = ListFilter::all().with_region(options.region.clone());
    let survey = survey::hosts(cloud, &filter).await;
    for gap in survey.gaps {
        let there = match gap.region {
            Some(_) => "nothing was deleted there",
            None => "what could not be listed was not deleted",
        };
        report.errors.push(gap.error.context(there));
    }
    for host in survey.hosts {
        let (expired, reason) = judge(&host, options.now);
        let (action, reason) = match (expired, options.delete) {
            (false, _) => (Action::Kept, reason),
            (true, false) => (Action::WouldDelete, reason),
            (true, true) => match delete(cloud, timer, &host, options).await {
                Ok(None) => (Action::Deleted, reason),
                Ok(Some(kept)) => (Action::Kept, kept),
                Err(error) => {
                    report.errors.push(error.context(format!("host `{}`", host.id)));
                    (Action::NotDeleted, reason)
                }
            },
        };
        report.hosts.push(Finding { host, action, reason });
    }
    report
}

/// Whether a host has expired, and the reason in words.
fn judge(host: &ProvisionedHost, now: SystemTime) -> (bool, String) {
    if !host.labels.is_managed() {
        return (false, "is not ours".to_owned());
    }
    if host.labels.get(KEEP_LABEL) == Some("true") {
        return (false, "label keep=true".to_owned());
    }
    match (host.labels.get(EXPIRES_LABEL), host.expires()) {
        (None, _) => (false, "never expires".to_owned()),
        (Some(_), None) => (false, format!("label {EXPIRES_LABEL} cannot be read")),
        (Some(_), Some(expires)) if expires <= now => (true, "expired".to_owned()),
        (Some(_), Some(_)) => (false, "has not expired yet".to_owned()),
    }
}

/// Deletes an expired host; the text says why it is kept after all.
async fn delete(
    cloud: &dyn Provisioner,
    timer: &dyn Timer,
    host: &ProvisionedHost,
    options: &Options,
) -> Result<Option<String>> {
    match cloud.status(&host.id).await {
        Ok(now) => {
            let (expired, reason) = judge(&now, options.now);
            if !expired {
                return Ok(Some(reason));
            }
        }
        // It went away meanwhile; what was created for it may still be there.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut removal = Removal::new(cloud, host.id.clone(), timer, options.pace.clone());
    match removal.run(|_| {}).await? {
        RemovalOutcome::Complete | RemovalOutcome::NotFound => Ok(None),
        RemovalOutcome::TimedOut => {
            let message = removal.last_error().map_or_else(
                || "the deletion did not complete in time".to_owned(),
                ToString::to_string,
            );
            Err(Error::new(
                ErrorKind::Conflict,
                format!("{message}; something may still bill, run gc again"),
            ))
        }
    }
}
