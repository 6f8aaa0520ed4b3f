//! DigitalOcean: droplets and what belongs to them, API v2.
//!
//! Facts from <https://docs.digitalocean.com/reference/api/> and the vendor's OpenAPI description; points marked
//! UNCONFIRMED are not proven by a source.

mod catalog;
mod droplets;
mod firewalls;
mod keys;
mod state;
mod tags;

use serde_json::{Map, Value, json};

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

const ID: &str = "digitalocean";
/// Droplets that the simulated account may have.
const DROPLET_LIMIT: usize = 10_000;
/// Requests per hour and token.
const HOURLY_LIMIT: u64 = 5_000;

/// The hour's, which the headers tell of, and the burst's.
const LIMITS: &[Limit] = &[Limit::new(5_000, 3_600), Limit::new(250, 60)];

/// The cloud.
pub(crate) struct DigitalOcean;

impl Cloud for DigitalOcean {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["api.digitalocean.com"],
            endpoint_path: "/digitalocean",
            settings: &[("token", "sim-token-digitalocean")],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        match token_access(call.bearer(), ID) {
            Access::Full => {}
            Access::ReadOnly if call.method() == "GET" => {}
            Access::ReadOnly => {
                return Err(error(
                    call,
                    403,
                    "forbidden",
                    "You are not authorized to perform this operation",
                ));
            }
            Access::None => return Err(self.trouble(call, Trouble::Unauthorized)),
        }
        let segments = call.segments.clone();
        let ["v2", rest @ ..] = segments.as_slice() else {
            return Err(not_found(call));
        };
        match (call.request.method.as_str(), rest) {
            ("POST", ["droplets"]) => droplets::create(call, state),
            ("GET", ["droplets"]) => droplets::list(call, state),
            ("DELETE", ["droplets"]) => droplets::delete_by_tag(call, state),
            ("GET", ["droplets", id]) => droplets::get(call, state, id),
            ("DELETE", ["droplets", id]) => droplets::delete(call, state, id),
            ("DELETE", ["droplets", id, "destroy_with_associated_resources", "dangerous"]) => {
                droplets::destroy_with_associated(call, state, id)
            }
            ("GET", ["droplets", id, "firewalls"]) => firewalls::list_of_droplet(call, state, id),
            ("GET", ["droplets", id, "actions"]) => droplets::list_actions(call, state, id),
            ("POST", ["droplets", id, "actions"]) => droplets::act(call, state, id),
            ("GET", ["actions", id]) => droplets::get_action(call, state, id),
            ("GET", ["account"]) => Ok(account()),
            ("GET", ["account", "keys"]) => keys::list(call, state),
            ("POST", ["account", "keys"]) => keys::create(call, state),
            ("GET", ["account", "keys", id]) => keys::get(call, state, id),
            ("DELETE", ["account", "keys", id]) => keys::delete(call, state, id),
            ("GET", ["sizes"]) => page(call, "sizes", catalog::sizes(), |entry| entry),
            ("GET", ["regions"]) => page(call, "regions", catalog::regions(), |entry| entry),
            ("GET", ["images"]) => page(call, "images", catalog::images(call.query.get("type")), |entry| entry),
            ("GET", ["images", id]) => match catalog::image(id) {
                Some(image) => Ok(Answer::json(200, &json!({ "image": image.show() }))),
                None => Err(not_found(call)),
            },
            ("GET", ["tags"]) => tags::list(call, state),
            ("POST", ["tags"]) => tags::create(call, state),
            ("GET", ["tags", name]) => tags::get(call, state, name),
            ("DELETE", ["tags", name]) => tags::delete(call, state, name),
            ("GET", ["firewalls"]) => firewalls::list(call, state),
            ("POST", ["firewalls"]) => firewalls::create(call, state),
            ("GET", ["firewalls", id]) => firewalls::get(call, state, id),
            ("PUT", ["firewalls", id]) => firewalls::update(call, state, id),
            ("DELETE", ["firewalls", id]) => firewalls::delete(call, state, id),
            ("POST", ["firewalls", id, "droplets"]) => firewalls::attach(call, state, id, true),
            ("DELETE", ["firewalls", id, "droplets"]) => firewalls::attach(call, state, id, false),
            _ => Err(not_found(call)),
        }
    }

    fn trouble(&self, call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            Trouble::RateLimited(retry_after) => {
                let answer = error(call, 429, "too_many_requests", "API rate limit exceeded.");
                let wait = retry_after.unwrap_or(3_600);
                let answer = answer
                    .header("ratelimit-limit", HOURLY_LIMIT.to_string())
                    .header("ratelimit-remaining", "0")
                    .header("ratelimit-reset", (call.now / 1_000 + wait).to_string());
                // Only the burst limit comes with `retry-after`.
                match retry_after {
                    Some(seconds) => answer.header("retry-after", seconds.to_string()),
                    None => answer,
                }
            }
            Trouble::ServerError(status) => error(call, status, "server_error", "Unexpected server-side error"),
            Trouble::Unauthorized => error(call, 401, "unauthorized", "Unable to authenticate you"),
        }
    }

    fn limits(&self) -> &'static [Limit] {
        LIMITS
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        let hour = call.left(0);
        // Where limits are not enforced the count starts again instead of reaching zero.
        let left = hour.map_or(HOURLY_LIMIT - call.served % HOURLY_LIMIT, |hour| hour.requests);
        vec![
            ("x-request-id", call.request_id.clone()),
            ("ratelimit-limit", HOURLY_LIMIT.to_string()),
            ("ratelimit-remaining", left.to_string()),
            ("ratelimit-reset", (call.now / 1_000 + 3_600).to_string()),
        ]
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

