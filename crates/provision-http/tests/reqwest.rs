//! The transport that really sends requests, against servers on the loopback address.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not count as tests"
)]
#![cfg(feature = "reqwest")]

use std::{error::Error as _, net::SocketAddr, time::Duration};

use http::Method;
use provision_http::{Endpoint, Request, ReqwestTransport, Transport, TransportError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

const SOON: Duration = Duration::from_secs(10);

fn request(verb: Method, base: &str, path: &str) -> Request {
    let endpoint = Endpoint::parse(base, false).unwrap();
    Request::new("test", verb, endpoint.join(path.split('/')))
}

/// A server that answers the first connection with these bytes and closes it; how many connections came is counted.
async fn raw_server(answer: Vec<u8>, keep_open: bool) -> (SocketAddr, tokio::task::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let mut connections = 0;
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections += 1;
            let mut head = [0; 4096];
            let read = stream.read(&mut head).await.unwrap();
            if head[..read].starts_with(b"DELETE /count ") {
                let text = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-count: {connections}\r\n\r\n");
                stream.write_all(text.as_bytes()).await.unwrap();
                return connections;
            }
            stream.write_all(&answer).await.unwrap();
            if keep_open {
                open.push(stream);
            }
        }
    });
    (address, served)
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server = MockServer::start().await;
    let elsewhere = MockServer::start().await;
    for verb in [Method::GET, Method::POST] {
        let template = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
        Mock::given(method(verb.as_str()))
            .respond_with(template)
            .mount(&server)
            .await;
        let transport = ReqwestTransport::new().unwrap();
        let answer = transport
            .send(&request(verb, &server.uri(), "hosts"), SOON)
            .await
            .unwrap();
        assert_eq!(answer.status, 307);
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_compressed_answer_is_unpacked() {
    // printf '{"ok":true}' | gzip -n
    const PACKED: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xab, 0x56, 0xca, 0xcf, 0x56, 0xb2, 0x2a, 0x29,
        0x2a, 0x4d, 0xad, 0x05, 0x00, 0x90, 0x5f, 0xd4, 0xa7, 0x0b, 0x00, 0x00, 0x00,
    ];
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_raw(PACKED, "application/json");
    Mock::given(path("/packed"))
        .and(header("accept-encoding", "gzip"))
        .respond_with(template)
        .mount(&server)
        .await;
    let transport = ReqwestTransport::new().unwrap();
    let answer = transport
        .send(&request(Method::GET, &server.uri(), "packed"), SOON)
        .await
        .unwrap();
    assert_eq!(&answer.body[..], b"{\"ok\":true}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_and_nothing_is_sent_again() {
    for verb in [Method::GET, Method::POST] {
        for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":"] {
            let (address, served) = raw_server(answer.into(), false).await;
            let base = format!("http://{address}");
            let transport = ReqwestTransport::new().unwrap();
            let error = transport
                .send(&request(verb.clone(), &base, "hosts"), SOON)
                .await
                .unwrap_err();
            assert!(matches!(error, TransportError::Interrupted(_)), "{error:?}");
            let count = transport
                .send(&request(Method::DELETE, &base, "count"), SOON)
                .await
                .unwrap();
            assert_eq!(count.headers["x-count"], "2", "{verb}: one connection, and this one");
            assert_eq!(served.await.unwrap(), 2);
        }
    }
}

#[tokio::test]
async fn no_connection_is_told_apart_because_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let transport = ReqwestTransport::new().unwrap();
    let error = transport
        .send(&request(Method::GET, &base, "hosts/secret-path"), SOON)
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Connect(_)), "{error:?}");
    let mut told = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        told.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    assert!(!told.contains("secret-path"), "{told}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_ends_with_the_timeout() {
    let (address, served) = raw_server(Vec::new(), true).await;
    let transport = ReqwestTransport::new().unwrap();
    let error = transport
        .send(
            &request(Method::GET, &format!("http://{address}"), "hosts"),
            Duration::from_millis(50),
        )
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Timeout), "{error:?}");
    served.abort();
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4000000000\r\n\r\n".to_vec();
    answer.resize(65 * 1024 * 1024, b' ');
    let (address, served) = raw_server(answer, true).await;
    let transport = ReqwestTransport::new().unwrap();
    let error = transport
        .send(&request(Method::GET, &format!("http://{address}"), "hosts"), SOON)
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::TooLarge { .. }), "{error:?}");
    served.abort();
}

/// Nothing listens on the discard port: a request that went through this proxy would fail.
#[test]
fn loopback_addresses_are_reached_without_a_proxy() {
    const INNER: &str = "PROVISION_TEST_BEHIND_PROXY";
    if std::env::var_os(INNER).is_none() {
        // The proxy is read from the environment, which a test cannot change for itself.
        let inner = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "loopback_addresses_are_reached_without_a_proxy"])
            .env(INNER, "1")
            .env("HTTP_PROXY", "http://127.0.0.1:9")
            .env("http_proxy", "http://127.0.0.1:9")
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .output()
            .unwrap();
        assert!(inner.status.success(), "{}", String::from_utf8_lossy(&inner.stdout));
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(204))
            .mount(&server)
            .await;
        let transport = ReqwestTransport::new().unwrap();
        let answer = transport
            .send(&request(Method::GET, &server.uri(), "hosts"), SOON)
            .await
            .unwrap();
        assert_eq!(answer.status, 204);
    });
}
