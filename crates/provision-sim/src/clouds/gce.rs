//! Google Compute Engine: instances and what belongs to them, API v1, and Google's token endpoint.
//!
//! Facts from the discovery document of compute.v1 (revision 20261106) and
//! <https://cloud.google.com/compute/docs/reference/rest/v1>; points marked UNCONFIRMED are not proven by a source.
//!
//! The simulated project is `sim-project`. Not simulated: `wait` on operations, other resources than those below, `OR` in filters.

mod account;
mod auth;
mod catalog;
mod filter;
mod firewalls;
mod instances;
mod operations;
mod order;
mod state;
mod storage;

use serde_json::{Value, json};

use self::{filter::Filter, state::State};
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::{
        access::Access,
        answer::Answer,
        fields::{BodyError, FieldError, Fields},
        page::cut_at_cursor,
        text::rfc3339,
    },
    record::Item,
};

const ID: &str = "gce";
/// The one project.
const PROJECT: &str = "sim-project";
/// Query parameters that the methods here know, those of every Google API among them.
const PARAMETERS: &[&str] = &[
    "$alt",
    "$prettyPrint",
    "$.xgafv",
    "alt",
    "callback",
    "fields",
    "filter",
    "includeAllScopes",
    "key",
    "maxResults",
    "noGracefulShutdown",
    "orderBy",
    "pageToken",
    "prettyPrint",
    "quotaUser",
    "requestId",
    "returnPartialSuccess",
    "serviceProjectNumber",
    "sourceInstanceTemplate",
    "sourceMachineImage",
    "uploadType",
    "upload_protocol",
    "userIp",
];

/// The cloud.
pub(crate) struct Gce;

impl Cloud for Gce {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["compute.googleapis.com", "www.googleapis.com", "oauth2.googleapis.com"],
            endpoint_path: "/gce",
            settings: &*account::SETTINGS,
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        let segments = call.segments.clone();
        let rest = match (call.request.method.as_str(), segments.as_slice()) {
            ("POST", ["token"] | ["oauth2", "v4", "token"] | ["o", "oauth2", "token"]) => return auth::token(call),
            (_, ["compute", "v1", "projects", rest @ ..]) => rest,
            _ => return Err(no_method(call)),
        };
        match auth::access(call) {
            Access::Full => {}
            Access::ReadOnly if call.method() == "GET" => {}
            Access::ReadOnly => return Err(insufficient_scope()),
            Access::None => return Err(auth::unauthenticated()),
        }
        if let Some((name, _)) = call.query.pairs().find(|(name, _)| !PARAMETERS.contains(name)) {
            let message =
                format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter.");
            return Err(error(400, "badRequest", &message));
        }
        // Images are read from the projects that publish them.
        if let (Some((project, ["global", "images", image @ ..])), "GET") = (rest.split_first(), call.method())
            && catalog::publishes(project)
        {
            return catalog::images(call, project, image);
        }
        match rest.split_first() {
            Some((&PROJECT, rest)) => in_project(call, state, rest),
            Some((project, _)) => Err(error(
                404,
                "notFound",
                &format!("The resource 'projects/{project}' was not found"),
            )),
            None => Err(no_method(call)),
        }
    }

    fn trouble(&self, _call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            Trouble::RateLimited(_) => error(403, "rateLimitExceeded", "Rate Limit Exceeded"),
            Trouble::ServerError(503) => error(503, "backendError", "Backend Error"),
            Trouble::ServerError(status) => error(status, "internalError", "Internal Error"),
            Trouble::Unauthorized => auth::unauthenticated(),
        }
    }

    fn headers(&self, _call: &Call<'_>) -> Vec<(&'static str, String)> {
        vec![
            ("vary", "Origin, X-Origin, Referer".to_owned()),
            ("cache-control", "private".to_owned()),
        ]
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

fn in_project(call: &mut Call<'_>, state: &mut State, rest: &[&str]) -> Handled {
    if let ["zones", zone, ..] = rest
        && !catalog::is_zone(zone)
    {
        return Err(invalid(&format!(
            "Invalid value for field 'zone': '{zone}'. Unknown zone."
        )));
    }
    match (call.request.method.as_str(), rest) {
        ("GET", []) => Ok(catalog::project()),
        ("GET", ["zones"]) => catalog::zones(call),
        ("GET", ["zones", zone]) => Ok(catalog::zone(zone)),
        ("GET", ["zones", zone, "machineTypes"]) => catalog::machine_types(call, zone),
        ("GET", ["zones", zone, "machineTypes", name]) => catalog::machine_type(zone, name),
        ("GET", ["global", "networks", name]) => catalog::network(name),
        ("GET", ["global", "images", rest @ ..]) => catalog::images(call, PROJECT, rest),
        ("POST", ["zones", zone, "instances"]) => instances::insert(call, state, zone),
        ("GET", ["zones", zone, "instances"]) => instances::list(call, state, zone),
        ("GET", ["aggregated", "instances"]) => instances::list_aggregated(call, state),
        ("GET", ["zones", zone, "instances", name]) => instances::get(call, state, zone, name),
        ("DELETE", ["zones", zone, "instances", name]) => instances::delete(call, state, zone, name),
        ("GET", ["zones", zone, "operations"]) => operations::list(call, state, &format!("zones/{zone}")),
        ("GET", ["zones", zone, "operations", name]) => operations::get(call, state, &format!("zones/{zone}"), name),
        ("GET", ["regions", region, "operations", name]) => {
            operations::get(call, state, &format!("regions/{region}"), name)
        }
        ("GET", ["global", "operations"]) => operations::list(call, state, "global"),
        ("GET", ["global", "operations", name]) => operations::get(call, state, "global", name),
        ("POST", ["global", "firewalls"]) => firewalls::insert(call, state),
        ("GET", ["global", "firewalls"]) => firewalls::list(call, state),
        ("GET", ["global", "firewalls", name]) => firewalls::get(state, name),
        ("PATCH", ["global", "firewalls", name]) => firewalls::update(call, state, name, true),
        ("PUT", ["global", "firewalls", name]) => firewalls::update(call, state, name, false),
        ("DELETE", ["global", "firewalls", name]) => firewalls::delete(call, state, name),
        ("POST", ["zones", zone, "disks"]) => storage::insert_disk(call, state, zone),
        ("GET", ["zones", zone, "disks"]) => storage::list_disks(call, state, zone),
        ("GET", ["zones", zone, "disks", name]) => storage::get_disk(state, zone, name),
        ("DELETE", ["zones", zone, "disks", name]) => storage::delete_disk(call, state, zone, name),
        ("POST", ["regions", region, "addresses"]) => storage::insert_address(call, state, region),
        ("GET", ["regions", region, "addresses", name]) => storage::get_address(state, region, name),
        ("DELETE", ["regions", region, "addresses", name]) => storage::delete_address(call, state, region, name),
        _ => Err(no_method(call)),
    }
}

/// An error in the form of the API.
fn error(status: u16, reason: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "error": { "code": status, "message": message,
            "errors": [{ "message": message, "domain": "global", "reason": reason }] } }),
    )
}

