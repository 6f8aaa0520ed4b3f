//! Why a reconcile stopped, what is told of it, and when to try again.

use std::time::Duration;

use provision::ErrorKind;

use crate::mapping::conditions::Problem;

/// Why a reconcile stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The cluster's API.
    #[error("the cluster's API: {0}")]
    Kube(#[from] kube::Error),
    /// A cloud, or a request that no cloud would take.
    #[error("{0}")]
    Cloud(#[from] provision::Error),
    /// Something that the resource refers to is not there.
    #[error("{message}")]
    Missing {
        /// In a word.
        reason: &'static str,
        /// In a sentence.
        message: String,
    },
}

impl Failure {
    /// The reason and the sentence for people.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let reason = match self {
            Self::Kube(_) => "ClusterUnavailable",
            Self::Missing { reason, .. } => reason,
            Self::Cloud(error) => match error.kind() {
                ErrorKind::InvalidRequest => "InvalidRequest",
                ErrorKind::Unauthorized => "Unauthorized",
                ErrorKind::Forbidden => "Forbidden",
                ErrorKind::NotFound => "NotFound",
                ErrorKind::AlreadyExists => "NameTaken",
                ErrorKind::Conflict => "CloudBusy",
                ErrorKind::Quota => "QuotaReached",
                ErrorKind::Capacity => "SoldOut",
                ErrorKind::RateLimited => "RateLimited",
                ErrorKind::Unavailable => "CloudUnavailable",
                ErrorKind::Unsupported => "Unsupported",
                _ => "UnexpectedResponse",
            },
        };
        Problem {
            reason: reason.to_owned(),
            message: self.to_string(),
        }
    }

    /// How long to wait before the next attempt, after so many failures in a row.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        let first = match self {
            Self::Kube(_) => 2,
            Self::Missing { .. } => 30,
            Self::Cloud(error) => match error.kind() {
                ErrorKind::Unavailable | ErrorKind::UnexpectedResponse => 15,
                ErrorKind::Conflict => 5,
                ErrorKind::RateLimited => 10,
                ErrorKind::Capacity | ErrorKind::Quota => 60,
                _ => 120,
            },
        };
        let backoff = Duration::from_secs(first)
            .saturating_mul(2_u32.saturating_pow(failures.min(10)))
            .min(Duration::from_secs(600));
        match self {
            // Until the outcome of a create must be known, the next attempt only looks for what it made: early is fine, and
            // later than that is no use.
            Self::Cloud(error) if error.may_exist() => backoff.min(error.retry_after().unwrap_or(backoff)),
            Self::Cloud(error) => backoff.max(error.retry_after().unwrap_or_default()),
            _ => backoff,
        }
    }
}

#[cfg(test)]
mod tests {
    use provision::Error;

    use super::*;

    #[test]
    fn what_a_lost_create_made_is_looked_for_soon_and_other_waits_are_kept() {
        let asked = |kind, seconds| Error::new(kind, "no").with_retry_after(Some(Duration::from_secs(seconds)));
        let delay = |error, failures| Failure::Cloud(error).delay(failures).as_secs();
        let lost = || asked(ErrorKind::Unavailable, 60).with_may_exist(true);
        assert_eq!([0, 1, 2, 3].map(|failures| delay(lost(), failures)), [15, 30, 60, 60]);
        assert_eq!(delay(asked(ErrorKind::Unavailable, 60), 0), 60);
        assert_eq!(delay(asked(ErrorKind::Conflict, 2), 0), 5);
        let unasked = Error::new(ErrorKind::Unavailable, "no").with_may_exist(true);
        assert_eq!(delay(unasked, 1), 30);
    }
}
