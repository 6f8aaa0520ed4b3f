//! What can befall a request, as values.

use provision_core::ErrorKind;

/// A fault: whether the cloud carries the request out, how it ends for the caller, and what the caller may be told.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The stable name, in tables and in the names of cases.
    pub(crate) name: &'static str,
    /// Whether the cloud carries the request out.
    pub(crate) applied: bool,
    pub(crate) end: End,
    /// Which requests it hits.
    pub(crate) scope: Scope,
    /// Whether lists lack a new host for a while.
    pub(crate) late: bool,
    /// What an error of the whole operation may be.
    pub(crate) kinds: &'static [ErrorKind],
}

/// How a request ends for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As the cloud answers it.
    Unharmed,
    /// No connection.
    Unconnected,
    /// The connection breaks.
    Broken,
    /// No answer in time.
    TimedOut,
    /// The caller is killed while it waits for the answer.
    Killed,
    /// The cloud's own words for a fault of its own.
    ServerError(u16),
    /// The cloud's own words for a bad credential.
    Unauthorized,
    /// The cloud's own words for too many requests, with this header.
    RateLimited(RetryAfter),
    /// Somebody else's answer, such as a gateway's: status, content type and body.
    Forged(u16, &'static str, &'static str),
    /// The cloud's answer with half of its body.
    HalfABody,
}

/// The header `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    Absent,
    Seconds,
    Negative,
    Date,
}

/// Seconds that `Retry-After` says.
pub(crate) const WAIT: u64 = 30;

/// Which requests a fault hits, beginning with the one that it is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// That one.
    Once,
    /// All from that one on, as when a region is down.
    FromThere,
    /// All of the same sort as that one, as when a permission is missing for good.
    SameSort,
}

const PAGE: &str = "<html><body><h1>Welcome to the gateway</h1></body></html>";
const FOREIGN: &str = r#"{"fault":{"faultstring":"no such route"}}"#;
const HTML: &str = "text/html";
const JSON: &str = "application/json";

const UNAVAILABLE: &[ErrorKind] = &[ErrorKind::Unavailable];
const LIMITED: &[ErrorKind] = &[ErrorKind::RateLimited];
const UNAUTHORIZED: &[ErrorKind] = &[ErrorKind::Unauthorized];
const FORBIDDEN: &[ErrorKind] = &[ErrorKind::Forbidden];
const FOREIGN_ANSWER: &[ErrorKind] = &[ErrorKind::UnexpectedResponse];

const fn fault(name: &'static str, applied: bool, end: End, kinds: &'static [ErrorKind]) -> Fault {
    Fault {
        name,
        applied,
        end,
        scope: Scope::Once,
        late: false,
        kinds,
    }
}

const fn lasting(name: &'static str, scope: Scope, end: End, kinds: &'static [ErrorKind]) -> Fault {
    Fault {
        scope,
        ..fault(name, false, end, kinds)
    }
}

const fn late(name: &'static str, applied: bool, end: End) -> Fault {
    Fault {
        late: true,
        ..fault(name, applied, end, UNAVAILABLE)
    }
}

/// Every fault, in the order of the table.
pub(crate) const FAULTS: &[Fault] = &[
    fault("no-connection", false, End::Unconnected, UNAVAILABLE),
    fault("reset-before", false, End::Broken, UNAVAILABLE),
    fault("reset-after", true, End::Broken, UNAVAILABLE),
    fault("timeout-before", false, End::TimedOut, UNAVAILABLE),
    fault("timeout-after", true, End::TimedOut, UNAVAILABLE),
    fault("killed-before", false, End::Killed, &[]),
    fault("killed-after", true, End::Killed, &[]),
    fault("500-before", false, End::ServerError(500), UNAVAILABLE),
    fault("500-after", true, End::ServerError(500), UNAVAILABLE),
    fault("503", false, End::ServerError(503), UNAVAILABLE),
    fault("429", false, End::RateLimited(RetryAfter::Absent), LIMITED),
    fault("429-seconds", false, End::RateLimited(RetryAfter::Seconds), LIMITED),
    fault("429-negative", false, End::RateLimited(RetryAfter::Negative), LIMITED),
    fault("429-date", false, End::RateLimited(RetryAfter::Date), LIMITED),
    fault("401-cloud", false, End::Unauthorized, UNAUTHORIZED),
    fault("401-gateway", false, End::Forged(401, HTML, PAGE), UNAUTHORIZED),
    fault("403-gateway", false, End::Forged(403, HTML, PAGE), FORBIDDEN),
    fault("404-html", false, End::Forged(404, HTML, PAGE), FOREIGN_ANSWER),
    fault("404-empty", false, End::Forged(404, "text/plain", ""), FOREIGN_ANSWER),
    fault("404-json", false, End::Forged(404, JSON, FOREIGN), FOREIGN_ANSWER),
    fault("200-html", false, End::Forged(200, HTML, PAGE), FOREIGN_ANSWER),
    fault("200-empty", false, End::Forged(200, JSON, ""), FOREIGN_ANSWER),
    fault("200-braces", false, End::Forged(200, JSON, "{}"), FOREIGN_ANSWER),
    fault("200-html-after", true, End::Forged(200, HTML, PAGE), FOREIGN_ANSWER),
    fault("200-empty-after", true, End::Forged(200, JSON, ""), FOREIGN_ANSWER),
    fault("200-braces-after", true, End::Forged(200, JSON, "{}"), FOREIGN_ANSWER),
    fault("200-truncated", true, End::HalfABody, FOREIGN_ANSWER),
    late("late", true, End::Unharmed),
    late("late-reset-after", true, End::Broken),
    late("late-killed-after", true, End::Killed),
    lasting("down", Scope::FromThere, End::ServerError(503), UNAVAILABLE),
    lasting("refused", Scope::SameSort, End::Forged(403, HTML, PAGE), FORBIDDEN),
];
