//! Credentials of every request: the application key, the consumer key and a signature with the cloud's time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use provision_core::{Error, ExposeSecret, Result, async_trait, unix_seconds};
use provision_http::{Authorize, Client, Request};

use crate::{
    config::{Config, INFO},
    request,
    sign::Signed,
};

/// How far the cloud's clock is ahead of this machine's, in seconds. Read from the cloud before the first signed request,
/// kept until a signature is refused for its time. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct CloudClock(Arc<Mutex<Option<i64>>>);

impl CloudClock {
    /// Has the time read anew before the next signed request.
    pub(crate) fn forget(&self) {
        self.set(None);
    }

    fn offset(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, offset: Option<i64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = offset;
    }

    /// The cloud's time in unix seconds, at the price of one request as long as the offset is not known.
    async fn now(&self, public: &Client, config: &Config) -> Result<i64> {
        let local = || i64::try_from(unix_seconds(SystemTime::now())).unwrap_or(i64::MAX);
        if let Some(offset) = self.offset() {
            return Ok(local().saturating_add(offset));
        }
        let time = public.send(request::read_time(&config.endpoint)).await?;
        let time: i64 = time.json()?;
        self.set(Some(time.saturating_sub(local())));
        Ok(time)
    }
}

/// Signs requests.
#[derive(Debug)]
pub(crate) struct Keys {
    config: Config,
    clock: CloudClock,
    /// Without credentials, for the one request that cannot be signed yet.
    public: Client,
}

impl Keys {
    pub(crate) fn new(config: Config, clock: CloudClock, public: Client) -> Self {
        Self { config, clock, public }
    }

    fn sign(&self, request: &mut Request, timestamp: &str) -> Result<()> {
        let consumer_key = self.config.consumer_key.expose_secret();
        let signed = Signed {
            method: request.method().as_str(),
            url: request.url().as_str(),
            body: request.body_bytes(),
        };
        let signature = signed.signature(self.config.application_secret.expose_secret(), consumer_key, timestamp);
        request.set_header("x-ovh-application", &self.config.application_key)?;
        request.set_secret_header("x-ovh-consumer", consumer_key)?;
        request.set_header("x-ovh-timestamp", timestamp)?;
        request.set_secret_header("x-ovh-signature", &signature)
    }
}

#[async_trait]
impl Authorize for Keys {
    async fn authorize(&self, request: &mut Request) -> Result<()> {
        let now = self.clock.now(&self.public, &self.config).await?;
        self.sign(request, &now.to_string())
            .map_err(|error: Error| error.with_provider(INFO.id))
    }
}
