//! How many requests a cloud takes: buckets that requests empty and time fills.

use crate::request::SimRequest;

/// A bucket: that many requests at once, and as many again within its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Requests that it holds.
    pub(crate) requests: u32,
    /// Seconds in which it fills up from nothing.
    pub(crate) seconds: u32,
    /// Which requests it is for.
    pub(crate) counts: fn(&SimRequest) -> bool,
}

impl Limit {
    /// A bucket for every request.
    pub(crate) const fn new(requests: u32, seconds: u32) -> Self {
        Self {
            requests,
            seconds,
            counts: |_| true,
        }
    }

    /// The same for some requests only.
    pub(crate) const fn of(mut self, counts: fn(&SimRequest) -> bool) -> Self {
        self.counts = counts;
        self
    }

    fn holds(&self) -> f64 {
        f64::from(self.requests)
    }

    fn per_milli(&self) -> f64 {
        self.holds() / (f64::from(self.seconds) * 1_000.0)
    }
}

/// What is left of a bucket, for the headers of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// Whole requests.
    pub(crate) requests: u64,
    /// Seconds until it is full.
    pub(crate) full_in: u64,
}

/// The buckets of a cloud's account. They live in the process and are never stored.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: f64,
    /// When that was, milliseconds since 1970.
    at: u64,
}

impl Meter {
    /// Takes one request out of each bucket that it is for, or says in how many seconds there will be one, and takes nothing.
    pub(crate) fn take(&mut self, limits: &[Limit], request: &SimRequest, now: u64) -> Result<(), u64> {
        self.fill(limits, now);
        let counted = |(limit, _): &(&Limit, &mut Bucket)| (limit.counts)(request);
        let buckets = || {
            limits
                .iter()
                .zip(&self.buckets)
                .filter(|(limit, _)| (limit.counts)(request))
        };
        let wait = buckets()
            .filter(|(_, bucket)| bucket.level < 1.0)
            .map(|(limit, bucket)| whole((1.0 - bucket.level) / limit.per_milli() / 1_000.0))
            .max();
        if let Some(wait) = wait {
            return Err(wait.max(1));
        }
        for (_, bucket) in limits.iter().zip(&mut self.buckets).filter(counted) {
            bucket.level -= 1.0;
        }
        Ok(())
    }

    /// What is left in each of the buckets.
    pub(crate) fn left(&self, limits: &[Limit]) -> Vec<Left> {
        let left = |(limit, bucket): (&Limit, &Bucket)| Left {
            requests: floor(bucket.level),
            full_in: whole((limit.holds() - bucket.level) / limit.per_milli() / 1_000.0),
        };
        limits.iter().zip(&self.buckets).map(left).collect()
    }

    fn fill(&mut self, limits: &[Limit], now: u64) {
        if self.buckets.len() != limits.len() {
            let full = |limit: &Limit| Bucket {
                level: limit.holds(),
                at: now,
            };
            self.buckets = limits.iter().map(full).collect();
        }
        for (limit, bucket) in limits.iter().zip(&mut self.buckets) {
            let passed = u32::try_from(now.saturating_sub(bucket.at)).unwrap_or(u32::MAX);
            bucket.level = (bucket.level + f64::from(passed) * limit.per_milli()).min(limit.holds());
            bucket.at = now;
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "levels are between zero and a u32, and so are the seconds"
)]
fn floor(number: f64) -> u64 {
    number.max(0.0) as u64
}

fn whole(number: f64) -> u64 {
    floor(number.ceil())
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn get() -> SimRequest {
        SimRequest::new(Method::GET, "/x")
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_fills_with_time() {
        let limits = [Limit::new(2, 60)];
        let mut meter = Meter::default();
        assert_eq!(meter.take(&limits, &get(), 1_000), Ok(()));
        assert_eq!(meter.take(&limits, &get(), 1_000), Ok(()));
        assert_eq!(meter.take(&limits, &get(), 1_000), Err(30));
        assert_eq!(
            meter.left(&limits),
            [Left {
                requests: 0,
                full_in: 60
            }]
        );
        assert_eq!(meter.take(&limits, &get(), 21_000), Err(10));
        assert_eq!(meter.take(&limits, &get(), 31_000), Ok(()));
        // Never more than it holds, also when the clock goes back.
        assert_eq!(meter.take(&limits, &get(), 10_000_000), Ok(()));
        assert_eq!(meter.take(&limits, &get(), 5_000_000), Ok(()));
        assert!(meter.take(&limits, &get(), 5_000_000).is_err());
    }

    #[test]
    fn the_narrowest_bucket_decides_and_a_refused_request_takes_nothing() {
        let reads = Limit::new(1, 10).of(|request| request.method == Method::GET);
        let limits = [Limit::new(3, 3_600), reads];
        let mut meter = Meter::default();
        assert_eq!(meter.take(&limits, &get(), 0), Ok(()));
        assert_eq!(meter.take(&limits, &get(), 0), Err(10));
        assert_eq!(meter.left(&limits).first().map(|left| left.requests), Some(2));
        let post = SimRequest::new(Method::POST, "/x");
        assert_eq!(meter.take(&limits, &post, 0), Ok(()));
        assert_eq!(meter.take(&limits, &post, 0), Ok(()));
        assert_eq!(meter.take(&limits, &post, 0), Err(1_200));
    }
}
