//! Packet, later Equinix Metal: devices of one project, API `metal/v1`. The service closed on 2026-06-30.
//!
//! Facts from the last published specification
//! (<https://github.com/equinix/equinix-sdk-go/tree/v0.66.0/spec/services/metalv1/oas3.fetched>) and from the official clients
//! (<https://github.com/packethost/packngo>, <https://github.com/packethost/packet-python>); points marked UNCONFIRMED are
//! not proven by a source. Errors have no codes: a text, or a list of texts.

mod catalog;
mod create;
mod devices;
mod keys;
mod state;

use serde_json::{Value, json};

use self::state::State;
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::{
        access::{Access, token_access},
        answer::Answer,
        fields::{BodyError, FieldError, Fields},
        limit::Limit,
        page::Page,
    },
    record::Item,
};

const ID: &str = "packet";
/// The project of the account.
const PROJECT: &str = "5ec0ffee-0001-4000-8000-5ec0ffee5ec0";
/// A project of somebody else's, which `sim-token-packet-other` is the key of.
const OTHER_PROJECT: &str = "5ec0ffee-0002-4000-8000-5ec0ffee5ec0";
/// The user that the account's keys belong to.
const USER: &str = "5ec0ffee-0003-4000-8000-5ec0ffee5ec0";
/// The host whose paths have no prefix.
const OLD_HOST: &str = "api.packet.net";
/// Devices that the project may have.
const DEVICE_LIMIT: usize = 10_000;
/// Requests for which the rate limit's headers count; the real numbers were never published.
const RATE_LIMIT: u64 = 5_000;

const LIMITS: &[Limit] = &[Limit::new(5_000, 3_600)];

/// The cloud.
pub(crate) struct Packet;

impl Cloud for Packet {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["api.equinix.com", OLD_HOST],
            endpoint_path: "/packet/metal/v1",
            settings: &[("token", "sim-token-packet"), ("project", PROJECT)],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        let segments = call.segments.clone();
        let path = match segments.as_slice() {
            ["metal", "v1", path @ ..] => path,
            path if call.prefix.is_empty() && call.request.authority.starts_with(OLD_HOST) => path,
            _ => return Err(not_found()),
        };
        let own = own_project(call)?;
        match (call.request.method.as_str(), path) {
            ("GET", ["projects"]) => Ok(page(call, "projects", vec![own], project)?),
            (_, ["projects", id, ..]) if *id != PROJECT && *id != OTHER_PROJECT => Err(not_found()),
            (_, ["projects", id, ..]) if *id != own => Err(forbidden("view this project")),
            ("GET", ["projects", id]) => Ok(Answer::json(200, &project(id))),
            ("GET", ["projects", id, "devices"]) => devices::list(call, state, id),
            ("POST", ["projects", id, "devices"]) => create::create(call, state, id),
            ("GET", ["projects", id, "ssh-keys"]) => Ok(keys::list(state, id)),
            ("POST", ["projects", id, "ssh-keys"]) => keys::create(call, state, id),
            ("GET", ["ssh-keys", id]) => keys::get(state, own, id),
            ("DELETE", ["ssh-keys", id]) => keys::delete(state, own, id),
            ("GET", ["devices", id]) => devices::get(call, state, own, id),
            ("PUT" | "PATCH", ["devices", id]) => devices::update(call, state, own, id),
            ("DELETE", ["devices", id]) => devices::delete(call, state, own, id),
            ("POST", ["devices", id, "actions"]) => devices::act(call, state, own, id),
            ("GET", ["plans"]) => Ok(Answer::json(200, &json!({ "plans": catalog::plans() }))),
            ("GET", ["operating-systems"]) => Ok(Answer::json(
                200,
                &json!({ "operating_systems": catalog::operating_systems() }),
            )),
            ("GET", ["locations", "metros"]) => Ok(Answer::json(200, &json!({ "metros": catalog::metros() }))),
            ("GET", ["capacity", "metros"]) => Ok(Answer::json(200, &json!({ "capacity": catalog::capacity() }))),
            ("POST", ["capacity", "metros"]) => catalog::check_capacity(call),
            ("GET", ["user"]) => Ok(Answer::json(200, &user_lite())),
            _ => Err(not_found()),
        }
    }

    fn trouble(&self, call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            // Whether there is a `retry-after` is UNCONFIRMED: only the headers that clients are known to read.
            Trouble::RateLimited(retry_after) => {
                let reset = call.now / 1_000 + retry_after.unwrap_or(60);
                error(429, "Too many requests")
                    .header("x-ratelimit-remaining", "0")
                    .header("x-ratelimit-reset", reset.to_string())
            }
            Trouble::ServerError(503) => error(503, "Service unavailable"),
            Trouble::ServerError(status) => errors(
                status,
                &["Oh snap, something went wrong! We've logged the error and will take a look"],
            ),
            Trouble::Unauthorized => error(401, "Invalid authentication token"),
        }
    }

    fn limits(&self) -> &'static [Limit] {
        LIMITS
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        let counted = RATE_LIMIT - call.served % RATE_LIMIT;
        let left = call.left(0).map_or(counted, |left| left.requests);
        vec![
            ("x-request-id", call.request_id.clone()),
            ("x-ratelimit-limit", RATE_LIMIT.to_string()),
            ("x-ratelimit-remaining", left.to_string()),
            ("x-ratelimit-reset", (call.now / 1_000 + 60).to_string()),
        ]
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

