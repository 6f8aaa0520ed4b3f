//! The scripted transport fails where a script is not followed, and shows what came instead.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use provision_http::{Request, Transport, TransportError};
use provision_testkit::{ScriptedTransport, Step};
use serde_json::json;

fn request(path: &str) -> Request {
    Request::post("create", format!("https://api.example.com{path}").parse().unwrap())
        .json(&json!({"name": "web-1", "root_pass": "hunter2"}))
        .unwrap()
        .secret_header("authorization", "Bearer hunter2")
        .unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work)
}

fn send(script: &ScriptedTransport, request: &Request) -> Result<provision_http::Response, TransportError> {
    block_on(script.send(request, Duration::from_secs(1)))
}

/// The message with which something panics.
fn panics(work: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(AssertUnwindSafe(work)).expect_err("it should panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

#[test]
fn a_script_that_is_followed_gives_its_answers_and_remembers_the_requests() {
    let script = ScriptedTransport::new([
        Step::post("/hosts")
            .query("zone", "a b")
            .header("authorization", "Bearer hunter2")
            .json(json!({"root_pass": "hunter2", "name": "web-1"}))
            .answer(201, json!({"id": 7}))
            .answer_header("x-request-id", "r-1"),
        Step::post("/hosts").interrupted(),
        Step::post("/hosts").no_connection(),
        Step::post("/hosts").times_out(),
    ]);
    let answer = send(&script, &request("/hosts?zone=a%20b")).unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (201, &b"{\"id\":7}"[..]));
    assert_eq!(answer.headers["x-request-id"], "r-1");
    let plain = request("/hosts");
    assert!(matches!(send(&script, &plain), Err(TransportError::Interrupted(_))));
    assert!(matches!(send(&script, &plain), Err(TransportError::Connect(_))));
    assert!(matches!(send(&script, &plain), Err(TransportError::Timeout)));
    assert_eq!(script.requests().len(), 4);
    script.finish();
}

#[test]
fn every_deviation_is_shown_without_secrets() {
    let deviations = [
        (Step::get("/hosts"), "expects GET /hosts here, and another request came"),
        (Step::post("/servers"), "expects POST /servers here"),
        (Step::post("/hosts").query("page", "2"), "`page=2` is not in its query"),
        (Step::post("/hosts").header("x-zone", "a"), "header `x-zone`"),
        (Step::post("/hosts").json(json!({})), "its body is not the JSON"),
        (Step::post("/hosts").body("x"), "its body is not \"x\""),
    ];
    for (step, expected) in deviations {
        let script = ScriptedTransport::new([step]);
        let message = panics(|| drop(send(&script, &request("/hosts"))));
        assert!(message.contains(expected), "{message}");
        assert!(
            message.contains("POST /hosts") && message.contains("web-1"),
            "the request is shown: {message}"
        );
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_request_too_many_fails() {
    let script = ScriptedTransport::new([]);
    let message = panics(|| drop(send(&script, &request("/hosts"))));
    assert!(message.contains("expects no further request"), "{message}");
}

#[test]
fn steps_that_are_left_fail_at_the_end() {
    let script = ScriptedTransport::new([Step::delete("/hosts/7"), Step::get("/hosts")]);
    let message = panics(|| script.finish());
    assert!(
        message.contains("further requests: DELETE /hosts/7, GET /hosts"),
        "{message}"
    );

    let dropped = panics(|| drop(ScriptedTransport::new([Step::get("/hosts")])));
    assert!(dropped.contains("further requests: GET /hosts"), "{dropped}");
}
