//! Hetzner Cloud: servers and what belongs to them, API v1.
//!
//! Facts from <https://docs.hetzner.cloud/reference/cloud>, its changelog and the vendor's SDKs; points marked
//! UNCONFIRMED are not proven by a source.

mod actions;
mod addresses;
mod catalog;
mod create;
mod firewalls;
mod keys;
mod labels;
mod placement;
mod selector;
mod servers;
mod state;

use serde_json::{Value, json};

use self::{selector::Selector, state::State};
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

const ID: &str = "hetzner";
/// Servers that the simulated project may have.
const SERVER_LIMIT: usize = 10_000;
/// Requests per hour and project.
const HOURLY_LIMIT: u64 = 3_600;

const LIMITS: &[Limit] = &[Limit::new(3_600, 3_600)];

/// The cloud.
pub(crate) struct Hetzner;

impl Cloud for Hetzner {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["api.hetzner.cloud"],
            endpoint_path: "/hetzner",
            settings: &[("token", "sim-token-hetzner")],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        match token_access(call.bearer(), ID) {
            Access::Full => {}
            Access::ReadOnly if call.method() == "GET" => {}
            Access::ReadOnly => {
                return Err(error(
                    401,
                    "token_readonly",
                    "token is only allowed to perform read requests",
                ));
            }
            Access::None => return Err(self.trouble(call, Trouble::Unauthorized)),
        }
        let segments = call.segments.clone();
        let ["v1", rest @ ..] = segments.as_slice() else {
            return Err(not_found("route"));
        };
        match (call.request.method.as_str(), rest) {
            ("POST", ["servers"]) => create::create(call, state),
            ("GET", ["servers"]) => servers::list(call, state),
            ("GET", ["servers", id]) => servers::get(call, state, id),
            ("PUT", ["servers", id]) => servers::update(call, state, id),
            ("DELETE", ["servers", id]) => servers::delete(call, state, id),
            ("GET", ["servers", id, "actions"]) => actions::list_of_server(call, state, id),
            ("POST", ["servers", id, "actions", action]) => servers::act(call, state, id, action),
            ("GET", ["actions"]) => actions::list(call, state),
            ("GET", ["actions", id] | ["servers" | "firewalls", "actions", id] | ["servers", _, "actions", id]) => {
                actions::get(call, state, id)
            }
            ("GET", ["firewalls"]) => firewalls::list(call, state),
            ("POST", ["firewalls"]) => firewalls::create(call, state),
            ("GET", ["firewalls", id]) => firewalls::get(state, id),
            ("PUT", ["firewalls", id]) => firewalls::update(call, state, id),
            ("DELETE", ["firewalls", id]) => firewalls::delete(state, id),
            ("POST", ["firewalls", id, "actions", action]) => firewalls::act(call, state, id, action),
            ("GET", ["ssh_keys"]) => keys::list(call, state),
            ("POST", ["ssh_keys"]) => keys::create(call, state),
            ("GET", ["ssh_keys", id]) => keys::get(state, id),
            ("DELETE", ["ssh_keys", id]) => keys::delete(state, id),
            ("GET", ["placement_groups"]) => placement::list(call, state),
            ("POST", ["placement_groups"]) => placement::create(call, state),
            ("GET", ["placement_groups", id]) => placement::get(state, id),
            ("DELETE", ["placement_groups", id]) => placement::delete(state, id),
            ("GET", ["primary_ips"]) => addresses::list(call, state),
            ("POST", ["primary_ips"]) => addresses::create(call, state),
            ("GET", ["primary_ips", id]) => addresses::get(state, id),
            ("DELETE", ["primary_ips", id]) => addresses::delete(state, id),
            ("GET", ["server_types"]) => catalog_page(call, "server_types", catalog::server_types()),
            ("GET", ["server_types", id]) => one("server_type", id, catalog::server_types()),
            ("GET", ["images"]) => catalog_page(call, "images", catalog::images(call)),
            ("GET", ["images", id]) => one("image", id, catalog::images(call)),
            ("GET", ["locations"]) => catalog_page(call, "locations", catalog::locations()),
            ("GET", ["locations", id]) => one("location", id, catalog::locations()),
            ("GET", ["pricing"]) => Ok(Answer::json(200, &catalog::pricing())),
            (_, ["datacenters", ..]) => Err(error(
                410,
                "deprecated_api_endpoint",
                "the endpoint /datacenters was removed, use /locations",
            )),
            _ => Err(not_found("route")),
        }
    }

    fn trouble(&self, call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            Trouble::RateLimited(retry_after) => {
                // No `Retry-After`: the reset is when the bucket is full again.
                let full = call.now / 1_000 + retry_after.unwrap_or(HOURLY_LIMIT);
                error(
                    429,
                    "rate_limit_exceeded",
                    &format!("limit of {HOURLY_LIMIT} requests per hour reached"),
                )
                .header("ratelimit-limit", HOURLY_LIMIT.to_string())
                .header("ratelimit-remaining", "0")
                .header("ratelimit-reset", full.to_string())
            }
            Trouble::ServerError(502) => error(502, "bad_gateway", "bad gateway"),
            Trouble::ServerError(503) => error(503, "unavailable", "service is unavailable"),
            Trouble::ServerError(504) => error(504, "timeout", "the request could not be answered in time"),
            Trouble::ServerError(status) => error(status, "server_error", "an unexpected error occurred"),
            Trouble::Unauthorized => error(401, "unauthorized", "unable to authenticate"),
        }
    }

    fn limits(&self) -> &'static [Limit] {
        LIMITS
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        // Where limits are not enforced the bucket is always nearly full.
        let (left, full_in) = match call.left(0) {
            Some(left) => (left.requests, left.full_in),
            None => (HOURLY_LIMIT - 1, 1),
        };
        vec![
            ("x-correlation-id", call.request_id.clone()),
            ("ratelimit-limit", HOURLY_LIMIT.to_string()),
            ("ratelimit-remaining", left.to_string()),
            ("ratelimit-reset", (call.now / 1_000 + full_in).to_string()),
        ]
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    error_with(status, code, message, &Value::Null)
}

