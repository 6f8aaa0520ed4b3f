//! Credentials of every request: the application key, the consumer key and a signature with the cloud's time.

use std::sync::{Arc, Mutex, PoisonError};

use provision_core::{Clock, ExposeSecret, Result, async_trait};
use provision_http::{Authorize, Client, Request};

use crate::{config::Config, request, sign::Signed};

/// The cloud's time, in unix seconds: read from the cloud before the first signed request, and anew once a signature was
/// refused for its time. In between a local clock goes on. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct CloudTime {
    local: Clock,
    /// How far the cloud's time is ahead of the local clock.
    ahead: Arc<Mutex<Option<i64>>>,
}

impl CloudTime {
    pub(crate) fn new(local: Clock) -> Self {
        Self {
            local,
            ahead: Arc::default(),
        }
    }

    /// Has the time read anew before the next signed request.
    pub(crate) fn forget(&self) {
        self.set_ahead(None);
    }

    fn ahead(&self) -> Option<i64> {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_ahead(&self, ahead: Option<i64>) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = ahead;
    }

    /// The time, at the price of one request as long as it is not known.
    async fn now(&self, public: &Client, config: &Config) -> Result<i64> {
        let local = || i64::try_from(self.local.now().as_secs()).unwrap_or(i64::MAX);
        if let Some(ahead) = self.ahead() {
            return Ok(local().saturating_add(ahead));
        }
        let time = public.send(request::read_time(&config.endpoint)).await?;
        let time: i64 = time.json()?;
        self.set_ahead(Some(time.saturating_sub(local())));
        Ok(time)
    }
}

/// Signs requests.
#[derive(Debug)]
pub(crate) struct Keys {
    config: Config,
    time: CloudTime,
    /// Without credentials, for the one request that cannot be signed yet.
    public: Client,
}

impl Keys {
    pub(crate) fn new(config: Config, time: CloudTime, public: Client) -> Self {
        Self { config, time, public }
    }
}

#[async_trait]
impl Authorize for Keys {
    async fn authorize(&self, request: &mut Request) -> Result<()> {
        let timestamp = self.time.now(&self.public, &self.config).await?.to_string();
        let consumer_key = self.config.consumer_key.expose_secret();
        let signed = Signed {
            method: request.method().as_str(),
            url: request.url().as_str(),
            body: request.body_bytes(),
        };
        let signature = signed.signature(self.config.application_secret.expose_secret(), consumer_key, &timestamp);
        request.set_header("x-ovh-application", &self.config.application_key)?;
        request.set_secret_header("x-ovh-consumer", consumer_key)?;
        request.set_header("x-ovh-timestamp", &timestamp)?;
        request.set_secret_header("x-ovh-signature", &signature)
    }
}