/// The project that the token of a request sees.
fn own_project(call: &Call<'_>) -> Result<&'static str, Answer> {
    let token = call.header("x-auth-token");
    if token == Some("sim-token-packet-other") {
        return Ok(OTHER_PROJECT);
    }
    match token_access(token, ID) {
        Access::Full => Ok(PROJECT),
        Access::ReadOnly if call.method() == "GET" => Ok(PROJECT),
        Access::ReadOnly => Err(forbidden("do this with a read-only API key")),
        Access::None => Err(error(401, "Invalid authentication token")),
    }
}

fn project(id: &str) -> Value {
    json!({ "id": id, "name": "sim", "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
        "max_devices": {}, "members": [{ "href": format!("/metal/v1/users/{USER}") }], "memberships": [],
        "network_status": {}, "payment_method": null, "href": format!("/metal/v1/projects/{id}") })
}

/// What devices tell about the user who made them.
fn user_lite() -> Value {
    json!({ "id": USER, "short_id": "5ec0ffee", "first_name": "Sim", "last_name": "Account", "full_name": "Sim Account",
        "email": "sim@example.com", "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
        "href": format!("/metal/v1/users/{USER}") })
}

/// A refusal with one text.
fn error(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({ "error": text }))
}

/// A refusal with all that is wrong.
fn errors(status: u16, texts: &[impl AsRef<str>]) -> Answer {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    Answer::json(status, &json!({ "errors": texts }))
}

fn unprocessable(text: &str) -> Answer {
    errors(422, &[text])
}

/// The exact text is UNCONFIRMED.
fn not_found() -> Answer {
    errors(404, &["Not found"])
}

fn forbidden(what: &str) -> Answer {
    error(403, &format!("You are not authorized to {what}"))
}

/// The body of a request; wording of the refusals UNCONFIRMED. A request without a body has no fields.
fn body(call: &Call<'_>) -> Result<Fields, Answer> {
    match call.json() {
        Err(BodyError::Empty) => Ok(Fields::default()),
        Err(BodyError::Malformed(_) | BodyError::NotAnObject) => Err(error(400, "The request body is not valid JSON")),
        Ok(fields) => Ok(fields),
    }
}

/// A field of the wrong type; wording UNCONFIRMED.
fn wrong_type(problem: &FieldError) -> Answer {
    unprocessable(&format!("{} must be of type {}", problem.field, problem.expected))
}

/// Whether a text is a UUID in lower case.
fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// One page of a list, with links to the others that start at the version path, whatever the prefix.
fn page<T>(call: &Call<'_>, name: &str, list: Vec<T>, show: impl Fn(T) -> Value) -> Handled {
    // The schema allows 1,000 on a page; its description says that no more than 100 come.
    let number = |parameter: &str, default: u64, most: u64| match call.query.number(parameter) {
        Ok(None) => Ok(default),
        Ok(Some(number)) if (1..=most).contains(&number) => Ok(number),
        // Wording UNCONFIRMED.
        _ => Err(unprocessable(&format!("{parameter} must be between 1 and {most}"))),
    };
    let (at, size) = (number("page", 1, 100_000)?, number("per_page", 10, 1_000)?.min(100));
    let path = call.path.trim_start_matches("/metal/v1");
    let link = |number: u64| {
        let query = call.query.with(&[("page", number.to_string())]);
        json!({ "href": format!("/metal/v1{path}?{query}") })
    };
    let page = Page::cut(list, at, size);
    let meta = json!({
        "self": link(page.number), "first": link(1), "last": link(page.last),
        "previous": page.previous().map(link), "next": page.next().map(link),
        "total": page.total, "current_page": page.number, "last_page": page.last,
    });
    let items: Vec<Value> = page.items.into_iter().map(show).collect();
    Ok(Answer::json(200, &json!({ name: items, "meta": meta })))
}
