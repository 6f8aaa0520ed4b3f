//! Azure over the core, without a transport.

mod access;
mod deployments;

use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use serde_json::{Value, json};

use super::{CLIENT, SECRET, SUBSCRIPTION, TENANT};
use crate::{Clock, Sim, SimOutcome, SimRequest};

struct World {
    sim: Sim,
    token: String,
}

fn world() -> World {
    let clock = Clock::manual(UNIX_EPOCH + Duration::from_secs(1_795_168_800));
    let sim = Sim::builder()
        .clock(clock)
        .boot_time(Duration::from_secs(20))
        .delete_time(Duration::from_secs(5))
        .build()
        .unwrap();
    let token = token(&sim, CLIENT);
    World { sim, token }
}

fn form(sim: &Sim, path: &str, body: &str) -> (u16, Value) {
    let request = SimRequest::new(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned());
    let (status, _, body) = answer(sim.handle(request));
    (status, body)
}

fn token(sim: &Sim, client: &str) -> String {
    let body = format!(
        "grant_type=client_credentials&client_id={client}&client_secret={SECRET}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default&client_info=1"
    );
    let (status, body) = form(sim, &format!("/azure/{TENANT}/oauth2/v2.0/token"), &body);
    assert_eq!((status, body["expires_in"].as_u64()), (200, Some(3_599)), "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

fn answer(outcome: SimOutcome) -> (u16, http::HeaderMap, Value) {
    let answer = outcome.answer().unwrap();
    let body = serde_json::from_slice(answer.body()).unwrap_or_default();
    (answer.status().as_u16(), answer.headers().clone(), body)
}

impl World {
    fn whole(&self, method: Method, target: &str, body: Option<&Value>) -> (u16, http::HeaderMap, Value) {
        let request = SimRequest::new(method, target).bearer(&self.token);
        answer(self.sim.handle(match body {
            Some(body) => request.json(body),
            None => request,
        }))
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let query = if path.contains('?') { "&" } else { "?" };
        let target = format!("/azure/subscriptions/{SUBSCRIPTION}{path}{query}api-version=2021-04-01");
        let (status, _, body) = self.whole(method, &target, body);
        (status, body)
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn group(&self, name: &str) {
        let body = json!({"location": "eastus", "tags": {"managed-by": "provision", "host": name}});
        let (status, body) = self.call(Method::PUT, &format!("/resourcegroups/{name}"), Some(&body));
        assert_eq!(status, 201, "{body}");
    }

    fn deploy(&self, group: &str, body: &Value) -> (u16, Value) {
        let path = format!("/resourcegroups/{group}/providers/Microsoft.Resources/deployments/web");
        self.call(Method::PUT, &path, Some(body))
    }

    fn advance(&self, seconds: u64) {
        self.sim.clock().advance(Duration::from_secs(seconds));
    }
}
