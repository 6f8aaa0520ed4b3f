//! Every error of the public endpoint says that the service is gone, and keeps its kind.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::{fmt::Debug, sync::Arc};

use provision_core::{BasicHost, CatalogQuery, ErrorKind, HostId, ListFilter, Provisioner, Settings, UserData};
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
        Ok(Response::new(status.try_into().unwrap(), HeaderMap::new(), body))
    }
}

fn connect(endpoint: &str, always: Always) -> impl Provisioner {
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

/// As far as they come from here: what is checked for every cloud alike knows nothing of this one's end.
#[tokio::test]
async fn errors_that_no_request_brought_say_it_too() {
    for (endpoint, hinted) in [("", true), ("http://127.0.0.1:1/metal/v1", false)] {
        let cloud = connect(endpoint, Always(404, r#"{"errors":["Not found"]}"#));
        let id: HostId = "x".parse().unwrap();
        check(cloud.status(&id).await, ErrorKind::InvalidRequest, hinted);
        check(cloud.delete(&id.into()).await, ErrorKind::InvalidRequest, hinted);
        let with_key = host().with_ssh_keys(["laptop"]);
        check(cloud.provision(&with_key).await, ErrorKind::InvalidRequest, hinted);
    }
}