fn invalid(message: &str) -> Answer {
    error(400, "invalid", message)
}

/// `path` is what follows `projects/{project}/`.
fn not_found(path: &str) -> Answer {
    error(
        404,
        "notFound",
        &format!("The resource 'projects/{PROJECT}/{path}' was not found"),
    )
}

fn already_exists(path: &str) -> Answer {
    error(
        409,
        "alreadyExists",
        &format!("The resource 'projects/{PROJECT}/{path}' already exists"),
    )
}

fn not_ready(path: &str) -> Answer {
    error(
        400,
        "resourceNotReady",
        &format!("The resource 'projects/{PROJECT}/{path}' is not ready"),
    )
}

fn in_use(path: &str, user: &str) -> Answer {
    let many = path.rsplit('/').nth(1).unwrap_or_default();
    let one = many.strip_suffix("es").filter(|word| word.ends_with('s'));
    let one = one.unwrap_or_else(|| many.trim_end_matches('s'));
    let message =
        format!("The {one} resource 'projects/{PROJECT}/{path}' is already being used by 'projects/{PROJECT}/{user}'");
    error(400, "resourceInUseByAnotherResource", &message)
}

/// Google's front end answers unknown paths in HTML.
fn no_method(call: &Call<'_>) -> Answer {
    let text = format!(
        "<html><title>Error 404 (Not Found)!!1</title><p>The requested URL was not found: {}</html>\n",
        call.method()
    );
    Answer::text(404, text)
}

