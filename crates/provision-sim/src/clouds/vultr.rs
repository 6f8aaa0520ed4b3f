//! Vultr: Cloud Compute instances and what can be attached to them, API v2.
//!
//! Facts from <https://www.vultr.com/api/>, the Go client <https://github.com/vultr/govultr> and measurements of others;
//! points marked UNCONFIRMED are not proven by a source.

mod catalog;
mod instances;
mod others;
mod state;

use serde_json::{Value, json};

use self::state::{Kind, State};
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::{
        access::{Access, token_access},
        answer::Answer,
        fields::{BodyError, Fields},
        page::cut_at_cursor,
    },
    record::Item,
};

const ID: &str = "vultr";
/// A key that is good, but not to be used from where the caller is.
const KEY_OF_ELSEWHERE: &str = "sim-token-vultr-elsewhere";

/// The cloud.
pub(crate) struct Vultr;

impl Cloud for Vultr {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["api.vultr.com"],
            endpoint_path: "/vultr",
            settings: &[("token", "sim-token-vultr")],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        let segments = call.segments.clone();
        let method = call.request.method.as_str();
        let ["v2", rest @ ..] = segments.as_slice() else {
            return Err(no_route());
        };
        self.admit(call, rest)?;
        match (method, rest) {
            ("POST", ["instances"]) => instances::create(call, state),
            ("GET", ["instances"]) => instances::list(call, state),
            ("GET", ["instances", id]) => instances::get(call, state, id),
            ("DELETE", ["instances", id]) => instances::delete(call, state, id),
            ("POST", ["instances", id, action @ ("start" | "halt" | "reboot")]) => {
                instances::power(call, state, id, action)
            }
            ("GET", ["plans"]) => page(call, "plans", catalog::plans(call)?, |entry| entry),
            ("GET", ["regions"]) => page(call, "regions", catalog::regions(), |entry| entry),
            ("GET", ["regions", id, "availability"]) => catalog::availability(call, id),
            ("GET", ["os"]) => page(call, "os", catalog::systems(), |entry| entry),
            ("GET", ["account"]) => Ok(account()),
            (_, [name, rest @ ..]) => match (Kind::named(name), method, rest) {
                (Some(kind), "POST", []) => others::create(call, state, kind),
                (Some(kind), "GET", []) => others::list(call, state, kind),
                (Some(kind), "GET", [id]) => others::get(state, kind, id),
                (Some(kind), "DELETE", [id]) => others::delete(state, kind, id),
                _ => Err(no_route()),
            },
            _ => Err(no_route()),
        }
    }

    fn trouble(&self, _call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            // The texts of 429 and 5xx are UNCONFIRMED.
            Trouble::RateLimited(retry_after) => {
                let answer = error(429, "Rate limit reached.");
                match retry_after {
                    Some(seconds) => answer.header("retry-after", seconds.to_string()),
                    None => answer,
                }
            }
            Trouble::ServerError(status) => error(status, "Internal server error."),
            Trouble::Unauthorized => error(401, "Invalid API token."),
        }
    }

    fn headers(&self, _call: &Call<'_>) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn tick(&self, _state: &mut State, _now: u64) {}

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

impl Vultr {
    /// What the catalog holds is open to everyone; a key that is sent there has to be a good one all the same
    /// (UNCONFIRMED).
    fn admit(&self, call: &Call<'_>, path: &[&str]) -> Result<(), Answer> {
        let is_catalog = matches!(path, ["regions" | "plans" | "os", ..]) && call.method() == "GET";
        if is_catalog && call.header("authorization").is_none() {
            return Ok(());
        }
        if call.bearer() == Some(KEY_OF_ELSEWHERE) {
            return Err(error(401, "Unauthorized IP address: 203.0.113.9"));
        }
        match token_access(call.bearer(), ID) {
            Access::Full => Ok(()),
            Access::ReadOnly if call.method() == "GET" => Ok(()),
            // Wording UNCONFIRMED.
            Access::ReadOnly => Err(error(403, "This user does not have the required permissions.")),
            Access::None => Err(self.trouble(call, Trouble::Unauthorized)),
        }
    }
}

fn account() -> Answer {
    ok(
        200,
        &json!({ "account": {
            "name": "Simulated Account", "email": "sim@example.com", "acls": ["subscriptions", "subscriptions_view",
            "provisioning", "firewall"], "balance": 0, "pending_charges": 0, "last_payment_date": "", "last_payment_amount": 0,
        }}),
    )
}

/// The Go client reads only answers of exactly this type.
fn ok(status: u16, body: &Value) -> Answer {
    Answer::json(status, body).content_type("application/json")
}

fn error(status: u16, text: &str) -> Answer {
    ok(status, &json!({ "error": text, "status": status }))
}

fn bad_request() -> Answer {
    error(400, "Bad request.")
}

/// Seen at <https://github.com/vultr/terraform-provider-vultr/issues/753>.
fn no_route() -> Answer {
    error(404, "Not found.")
}

/// The body of a request. Any field that is of the wrong type is refused with the same words.
fn body(call: &Call<'_>) -> Result<Fields, Answer> {
    call.json().map_err(|problem| match problem {
        BodyError::Empty | BodyError::NotAnObject => bad_request(),
        // Wording UNCONFIRMED.
        BodyError::Malformed(_) => error(400, "Invalid JSON."),
    })
}

/// One page of a list, with the cursor of the next. Only what is on the page is shown, as there may be thousands.
fn page<T>(call: &Call<'_>, name: &str, list: impl IntoIterator<Item = T>, show: impl Fn(T) -> Value) -> Handled {
    let list: Vec<T> = list.into_iter().collect();
    let total = list.len();
    let size = match call.query.number("per_page") {
        Ok(None) => 100,
        // UNCONFIRMED: whether more than 500 are refused or brought down to it.
        Ok(Some(size @ 1..=500)) => usize::try_from(size).unwrap_or(500),
        _ => return Err(bad_request()),
    };
    // Wording UNCONFIRMED.
    let (items, next) =
        cut_at_cursor(list, call.query.filled("cursor"), size).ok_or_else(|| error(400, "Invalid cursor."))?;
    let items: Vec<Value> = items.into_iter().map(show).collect();
    // Nobody goes backwards here: `prev` is left empty on later pages, too.
    let links = json!({ "next": next.unwrap_or_default(), "prev": "" });
    Ok(ok(
        200,
        &json!({ name: items, "meta": { "total": total, "links": links } }),
    ))
}
