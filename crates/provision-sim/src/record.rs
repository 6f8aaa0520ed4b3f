//! What the simulator tells about itself: the inventory and the request log.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use http::Response;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// How many requests the log keeps; older ones are dropped.
const LOG_SIZE: usize = 10_000;
/// How many answers the log keeps for people to look at.
const ANSWERS: usize = 500;
/// Larger answers are not kept, bytes.
const ANSWER_SIZE: usize = 256 * 1024;

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
    /// Plan, for hosts.
    pub plan: Option<String>,
    /// What it bills in a month, hundredths of [`currency`](Self::currency), where the cloud's API tells prices. What is billed
    /// with a host is in the host's.
    pub monthly_cents: Option<u64>,
    /// ISO 4217, such as `EUR`; empty without a price.
    pub currency: &'static str,
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
            plan: None,
            monthly_cents: None,
            currency: "",
            user_data_sha256: None,
        }
    }

    pub(crate) fn bills(mut self) -> Self {
        self.bills = true;
        self
    }

    pub(crate) fn plan(mut self, plan: &str) -> Self {
        self.plan = Some(plan.to_owned());
        self
    }

    /// What it bills in a month, where that is known.
    pub(crate) fn costs(mut self, currency: &'static str, monthly: Option<f64>) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "prices are small and positive"
        )]
        let cents = monthly.map(|monthly| (monthly * 100.0).round() as u64);
        self.monthly_cents = cents;
        self.currency = if cents.is_some() { currency } else { "" };
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
    /// Its number, from 1; never used twice.
    pub number: u64,
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
    inner: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    last: u64,
    requests: VecDeque<LoggedRequest>,
    /// The answers to the newest of them.
    answers: VecDeque<(u64, Response<Bytes>)>,
}

impl Log {
    /// Adds a request, which gets its number here, and the answer that it got.
    pub(crate) fn add(&self, mut request: LoggedRequest, answer: Option<&Response<Bytes>>) {
        let inner = &mut *self.lock();
        inner.last += 1;
        request.number = inner.last;
        while inner.requests.len() >= LOG_SIZE {
            inner.requests.pop_front();
        }
        inner.requests.push_back(request);
        if let Some(answer) = answer.filter(|answer| answer.body().len() <= ANSWER_SIZE) {
            while inner.answers.len() >= ANSWERS {
                inner.answers.pop_front();
            }
            inner.answers.push_back((inner.last, answer.clone()));
        }
    }

    pub(crate) fn list(&self) -> Vec<LoggedRequest> {
        self.after(0)
    }

    /// The requests behind the one with that number.
    pub(crate) fn after(&self, number: u64) -> Vec<LoggedRequest> {
        let inner = self.lock();
        let start = inner.requests.partition_point(|request| request.number <= number);
        inner.requests.range(start..).cloned().collect()
    }

    /// The answer to a request, to be read by people: without secrets and user data. `None` when it is not kept any more.
    pub(crate) fn answer(&self, number: u64) -> Option<String> {
        let answer = {
            let inner = self.lock();
            inner.answers.iter().find(|(own, _)| *own == number)?.1.clone()
        };
        Some(redacted(&answer))
    }

    pub(crate) fn clear(&self) {
        let inner = &mut *self.lock();
        inner.requests.clear();
        inner.answers.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parts of names, lower case without marks, whose values are secrets or may hold them.
const SECRET: &[&str] = &[
    "consumerkey",
    "credential",
    "customdata",
    "password",
    "privatekey",
    "rootpass",
    "script",
    "secret",
    "signature",
    "token",
    "userdata",
];

fn is_secret(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    SECRET.iter().any(|part| plain.contains(part))
}

fn redacted(answer: &Response<Bytes>) -> String {
    let body = answer.body();
    if body.is_empty() {
        return "(no body)".to_owned();
    }
    if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
        mask_json(&mut json);
        return format!("{json:#}");
    }
    match std::str::from_utf8(body) {
        Ok(xml) if xml.trim_start().starts_with('<') => mask_xml(xml),
        // User data and the like.
        _ => format!("({} bytes of text, not shown)", body.len()),
    }
}

fn mask_json(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mask_json),
        Value::Object(fields) => {
            // Google's metadata: the name stands in a field of its own.
            let named = fields.get("key").and_then(Value::as_str).is_some_and(is_secret);
            for (name, value) in fields {
                if (is_secret(name) || named && name == "value") && !value.is_null() {
                    *value = Value::from("***");
                } else {
                    mask_json(value);
                }
            }
        }
        _ => {}
    }
}

fn mask_xml(text: &str) -> String {
    let mut shown = String::new();
    let mut hidden: Option<String> = None;
    for part in text.split_inclusive('>') {
        let (words, tag) = part.split_at(part.rfind('<').unwrap_or(part.len()));
        let name = tag.trim_matches(['<', '/', '>']);
        match &hidden {
            Some(open) if tag.starts_with("</") && name == open => {
                shown.push_str("***");
                shown.push_str(tag);
                hidden = None;
            }
            Some(_) => {}
            None => {
                shown.push_str(words);
                shown.push_str(tag);
                if is_secret(name) && !tag.starts_with("</") && !tag.ends_with("/>") {
                    hidden = Some(name.to_owned());
                }
            }
        }
    }
    shown
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
            let request = LoggedRequest {
                number: 0,
                cloud: "x".into(),
                method: "GET".into(),
                path: format!("/{number}"),
                query: String::new(),
                status: 200,
                at: SystemTime::UNIX_EPOCH,
                request_id: String::new(),
                faults: Vec::new(),
            };
            log.add(request, Some(&Response::new(Bytes::from_static(b"{}"))));
        }
        let entries = log.list();
        assert_eq!(entries.len(), LOG_SIZE);
        assert_eq!((entries[0].path.as_str(), entries[0].number), ("/1", 2));
        let newest = u64::try_from(LOG_SIZE).unwrap() + 1;
        assert_eq!(log.after(newest - 3).len(), 3);
        assert_eq!(
            (log.answer(newest).as_deref(), log.answer(newest - 500)),
            (Some("{}"), None)
        );
    }

    #[test]
    fn answers_are_shown_without_secrets() {
        let shown = |body: &'static str| redacted(&Response::new(Bytes::from_static(body.as_bytes())));
        let json = r#"{"a":[{"access_token":"hush","name":"web"}],"user_data":{"data":"hush"},"rootPass":"hush","password":null,
            "items":[{"key":"user-data","value":"hush"},{"key":"role","value":"web"}],"script":"hush"}"#;
        let text = shown(json);
        assert!(!text.contains("hush") && text.matches("web").count() == 2, "{text}");
        let text = shown("<R><userData><value>hush</value></userData><name>web</name><userData/><x>1</x></R>");
        assert_eq!(
            text,
            "<R><userData>***</userData><name>web</name><userData/><x>1</x></R>"
        );
        assert_eq!(shown("#!/bin/sh hush"), "(14 bytes of text, not shown)");
        assert_eq!(shown(""), "(no body)");
    }
}
