//! Signature Version 4, recomputed from the request as it came:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

use crate::{
    call::Call,
    kit::text::{hex, sha256},
};

/// Unreserved characters stay as they are.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ESCAPED_PATH: &AsciiSet = &ESCAPED.remove(b'/');
/// How far a signature's time may lie from ours.
const SKEW_SECONDS: i64 = 15 * 60;

/// An access key of the simulated account.
pub(super) struct Key {
    pub(super) id: &'static str,
    pub(super) secret: &'static str,
    /// Keys that are temporary have a session token.
    pub(super) token: Option<&'static str>,
    pub(super) read_only: bool,
}

/// The account's keys.
pub(super) const KEYS: &[Key] = &[
    Key {
        id: "AKIASIMPROVISION0001",
        secret: "sim-secret-ec2",
        token: None,
        read_only: false,
    },
    Key {
        id: "AKIASIMPROVISION0002",
        secret: "sim-secret-ec2-readonly",
        token: None,
        read_only: true,
    },
    Key {
        id: "ASIASIMPROVISION0003",
        secret: "sim-secret-ec2-session",
        token: Some("sim-session-token-ec2"),
        read_only: false,
    },
];

/// Who signed, and for what.
pub(super) struct Signed {
    pub(super) key: &'static Key,
    pub(super) region: String,
    pub(super) service: String,
}

/// Why a signature is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Missing,
    Incomplete(&'static str),
    Expired,
    Wrong,
}

/// The parts of an `Authorization` header.
struct Authorization<'a> {
    key: &'a str,
    /// Date, region and service.
    scope: [&'a str; 3],
    headers: Vec<&'a str>,
    signature: &'a str,
}

fn parse(header: &str) -> Option<Authorization<'_>> {
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| {
        fields
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let mut credential = field("Credential")?.split('/');
    let (key, date, region, service) = (
        credential.next()?,
        credential.next()?,
        credential.next()?,
        credential.next()?,
    );
    if credential.next() != Some("aws4_request") || credential.next().is_some() {
        return None;
    }
    Some(Authorization {
        key,
        scope: [date, region, service],
        headers: field("SignedHeaders")?.split(';').collect(),
        signature: field("Signature")?,
    })
}

