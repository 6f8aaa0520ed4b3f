//! What can be made to go wrong, as values.

use serde::{Deserialize, Serialize};

/// A rule: which requests are hit, and how.
///
/// As JSON: `{"effect":{"type":"reset_after"},"cloud":"hetzner","method":"POST","path":"/servers","times":1}`; as text
/// (see [`Fault::from_str`](std::str::FromStr)): `reset-after:cloud=hetzner,method=POST,path=/servers,times=1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens to a request that is hit.
    pub effect: Effect,
    /// Only requests to this cloud (its id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<String>,
    /// Only requests with this method; compared without case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path (as sent, without the cloud's prefix) contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many requests are hit; `None` is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Share of the matching requests that are hit, 0 to 1, drawn with the simulator's seed; `None` is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

/// What happens to a request that is hit by a fault.
///
/// `SoldOut`, `Quota` and `LateVisibility` concern creates: only a request that would make a host asks for them, so
/// they are not used up by other requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Effect {
    /// The answer comes this much later. The request is applied at once.
    Latency {
        /// Milliseconds.
        millis: u64,
    },
    /// Not applied; the cloud's answer to too many requests, in its own words and headers.
    RateLimited {
        /// After how many seconds the cloud says to try again; `None` leaves out what can be left out.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Not applied; the cloud's answer to a fault of its own.
    ServerError {
        /// HTTP status, 500 to 599.
        status: u16,
    },
    /// Not applied; the connection is closed without an answer.
    ResetBefore,
    /// Applied, but the connection is closed without an answer: the answer is lost.
    ResetAfter,
    /// Applied, but the connection is closed in the middle of the answer's body.
    Truncated,
    /// A create is refused in the cloud's words for "out of stock".
    SoldOut,
    /// A new host is missing from lists (and, where the cloud does so, from single reads) for this long.
    LateVisibility {
        /// Milliseconds.
        millis: u64,
    },
    /// Not applied; the cloud's answer to a bad credential.
    Unauthorized,
    /// A create is refused in the cloud's words for a used-up quota.
    Quota,
}

impl Effect {
    /// Name in requests, in the log and in texts, such as `reset_after`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::RateLimited { .. } => "rate_limited",
            Self::ServerError { .. } => "server_error",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::Truncated => "truncated",
            Self::SoldOut => "sold_out",
            Self::LateVisibility { .. } => "late_visibility",
            Self::Unauthorized => "unauthorized",
            Self::Quota => "quota",
        }
    }
}

impl Fault {
    /// A fault that hits every request to every cloud, for ever; the other methods narrow it.
    pub fn new(effect: Effect) -> Self {
        Self {
            effect,
            cloud: None,
            method: None,
            path: None,
            skip: 0,
            times: None,
            probability: None,
        }
    }

    /// Only requests to this cloud.
    #[must_use]
    pub fn cloud(mut self, cloud: impl Into<String>) -> Self {
        self.cloud = Some(cloud.into());
        self
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Only requests whose path contains this.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Lets that many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Hits that many requests, then no more.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Hits this share of the matching requests, 0 to 1.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    /// Whether a request is of the kind that this fault is about.
    pub(crate) fn matches(&self, cloud: &str, method: &str, path: &str) -> bool {
        self.cloud.as_deref().is_none_or(|want| want == cloud)
            && self
                .method
                .as_deref()
                .is_none_or(|want| want.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|want| path.contains(want))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_tagged_and_strict() {
        let fault = Fault::new(Effect::RateLimited { retry_after: Some(3) })
            .method("POST")
            .times(1);
        let text = serde_json::to_string(&fault).unwrap();
        assert_eq!(
            text,
            r#"{"effect":{"type":"rate_limited","retry_after":3},"method":"POST","skip":0,"times":1}"#
        );
        assert_eq!(serde_json::from_str::<Fault>(&text).unwrap(), fault);
        assert!(serde_json::from_str::<Fault>(r#"{"effect":{"type":"quota"},"tims":1}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"effect":{"type":"quotas"}}"#).is_err());
    }

    #[test]
    fn matching_is_by_cloud_method_and_part_of_the_path() {
        let fault = Fault::new(Effect::Quota).cloud("a").method("post").path("/servers");
        assert!(fault.matches("a", "POST", "/v1/servers"));
        assert!(!fault.matches("b", "POST", "/v1/servers"));
        assert!(!fault.matches("a", "GET", "/v1/servers"));
        assert!(!fault.matches("a", "POST", "/v1/images"));
    }
}
