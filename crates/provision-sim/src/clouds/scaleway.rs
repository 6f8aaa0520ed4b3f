//! Scaleway: Instance API v1, marketplace v2, and as much of the block storage API as leftovers need.
//!
//! Facts from <https://www.scaleway.com/en/developers/api/instance/> and the recordings in the vendor's own SDK, CLI and
//! Terraform repositories (2025-11 to 2026-08); points marked UNCONFIRMED are not proven by one.

mod actions;
mod catalog;
mod groups;
mod lists;
mod servers;
mod state;
mod user_data;
mod volumes;

use serde_json::{Value, json};

use self::state::State;
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::{
        answer::Answer,
        fields::{BodyError, FieldError, Fields},
        text::rfc3339,
    },
    record::Item,
};

const ID: &str = "scaleway";
/// Secret keys are UUIDs, and SDKs check that.
const SECRET_KEY: &str = "7f2d1c3a-0b4e-4c5d-9e6f-1a2b3c4d5e6f";
/// A key that may read only.
const READ_ONLY_KEY: &str = "7f2d1c3a-0b4e-4c5d-9e6f-1a2b3c4d5e70";
/// The only project; the organisation has the same id, as that of a personal account does.
const PROJECT: &str = "11111111-1111-4111-8111-111111111111";

/// The cloud.
pub(crate) struct Scaleway;

impl Cloud for Scaleway {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["api.scaleway.com"],
            endpoint_path: "/scaleway",
            settings: &[
                ("secret-key", SECRET_KEY),
                ("access-key", "SCW5IMULAT0R00000000"),
                ("project", PROJECT),
            ],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        match call.header("x-auth-token") {
            Some(SECRET_KEY) => {}
            Some(READ_ONLY_KEY) if call.method() == "GET" => {}
            Some(READ_ONLY_KEY) => return Err(forbidden("compute", "write")),
            _ => return Err(self.trouble(call, Trouble::Unauthorized)),
        }
        let segments = call.segments.clone();
        match segments.as_slice() {
            ["marketplace", "v2", rest @ ..] => match (call.method(), rest) {
                ("GET", ["images"]) => catalog::list_images(call),
                ("GET", ["local-images"]) => catalog::list_local_images(call),
                ("GET", ["local-images", id]) => catalog::get_local_image(id),
                _ => Err(unknown_path()),
            },
            ["instance", "v1", "zones", zone, rest @ ..] => match catalog::zone(zone) {
                Some(zone) => instance(call, state, zone, rest),
                None => Err(unknown_zone(zone)),
            },
            ["block", "v1" | "v1alpha1", "zones", zone, "volumes", rest @ ..] => match (call.method(), rest) {
                ("GET", []) => volumes::list_block(call, state, zone),
                ("GET", [id]) => volumes::get_block(state, zone, id),
                ("DELETE", [id]) => volumes::delete_block(state, zone, id),
                _ => Err(unknown_path()),
            },
            _ => Err(unknown_path()),
        }
    }

    fn trouble(&self, _call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            // The gateway's own answer: no body, no `retry-after`.
            Trouble::RateLimited(_) => Answer::empty(429).header("x-envoy-ratelimited", "true"),
            Trouble::ServerError(503) => Answer::text(503, "upstream connect error or disconnect/reset before headers"),
            // UNCONFIRMED: the type of a fault.
            Trouble::ServerError(status) => error(status, "internal_error", "internal error", json!({})),
            Trouble::Unauthorized => error(
                401,
                "denied_authentication",
                "authentication is denied",
                json!({ "method": "api_key", "reason": "not_found" }),
            ),
        }
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        vec![
            ("x-request-id", call.request_id.clone()),
            ("server", "Scaleway API Gateway (fr-par-1;edge01)".to_owned()),
        ]
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

