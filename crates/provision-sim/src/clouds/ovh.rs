//! OVHcloud Public Cloud: instances of one project, API v1.
//!
//! Facts from the API's schema (<https://eu.api.ovh.com/console/?section=%2Fcloud&branch=v1>) and the official clients
//! (<https://github.com/ovh/go-ovh>, <https://github.com/ovh/python-ovh>); points marked UNCONFIRMED are not proven by a
//! source. Every list is whole: the API has no pages.

mod auth;
mod catalog;
mod instances;
mod keys;
mod state;

use serde_json::{Value, json};

use self::{auth::Access, state::State};
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::{
        answer::Answer,
        fields::{BodyError, FieldError, Fields},
    },
    record::Item,
};

const ID: &str = "ovh";
/// The account's only project.
const PROJECT: &str = "5ec0ffee5ec0ffee5ec0ffee5ec0ffee";

/// The cloud.
pub(crate) struct Ovh;

impl Cloud for Ovh {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            // One account stands for all three endpoints; at OVHcloud each has its own.
            hosts: &["eu.api.ovh.com", "ca.api.ovh.com", "api.us.ovhcloud.com", "api.ovh.com"],
            endpoint_path: "/ovh/1.0",
            settings: &[
                ("application-key", auth::APPLICATION_KEY),
                ("application-secret", auth::APPLICATION_SECRET),
                ("consumer-key", auth::CONSUMER_KEY),
                ("project", PROJECT),
            ],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        let segments = call.segments.clone();
        let ["1.0" | "v1", rest @ ..] = segments.as_slice() else {
            return Err(no_such_url());
        };
        match (call.request.method.as_str(), rest) {
            ("GET", ["auth", "time"]) => return Ok(Answer::json(200, &json!(call.now / 1_000))),
            ("GET", ["order", "catalog", "public", "cloud"]) => return catalog::prices(call),
            _ => {}
        }
        match auth::check(call)? {
            Access::ReadOnly if call.method() != "GET" => {
                return Err(refusal(403, "NOT_GRANTED_CALL", "This call has not been granted"));
            }
            Access::Full | Access::ReadOnly => {}
        }
        match (call.request.method.as_str(), rest) {
            ("GET", ["me"]) => Ok(me()),
            ("GET", ["cloud", "project"]) => Ok(Answer::json(200, &json!([PROJECT]))),
            (_, ["cloud", "project", project, ..]) if *project != PROJECT => {
                Err(error(404, "Client::NotFound", "This service does not exist"))
            }
            (_, ["cloud", "project", _, rest @ ..]) => in_project(call, state, rest),
            _ => Err(no_such_url()),
        }
    }

    fn trouble(&self, _call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            // UNCONFIRMED: the body, and whether there is a `Retry-After`.
            Trouble::RateLimited(retry_after) => {
                let answer = error(429, "Client::TooManyRequests", "Too many requests, please retry later");
                match retry_after {
                    Some(seconds) => answer.header("retry-after", seconds.to_string()),
                    None => answer,
                }
            }
            Trouble::ServerError(503) => error(503, "Server::ServiceUnavailable", "Service unavailable"),
            Trouble::ServerError(status) => error(status, "Server::InternalServerError", "Internal server error"),
            Trouble::Unauthorized => auth::unknown_consumer(),
        }
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        vec![("x-ovh-queryid", format!("EU.ext-1.{}", call.request_id))]
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

fn in_project(call: &mut Call<'_>, state: &mut State, path: &[&str]) -> Handled {
    match (call.request.method.as_str(), path) {
        ("GET", []) => Ok(Answer::json(
            200,
            &json!({ "project_id": PROJECT, "projectName": "sim", "description": "sim", "status": "ok",
                "planCode": "project.2018", "access": "full", "unleash": false, "manualQuota": false }),
        )),
        ("GET", ["region"]) => Ok(Answer::json(200, &json!(catalog::REGIONS))),
        ("GET", ["region", name]) => catalog::region(name),
        ("GET", ["flavor"]) => catalog::flavors(call),
        ("GET", ["flavor", id]) => catalog::get_flavor(id),
        ("GET", ["image"]) => catalog::images(call),
        ("GET", ["image", id]) => catalog::get_image(id),
        ("GET", ["sshkey"]) => Ok(keys::list(state)),
        ("POST", ["sshkey"]) => keys::create(call, state),
        ("GET", ["sshkey", id]) => keys::get(state, id),
        ("DELETE", ["sshkey", id]) => keys::delete(state, id),
        ("GET", ["instance"]) => instances::list(call, state),
        ("POST", ["instance"]) => instances::create(call, state),
        ("GET", ["instance", id]) => instances::get(call, state, id),
        ("PUT", ["instance", id]) => instances::rename(call, state, id),
        ("DELETE", ["instance", id]) => instances::delete(call, state, id),
        (
            "POST",
            [
                "instance",
                id,
                action @ ("start" | "stop" | "shelve" | "unshelve" | "reboot"),
            ],
        ) => instances::act(call, state, id, action),
        _ => Err(no_such_url()),
    }
}

fn me() -> Answer {
    Answer::json(
        200,
        &json!({ "nichandle": "si12345-ovh", "ovhSubsidiary": "IE", "country": "IE", "email": "sim@example.com",
            "firstname": "Sim", "name": "Account", "state": "complete", "language": "en_GB",
            "currency": { "code": "EUR", "symbol": "EUR" } }),
    )
}

/// An error of the service: with a class.
fn error(status: u16, class: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "class": class, "message": message, "details": {} }))
}

/// An error of the gateway: with a code.
fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let reason = match status {
        400 => "400 Bad Request",
        _ => "403 Forbidden",
    };
    Answer::json(
        status,
        &json!({ "errorCode": code, "httpCode": reason, "message": message }),
    )
}

fn bad_request(message: &str) -> Answer {
    error(400, "Client::BadRequest", message)
}

fn not_found(what: &str) -> Answer {
    error(404, "Client::NotFound", &format!("{what} not found"))
}

fn no_such_url() -> Answer {
    error(404, "Client::NotFound", "Got an invalid (or empty) URL")
}

/// The body of a request, all of whose fields must be known; wording UNCONFIRMED.
fn body(call: &Call<'_>, known: &[&str]) -> Result<Fields, Answer> {
    let fields = call.json().map_err(|problem| match problem {
        BodyError::Malformed(problem) => bad_request(&format!("Received body is not valid JSON: {problem}")),
        BodyError::Empty | BodyError::NotAnObject => bad_request("Received body is not a JSON object"),
    })?;
    match fields.unknown(known) {
        Some(field) => Err(bad_request(&format!("Received not described parameters: ({field})"))),
        None => Ok(fields),
    }
}

/// A text that has to be there; wording UNCONFIRMED.
fn required<'a>(fields: &'a Fields, field: &str) -> Result<&'a str, Answer> {
    let text = fields.text(field).map_err(|problem| wrong_type(&problem))?;
    text.filter(|text| !text.is_empty())
        .ok_or_else(|| bad_request(&format!("Missing parameter: {field}")))
}

/// A field of the wrong type; wording UNCONFIRMED.
fn wrong_type(problem: &FieldError) -> Answer {
    bad_request(&format!("[{}] Given data is not a {}", problem.field, problem.expected))
}

fn list(items: Vec<Value>) -> Answer {
    Answer::json(200, &Value::Array(items))
}
