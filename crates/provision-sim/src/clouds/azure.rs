//! Azure: the Resource Manager (groups, template deployments, and reading what they make) and its token service.
//!
//! Facts from <https://learn.microsoft.com/en-us/rest/api/resources/>, <https://learn.microsoft.com/en-us/rest/api/compute/>,
//! <https://learn.microsoft.com/en-us/azure/azure-resource-manager/templates/>; points marked UNCONFIRMED are not proven by
//! a source. Any `api-version` is accepted, but one is required.
//!
//! Known limits: templates have no `copy`, nested resources, linked templates or user-defined functions; mode `Complete` is
//! refused; resources are made by templates only.

mod auth;
mod catalog;
mod deployments;
mod expression;
mod groups;
mod machines;
mod members;
mod networks;
mod reads;
mod state;
mod tags;
mod template;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use self::state::State;
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::{
        answer::Answer,
        fields::{BodyError, FieldError, Fields},
        limit::Limit,
    },
    record::Item,
    request::SimRequest,
};

const ID: &str = "azure";
const TENANT: &str = "8f2b4d1e-3c5a-4e7f-9b1d-2a6c8e0f4b7d";
const CLIENT: &str = "3e9c1a57-6d2f-4b80-a4c3-7f5e9d1b0c26";
/// A second application, which may read only. Its secret is the first one's.
const READER: &str = "b71d40c8-95ea-4f36-8d02-c6e3a8f1579b";
const SECRET: &str = "sim~azure~client~secret~0a1B2c3D4e5F6g7H";
const SUBSCRIPTION: &str = "c4a1f3b2-7e6d-4508-92bc-1d0e5f8a6b39";
/// Entries on a page of a list. UNCONFIRMED: the real lists do not say.
const PAGE: u64 = 100;

/// The cloud.
pub(crate) struct Azure;

impl Cloud for Azure {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["management.azure.com", "login.microsoftonline.com"],
            endpoint_path: "/azure",
            settings: &[
                ("tenant-id", TENANT),
                ("client-id", CLIENT),
                ("client-secret", SECRET),
                ("subscription-id", SUBSCRIPTION),
            ],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        if let Some(answer) = auth::handle(call) {
            return answer;
        }
        let may_write = auth::check_bearer(call)?;
        check_version(call)?;
        let lower: Vec<String> = call
            .segments
            .iter()
            .map(|segment| segment.to_ascii_lowercase())
            .collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let path = match lower.as_slice() {
            ["subscriptions"] => return reads::subscriptions(call),
            ["subscriptions", subscription, path @ ..] if *subscription == SUBSCRIPTION => path,
            ["subscriptions", ..] => {
                let named = call.segments.get(1).copied().unwrap_or_default();
                let message = format!("The subscription '{named}' could not be found.");
                return Err(error(404, "SubscriptionNotFound", &message));
            }
            _ => return Err(no_route(call)),
        };
        if !may_write && !matches!(call.method(), "GET" | "HEAD") {
            let message = format!(
                "The client '{READER}' with object id '{READER}' does not have authorization to perform action on '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
                call.path
            );
            return Err(error(403, "AuthorizationFailed", &message));
        }
        match path {
            ["resourcegroups", rest @ ..] => groups::handle(call, state, rest),
            ["operationresults", _] if call.method() == "GET" => groups::operation_result(call, state),
            _ if call.method() == "GET" => reads::handle(call, state, path),
            ["providers", _, "register" | "unregister"] if call.method() == "POST" => {
                reads::register(call, state, path)
            }
            _ => Err(no_route(call)),
        }
    }

    fn trouble(&self, call: &Call<'_>, trouble: Trouble) -> Answer {
        if auth::is_login(call) {
            return auth::trouble(call, trouble);
        }
        match trouble {
            Trouble::RateLimited(wait) => {
                let wait = wait.unwrap_or(17);
                let message = format!(
                    "Number of requests for subscription '{SUBSCRIPTION}' and operation '{}' exceeded the backend storage limit. Please try again after '{wait}' seconds.",
                    call.method()
                );
                error(429, "SubscriptionRequestsThrottled", &message).header("retry-after", wait.to_string())
            }
            Trouble::ServerError(503) => error(503, "ServerUnavailable", "The server is busy. Please retry later."),
            Trouble::ServerError(status) => error(
                status,
                "InternalServerError",
                "The server encountered an internal error. Please retry the request.",
            ),
            Trouble::Unauthorized => auth::invalid_token("InvalidAuthenticationToken", "The access token is invalid."),
        }
    }

    fn limits(&self) -> &'static [Limit] {
        LIMITS
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("x-ms-request-id", call.request_id.clone()),
            ("x-ms-correlation-request-id", call.request_id.clone()),
        ];
        if !auth::is_login(call) {
            let (name, limit, bucket) = match call.method() {
                "GET" | "HEAD" => ("x-ms-ratelimit-remaining-subscription-reads", 0, 250),
                "DELETE" => ("x-ms-ratelimit-remaining-subscription-deletes", 1, 200),
                _ => ("x-ms-ratelimit-remaining-subscription-writes", 2, 200),
            };
            // Where limits are not enforced the count starts again instead of reaching zero.
            let counted = bucket - call.served % bucket;
            let left = call.left(limit).map_or(counted, |left| left.requests);
            headers.push((name, left.to_string()));
        }
        headers
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

