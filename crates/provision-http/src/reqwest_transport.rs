use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use provision_core::{Error, ErrorKind, Result};
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::{Bounds, Request, Response, Transport, TransportError, endpoint::is_loopback};

/// Sends requests with `reqwest`: TLS by `rustls` on `ring` against the system's certificates, gzip, keep-alive, the
/// system's proxy settings (never for loopback addresses), no redirects. Clones share their connection pools.
///
/// Belongs to the tokio runtime in which its first request is sent.
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    /// For loopback addresses, which no proxy can reach.
    direct: reqwest::Client,
    bounds: Bounds,
}

impl ReqwestTransport {
    /// A transport with a pool of its own.
    ///
    /// # Errors
    /// `Unavailable` when the system has no certificates to check servers with.
    pub fn new() -> Result<Self> {
        let no_tls = |error: String| {
            Error::new(
                ErrorKind::Unavailable,
                format!(
                    "cannot set up TLS ({error}): install the package ca-certificates, or point SSL_CERT_FILE at a bundle"
                ),
            )
        };
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .map_err(|error| no_tls(error.to_string()))?
            .with_no_client_auth();
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .connect_timeout(Duration::from_secs(10))
                .redirect(reqwest::redirect::Policy::none())
        };
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| no_tls(error.to_string()));
        Ok(Self {
            client: build(builder())?,
            direct: build(builder().no_proxy())?,
            bounds: Bounds::default(),
        })
    }

    /// The same transport, with the same connections, for answers of this size.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    async fn exchange(&self, request: &Request, timeout: Duration) -> std::result::Result<Response, reqwest::Error> {
        let client = if is_loopback(request.url()) {
            &self.direct
        } else {
            &self.client
        };
        let mut answer = client
            .request(request.method().clone(), request.url().clone())
            .headers(request.headers().clone())
            .body(request.body_bytes().clone())
            .timeout(timeout)
            .send()
            .await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > self.bounds.answer_bytes {
                break;
            }
        }
        Ok(Response {
            status,
            headers,
            body: body.into(),
        })
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    fn bounds(&self) -> Bounds {
        self.bounds
    }

    async fn send(&self, request: &Request, timeout: Duration) -> std::result::Result<Response, TransportError> {
        match self.exchange(request, timeout).await {
            Ok(response) if response.body.len() > self.bounds.answer_bytes => Err(TransportError::TooLarge {
                limit: self.bounds.answer_bytes,
            }),
            Ok(response) => Ok(response),
            // The URL may hold what a query should not have held; the client names the host.
            Err(error) => Err(classify(error.without_url())),
        }
    }
}

fn classify(error: reqwest::Error) -> TransportError {
    if is_about_certificate(&error) {
        TransportError::Certificate(error.into())
    } else if error.is_connect() {
        TransportError::Connect(error.into())
    } else if error.is_timeout() {
        TransportError::Timeout
    } else {
        TransportError::Interrupted(error.into())
    }
}

/// Whether TLS refused the server, somewhere down the chain of causes.
fn is_about_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    if matches!(
        error.downcast_ref::<rustls::Error>(),
        Some(rustls::Error::InvalidCertificate(_))
    ) {
        return true;
    }
    // What an I/O error wraps is no source of it.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.is_some_and(|wrapped| is_about_certificate(wrapped)) || error.source().is_some_and(is_about_certificate)
}
