use std::sync::Arc;

use provision_core::{ExposeSecret, Result};
use provision_http::{Answer, Client, Going, Request, Transport};
use serde::de::DeserializeOwned;

use crate::{
    auth::{LOGIN, TokenSource, token_request},
    config::{Config, Credentials},
    error::{TOKEN_EXPIRED, VENDOR},
    request::Arm,
    response::Page,
};

/// Sends requests with the account's token, and once more with a new one should the token have run out early.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    client: Client,
    /// `None` for a token that was handed in.
    tokens: Option<Arc<TokenSource>>,
}

impl Session {
    pub(crate) fn new(config: &Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let builder = Client::builder(VENDOR, transport.clone());
        let (tenant, client_id, secret) = match &config.credentials {
            Credentials::AccessToken(token) => {
                let client = builder.bearer(token)?.build();
                return Ok(Self { client, tokens: None });
            }
            Credentials::ClientSecret {
                tenant,
                client_id,
                secret,
            } => (tenant, client_id, secret),
        };
        let login = Client::builder(LOGIN, transport).redact(secret.expose_secret()).build();
        let request = token_request(&config.login_endpoint, tenant, client_id, secret, &config.scope);
        let tokens = Arc::new(TokenSource::new(login, request));
        let builder = builder.redact(secret.expose_secret()).authorizer(tokens.clone());
        Ok(Self {
            client: builder.build(),
            tokens: Some(tokens),
        })
    }

    /// Before requests that are sent side by side.
    pub(crate) async fn log_in(&self) -> Result<()> {
        match &self.tokens {
            Some(tokens) => tokens.ready().await,
            None => Ok(()),
        }
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Answer> {
        self.renewing(|| self.client.send(request.clone())).await
    }

    /// Reads something that may be missing.
    pub(crate) async fn find<T: DeserializeOwned + Send>(&self, request: Request) -> Result<Option<T>> {
        self.renewing(|| self.client.find(request.clone())).await
    }

    pub(crate) async fn remove(&self, request: Request) -> Result<Going> {
        self.renewing(|| self.client.remove(request.clone())).await
    }

    /// All pages of a list. Each names the whole URL of the next.
    pub(crate) async fn pages<T: DeserializeOwned + Send>(&self, arm: &Arm, first: Request) -> Result<Vec<T>> {
        let operation = first.operation();
        let read = |answer: &Answer, _: usize| {
            let page: Page<T> = answer.json()?;
            let next = match page.next_link.as_deref().filter(|link| !link.is_empty()) {
                None => None,
                Some(link) => Some(arm.follow(operation, link).ok_or_else(|| {
                    answer.unexpected("the next page is at another place than `endpoint`, where the token must not go")
                })?),
            };
            Ok((page.value, next))
        };
        self.renewing(|| self.client.pages(first.clone(), read)).await
    }

    /// What was refused for its token was not acted upon, so that it may be sent again.
    async fn renewing<T: Send, F: Future<Output = Result<T>> + Send>(
        &self,
        step: impl Fn() -> F + Send + Sync,
    ) -> Result<T> {
        match step().await {
            Err(error)
                if error.code() == Some(TOKEN_EXPIRED)
                    && self.tokens.as_ref().is_some_and(|tokens| tokens.forget()) =>
            {
                step().await
            }
            result => result,
        }
    }
}
