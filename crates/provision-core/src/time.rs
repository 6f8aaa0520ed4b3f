use std::time::{Duration, SystemTime};

/// Reads an RFC 3339 time such as `2026-11-20T10:00:00Z` or `2026-11-20T10:00:00+00:00`; `None` when it is not one.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let timestamp: jiff::Timestamp = text.trim().parse().ok()?;
    let seconds = u64::try_from(timestamp.as_second()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Whole seconds since 1970-01-01 UTC; 0 for earlier times.
#[must_use]
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The time of a number of seconds since 1970-01-01 UTC; `None` when the clock cannot hold it.
pub(crate) fn from_unix_seconds(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Writes a time as RFC 3339 in UTC with whole seconds, the form that JSON output uses; `None` for a year beyond 9999.
#[must_use]
pub fn to_rfc3339(time: SystemTime) -> Option<String> {
    let seconds = i64::try_from(unix_seconds(time)).ok()?;
    Some(jiff::Timestamp::from_second(seconds).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_spellings_of_utc_and_refuses_nonsense() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800);
        let expected = Some(time);
        assert_eq!(parse_rfc3339("2026-11-20T10:00:00Z"), expected);
        assert_eq!(parse_rfc3339("2026-11-20T10:00:00+00:00"), expected);
        assert_eq!(parse_rfc3339("2026-11-20T02:00:00.5-08:00"), expected);
        assert_eq!(parse_rfc3339("yesterday"), None);
        assert_eq!(to_rfc3339(time).unwrap(), "2026-11-20T10:00:00Z");
    }
}
