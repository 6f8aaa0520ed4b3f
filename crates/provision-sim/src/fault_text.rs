//! Faults as text, for command lines: `reset-after:method=POST,path=droplets,times=1,cloud=digitalocean`.

use std::{error::Error, fmt, str::FromStr};

use crate::fault::{Effect, Fault};

/// Every effect, as it is written.
const EFFECTS: &str = "latency, rate-limited, server-error, reset-before, reset-after, truncated, sold-out, \
                       late-visibility, unauthorized, quota";

/// Why a text is not a fault; says which part is wrong and what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFaultError(String);

impl fmt::Display for ParseFaultError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for ParseFaultError {}

impl FromStr for Fault {
    type Err = ParseFaultError;

    /// `EFFECT[:NAME=VALUE,...]`. Names for every effect: `cloud`, `method`, `path`, `skip`, `times`, `probability`;
    /// `millis` for `latency` and `late-visibility` (needed), `status` for `server-error` (default 500),
    /// `retry-after` (seconds) for `rate-limited`. Underscores and hyphens are the same.
    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let (effect, options) = text.split_once(':').unwrap_or((text, ""));
        let mut options = Options::parse(options)?;
        let effect = match effect.trim().replace('_', "-").as_str() {
            "latency" => Effect::Latency {
                millis: options.needed("millis")?,
            },
            "rate-limited" => Effect::RateLimited {
                retry_after: options.number("retry-after")?,
            },
            "server-error" => Effect::ServerError {
                status: options.status()?,
            },
            "reset-before" => Effect::ResetBefore,
            "reset-after" => Effect::ResetAfter,
            "truncated" => Effect::Truncated,
            "sold-out" => Effect::SoldOut,
            "late-visibility" => Effect::LateVisibility {
                millis: options.needed("millis")?,
            },
            "unauthorized" => Effect::Unauthorized,
            "quota" => Effect::Quota,
            other => return Err(ParseFaultError(format!("unknown effect `{other}`; known: {EFFECTS}"))),
        };
        let fault = Fault {
            effect,
            cloud: options.take("cloud"),
            method: options.take("method"),
            path: options.take("path"),
            skip: options.number("skip")?.unwrap_or(0),
            times: options.number("times")?,
            probability: options.probability()?,
        };
        options.finish(&fault.effect)?;
        Ok(fault)
    }
}

struct Options(Vec<(String, String)>);

impl Options {
    fn parse(text: &str) -> Result<Self, ParseFaultError> {
        let mut options: Vec<(String, String)> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(ParseFaultError(format!("`{part}` is not NAME=VALUE")));
            };
            let name = name.trim().replace('_', "-");
            if options.iter().any(|(known, _)| *known == name) {
                return Err(ParseFaultError(format!("`{name}` is given twice")));
            }
            options.push((name, value.trim().to_owned()));
        }
        Ok(Self(options))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    fn number<N: FromStr>(&mut self, name: &str) -> Result<Option<N>, ParseFaultError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(ParseFaultError(format!("`{name}` needs a whole number, not `{value}`"))),
        }
    }

    fn needed(&mut self, name: &str) -> Result<u64, ParseFaultError> {
        self.number(name)?
            .ok_or_else(|| ParseFaultError(format!("`{name}=...` is needed")))
    }

    fn status(&mut self) -> Result<u16, ParseFaultError> {
        match self.number("status")?.unwrap_or(500) {
            status @ 500..=599 => Ok(status),
            other => Err(ParseFaultError(format!(
                "`status` needs a number from 500 to 599, not `{other}`"
            ))),
        }
    }

    fn probability(&mut self) -> Result<Option<f64>, ParseFaultError> {
        let Some(value) = self.take("probability") else {
            return Ok(None);
        };
        match value.parse() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Some(share)),
            _ => Err(ParseFaultError(format!(
                "`probability` needs a number from 0 to 1, not `{value}`"
            ))),
        }
    }

    fn finish(self, effect: &Effect) -> Result<(), ParseFaultError> {
        match self.0.first() {
            Some((name, _)) => Err(ParseFaultError(format!(
                "`{}` does not take `{name}`; known: cloud, method, path, skip, times, probability, and millis, status \
                 or retry-after where the effect has it",
                effect.name().replace('_', "-")
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_faults() {
        let fault: Fault = "reset-after:method=POST,path=droplets,times=1,cloud=digitalocean"
            .parse()
            .unwrap();
        let expected = Fault::new(Effect::ResetAfter)
            .method("POST")
            .path("droplets")
            .times(1)
            .cloud("digitalocean");
        assert_eq!(fault, expected);
        assert_eq!(
            "late_visibility:millis=5".parse(),
            Ok(Fault::new(Effect::LateVisibility { millis: 5 }))
        );
        assert_eq!(
            "server-error".parse(),
            Ok(Fault::new(Effect::ServerError { status: 500 }))
        );
        let limited = Fault::new(Effect::RateLimited { retry_after: Some(7) })
            .skip(2)
            .probability(0.5);
        assert_eq!(
            "rate-limited:retry_after=7, skip=2, probability=0.5".parse(),
            Ok(limited)
        );
    }

    #[test]
    fn wrong_texts_say_what_is_wrong() {
        for (text, part) in [
            ("explode", "known: latency"),
            ("latency", "`millis=...` is needed"),
            ("latency:millis=soon", "not `soon`"),
            ("quota:millis=1", "does not take `millis`"),
            ("quota:times", "not NAME=VALUE"),
            ("quota:times=1,times=2", "given twice"),
            ("quota:probability=2", "from 0 to 1"),
            ("server-error:status=404", "from 500 to 599"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
