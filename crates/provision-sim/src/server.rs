//! The simulator on a socket.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    kit::answer::Answer,
    request::{Scheme, SimOutcome, SimRequest},
    tls::TlsIdentity,
};

/// Largest body that is read, bytes; more is answered with 413.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// How long a client may take for its TLS handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// What answers the requests.
pub(crate) type Handler = Arc<dyn Fn(SimRequest) -> SimOutcome + Send + Sync>;

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    scheme: Scheme,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(handler: Handler, listen: SocketAddr, tls: Option<&TlsIdentity>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let acceptor = tls.map(|tls| TlsAcceptor::from(tls.server_config()));
        let scheme = if acceptor.is_some() {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let task = tokio::spawn(accept(handler, listener, acceptor));
        Ok(Self { address, scheme, task })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How to reach it from this machine, without a trailing slash: `http://127.0.0.1:8080`.
    pub fn base_url(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        format!(
            "{}://{}",
            self.scheme.as_str(),
            SocketAddr::new(ip, self.address.port())
        )
    }

    /// Stops it: closes the listener and all connections.
    pub async fn shutdown(mut self) {
        self.task.abort();
        // An aborted task ends with an error that says so.
        drop((&mut self.task).await);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(handler: Handler, listener: TcpListener, acceptor: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Small answers must not wait for more to come.
                    drop(stream.set_nodelay(true));
                    let (handler, acceptor) = (Arc::clone(&handler), acceptor.clone());
                    connections.spawn(async move {
                        match acceptor {
                            None => talk(handler, stream, Scheme::Http, peer.ip()).await,
                            Some(acceptor) => {
                                let handshake = tokio::time::timeout(PATIENCE, acceptor.accept(stream));
                                if let Ok(Ok(stream)) = handshake.await {
                                    talk(handler, stream, Scheme::Https, peer.ip()).await;
                                }
                            }
                        }
                    });
                }
                // Out of file descriptors, most likely; a connection that ends frees one.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Ends a connection without an answer.
#[derive(Debug)]
struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("connection dropped by a fault")
    }
}

impl std::error::Error for Dropped {}

async fn talk(handler: Handler, stream: impl AsyncRead + AsyncWrite + Unpin, scheme: Scheme, peer: IpAddr) {
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { answer(&handler, request, scheme, peer).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    // Whatever ends a connection, ends only that connection.
    drop(connection.await);
}

async fn answer(
    handler: &Handler,
    request: Request<Incoming>,
    scheme: Scheme,
    peer: IpAddr,
) -> Result<Response<WireBody>, Dropped> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let answer = Answer::json(413, &json!({ "error": "simulator: the body is larger than 8 MiB" }));
            return Ok(answer
                .header("connection", "close")
                .into_response(Vec::new())
                .map(WireBody::whole));
        }
        Err(_) => return Err(Dropped),
    };
    let host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let request = SimRequest {
        method: head.method,
        scheme,
        authority: head
            .uri
            .authority()
            .map(|authority| authority.as_str())
            .or(host)
            .unwrap_or_default()
            .to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
        peer: Some(peer),
    };
    let outcome = handler(request);
    let delay = outcome.delay();
    if delay > Duration::ZERO {
        tokio::time::sleep(delay).await;
    }
    match outcome {
        SimOutcome::Answer(response) => Ok(WireBody::put_on(response)),
        SimOutcome::Drop => Err(Dropped),
    }
}

/// A body that may break off in the middle.
struct WireBody {
    data: Option<Bytes>,
    whole: u64,
    breaks: bool,
    flushed: bool,
}

impl WireBody {
    fn whole(data: Bytes) -> Self {
        let whole = u64::try_from(data.len()).unwrap_or(u64::MAX);
        Self {
            data: Some(data),
            whole,
            breaks: false,
            flushed: false,
        }
    }

    /// Gives a response its body; one that is shorter than its announced length will break off.
    fn put_on(response: Response<Bytes>) -> Response<Self> {
        let announced = response.headers().get(http::header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        response.map(|data| {
            let mut body = Self::whole(data);
            if let Some(announced) = announced.filter(|announced| *announced > body.whole) {
                body.whole = announced;
                body.breaks = true;
            }
            body
        })
    }
}

impl Body for WireBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if !self.breaks {
            return Poll::Ready(None);
        }
        // Pause once, so that what was given is sent before the connection ends.
        if !self.flushed {
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.breaks = false;
        Poll::Ready(Some(Err(Dropped)))
    }

    fn is_end_stream(&self) -> bool {
        !self.breaks && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.whole)
    }
}
