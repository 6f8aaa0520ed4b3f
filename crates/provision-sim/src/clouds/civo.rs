//! Civo: instances and what belongs to them, API v2.
//!
//! Facts from <https://www.civo.com/api>, Civo's own client (<https://github.com/civo/civogo>) and Terraform provider
//! (2026-11). HTTP statuses of refusals are UNCONFIRMED unless a comment says otherwise; the codes are the vendor's.

mod catalog;
mod fields;
mod firewalls;
mod instances;
mod keys;
mod state;

use serde_json::json;

use self::{catalog::Region, state::State};
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::{
        access::{Access, token_access},
        answer::Answer,
    },
    record::Item,
};

const ID: &str = "civo";

/// The cloud.
pub(crate) struct Civo;

impl Cloud for Civo {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["api.civo.com"],
            endpoint_path: "/civo",
            settings: &[("token", "sim-token-civo")],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        match token_access(call.bearer(), ID) {
            Access::Full => {}
            Access::ReadOnly if call.method() == "GET" => {}
            Access::ReadOnly => {
                return Err(error(
                    403,
                    "authentication_access_denied",
                    "You are not allowed to do that",
                ));
            }
            Access::None if call.header("authorization").is_none() => {
                return Err(Answer::json(401, &json!({"result": "requires_authentication"})));
            }
            Access::None => return Err(self.trouble(call, Trouble::Unauthorized)),
        }
        let segments = call.segments.clone();
        // Networks and firewalls have a second home under `vpc`, which newer clients use.
        let (["v2", "vpc", rest @ ..] | ["v2", rest @ ..]) = segments.as_slice() else {
            return Err(no_page());
        };
        let region = region(call)?;
        match (call.request.method.as_str(), rest) {
            ("POST", ["instances"]) => instances::create(call, state, region),
            ("GET", ["instances"]) => instances::list(call, state, region),
            ("GET", ["instances", id]) => instances::get(call, state, region, id),
            ("DELETE", ["instances", id]) => instances::delete(call, state, region, id),
            ("PUT", ["instances", id]) => instances::rename(call, state, region, id),
            ("PUT", ["instances", id, "tags"]) => instances::set_tags(call, state, region, id),
            ("PUT", ["instances", id, "firewall"]) => instances::set_firewall(call, state, region, id),
            ("PUT", ["instances", id, action @ ("stop" | "start")]) => {
                instances::switch(call, state, region, id, *action == "start")
            }
            ("GET", ["firewalls"]) => firewalls::list(call, state, region),
            ("POST", ["firewalls"]) => firewalls::create(call, state, region),
            ("PUT", ["firewalls", id]) => firewalls::rename(call, state, region, id),
            ("DELETE", ["firewalls", id]) => firewalls::delete(call, state, region, id),
            ("GET", ["firewalls", id, "rules"]) => firewalls::list_rules(state, region, id),
            ("POST", ["firewalls", id, "rules"]) => firewalls::add_rule(call, state, region, id),
            ("DELETE", ["firewalls", id, "rules", rule]) => firewalls::delete_rule(state, region, id, rule),
            ("GET", ["sshkeys"]) => Ok(keys::list(state)),
            ("POST", ["sshkeys"]) => keys::create(call, state),
            ("DELETE", ["sshkeys", id]) => keys::delete(state, id),
            ("GET", ["disk_images"]) => Ok(Answer::json(200, &catalog::disk_images(region))),
            ("GET", ["networks"]) => Ok(Answer::json(200, &json!([catalog::network(region)]))),
            ("GET", ["sizes"]) => Ok(Answer::json(200, &catalog::sizes())),
            ("GET", ["regions"]) => Ok(Answer::json(200, &catalog::regions())),
            ("GET", ["quota"]) => Ok(Answer::json(200, &instances::quota(state))),
            _ => Err(no_page()),
        }
    }

    fn trouble(&self, _call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            // UNCONFIRMED: no client of Civo's knows a rate limit.
            Trouble::RateLimited(retry_after) => {
                let answer = Answer::text(429, "Too Many Requests");
                match retry_after {
                    Some(seconds) => answer.header("retry-after", seconds.to_string()),
                    None => answer,
                }
            }
            // The one shape of an error without a code that the vendor's client knows.
            Trouble::ServerError(500) => Answer::json(500, &json!({"status": 500, "error": "Internal Server Error"})),
            Trouble::ServerError(status) => Answer::text(status, "<html><body>gateway</body></html>"),
            // Seen with 404 for keys that are not known.
            Trouble::Unauthorized => error(
                404,
                "database_account_not_found",
                "Failed to find the account within the internal database",
            ),
        }
    }

    fn headers(&self, _call: &Call<'_>) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

/// The region of a request: in the query, or in the body. Without one the server picks.
fn region(call: &Call<'_>) -> Result<&'static Region, Answer> {
    let in_body;
    let code = match call.query.filled("region") {
        Some(code) => code,
        None if call.method() == "POST" || call.method() == "PUT" => {
            in_body = fields::Input::read(call)?.text("region")?;
            in_body.as_deref().unwrap_or_default()
        }
        None => "",
    };
    let code = if code.is_empty() { catalog::DEFAULT_REGION } else { code };
    catalog::region(code).ok_or_else(|| error(400, "region_unavailable", "The region is not available"))
}

fn error(status: u16, code: &str, reason: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "code": code, "reason": reason, "details": "record not found", "result": "failed" }),
    )
}

/// A path that the API does not have is answered in plain text.
fn no_page() -> Answer {
    Answer::text(404, "404 page not found")
}

fn success() -> Answer {
    Answer::json(200, &json!({ "result": "success" }))
}
