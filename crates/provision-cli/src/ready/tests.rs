use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Mutex,
};

use provision::{http::ReqwestTransport, wait::BoxFuture};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn check(text: &str) -> Check {
    text.parse().unwrap()
}

fn url(text: &str, ip: IpAddr) -> String {
    check(text).kind.url(ip).unwrap().to_string()
}

#[test]
fn a_check_without_a_host_is_of_the_new_host() {
    let v4 = IpAddr::from([203, 0, 113, 7]);
    let v6: IpAddr = "2001:db8::7".parse().unwrap();
    assert_eq!(url("http://:80/path?x=1", v4), "http://203.0.113.7/path?x=1");
    assert_eq!(url("http://", v4), "http://203.0.113.7/");
    assert_eq!(url("https:///ready", v6), "https://[2001:db8::7]/ready");
    assert_eq!(url("https://:8443", v6), "https://[2001:db8::7]:8443/");
    assert_eq!(url("https://web.example.com", v4), "https://web.example.com/");
    assert_eq!(url("http://web.example.com:81/a", v4), "http://web.example.com:81/a");
    assert_eq!(check("tcp:22"), check("tcp:22"));
    assert_eq!(check("tcp://:22").kind, check("tcp:22").kind);
    let named = Kind::Tcp {
        host: Some("::1".to_owned()),
        port: 22,
    };
    assert_eq!(check("tcp:[::1]:22").kind, named);
}

#[test]
fn what_is_no_check_is_refused() {
    for text in [
        "",
        "22",
        "tcp:",
        "tcp:0",
        "tcp:70000",
        "tcp:ssh",
        "udp:53",
        "ftp://:21/",
        "http:80",
        "http://:port/",
        "http://:80@evil.example.com/",
        "http://user:secret@web.example.com/",
        "https://we b/",
    ] {
        let refused = text.parse::<Check>().unwrap_err();
        assert!(refused.contains("tcp:22"), "{text}: {refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}

/// Time that passes only by sleeping.
#[derive(Default)]
struct Clock(Mutex<Duration>);

impl Timer for Clock {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        *self.0.lock().unwrap() += time;
        Box::pin(tokio::task::yield_now())
    }
}

/// Answers each connection with the next status, the last one again and again.
async fn serve(statuses: &'static [u16]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for at in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let status = statuses[at.min(statuses.len() - 1)];
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

/// A port on which nobody listens.
async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}

async fn ask(checks: &[Check]) -> (Result<(), String>, Vec<String>) {
    let mut shown = Vec::new();
    let ended = until_all_answer(
        checks,
        LOOPBACK,
        &ReqwestTransport::new().unwrap(),
        &Clock::default(),
        Duration::from_secs(10),
        |line| shown.push(line.to_owned()),
    )
    .await;
    (ended, shown)
}

#[tokio::test]
async fn an_open_port_answers_and_a_closed_one_does_not() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let open = format!("tcp:{}", listener.local_addr().unwrap().port());
    let (ended, shown) = ask(&[check(&open)]).await;
    assert_eq!((ended, shown), (Ok(()), vec![format!("{open} answers")]));

    let closed = format!("tcp:{}", free_port().await);
    let (ended, shown) = ask(&[check(&closed)]).await;
    let refused = ended.unwrap_err();
    assert!(
        refused.starts_with(&format!("{closed} did not answer: Connection refused")),
        "{refused}"
    );
    // At 0, 2, 4, 6, 8 and 10 seconds.
    assert_eq!(shown.len(), 6);
}

#[tokio::test]
async fn a_page_that_is_not_there_yet_is_asked_for_again() {
    let address = serve(&[503, 404, 301]).await;
    let text = format!("http://:{}/ready", address.port());
    let (ended, shown) = ask(&[check(&text)]).await;
    assert_eq!(ended, Ok(()));
    let expected = [
        format!("waiting for {text}: it answers 503"),
        format!("waiting for {text}: it answers 404"),
        format!("{text} answers"),
    ];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn everything_has_to_answer() {
    let good = serve(&[200]).await;
    let bad = serve(&[500]).await;
    let checks = [good, bad].map(|address| check(&format!("http://127.0.0.1:{}/", address.port())));
    let (ended, _) = ask(&checks).await;
    assert_eq!(ended, Err(format!("{} did not answer: it answers 500", checks[1])));
}

#[tokio::test]
async fn an_address_needs_no_certificate_of_its_own_and_a_name_does() {
    let sim = provision_sim::Sim::builder().build().unwrap();
    let identity = provision_sim::TlsIdentity::generate().unwrap();
    let server = sim
        .serve_tls(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), &identity)
        .await
        .unwrap();
    let port = server.base_url().rsplit(':').next().unwrap().to_owned();
    let (ended, _) = ask(&[check(&format!("https://:{port}/"))]).await;
    assert_eq!(ended, Ok(()));
    let (ended, _) = ask(&[check(&format!("https://localhost:{port}/"))]).await;
    assert!(ended.is_err(), "{ended:?}");
}

#[test]
fn ipv6_addresses_stand_in_brackets() {
    let ip = IpAddr::V6(Ipv6Addr::LOCALHOST);
    assert_eq!(url("http://:8080/", ip), "http://[::1]:8080/");
}