fn account() -> Answer {
    Answer::json(
        200,
        &json!({ "account": {
            "droplet_limit": DROPLET_LIMIT, "floating_ip_limit": 3, "reserved_ip_limit": 3, "volume_limit": 100,
            "email": "sim@example.com", "name": "Simulated Account", "uuid": "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
            "email_verified": true, "status": "active", "status_message": "",
        }}),
    )
}

fn error(call: &Call<'_>, status: u16, id: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "id": id, "message": message, "request_id": call.request_id }),
    )
}

fn not_found(call: &Call<'_>) -> Answer {
    error(call, 404, "not_found", "The resource you requested could not be found.")
}

fn unprocessable(call: &Call<'_>, message: &str) -> Answer {
    error(call, 422, "unprocessable_entity", message)
}

/// The body of a request; wording of the refusals UNCONFIRMED.
fn body(call: &Call<'_>) -> Result<Fields, Answer> {
    call.json().map_err(|problem| match problem {
        BodyError::Empty | BodyError::NotAnObject => error(call, 400, "bad_request", "The request body is missing."),
        BodyError::Malformed(_) => error(call, 400, "bad_request", "The request body is not valid JSON."),
    })
}

/// A field of the wrong type; wording UNCONFIRMED.
fn wrong_type(call: &Call<'_>, problem: &FieldError) -> Answer {
    unprocessable(
        call,
        &format!("{} must be of type {}.", problem.field, problem.expected),
    )
}

/// One page of a list, with absolute links to the others. Only what is on the page is shown, as there may be thousands.
fn page<T>(call: &Call<'_>, name: &str, list: impl IntoIterator<Item = T>, show: impl Fn(T) -> Value) -> Handled {
    let number = |parameter: &str, default: u64, most: u64| match call.query.number(parameter) {
        Ok(None) => Ok(default),
        Ok(Some(number)) if (1..=most).contains(&number) => Ok(number),
        // UNCONFIRMED: whether out of range is refused or brought into range.
        _ => Err(unprocessable(
            call,
            &format!("{parameter} must be between 1 and {most}."),
        )),
    };
    let (at, size) = (number("page", 1, u64::from(u32::MAX))?, number("per_page", 20, 200)?);
    let page = Page::cut(list.into_iter().collect(), at, size);
    let link = |number: u64| {
        let query = call.query.with(&[("page", number.to_string())]);
        json!(format!("{}{}?{query}", call.base_url(), call.path))
    };
    let mut pages = Map::new();
    if let Some(previous) = page.previous() {
        pages.insert("first".into(), link(1));
        pages.insert("prev".into(), link(previous));
    }
    if let Some(next) = page.next() {
        pages.insert("next".into(), link(next));
        pages.insert("last".into(), link(page.last));
    }
    let links = if pages.is_empty() {
        json!({})
    } else {
        json!({ "pages": pages })
    };
    let items: Vec<_> = page.items.into_iter().map(show).collect();
    Ok(Answer::json(
        200,
        &json!({ name: items, "links": links, "meta": { "total": page.total } }),
    ))
}
