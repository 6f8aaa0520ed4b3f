//! What the simulator tells about itself: the inventory and the request log.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use serde::{Serialize, Serializer};

/// How many requests the log keeps; older ones are dropped.
const LOG_SIZE: usize = 10_000;

/// One thing that exists in a simulated account and bills, or that would stay behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// The cloud's id, such as `hetzner`.
    pub cloud: String,
    /// What it is: `host`, `firewall`, `volume`, `address`, `ssh-key`, `tag`, ...
    pub kind: String,
    /// The cloud's id of it.
    pub id: String,
    /// Its name, empty where it has none.
    pub name: String,
    /// Whether the cloud charges for it.
    pub bills: bool,
    /// Region, empty for things of the whole account.
    pub region: String,
    /// Public address, for hosts and addresses that have one.
    pub ip: Option<String>,
    /// SHA-256, lower-case hexadecimal, of the user data as the guest would see it (decoded); hosts only.
    pub user_data_sha256: Option<String>,
}

impl Item {
    /// A thing that costs nothing and belongs to no region; the other methods add to it.
    pub(crate) fn new(cloud: &str, kind: &str, id: impl ToString, name: &str) -> Self {
        Self {
            cloud: cloud.to_owned(),
            kind: kind.to_owned(),
            id: id.to_string(),
            name: name.to_owned(),
            bills: false,
            region: String::new(),
            ip: None,
            user_data_sha256: None,
        }
    }

    pub(crate) fn bills(mut self) -> Self {
        self.bills = true;
        self
    }

    pub(crate) fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    pub(crate) fn ip(mut self, ip: Option<String>) -> Self {
        self.ip = ip;
        self
    }

    pub(crate) fn user_data(mut self, sha256: &Option<String>) -> Self {
        self.user_data_sha256.clone_from(sha256);
        self
    }
}

/// One request that reached a simulated cloud. Holds no header and no body, as those carry secrets; parameters of the
/// query that could are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The cloud's id.
    pub cloud: String,
    /// Method, upper case.
    pub method: String,
    /// Path as sent, without the cloud's prefix.
    pub path: String,
    /// Query as sent, without the question mark; empty when there was none.
    pub query: String,
    /// Status of the answer, 0 when the connection was dropped without one.
    pub status: u16,
    /// When, by the simulator's clock. Serialised as RFC 3339.
    #[serde(serialize_with = "time_text")]
    pub at: SystemTime,
    /// The request id that the answer carried.
    pub request_id: String,
    /// The faults that applied, in words, such as `reset_after`.
    pub faults: Vec<String>,
}

fn time_text<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    match jiff::Timestamp::try_from(*at) {
        Ok(at) => serializer.collect_str(&at),
        Err(error) => Err(serde::ser::Error::custom(error)),
    }
}

/// Query parameters whose values may be secrets, lower case.
const MASKED: &[&str] = &[
    "access_token",
    "api_key",
    "assertion",
    "client_assertion",
    "client_secret",
    "password",
    "script",
    "signature",
    "token",
    "user_data",
    "userdata",
    "x-amz-security-token",
    "x-amz-signature",
];

/// A query with the values of parameters that may be secrets replaced.
pub(crate) fn mask_query(query: &str) -> String {
    let mask = |pair: &str| {
        let name = pair.split('=').next().unwrap_or(pair);
        match MASKED.contains(&name.to_ascii_lowercase().as_str()) {
            true => format!("{name}=***"),
            false => pair.to_owned(),
        }
    };
    query.split('&').map(mask).collect::<Vec<_>>().join("&")
}

/// The bounded request log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Mutex<VecDeque<LoggedRequest>>,
}

impl Log {
    pub(crate) fn add(&self, entry: LoggedRequest) {
        let mut entries = self.lock();
        while entries.len() >= LOG_SIZE {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    pub(crate) fn list(&self) -> Vec<LoggedRequest> {
        self.lock().iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LoggedRequest>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_query_are_masked() {
        assert_eq!(mask_query("page=1&Token=abc&tag_name=x"), "page=1&Token=***&tag_name=x");
        assert_eq!(mask_query(""), "");
    }

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest() {
        let log = Log::default();
        for number in 0..=LOG_SIZE {
            log.add(LoggedRequest {
                cloud: "x".into(),
                method: "GET".into(),
                path: format!("/{number}"),
                query: String::new(),
                status: 200,
                at: SystemTime::UNIX_EPOCH,
                request_id: String::new(),
                faults: Vec::new(),
            });
        }
        let entries = log.list();
        assert_eq!(entries.len(), LOG_SIZE);
        assert_eq!(entries[0].path, "/1");
    }
}