/// Checks the signature of a request.
pub(super) fn check(call: &Call<'_>) -> Result<Signed, Refused> {
    let header = call.header("authorization").ok_or(Refused::Missing)?;
    let found = parse(header).ok_or(Refused::Incomplete(
        "Authorization header is not of the form of Signature Version 4",
    ))?;
    let date = call.header("x-amz-date").ok_or(Refused::Incomplete(
        "Authorization header requires existence of a 'X-Amz-Date' header",
    ))?;
    let [day, region, service] = found.scope;
    let signs = |name: &str| found.headers.contains(&name);
    if !signs("host") || !signs("x-amz-date") || !date.starts_with(day) || day.len() != 8 {
        return Err(Refused::Incomplete(
            "'Host' and 'X-Amz-Date' must be signed, for the date of the credential scope",
        ));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let at = seconds(date).ok_or(Refused::Incomplete("X-Amz-Date must be of the form 20261120T100000Z"))?;
    // A signature is made by the clock of the client's computer, which the simulated time does not move.
    if at.abs_diff(i64::try_from(now).unwrap_or(i64::MAX)) > SKEW_SECONDS.unsigned_abs() {
        return Err(Refused::Expired);
    }
    let key = KEYS.iter().find(|key| key.id == found.key).ok_or(Refused::Wrong)?;
    if call.header("x-amz-security-token") != key.token || (key.token.is_some() && !signs("x-amz-security-token")) {
        return Err(Refused::Wrong);
    }
    let canonical = canonical(call, &found.headers);
    if signature(key.secret, found.scope, date, &canonical) != found.signature {
        return Err(Refused::Wrong);
    }
    Ok(Signed {
        key,
        region: region.to_owned(),
        service: service.to_owned(),
    })
}

fn canonical(call: &Call<'_>, signed: &[&str]) -> String {
    let request = call.request;
    // The path is encoded a second time, except at S3.
    let path = utf8_percent_encode(&request.path, ESCAPED_PATH).to_string();
    let mut query: Vec<(String, String)> = call
        .query
        .pairs()
        .map(|(name, value)| (escape(name), escape(value)))
        .collect();
    query.sort();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let header = |name: &&str| {
        let values: Vec<String> = request
            .headers
            .get_all(*name)
            .iter()
            .map(|value| {
                String::from_utf8_lossy(value.as_bytes())
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        let value = if values.is_empty() && *name == "host" {
            request.authority.clone()
        } else {
            values.join(",")
        };
        format!("{name}:{value}\n")
    };
    let headers: String = signed.iter().map(header).collect();
    format!(
        "{}\n{path}\n{}\n{headers}\n{}\n{}",
        request.method,
        query.join("&"),
        signed.join(";"),
        sha256(&request.body)
    )
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn signature(secret: &str, scope: [&str; 3], date: &str, canonical: &str) -> String {
    let [day, region, service] = scope;
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{service}/aws4_request\n{}",
        sha256(canonical)
    );
    let key = [day, region, service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
    hex(&mac(&key, &text))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // A key of any length is accepted.
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mac| mac.chain_update(text.as_bytes()).finalize().into_bytes().to_vec(),
    )
}

/// `20261120T100000Z` in seconds since 1970.
fn seconds(date: &str) -> Option<i64> {
    let part = |from: usize, to: usize| date.get(from..to);
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        date.strip_suffix('Z')?.get(9..11)?,
        part(11, 13)?,
        part(13, 15)?
    );
    let at: jiff::Timestamp = text.parse().ok()?;
    (date.len() == 16 && part(8, 9) == Some("T")).then(|| at.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with botocore 1.44.5 and by hand.
    #[test]
    fn signatures_are_those_of_botocore() {
        let body = "Action=DescribeInstances&Version=2016-11-15&MaxResults=5";
        let canonical = |token: &str, names: &str| {
            format!(
                "POST\n/\n\ncontent-type:application/x-www-form-urlencoded; charset=utf-8\nhost:ec2.eu-west-1.amazonaws.com\nx-amz-date:20250102T030405Z\n{token}\n{names}\n{}",
                sha256(body)
            )
        };
        let sign = |canonical: &str| {
            let scope = ["20250102", "eu-west-1", "ec2"];
            signature(
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                scope,
                "20250102T030405Z",
                canonical,
            )
        };
        let plain = canonical("", "content-type;host;x-amz-date");
        assert_eq!(
            sha256(&plain),
            "4351cac2804c02bb3751911b539241c3539becdce3b66c0835801d62ffd6af3b"
        );
        assert_eq!(
            sign(&plain),
            "879ecc44662766a76a49a01b4bf5c04e896f141145e3422548345cca5fc29de7"
        );
        let session = canonical(
            "x-amz-security-token:TOKENEXAMPLE\n",
            "content-type;host;x-amz-date;x-amz-security-token",
        );
        assert_eq!(
            sign(&session),
            "1f57300b2161254d7132ded2dff85d55b5e8f0c6114635d14c9e015645324c58"
        );
    }

    #[test]
    fn headers_and_dates_are_read_strictly() {
        let good = "AWS4-HMAC-SHA256 Credential=AKID/20250102/eu-west-1/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=00";
        assert!(
            parse(good)
                .is_some_and(|found| found.scope == ["20250102", "eu-west-1", "ec2"] && found.headers.len() == 2)
        );
        for bad in [
            "Bearer x",
            "AWS4-HMAC-SHA256 Credential=AKID/1/2/3, SignedHeaders=a, Signature=0",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert_eq!(seconds("19700101T000100Z"), Some(60));
        assert_eq!(seconds("19700101 000100Z"), None);
        assert_eq!(seconds("19700101T0001Z"), None);
    }
}
