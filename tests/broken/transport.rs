use std::{fmt, sync::Arc, time::Duration};

use provision_core::{Clock, MANAGED_BY_LABEL};
use provision_http::{
    Request, Response, Transport, TransportError, async_trait,
    http::{HeaderMap, Method, StatusCode},
};

/// What goes wrong between a provider and its cloud.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WireBug {
    /// An HTTP client that retries everything.
    ResendsCreates,
    /// A provider that never deletes its firewalls.
    LeavesFirewalls,
    /// A provider that drops the error of its second step.
    LosesFirewallErrors,
    /// A provider that looks at every host of the account.
    SeesNoMarker,
}

pub(crate) struct BrokenTransport {
    inner: Arc<dyn Transport>,
    bug: WireBug,
}

impl BrokenTransport {
    pub(crate) fn new(inner: Arc<dyn Transport>, bug: WireBug) -> Self {
        Self { inner, bug }
    }
}

impl fmt::Debug for BrokenTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrokenTransport({:?})", self.bug)
    }
}

fn empty(status: StatusCode, body: &'static str) -> Response {
    Response::new(status, HeaderMap::new(), body)
}

#[async_trait]
impl Transport for BrokenTransport {
    fn clock(&self) -> Clock {
        self.inner.clock()
    }

    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        let firewalls = request.url().path().contains("firewalls");
        match self.bug {
            WireBug::LeavesFirewalls if firewalls && request.method() == Method::DELETE => {
                Ok(empty(StatusCode::NO_CONTENT, ""))
            }
            WireBug::LosesFirewallErrors if firewalls && request.method() == Method::POST => {
                let answer = self.inner.send(request, timeout).await;
                match answer {
                    Ok(answer) if answer.status.is_success() => Ok(answer),
                    _ => Ok(empty(
                        StatusCode::CREATED,
                        "{\"firewall\": {\"id\": 1, \"name\": \"x\"}}",
                    )),
                }
            }
            WireBug::ResendsCreates if request.method() == Method::POST => {
                match self.inner.send(request, timeout).await {
                    Ok(answer) if !answer.status.is_server_error() => Ok(answer),
                    _ => self.inner.send(request, timeout).await,
                }
            }
            WireBug::SeesNoMarker => {
                // Filters of the cloud do not help: the account's other hosts look like ours.
                let mut url = request.url().clone();
                if request.method() == Method::GET {
                    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
                    let kept = pairs.iter().filter(|(_, value)| !value.contains(MANAGED_BY_LABEL));
                    let kept: Vec<_> = kept.collect();
                    url.query_pairs_mut().clear().extend_pairs(kept);
                }
                let mut changed = Request::new(request.operation(), request.method().clone(), url);
                for (name, value) in request.headers() {
                    let name: &'static str = Box::leak(name.as_str().to_owned().into_boxed_str());
                    changed = changed.header(name, value.to_str().unwrap()).unwrap();
                }
                if !request.body_bytes().is_empty() {
                    changed = changed.body("application/json", request.body_bytes().clone());
                }
                let mut answer = self.inner.send(&changed, timeout).await?;
                let text = String::from_utf8_lossy(&answer.body).replace("foreign-by", MANAGED_BY_LABEL);
                answer.body = text.into();
                answer.headers.remove("content-length");
                Ok(answer)
            }
            _ => self.inner.send(request, timeout).await,
        }
    }
}
