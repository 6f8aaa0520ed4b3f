//! Signed requests.

use sha1::{Digest, Sha1};

use super::{error, refusal};
use crate::{
    call::Call,
    kit::{answer::Answer, text::hex},
};

pub(super) const APPLICATION_KEY: &str = "simApplicationKy";
pub(super) const APPLICATION_SECRET: &str = "simApplicationSecret0123456789ab";
pub(super) const CONSUMER_KEY: &str = "simConsumerKey0123456789abcdefgh";
/// A consumer key whose access rules allow GET only.
const READ_ONLY_KEY: &str = "simReadOnlyKey0123456789abcdefgh";
/// A consumer key that nobody has validated yet.
const PENDING_KEY: &str = "simPendingKey00123456789abcdefgh";
/// How far a timestamp may be off, seconds; the real tolerance is UNCONFIRMED.
const TOLERANCE: u64 = 300;

/// What a consumer key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Full,
    ReadOnly,
}

/// Checks the keys, the time and the signature, in this order (UNCONFIRMED).
pub(super) fn check(call: &Call<'_>) -> Result<Access, Answer> {
    let Some(application) = call.header("x-ovh-application") else {
        return Err(error(401, "Client::Unauthorized", "You must login first"));
    };
    if application != APPLICATION_KEY {
        return Err(refusal(403, "INVALID_KEY", "This application key is invalid"));
    }
    let Some(consumer) = call.header("x-ovh-consumer") else {
        return Err(error(401, "Client::Unauthorized", "You must login first"));
    };
    let access = match consumer {
        CONSUMER_KEY => Access::Full,
        READ_ONLY_KEY => Access::ReadOnly,
        PENDING_KEY => return Err(refusal(403, "NOT_CREDENTIAL", "This credential is not validated")),
        _ => return Err(unknown_consumer()),
    };
    let timestamp = call.header("x-ovh-timestamp").unwrap_or_default();
    let in_time = timestamp
        .parse::<u64>()
        .is_ok_and(|time| time.abs_diff(call.now / 1_000) <= TOLERANCE);
    if !in_time {
        return Err(refusal(400, "QUERY_TIME_OUT", "Query out of time"));
    }
    if call.header("x-ovh-signature") != Some(&signature(call, consumer, timestamp)) {
        return Err(refusal(400, "INVALID_SIGNATURE", "Invalid signature"));
    }
    Ok(access)
}

pub(super) fn unknown_consumer() -> Answer {
    refusal(403, "INVALID_CREDENTIAL", "This credential is not valid")
}

/// Over the whole URL as it was sent and the bytes of the body.
fn signature(call: &Call<'_>, consumer: &str, timestamp: &str) -> String {
    let request = call.request;
    let mut url = format!("{}://{}{}", request.scheme.as_str(), request.authority, request.path);
    if !request.query.is_empty() {
        url = format!("{url}?{}", request.query);
    }
    let before = format!("{APPLICATION_SECRET}+{consumer}+{}+{url}+", call.method());
    let mut digest = Sha1::new();
    digest.update(before.as_bytes());
    digest.update(&request.body);
    digest.update(format!("+{timestamp}").as_bytes());
    format!("$1${}", hex(&digest.finalize()))
}