fn error_with(status: u16, code: &str, message: &str, details: &Value) -> Answer {
    Answer::json(
        status,
        &json!({ "error": { "code": code, "message": message, "details": details } }),
    )
}

fn not_found(what: &str) -> Answer {
    error(404, "not_found", &format!("{what} not found"))
}

/// The refusal of a create that exceeds a limit of the project.
fn quota(limit: &str) -> Answer {
    let details = json!({ "limits": [{ "name": limit }] });
    let message = format!("{} limit exceeded", limit.trim_end_matches("_limit").replace('_', " "));
    error_with(403, "resource_limit_exceeded", &message, &details)
}

/// A field with a bad value.
fn invalid_field(field: &str, problem: &str) -> Answer {
    let details = json!({ "fields": [{ "name": field, "messages": [problem] }] });
    error_with(
        422,
        "invalid_input",
        &format!("invalid input in field '{field}'"),
        &details,
    )
}

/// A bad value that the API does not tie to a field.
fn invalid(message: &str) -> Answer {
    error_with(422, "invalid_input", message, &json!({}))
}

fn wrong_type(problem: FieldError) -> Answer {
    invalid_field(&problem.field, &format!("must be of type {}", problem.expected))
}

/// The body of a request, in which only known fields may stand (UNCONFIRMED: the API may ignore others, but a misspelled
/// field must show).
fn body(call: &Call<'_>, known: &[&str]) -> Result<Fields, Answer> {
    let fields = call.json().map_err(|problem| match problem {
        BodyError::Empty | BodyError::NotAnObject => error(400, "json_error", "the request body must be a JSON object"),
        BodyError::Malformed(problem) => error(400, "json_error", &format!("unable to parse the body: {problem}")),
    })?;
    match fields.unknown(known) {
        Some(field) => Err(invalid_field(field, "unknown field")),
        None => Ok(fields),
    }
}

/// A name that has to be given.
fn name_of(fields: &Fields) -> Result<String, Answer> {
    match fields.text("name").map_err(wrong_type)? {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err(invalid_field("name", "Missing data for required field.")),
    }
}

/// The label selector of the query; none selects everything.
fn selector(call: &Call<'_>) -> Result<Selector, Answer> {
    let text = call.query.get("label_selector").unwrap_or_default();
    Selector::parse(text).map_err(|problem| invalid_field("label_selector", &problem))
}

