//! The small HTTP server: is the process alive, is it ready, and what did it count.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// What `/healthz` and `/readyz` say. Clones share it.
#[derive(Debug, Clone)]
pub struct Health {
    alive: Arc<AtomicBool>,
    ready: Arc<AtomicBool>,
}

impl Default for Health {
    /// Alive, not ready.
    fn default() -> Self {
        Self {
            alive: Arc::new(AtomicBool::new(true)),
            ready: Arc::default(),
        }
    }
}

impl Health {
    /// The cluster's API answered: the replica works, or waits for its turn.
    pub fn is_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// The process has to be started again.
    pub fn is_alive(&self, alive: bool) {
        self.alive.store(alive, Ordering::Relaxed);
    }
}

/// Listens; the second part serves until it is dropped. Port 0 picks a free one.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn listen(
    address: SocketAddr,
    health: Health,
    metrics: Metrics,
) -> io::Result<(SocketAddr, impl Future<Output = ()>)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((address, serve(listener, health, metrics)))
}

async fn serve(listener: TcpListener, health: Health, metrics: Metrics) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: do not spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (health, metrics) = (health.clone(), metrics.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let response = answer(request.method(), request.uri().path(), &health, &metrics);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(10))
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), service);
            // A client that went away is no news.
            let _ = connection.await;
        });
    }
}

fn answer(method: &Method, path: &str, health: &Health, metrics: &Metrics) -> Response<Full<Bytes>> {
    let state = |fine: bool| {
        if fine {
            (StatusCode::OK, "ok\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "no\n")
        }
    };
    let (status, text, kind) = match (method, path) {
        (&Method::GET, "/healthz") => {
            let (status, text) = state(health.alive.load(Ordering::Relaxed));
            (status, text.to_owned(), "text/plain")
        }
        (&Method::GET, "/readyz") => {
            let (status, text) = state(health.ready.load(Ordering::Relaxed));
            (status, text.to_owned(), "text/plain")
        }
        (&Method::GET, "/metrics") => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, metrics.text(), kind)
        }
        _ => (StatusCode::NOT_FOUND, "no\n".to_owned(), "text/plain"),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_follow_what_is_set() {
        let (health, metrics) = (Health::default(), Metrics::default());
        let status = |path: &str| answer(&Method::GET, path, &health, &metrics).status().as_u16();
        assert_eq!(
            (status("/healthz"), status("/readyz"), status("/metrics"), status("/")),
            (200, 503, 200, 404)
        );
        health.is_ready(true);
        health.is_alive(false);
        assert_eq!((status("/healthz"), status("/readyz")), (503, 200));
    }
}
