//! Linode (Akamai): instances, Cloud Firewalls and the catalog, API v4.
//!
//! Facts from <https://techdocs.akamai.com/linode-api/reference>, the vendor's OpenAPI document (4.229.1), its SDKs and
//! recorded answers of linodego; points marked UNCONFIRMED are not proven by a source.

mod catalog;
mod create;
mod devices;
mod filter;
mod firewalls;
mod instances;
mod rules;
mod scripts;
mod state;

use serde_json::{Value, json};

use self::{filter::Filter, state::State};
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::{
        access::{Access, token_access},
        answer::Answer,
        fields::{BodyError, FieldError, Fields},
        limit::Limit,
        page::Page,
        text::rfc3339,
    },
    record::Item,
};

const ID: &str = "linode";
/// Requests of a window, and its length in seconds.
const LIMIT: u64 = 1_840;
const WINDOW: u64 = 60;
/// What the token that reads may do.
const READ_SCOPES: &str = "linodes:read_only firewall:read_only images:read_only";

const LIMITS: &[Limit] = &[Limit::new(1_840, 60)];

/// The cloud.
pub(crate) struct Linode;

impl Cloud for Linode {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["api.linode.com"],
            endpoint_path: "/linode",
            settings: &[("token", "sim-token-linode")],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        // Every answer says when the window ends, also one that is not limited.
        let reset = |answer: Answer| answer.header("retry-after", WINDOW.to_string());
        self.route(call, state).map(reset).map_err(reset)
    }

    fn trouble(&self, _call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            Trouble::RateLimited(retry_after) => error(429, "Too many requests")
                .header("retry-after", retry_after.unwrap_or(WINDOW).to_string())
                .header("x-ratelimit-remaining", "0"),
            // A gateway's page (UNCONFIRMED).
            Trouble::ServerError(status @ (502 | 504)) => {
                Answer::text(status, "<html><body><h1>Bad Gateway</h1></body></html>").content_type("text/html")
            }
            // Wording UNCONFIRMED. Without `X-Maintenance-Mode`, which would stand for a planned pause.
            Trouble::ServerError(503) => error(503, "Service temporarily unavailable"),
            Trouble::ServerError(status) => error(status, "An unexpected error occurred."),
            Trouble::Unauthorized => error(401, "Invalid Token").header("x-oauth-scopes", "unknown"),
        }
    }

    fn limits(&self) -> &'static [Limit] {
        LIMITS
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        let scopes = match token_access(call.bearer(), ID) {
            Access::Full => "*",
            Access::ReadOnly => READ_SCOPES,
            Access::None => "unknown",
        };
        let mut headers = vec![
            ("x-oauth-scopes", scopes.to_owned()),
            ("x-spec-version", "4.235.1".to_owned()),
            ("x-ratelimit-limit", LIMIT.to_string()),
            // Where limits are not enforced nobody else asks.
            (
                "x-ratelimit-remaining",
                call.left(0).map_or(LIMIT - 1, |left| left.requests).to_string(),
            ),
            ("x-ratelimit-reset", (call.now / 1_000 + WINDOW).to_string()),
        ];
        if let Some(needed) = needed_scope(call) {
            headers.push(("x-accepted-oauth-scopes", needed));
        }
        headers
    }

    fn tick(&self, _state: &mut State, _now: u64) {}

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