fn one(kind: &str, id: &str, list: Vec<Value>) -> Handled {
    let id: u64 = id.parse().map_err(|_| not_found(kind))?;
    let found = list
        .into_iter()
        .find(|entry| entry.get("id").and_then(Value::as_u64) == Some(id));
    found
        .map(|found| Answer::json(200, &json!({ kind: found })))
        .ok_or_else(|| not_found(kind))
}

/// Whether the query's `name`, if there is one, is this.
fn is_named(call: &Call<'_>, name: &str) -> bool {
    call.query.get("name").is_none_or(|wanted| wanted == name)
}

/// A page of a catalog's list, which can be narrowed by `name`.
fn catalog_page(call: &Call<'_>, kind: &str, list: Vec<Value>) -> Handled {
    let wanted = |entry: &Value| is_named(call, entry.get("name").and_then(Value::as_str).unwrap_or_default());
    page(call, kind, list.into_iter().filter(wanted), |entry| entry)
}

/// One page of a list, with `meta.pagination` and a `Link` header. Unless it has to be sorted, only what is on the page
/// is shown, as there may be thousands.
fn page<T>(call: &Call<'_>, kind: &str, list: impl IntoIterator<Item = T>, show: impl Fn(T) -> Value) -> Handled {
    let orders: Vec<&str> = call.query.all("sort").collect();
    if orders.is_empty() {
        let page = cut(call, list.into_iter().collect())?;
        return Ok(answer_page(call, kind, page.map(show)));
    }
    let mut shown: Vec<Value> = list.into_iter().map(show).collect();
    // The first order counts most.
    for order in orders.into_iter().rev() {
        sort(&mut shown, order)?;
    }
    let page = cut(call, shown)?;
    Ok(answer_page(call, kind, page))
}

/// The page that the query asks for.
fn cut<T>(call: &Call<'_>, list: Vec<T>) -> Result<Page<T>, Answer> {
    let number = |parameter: &str, default: u64, most: u64| match call.query.number(parameter) {
        Ok(None) => Ok(default),
        Ok(Some(number)) if (1..=most).contains(&number) => Ok(number),
        // UNCONFIRMED: whether out of range is refused or brought into range.
        _ => Err(invalid_field(parameter, &format!("must be between 1 and {most}"))),
    };
    let (at, size) = (number("page", 1, u64::from(u32::MAX))?, number("per_page", 25, 50)?);
    Ok(Page::cut(list, at, size))
}

fn answer_page(call: &Call<'_>, kind: &str, page: Page<Value>) -> Answer {
    let (previous, next) = (page.previous(), page.next());
    let link = |(number, relation): (u64, &str)| {
        let query = call.query.with(&[("page", number.to_string())]);
        format!("<{}{}?{query}>; rel=\"{relation}\"", call.base_url(), call.path)
    };
    let neighbours = previous
        .map(|number| (number, "prev"))
        .into_iter()
        .chain(next.map(|number| (number, "next")));
    let links: Vec<_> = neighbours.chain([(page.last, "last")]).map(link).collect();
    let pagination = json!({
        "page": page.number, "per_page": page.size, "previous_page": previous, "next_page": next, "last_page": page.last,
        "total_entries": page.total,
    });
    let body = json!({ kind: page.items, "meta": { "pagination": pagination } });
    Answer::json(200, &body).header("link", links.join(", "))
}

/// Sorts by `id`, `name` or `created`, with `:asc` or `:desc`.
fn sort(list: &mut [Value], order: &str) -> Result<(), Answer> {
    let (field, direction) = order.split_once(':').unwrap_or((order, "asc"));
    if ![
        "id", "name", "created", "command", "status", "started", "finished", "progress",
    ]
    .contains(&field)
        || !["asc", "desc"].contains(&direction)
    {
        return Err(invalid_field("sort", "unknown sort order"));
    }
    let key = |entry: &Value| {
        let value = entry.get(field).unwrap_or(&Value::Null);
        (value.as_u64(), value.as_str().map(str::to_owned))
    };
    list.sort_by(|one, other| match direction {
        "desc" => key(other).cmp(&key(one)),
        _ => key(one).cmp(&key(other)),
    });
    Ok(())
}
