use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, WeakShared},
};
use provision_core::{Clock, Error, Result};

/// Something that is fetched when it is first needed and kept until it ends, such as an access token.
///
/// Whoever needs it while it is being fetched waits for that one answer, an error included: many calls side by side are one
/// login, and a refused password is sent once. An error is not kept; the next call fetches anew. Clones share what is kept.
pub struct Kept<T> {
    state: Arc<Mutex<State<T>>>,
    clock: Clock,
}

struct State<T> {
    /// With the moment from which it is no longer used.
    value: Option<(Arc<T>, Duration)>,
    /// Weak: when all who wait give up, the fetch ends with them.
    fetching: Option<WeakShared<Fetching<T>>>,
    /// What the cloud no longer accepts, and why nothing took its place.
    refused: Option<(Arc<T>, Error)>,
}

type Fetching<T> = BoxFuture<'static, Result<Arc<T>>>;

impl<T: Send + Sync + 'static> Kept<T> {
    /// Nothing is kept yet. `clock` is the transport's.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let state = State {
            value: None,
            fetching: None,
            refused: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            clock,
        }
    }

    /// What is kept, unless it has ended.
    #[must_use]
    pub fn current(&self) -> Option<Arc<T>> {
        lock(&self.state).current(&self.clock)
    }

    /// What is kept, or else what `fetch` answers: the value, and for how long it may be used, counted from the moment of asking.
    ///
    /// # Errors
    /// That of the fetch, also for those who waited for somebody else's.
    pub async fn get_or<F>(&self, fetch: F) -> Result<Arc<T>>
    where
        F: Future<Output = Result<(T, Duration)>> + Send + 'static,
    {
        let fetching = {
            let mut state = lock(&self.state);
            if let Some(kept) = state.current(&self.clock) {
                return Ok(kept);
            }
            let under_way = state.fetching.as_ref().and_then(WeakShared::upgrade);
            under_way.unwrap_or_else(|| {
                let fetching = self.keep(fetch).boxed().shared();
                state.fetching = fetching.downgrade();
                fetching
            })
        };
        fetching.await
    }

    /// What takes the place of `used`, which the cloud no longer accepts: one fetch for all whose requests were refused, whenever
    /// they learn of it.
    ///
    /// # Errors
    /// As [`get_or`](Self::get_or): also for those who come when the fetch has failed already.
    pub async fn renew<F>(&self, used: &Arc<T>, fetch: F) -> Result<Arc<T>>
    where
        F: Future<Output = Result<(T, Duration)>> + Send + 'static,
    {
        self.forget(used);
        if let Some((refused, error)) = &lock(&self.state).refused
            && Arc::ptr_eq(refused, used)
        {
            return Err(error.clone());
        }
        let renewed = self.get_or(fetch).await;
        if let Err(error) = &renewed {
            lock(&self.state).refused = Some((used.clone(), error.clone()));
        }
        renewed
    }

    /// Drops what is kept if it is still `used`, which the cloud no longer accepts.
    pub fn forget(&self, used: &Arc<T>) {
        let mut state = lock(&self.state);
        if state.value.as_ref().is_some_and(|(kept, _)| Arc::ptr_eq(kept, used)) {
            state.value = None;
        }
    }

    fn keep<F>(&self, fetch: F) -> impl Future<Output = Result<Arc<T>>> + Send + 'static
    where
        F: Future<Output = Result<(T, Duration)>> + Send + 'static,
    {
        let Self { state, clock } = self.clone();
        async move {
            let asked = clock.now();
            let answer = fetch.await;
            let mut state = lock(&state);
            state.fetching = None;
            let (value, lasts) = answer?;
            let value = Arc::new(value);
            state.value = Some((value.clone(), asked.saturating_add(lasts)));
            Ok(value)
        }
    }
}

impl<T> State<T> {
    fn current(&self, clock: &Clock) -> Option<Arc<T>> {
        let (value, until) = self.value.as_ref()?;
        (clock.now() < *until).then(|| value.clone())
    }
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            clock: self.clock.clone(),
        }
    }
}