fn instance(call: &mut Call<'_>, state: &mut State, zone: &'static str, rest: &[&str]) -> Handled {
    match (call.request.method.as_str(), rest) {
        ("POST", ["servers"]) => servers::create(call, state, zone),
        ("GET", ["servers"]) => servers::list(call, state, zone),
        ("GET", ["servers", id]) => servers::get(call, state, zone, id),
        ("PATCH", ["servers", id]) => servers::update(call, state, zone, id),
        ("DELETE", ["servers", id]) => actions::delete(call, state, zone, id),
        ("GET", ["servers", id, "action"]) => actions::list(call, state, zone, id),
        ("POST", ["servers", id, "action"]) => actions::act(call, state, zone, id),
        ("GET", ["servers", id, "user_data"]) => user_data::list(state, zone, id),
        ("GET", ["servers", id, "user_data", key]) => user_data::get(state, zone, id, key),
        ("PATCH", ["servers", id, "user_data", key]) => user_data::set(call, state, zone, id, key),
        ("DELETE", ["servers", id, "user_data", key]) => user_data::delete(state, zone, id, key),
        ("POST", ["security_groups"]) => groups::create(call, state, zone),
        ("GET", ["security_groups"]) => groups::list(call, state, zone),
        ("GET", ["security_groups", id]) => groups::get(state, zone, id),
        ("PATCH", ["security_groups", id]) => groups::update(call, state, zone, id),
        ("DELETE", ["security_groups", id]) => groups::delete(state, zone, id),
        ("GET", ["security_groups", id, "rules"]) => groups::list_rules(call, state, zone, id),
        ("PUT", ["security_groups", id, "rules"]) => groups::set_rules(call, state, zone, id),
        ("POST", ["security_groups", id, "rules"]) => groups::add_rule(call, state, zone, id),
        ("GET", ["volumes"]) => volumes::list(call, state, zone),
        ("GET", ["volumes", id]) => volumes::get(state, zone, id),
        ("PATCH", ["volumes", id]) => volumes::update(call, state, zone, id),
        ("DELETE", ["volumes", id]) => volumes::delete(state, zone, id),
        ("GET", ["images", id]) => catalog::get_image(zone, id),
        ("GET", ["products", "servers"]) => catalog::list_plans(call, zone),
        ("GET", ["products", "servers", "availability"]) => catalog::list_availability(call, zone),
        _ => Err(unknown_path()),
    }
}

/// A flat object: type, message, and whatever else the type has.
fn error(status: u16, kind: &str, message: &str, more: Value) -> Answer {
    let mut body = json!({ "type": kind, "message": message });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    Answer::json(status, &body)
}

fn not_found(resource: &str, id: &str) -> Answer {
    let more = json!({ "resource": resource, "resource_id": id });
    error(404, "not_found", "resource is not found", more)
}

/// UNCONFIRMED: the answer for a path that does not exist.
fn unknown_path() -> Answer {
    error(404, "unknown_resource", "the requested path is not found", json!({}))
}

/// UNCONFIRMED: the answer for a zone that does not exist.
fn unknown_zone(zone: &str) -> Answer {
    error(
        404,
        "unknown_resource",
        &format!("zone \"{zone}\" not found"),
        json!({}),
    )
}

fn forbidden(resource: &str, action: &str) -> Answer {
    let more = json!({ "details": [{ "resource": resource, "action": action }] });
    error(403, "permissions_denied", "insufficient permissions", more)
}

/// An argument that is missing (`required`), not known (`unknown`), malformed (`format`) or not allowed (`constraint`).
fn invalid(argument: &str, reason: &str, help: &str) -> Answer {
    let more = json!({ "details": [{ "argument_name": argument, "reason": reason, "help_message": help }] });
    error(400, "invalid_arguments", "invalid argument(s)", more)
}

fn still_in_use(help: &str) -> Answer {
    let more = json!({ "precondition": "resource_still_in_use", "help_message": help });
    error(400, "precondition_failed", "precondition failed", more)
}

/// The body of a request; UNCONFIRMED: the answers to bodies that are no objects.
fn body(call: &Call<'_>, known: &[&str]) -> Result<Fields, Answer> {
    if !call
        .header("content-type")
        .unwrap_or_default()
        .starts_with("application/json")
    {
        return Err(invalid("content-type", "constraint", "must be application/json"));
    }
    let fields = call.json().map_err(|problem| match problem {
        BodyError::Empty | BodyError::NotAnObject => invalid("body", "format", "must be a JSON object"),
        BodyError::Malformed(_) => invalid("body", "format", "must be JSON"),
    })?;
    match fields.unknown(known) {
        Some(field) => Err(invalid(field, "unknown", "unknown key")),
        None => Ok(fields),
    }
}

fn wrong_type(problem: FieldError) -> Answer {
    invalid(&problem.field, "format", &format!("expected {}", problem.expected))
}

/// Exactly one of `project` and `organization`, and that of the account.
fn check_project(fields: &Fields) -> Result<(), Answer> {
    let project = fields.text("project").map_err(wrong_type)?;
    match (project, fields.text("organization").map_err(wrong_type)?) {
        (Some(_), Some(_)) => Err(invalid("project", "constraint", "exclusive with organization")),
        (None, None) => Err(invalid("project", "required", "required key not provided")),
        (Some(PROJECT), None) | (None, Some(PROJECT)) => Ok(()),
        (Some(id), None) | (None, Some(id)) if !is_uuid(id) => Err(invalid("project", "format", "expected UUID")),
        _ => Err(forbidden("project", "write")),
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// `2026-11-20T10:00:00.000000+00:00`
fn time(ms: u64) -> String {
    rfc3339(ms).replace('Z', ".000000+00:00")
}