impl Linode {
    fn route(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        let segments = call.segments.clone();
        let ["v4" | "v4beta", path @ ..] = segments.as_slice() else {
            return Err(not_found());
        };
        let reads = matches!(call.method(), "GET" | "HEAD");
        // Types, regions and public images are for everybody, but not with a bad token (UNCONFIRMED).
        let is_public = reads && matches!(path, ["linode", "types", ..] | ["regions" | "images", ..]);
        match token_access(call.bearer(), ID) {
            Access::Full => {}
            Access::ReadOnly if reads => {}
            Access::ReadOnly => {
                return Err(error(401, "Your OAuth token is not authorized to use this endpoint."));
            }
            Access::None if is_public && call.header("authorization").is_none() => {}
            Access::None => return Err(self.trouble(call, Trouble::Unauthorized)),
        }
        let method = call.request.method.clone();
        match (method.as_str(), path) {
            ("POST", ["linode", "instances"]) => create::create(call, state),
            ("GET", ["linode", "instances"]) => instances::list(call, state),
            ("GET", ["linode", "instances", id]) => instances::get(call, state, id),
            ("PUT", ["linode", "instances", id]) => instances::update(call, state, id),
            ("DELETE", ["linode", "instances", id]) => instances::delete(state, id),
            ("GET", ["linode", "instances", id, "firewalls"]) => firewalls::list_of(call, state, id),
            ("POST", ["linode", "instances", id, action @ ("boot" | "shutdown" | "reboot")]) => {
                instances::power(call, state, id, action)
            }
            ("GET", ["linode", "stackscripts"]) => scripts::list(call, state),
            ("POST", ["linode", "stackscripts"]) => scripts::create(call, state),
            ("GET", ["linode", "stackscripts", id]) => scripts::get(state, id),
            ("DELETE", ["linode", "stackscripts", id]) => scripts::delete(state, id),
            ("GET", ["networking", "firewalls"]) => firewalls::list(call, state),
            ("POST", ["networking", "firewalls"]) => firewalls::create(call, state),
            ("GET", ["networking", "firewalls", "settings"]) => Ok(reply(
                200,
                &json!({ "default_firewall_ids": { "linode": null, "nodebalancer": null, "public_interface": null, "vpc_interface": null } }),
            )),
            ("GET", ["networking", "firewalls", id]) => firewalls::get(state, id),
            ("PUT", ["networking", "firewalls", id]) => firewalls::update(call, state, id),
            ("DELETE", ["networking", "firewalls", id]) => firewalls::delete(state, id),
            ("GET", ["networking", "firewalls", id, "rules"]) => firewalls::get_rules(state, id),
            ("PUT", ["networking", "firewalls", id, "rules"]) => firewalls::set_rules(call, state, id),
            ("GET", ["networking", "firewalls", id, "devices"]) => devices::list(call, state, id),
            ("POST", ["networking", "firewalls", id, "devices"]) => devices::create(call, state, id),
            ("GET", ["networking", "firewalls", id, "devices", device]) => devices::get(state, id, device),
            ("DELETE", ["networking", "firewalls", id, "devices", device]) => devices::delete(state, id, device),
            ("GET", ["linode", "types"]) => {
                page(call, &["class", "disk", "label", "memory", "vcpus"], catalog::types())
            }
            ("GET", ["linode", "types", id]) => one(id, catalog::types()),
            ("GET", ["images"]) => page(
                call,
                &["deprecated", "id", "is_public", "label", "size", "status", "vendor"],
                catalog::images(),
            ),
            ("GET", ["images", id]) => one(id, catalog::images()),
            ("GET", ["images", vendor, id]) => one(&format!("{vendor}/{id}"), catalog::images()),
            ("GET", ["regions"]) => page(call, &["country", "id", "label", "status"], catalog::regions()),
            ("GET", ["regions", id]) => one(id, catalog::regions()),
            ("GET", ["profile"]) => Ok(reply(
                200,
                &json!({ "username": USER, "email": "simulator@example.com", "restricted": false, "timezone": "UTC" }),
            )),
            (_, ["linode", "types"] | ["images" | "regions" | "profile"]) => Err(error(405, "Method Not Allowed")),
            _ => Err(not_found()),
        }
    }
}

/// The user whose token the simulator takes; has SSH keys on its profile.
const USER: &str = "simulator";

/// The scope that a request needs.
fn needed_scope(call: &Call<'_>) -> Option<String> {
    let kind = match call.segments.get(1..)? {
        ["linode", "instances", ..] => "linodes",
        ["linode", "stackscripts", ..] => "stackscripts",
        ["networking", "firewalls", ..] => "firewall",
        ["images", ..] => "images",
        _ => return None,
    };
    let access = if call.method() == "GET" {
        "read_only"
    } else {
        "read_write"
    };
    Some(format!("{kind}:{access}"))
}

/// A JSON answer. linodego reads only errors of exactly this type.
fn reply(status: u16, body: &Value) -> Answer {
    Answer::json(status, body).content_type("application/json")
}

/// A problem that no field has.
fn error(status: u16, reason: &str) -> Answer {
    reply(status, &json!({ "errors": [{ "reason": reason }] }))
}

