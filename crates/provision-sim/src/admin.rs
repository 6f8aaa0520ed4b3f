//! The admin API: what tests and people drive a running simulator with.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    cloud::CloudInfo,
    engine::{Engine, broken},
    fault::{Effect, Fault},
    kit::{answer::Answer, query::Query},
    request::SimRequest,
};

/// Every route, for the answer to a wrong path.
pub(crate) const ROUTES: &[&str] = &[
    "GET /_sim/",
    "GET /_sim/clouds",
    "GET /_sim/inventory",
    "GET /_sim/requests",
    "GET /_sim/requests?after={number}",
    "GET /_sim/requests/{number}",
    "DELETE /_sim/requests",
    "GET /_sim/faults",
    "POST /_sim/faults",
    "DELETE /_sim/faults",
    "DELETE /_sim/faults/{id}",
    "GET /_sim/clock",
    "POST /_sim/clock",
    "POST /_sim/reset",
];

/// Answers a request to the admin API; `path` is what follows `/_sim`.
pub(crate) fn handle(engine: &Engine, request: &SimRequest, path: &str) -> Answer {
    if request.peer.is_some_and(|peer| !peer.to_canonical().is_loopback()) {
        return refuse(403, "the admin API answers on this machine only");
    }
    if !is_own_page(request) {
        return refuse(403, "a page of another site may not use the admin API");
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", []) => page("text/html; charset=utf-8", include_str!("page/index.html")),
        ("GET", ["page.css"]) => page("text/css; charset=utf-8", include_str!("page/page.css")),
        ("GET", ["page.js"]) => page("text/javascript; charset=utf-8", include_str!("page/page.js")),
        ("GET", ["clouds"]) => show(&clouds(engine)),
        ("GET", ["inventory"]) => match engine.try_inventory() {
            Ok(items) => show(&items),
            Err(error) => broken(&error),
        },
        ("GET", ["requests"]) => {
            let after = Query::parse(&request.query).get("after").map_or(Ok(0), str::parse);
            after.map_or_else(
                |_| refuse(400, "`after` needs the number of a request"),
                |after| show(&engine.log.after(after)),
            )
        }
        ("GET", ["requests", number]) => match number.parse().ok().and_then(|number| engine.log.answer(number)) {
            Some(text) => Answer::json(200, &json!({ "text": text })),
            None => refuse(404, "there is no answer to it, or it is not kept any more"),
        },
        ("DELETE", ["requests"]) => {
            engine.log.clear();
            Answer::empty(204)
        }
        ("GET", ["faults"]) => show(&engine.faults.list()),
        ("POST", ["faults"]) => add_fault(engine, &request.body),
        ("DELETE", ["faults"]) => {
            engine.faults.clear();
            Answer::empty(204)
        }
        ("DELETE", ["faults", id]) => match id.parse() {
            Ok(id) if engine.faults.remove(id) => Answer::empty(204),
            _ => refuse(404, "there is no fault with this id; GET /_sim/faults lists them"),
        },
        ("GET", ["clock"]) => clock(engine),
        ("POST", ["clock"]) => set_clock(engine, &request.body),
        ("POST", ["reset"]) => match engine.reset() {
            Ok(()) => Answer::empty(204),
            Err(error) => broken(&error),
        },
        _ => Answer::json(404, &json!({ "error": "no such admin route", "routes": ROUTES })),
    }
}

fn clouds(engine: &Engine) -> Value {
    let cloud = |info: &CloudInfo| {
        let settings: Map<_, _> = info
            .settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        json!({ "id": info.id, "hosts": info.hosts, "endpoint_path": info.endpoint_path, "settings": settings })
    };
    engine.clouds.iter().map(cloud).collect()
}

fn add_fault(engine: &Engine, body: &[u8]) -> Answer {
    let fault: Fault = match serde_json::from_slice(body) {
        Ok(fault) => fault,
        Err(error) => return refuse(400, &format!("the body is not a fault: {error}")),
    };
    if let Some(cloud) = fault.cloud.as_deref()
        && !engine.clouds.iter().any(|info| info.id == cloud)
    {
        return refuse(400, &format!("unknown cloud `{cloud}`; GET /_sim/clouds lists them"));
    }
    if fault.probability.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return refuse(400, "`probability` needs a number from 0 to 1");
    }
    if matches!(fault.effect, Effect::ServerError { status } if !(500..=599).contains(&status)) {
        return refuse(400, "`status` needs a number from 500 to 599");
    }
    Answer::json(201, &json!({ "id": engine.faults.add(fault) }))
}

fn clock(engine: &Engine) -> Answer {
    // Agrees on the offset with the state file, if there is one.
    if let Err(error) = engine.store() {
        return broken(&error);
    }
    let now = Timestamp::try_from(engine.clock.now())
        .map(|now| now.to_string())
        .unwrap_or_default();
    Answer::json(
        200,
        &json!({ "now": now, "advanced_ms": engine.clock.offset_ms(), "paused": engine.clock.is_paused() }),
    )
}

fn set_clock(engine: &Engine, body: &[u8]) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Change {
        advance_ms: Option<u64>,
        paused: Option<bool>,
    }
    match serde_json::from_slice(body) {
        Ok(Change {
            advance_ms: None,
            paused: None,
        })
        | Err(_) => {
            return refuse(
                400,
                "the body must be {\"advance_ms\": <milliseconds>} or {\"paused\": true|false}",
            );
        }
        Ok(Change { advance_ms, paused }) => {
            if let Some(paused) = paused {
                engine.clock.pause(paused);
            }
            engine.clock.advance(Duration::from_millis(advance_ms.unwrap_or(0)));
        }
    }
    clock(engine)
}

/// Whether a request comes from no page at all, or from the one that is served here. Any site may send requests to this
/// machine; browsers say which one it was.
fn is_own_page(request: &SimRequest) -> bool {
    let Some(origin) = request.headers.get(http::header::ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(&request.authority))
}

/// A part of the page for people. It loads nothing from anywhere else.
fn page(kind: &str, text: &'static str) -> Answer {
    Answer::text(200, text)
        .content_type(kind)
        .header("content-security-policy", "default-src 'self'; frame-ancestors 'none'")
        .header("cache-control", "no-store")
}

fn show(value: &impl Serialize) -> Answer {
    match serde_json::to_value(value) {
        Ok(value) => Answer::json(200, &value),
        Err(error) => refuse(500, &error.to_string()),
    }
}

fn refuse(status: u16, error: &str) -> Answer {
    Answer::json(status, &json!({ "error": error }))
}