/// Wording UNCONFIRMED.
fn insufficient_scope() -> Answer {
    let message = "Request had insufficient authentication scopes.";
    Answer::json(
        403,
        &json!({ "error": { "code": 403, "message": message, "status": "PERMISSION_DENIED",
            "errors": [{ "message": "Insufficient Permission", "domain": "global", "reason": "insufficientPermissions" }],
            "details": [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com", "metadatas": { "service": "compute.googleapis.com" } }] } }),
    )
}

/// The body of a request; wording of the refusals UNCONFIRMED.
fn body(call: &Call<'_>) -> Result<Fields, Answer> {
    call.json().map_err(|problem| match problem {
        BodyError::Empty => error(400, "required", "Required field 'resource' not specified"),
        BodyError::NotAnObject => error(
            400,
            "badRequest",
            "Invalid JSON payload received. Root element must be a message.",
        ),
        BodyError::Malformed(_) => error(400, "parseError", "Parse Error"),
    })
}

/// A field of the wrong type; wording UNCONFIRMED.
fn wrong_type(problem: &FieldError) -> Answer {
    let message = format!("Invalid value at 'resource.{}' ({})", problem.field, problem.expected);
    error(400, "badRequest", &message)
}

/// Refuses fields that a message does not have; `place` is where it stands.
fn check_fields(fields: &Fields, place: &str, known: &[&str]) -> Result<(), Answer> {
    match fields.unknown(known) {
        None => Ok(()),
        Some(name) => {
            let message =
                format!("Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field.");
            Err(error(400, "badRequest", &message))
        }
    }
}

/// `[a-z]([-a-z0-9]{0,61}[a-z0-9])?`
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = text.bytes();
    text.len() <= 63
        && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && text.bytes().next_back().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
}

fn check_name(name: &str) -> Result<(), Answer> {
    match is_name(name) {
        true => Ok(()),
        false => Err(invalid(&format!(
            "Invalid value for field 'resource.name': '{name}'. Must be a match of regex '(?:[a-z](?:[-a-z0-9]{{0,61}}[a-z0-9])?)'"
        ))),
    }
}

/// The absolute link of something in the project.
fn link(path: &str) -> String {
    format!("https://www.googleapis.com/compute/v1/projects/{PROJECT}/{path}")
}

/// What a reference names behind `projects/{project}/`, whichever way it is written: as a link, from `projects/` on, or
/// behind the project. `None` for another project.
fn in_our_project(reference: &str) -> Option<&str> {
    let at = reference.find("/compute/v1/").map_or(0, |at| at + "/compute/v1/".len());
    let path = reference.get(at..)?;
    match path.strip_prefix("projects/") {
        Some(rest) => rest.strip_prefix(PROJECT)?.strip_prefix('/'),
        None => Some(path.trim_start_matches('/')),
    }
}

/// `2026-11-20T02:00:00.000-08:00`: the API's clock shows the time of California, here in winter.
fn time_text(ms: u64) -> String {
    let shifted = rfc3339(ms.saturating_sub(8 * 3_600_000));
    format!("{}.{:03}-08:00", shifted.trim_end_matches('Z'), ms % 1_000)
}

/// The filter and the cut of a page: what passes, and the token of the next page.
fn cut(call: &Call<'_>, items: Vec<Value>) -> Result<(Vec<Value>, Option<String>), Answer> {
    let items = match call.query.filled("filter") {
        None => items,
        Some(text) => {
            let filter = Filter::parse(text).ok_or_else(|| {
                invalid(&format!(
                    "Invalid value for field 'filter': '{text}'. Invalid list filter expression."
                ))
            })?;
            items.into_iter().filter(|item| filter.passes(item)).collect()
        }
    };
    let size = match call.query.number("maxResults") {
        Ok(None | Some(0)) => 500,
        Ok(Some(size)) if size <= 500 => usize::try_from(size).unwrap_or(500),
        _ => {
            return Err(invalid(
                "Invalid value for field 'maxResults'. Values must be within the range: [0, 500]",
            ));
        }
    };
    if !matches!(
        call.query.filled("orderBy"),
        None | Some("name" | "creationTimestamp desc")
    ) {
        return Err(invalid("Invalid value for field 'orderBy'."));
    }
    cut_at_cursor(items, call.query.filled("pageToken"), size)
        .ok_or_else(|| invalid("Invalid value for field 'pageToken'."))
}

/// One page of a list; `items` and `nextPageToken` are absent rather than empty.
fn list_page(call: &Call<'_>, kind: &str, items: Vec<Value>) -> Handled {
    let (items, next) = cut(call, items)?;
    let path = call.path.trim_start_matches('/');
    let mut page = json!({ "kind": kind, "id": path, "selfLink": format!("https://www.googleapis.com/{path}") });
    if let Some(fields) = page.as_object_mut() {
        if !items.is_empty() {
            fields.insert("items".to_owned(), Value::Array(items));
        }
        if let Some(next) = next {
            fields.insert("nextPageToken".to_owned(), json!(next));
        }
    }
    Ok(Answer::json(200, &page))
}