/// A problem with a field: always 400.
fn invalid(field: &str, reason: &str) -> Answer {
    reply(400, &json!({ "errors": [{ "reason": reason, "field": field }] }))
}

fn not_found() -> Answer {
    error(404, "Not found")
}

/// Wording UNCONFIRMED.
fn wrong_type(problem: FieldError) -> Answer {
    invalid(&problem.field, &format!("Must be of type {}", problem.expected))
}

/// The body of a request, in which only known fields may stand (UNCONFIRMED: the API may ignore others, but a misspelled
/// field must show).
fn body(call: &Call<'_>, known: &[&str]) -> Result<Fields, Answer> {
    let fields = call.json().map_err(|problem| match problem {
        // Wording UNCONFIRMED.
        BodyError::Empty | BodyError::NotAnObject => error(400, "Request body must be a JSON object"),
        BodyError::Malformed(_) => error(400, "Invalid JSON"),
    })?;
    check_known(&fields, "", known)?;
    Ok(fields)
}

/// Refuses fields that are not known; `prefix` stands before their names (`rules.`).
fn check_known(fields: &Fields, prefix: &str, known: &[&str]) -> Result<(), Answer> {
    match fields.unknown(known) {
        Some(field) => Err(invalid(&format!("{prefix}{field}"), "is not a valid field")),
        None => Ok(()),
    }
}

/// The tags of a body: 1 to 50 characters each (validation of the web interface). Which characters is UNCONFIRMED.
fn tags(fields: &Fields) -> Result<Option<Vec<String>>, Answer> {
    if fields.get("tags").is_none() {
        return Ok(None);
    }
    let mut tags = fields.texts("tags").map_err(wrong_type)?;
    let fits =
        |tag: &String| (1..=50).contains(&tag.chars().count()) && !tag.chars().any(|c| c.is_control() || c == ',');
    if !tags.iter().all(fits) {
        return Err(invalid("tags", "Tag length must be 1-50 characters"));
    }
    tags.sort();
    tags.dedup();
    Ok(Some(tags))
}

/// The characters of a label; the first is a letter, the last a letter or digit.
fn check_label(label: &str, most: usize) -> Result<(), Answer> {
    let length = label.chars().count();
    if length < 3 || length > most {
        return Err(invalid("label", &format!("Length must be 3-{most} characters")));
    }
    let doubled = ["--", "__", ".."].iter().any(|pair| label.contains(pair));
    let known = label
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let edges =
        label.starts_with(|c: char| c.is_ascii_alphabetic()) && label.ends_with(|c: char| c.is_ascii_alphanumeric());
    if doubled || !known || !edges {
        // Wording UNCONFIRMED.
        return Err(invalid(
            "label",
            "Must begin with a letter and consist of letters, numbers, single dashes, underscores and periods",
        ));
    }
    Ok(())
}

fn one(id: &str, list: Vec<Value>) -> Handled {
    let found = list
        .into_iter()
        .find(|entry| entry.get("id").and_then(Value::as_str) == Some(id));
    found.map(|found| reply(200, &found)).ok_or_else(not_found)
}

/// One page of a list, narrowed and ordered by `X-Filter`, in which the named fields may stand.
fn page(call: &Call<'_>, filterable: &[&str], list: Vec<Value>) -> Handled {
    let filter = Filter::parse(call.header("x-filter"), filterable)?;
    let number = |parameter: &str, default: u64| match call.query.number(parameter) {
        Ok(number) => Ok(number.unwrap_or(default)),
        // Wording UNCONFIRMED.
        Err(_) => Err(invalid(parameter, "Must be an integer")),
    };
    let (at, size) = (number("page", 1)?, number("page_size", 100)?);
    if !(25..=500).contains(&size) {
        return Err(invalid("page_size", "Must be 25-500"));
    }
    let page = Page::cut(filter.apply(list), at, size);
    // UNCONFIRMED: what a page behind the last one answers.
    if at == 0 || at > page.last {
        return Err(not_found());
    }
    Ok(reply(
        200,
        &json!({ "data": page.items, "page": page.number, "pages": page.last, "results": page.total }),
    ))
}

/// A time as the API writes it: UTC without saying so.
fn time(ms: u64) -> String {
    rfc3339(ms).trim_end_matches('Z').to_owned()
}
