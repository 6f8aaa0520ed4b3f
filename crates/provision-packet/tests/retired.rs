//! Every error of the public endpoint says that the service is gone, and keeps its kind.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::{fmt::Debug, sync::Arc};

use provision_core::{
    BasicHost, CatalogQuery, ErrorKind, HostDeleteRequest, HostId, ListFilter, OpenPorts, Provisioner, Settings,
    UserData,
};
use provision_http::{Request, Response, Transport, TransportError, async_trait, http::HeaderMap};
use provision_packet::Packet;

const ID: &str = "9f7eafab-6f6b-4ae4-988d-c2a686367791|f3f131c8-f302-49ef-8c44-9405022dc6dd";

/// Answers every request alike, as the endpoint of a closed service might.
#[derive(Debug)]
struct Always(u16, &'static str);

#[async_trait]
impl Transport for Always {
    async fn send(&self, _: &Request, _: std::time::Duration) -> Result<Response, TransportError> {
        let Self(status, body) = *self;
        if status == 0 {
            return Err(TransportError::Connect("no such host".into()));
        }
        Ok(Response {
            status: status.try_into().unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
        })
    }
}

fn connect(endpoint: &str, always: Always) -> Packet {
    let settings = Settings::new()
        .with("token", "metal-secret-token")
        .with("project", "f3f131c8-f302-49ef-8c44-9405022dc6dd")
        .with("endpoint", endpoint);
    Packet::from_settings(&settings, Arc::new(always)).unwrap()
}

fn host() -> BasicHost {
    BasicHost::new("exit-1".parse().unwrap(), UserData::empty())
}

#[track_caller]
fn check<T: Debug>(result: provision_core::Result<T>, kind: ErrorKind, hinted: bool) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    let hints = error.to_string().matches("retired on 30 June 2026").count();
    assert_eq!(hints, usize::from(hinted), "{error}");
}

#[tokio::test]
async fn every_error_of_the_public_endpoint_says_that_the_service_is_gone() {
    let endpoints = [
        ("", true),
        ("https://api.packet.net", true),
        ("https://metal.example.com/metal/v1", false),
    ];
    let answers = [
        (0, "", ErrorKind::Unavailable),
        (
            401,
            r#"{"error":"Invalid authentication token"}"#,
            ErrorKind::Unauthorized,
        ),
        (403, "<html>", ErrorKind::Forbidden),
        (404, "<html>", ErrorKind::UnexpectedResponse),
        (410, r#"{"error":"Gone"}"#, ErrorKind::UnexpectedResponse),
        (429, "", ErrorKind::RateLimited),
        (503, "", ErrorKind::Unavailable),
        // A page where the API was.
        (200, "<html>", ErrorKind::UnexpectedResponse),
    ];
    for (endpoint, hinted) in endpoints {
        for (status, body, kind) in answers {
            let cloud = connect(endpoint, Always(status, body));
            let id: HostId = ID.parse().unwrap();
            check(cloud.provision(&host()).await, kind, hinted);
            check(cloud.status(&id).await, kind, hinted);
            check(cloud.list(&ListFilter::all()).await, kind, hinted);
            check(cloud.catalog(&CatalogQuery::all()).await, kind, hinted);
            // Whatever else answers 2xx to a deletion cannot be told from the API.
            if status != 200 {
                check(cloud.delete(&id.into()).await, kind, hinted);
            }
        }
    }
}

#[tokio::test]
async fn errors_that_no_request_brought_say_it_too() {
    for (endpoint, hinted) in [("", true), ("http://127.0.0.1:1/metal/v1", false)] {
        let cloud = connect(endpoint, Always(404, r#"{"errors":["Not found"]}"#));
        let id: HostId = ID.parse().unwrap();
        check(cloud.status(&id).await, ErrorKind::NotFound, hinted);
        check(
            cloud.status(&"x".parse().unwrap()).await,
            ErrorKind::InvalidRequest,
            hinted,
        );
        let mut closed = host();
        closed.ports = OpenPorts::Only(Vec::new());
        check(cloud.provision(&closed).await, ErrorKind::Unsupported, hinted);
        let empty = connect(endpoint, Always(200, r#"{"devices":[],"metros":[]}"#));
        let nobody = HostDeleteRequest::ip("203.0.113.1".parse().unwrap());
        check(empty.delete(&nobody).await, ErrorKind::NotFound, hinted);
        let unknown = CatalogQuery::regions().region("am");
        check(empty.catalog(&unknown).await, ErrorKind::InvalidRequest, hinted);
    }
}