/// Without what is kept, which may be a secret.
impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use futures_util::future::{Either, join, select};
    use provision_core::ErrorKind;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A service that gives numbers, one more each time, and how often it was asked.
    #[derive(Clone, Default)]
    struct Service(Arc<AtomicUsize>);

    impl Service {
        fn asked(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }

        async fn answer(self) -> Result<(usize, Duration)> {
            let asked = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            // Not ready when it is looked at for the first time, nor by the next who looks.
            for _ in 0..2 {
                tokio::task::yield_now().await;
            }
            Ok((asked, MINUTE))
        }

        async fn refuse(self) -> Result<(usize, Duration)> {
            let _ = self.answer().await;
            Err(Error::new(ErrorKind::Unauthorized, "wrong password").with_source("the cause"))
        }
    }

    #[tokio::test]
    async fn those_who_ask_side_by_side_share_one_fetch_and_its_answer() {
        let (kept, service) = (Kept::new(Clock::system()), Service::default());
        let (first, second) = join(
            kept.get_or(service.clone().answer()),
            kept.clone().get_or(service.clone().answer()),
        )
        .await;
        assert_eq!((*first.unwrap(), *second.unwrap(), service.asked()), (1, 1, 1));
        assert_eq!(*kept.get_or(service.clone().answer()).await.unwrap(), 1);
        assert_eq!(kept.current().as_deref(), Some(&1));
    }

    #[tokio::test]
    async fn an_error_is_shared_by_those_who_waited_and_not_kept() {
        let (kept, service) = (Kept::new(Clock::system()), Service::default());
        let ask = || kept.get_or(service.clone().refuse());
        let (first, second) = join(ask(), ask()).await;
        for error in [first.unwrap_err(), second.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
            assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the cause");
        }
        assert_eq!(service.asked(), 1);
        assert_eq!(*kept.get_or(service.clone().answer()).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_fetch_outlives_the_one_who_began_it_and_ends_with_the_last() {
        let (kept, service) = (Kept::new(Clock::system()), Service::default());
        let ask = || Box::pin(kept.get_or(service.clone().answer()));
        // The first begins it and gives up while it is under way.
        let Either::Right(((), first)) = select(ask(), std::future::ready(())).await else {
            panic!("nothing was under way")
        };
        let Either::Right(((), second)) = select(ask(), std::future::ready(())).await else {
            panic!("nothing was under way")
        };
        drop(first);
        assert_eq!((*second.await.unwrap(), service.asked()), (1, 1));

        kept.forget(&kept.current().unwrap());
        drop(select(ask(), std::future::ready(())).await);
        assert_eq!((kept.current(), service.asked()), (None, 2));
        assert_eq!(*ask().await.unwrap(), 3);
    }

    #[tokio::test]
    async fn what_has_ended_or_is_refused_is_fetched_anew() {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Clock::new({
            let seconds = seconds.clone();
            move || Duration::from_secs(seconds.load(Ordering::Relaxed))
        });
        let (kept, service) = (Kept::new(clock), Service::default());
        let ask = || kept.get_or(service.clone().answer());
        let first = ask().await.unwrap();
        seconds.store(59, Ordering::Relaxed);
        assert_eq!(*ask().await.unwrap(), 1);
        seconds.store(60, Ordering::Relaxed);
        assert_eq!((kept.current(), *ask().await.unwrap()), (None, 2));
        // Somebody else got a new one meanwhile: that one stays.
        kept.forget(&first);
        assert_eq!(*ask().await.unwrap(), 2);
        kept.forget(&kept.current().unwrap());
        assert_eq!(*ask().await.unwrap(), 3);
    }

    #[tokio::test]
    async fn those_whose_requests_were_refused_share_one_renewal_whenever_they_learn_of_it() {
        let (kept, service) = (Kept::new(Clock::system()), Service::default());
        let used = kept.get_or(service.clone().answer()).await.unwrap();
        let renew = || kept.renew(&used, service.clone().answer());
        let (first, second) = join(renew(), renew()).await;
        assert_eq!((*first.unwrap(), *second.unwrap()), (2, 2));
        assert_eq!((*renew().await.unwrap(), service.asked()), (2, 2));

        let used = kept.current().unwrap();
        let refused = || kept.renew(&used, service.clone().refuse());
        let (first, second) = join(refused(), refused()).await;
        let third = refused().await;
        for result in [first, second, third] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Unauthorized);
        }
        assert_eq!(service.asked(), 3);
        // A new call is a new attempt.
        assert_eq!(*kept.get_or(service.clone().answer()).await.unwrap(), 4);
    }
}
