//! The signature of a request.
//! Source: <https://github.com/ovh/go-ovh/blob/master/ovh/ovh.go>

use std::fmt::Write as _;

use sha1::{Digest, Sha1};

/// What a signature covers, besides the time: the URL and the body byte for byte as they are sent.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) body: &'a [u8],
}

impl Signed<'_> {
    /// The value of header `X-Ovh-Signature`; `timestamp` is the text of header `X-Ovh-Timestamp`.
    pub(crate) fn signature(self, application_secret: &str, consumer_key: &str, timestamp: &str) -> String {
        let mut hasher = Sha1::new();
        let parts: [&[u8]; 6] = [
            application_secret.as_bytes(),
            consumer_key.as_bytes(),
            self.method.as_bytes(),
            self.url.as_bytes(),
            self.body,
            timestamp.as_bytes(),
        ];
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                hasher.update(b"+");
            }
            hasher.update(part);
        }
        hasher.finalize().iter().fold("$1$".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the test suites of <https://github.com/ovh/go-ovh> and <https://github.com/ovh/python-ovh>.
    #[test]
    fn signatures_are_those_of_the_official_clients() {
        let signature = |method, body: &str| {
            Signed {
                method,
                url: "https://eu.api.ovh.com/1.0/auth",
                body: body.as_bytes(),
            }
            .signature(
                "9ufkBmLaTQ9nz5yMUlg79taH0GNnzDjk",
                "5mBuy6SUQcRw2ZUxg0cG68BoDKpED4KY",
                "1457018875",
            )
        };
        assert_eq!(signature("GET", ""), "$1$e9556054b6309771395efa467c22e627407461ad");
        assert_eq!(
            signature("POST", r#"{"a":"b","c":"d"}"#),
            "$1$ec2fb5c7a81f64723c77d2e5b609ae6f58a84fc1"
        );
    }
}
