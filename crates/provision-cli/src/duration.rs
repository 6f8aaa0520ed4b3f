//! Times as people write them.

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use jiff::{Span, SpanRelativeTo};

/// A length of time such as `500ms`, `90s`, `10m`, `2h30m` or `7d`; a day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeSpan(pub(crate) Duration);

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || "write a time such as 500ms, 90s, 10m, 2h30m or 7d".to_owned();
        let span: Span = text.parse().map_err(|_| refuse())?;
        let signed = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| refuse())?;
        let duration = Duration::try_from(signed).map_err(|_| refuse())?;
        if duration.is_zero() {
            Err(refuse())
        } else {
            Ok(Self(duration))
        }
    }
}

/// How long ago a moment was, as `45s`, `12m`, `3h` or `9d`.
pub(crate) fn age(then: SystemTime, now: SystemTime) -> String {
    let seconds = now.duration_since(then).unwrap_or_default().as_secs();
    short(Duration::from_secs(seconds))
}

/// When a moment comes, as `in 12m`, or `expired` when it has passed.
pub(crate) fn until(then: SystemTime, now: SystemTime) -> String {
    match then.duration_since(now) {
        Ok(left) if !left.is_zero() => format!("in {}", short(left)),
        _ => "expired".to_owned(),
    }
}

/// A length of time in one unit.
pub(crate) fn short(time: Duration) -> String {
    match time.as_secs() {
        0 if !time.is_zero() => format!("{}ms", time.as_millis()),
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}m", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("1ms", 1),
            ("90s", 90_000),
            ("10m", 600_000),
            ("2h30m", 9_000_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(
                text.parse(),
                Ok(TimeSpan(Duration::from_millis(milliseconds))),
                "{text}"
            );
        }
        for text in ["", "0s", "-1m", "10", "soon", "1mo"] {
            text.parse::<TimeSpan>().unwrap_err();
        }
    }

    #[test]
    fn ages_have_one_unit() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let ago = |seconds| age(now - Duration::from_secs(seconds), now);
        assert_eq!(
            [ago(5), ago(119), ago(120), ago(7_200), ago(172_800)],
            ["5s", "119s", "2m", "2h", "2d"]
        );
        assert_eq!(until(now + Duration::from_secs(300), now), "in 5m");
        assert_eq!(until(now, now), "expired");
        assert_eq!(age(now + Duration::from_secs(5), now), "0s");
    }
}