/// Requests for a token are none of the resource manager's.
fn is_managed(request: &SimRequest) -> bool {
    request.path.contains("/subscriptions")
}

/// Reads, deletions and other writes of a subscription: what a bucket holds, and how fast it fills (25, 10 and 10 a second).
const LIMITS: &[Limit] = &[
    Limit::new(250, 10).of(|request| is_managed(request) && matches!(request.method.as_str(), "GET" | "HEAD")),
    Limit::new(200, 20).of(|request| is_managed(request) && request.method.as_str() == "DELETE"),
    Limit::new(200, 20)
        .of(|request| is_managed(request) && !matches!(request.method.as_str(), "GET" | "HEAD" | "DELETE")),
];

fn check_version(call: &Call<'_>) -> Result<(), Answer> {
    let Some(version) = call.query.filled("api-version") else {
        return Err(error(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    let (date, suffix) = version.split_at(version.len().min(10));
    let is_date = date.len() == 10
        && date.char_indices().all(|(at, c)| {
            if at == 4 || at == 7 {
                c == '-'
            } else {
                c.is_ascii_digit()
            }
        });
    if is_date && (suffix.is_empty() || suffix.starts_with('-')) {
        return Ok(());
    }
    let message =
        format!("The api-version '{version}' is invalid. The supported versions are '2021-04-01,2022-12-01'.");
    Err(error(400, "InvalidApiVersionParameter", &message))
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": { "code": code, "message": message } }))
}

fn no_route(call: &Call<'_>) -> Answer {
    let message = format!(
        "No HTTP resource was found that matches the request URI '{}'.",
        call.path
    );
    error(404, "NotFound", &message)
}

/// There is no such resource group.
fn no_group(name: &str) -> Answer {
    error(
        404,
        "ResourceGroupNotFound",
        &format!("Resource group '{name}' could not be found."),
    )
}

/// The resource group takes nothing any more, as it is being deleted.
fn group_is_ending(name: &str) -> Answer {
    let message = format!("The resource group '{name}' is in deprovisioning state and cannot perform this operation.");
    error(409, "ResourceGroupBeingDeleted", &message)
}

/// The body of a request.
fn body(call: &Call<'_>) -> Result<Fields, Answer> {
    call.json().map_err(|problem| match problem {
        BodyError::Empty => invalid_content("The request content was invalid: the body is empty."),
        BodyError::NotAnObject => invalid_content("The request content was invalid: an object is expected."),
        BodyError::Malformed(why) => invalid_content(&format!(
            "The request content was invalid and could not be deserialized: '{why}'."
        )),
    })
}

fn invalid_content(message: &str) -> Answer {
    error(400, "InvalidRequestContent", message)
}

fn wrong_type(problem: FieldError) -> Answer {
    invalid_content(&format!(
        "The request content was invalid and could not be deserialized: '{} is not of type {}'.",
        problem.field, problem.expected
    ))
}

fn unknown_member(member: &str, of: &str) -> String {
    format!("Could not find member '{member}' on object of type '{of}'. Path '{member}'.")
}

/// What is at a JSON pointer; null when there is nothing.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// Sets the last field of a JSON pointer, if what it is in is an object.
fn put(value: &mut Value, pointer: &str, field: impl Into<Value>) {
    let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if let Some(fields) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
        fields.insert(name.to_owned(), field.into());
    }
}

/// One page of a list, with an absolute link to the next.
fn page(call: &Call<'_>, list: Vec<Value>) -> Handled {
    let refuse = |_| {
        error(
            400,
            "InvalidParameter",
            "The value of '$top' or '$skiptoken' is not valid.",
        )
    };
    let size = call
        .query
        .number("$top")
        .map_err(refuse)?
        .unwrap_or(PAGE)
        .clamp(1, 1_000);
    let skip = call.query.number("$skiptoken").map_err(refuse)?.unwrap_or(0);
    let end = skip.saturating_add(size);
    let total = u64::try_from(list.len()).unwrap_or(u64::MAX);
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let items: Vec<Value> = list.into_iter().skip(at(skip)).take(at(size)).collect();
    let mut answer = json!({ "value": items });
    if end < total {
        let query = call.query.with(&[("$skiptoken", end.to_string())]);
        put(
            &mut answer,
            "/nextLink",
            json!(format!("{}{}?{query}", call.base_url(), call.path)),
        );
    }
    Ok(Answer::json(200, &answer))
}
