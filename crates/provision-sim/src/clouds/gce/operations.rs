//! Operations: what every change answers with, and where its failure is told.

use serde_json::{Value, json};

use super::{
    invalid, link, list_page, not_found,
    state::{Operation, State},
    time_text,
};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

/// The answer of an earlier change with the same request id, if there was one. The id has to be a UUID other than zero.
pub(super) fn repeated(call: &Call<'_>, state: &State) -> Result<Option<Answer>, Answer> {
    let Some(id) = call.query.filled("requestId") else {
        return Ok(None);
    };
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let is_uuid = groups == [8, 4, 4, 4, 12] && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !is_uuid || id.bytes().all(|byte| byte == b'0' || byte == b'-') {
        return Err(invalid(&format!(
            "Invalid value for field 'requestId': '{id}'. Must be a valid non-zero UUID."
        )));
    }
    let mut known = state.operations.iter();
    let known = known.find(|operation| operation.request_id.as_deref() == Some(id));
    Ok(known.map(|operation| Answer::json(200, &show(operation, call.now))))
}

/// What a change is about.
pub(super) struct Change<'a> {
    pub(super) kind: &'a str,
    pub(super) scope: String,
    pub(super) target: String,
    pub(super) target_id: u64,
    pub(super) done: u64,
    pub(super) failure: Option<(String, String)>,
}

/// Starts an operation and answers with it.
pub(super) fn start(call: &mut Call<'_>, state: &mut State, change: Change<'_>) -> Answer {
    let id = 5_000_000_000_000 + call.next_number();
    let random = call.hex(8);
    let operation = Operation {
        id,
        name: format!("operation-{}-{id}-{random}", call.now),
        kind: change.kind.to_owned(),
        scope: change.scope,
        target: change.target,
        target_id: change.target_id,
        request_id: call.query.filled("requestId").map(str::to_owned),
        inserted: call.now,
        done: change.done,
        failure: change.failure,
    };
    let answer = Answer::json(200, &show(&operation, call.now));
    state.operations.push(operation);
    answer
}

fn show(operation: &Operation, now: u64) -> Value {
    let whole = operation.done.saturating_sub(operation.inserted);
    let status = match now {
        _ if now >= operation.done => "DONE",
        _ if now.saturating_sub(operation.inserted) * 10 < whole => "PENDING",
        _ => "RUNNING",
    };
    let path = format!("{}/operations/{}", operation.scope, operation.name);
    let mut shown = json!({
        "kind": "compute#operation", "id": operation.id.to_string(), "name": operation.name,
        "operationType": operation.kind, "status": status, "progress": if status == "DONE" { 100 } else { 0 },
        "targetLink": link(&operation.target), "targetId": operation.target_id.to_string(),
        "user": super::account::EMAIL, "selfLink": link(&path),
        "insertTime": time_text(operation.inserted),
    });
    let Some(fields) = shown.as_object_mut() else {
        return shown;
    };
    let mut set = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    if let Some((scope, name)) = operation.scope.split_once('/') {
        set(scope.trim_end_matches('s'), json!(link(&format!("{scope}/{name}"))));
    }
    if let Some(id) = &operation.request_id {
        set("clientOperationId", json!(id));
    }
    if status != "PENDING" {
        set("startTime", json!(time_text(operation.inserted)));
    }
    if status == "DONE" {
        set("endTime", json!(time_text(operation.done)));
        if let Some((code, message)) = &operation.failure {
            let (status, text) = match code.as_str() {
                "QUOTA_EXCEEDED" => (403, "FORBIDDEN"),
                _ => (503, "SERVICE UNAVAILABLE"),
            };
            set("httpErrorStatusCode", json!(status));
            set("httpErrorMessage", json!(text));
            set("error", json!({ "errors": [{ "code": code, "message": message }] }));
        }
    }
    shown
}

pub(super) fn get(call: &Call<'_>, state: &State, scope: &str, name: &str) -> Handled {
    let mut operations = state.operations.iter();
    let found = operations
        .find(|operation| operation.scope == scope && (operation.name == name || operation.id.to_string() == name));
    match found {
        Some(operation) => Ok(Answer::json(200, &show(operation, call.now))),
        None => Err(not_found(&format!("{scope}/operations/{name}"))),
    }
}

pub(super) fn list(call: &Call<'_>, state: &State, scope: &str) -> Handled {
    let operations = state.operations.iter().filter(|operation| operation.scope == scope);
    let mut shown: Vec<Value> = operations.map(|operation| show(operation, call.now)).collect();
    if call.query.get("orderBy") == Some("creationTimestamp desc") {
        shown.reverse();
    }
    list_page(call, "compute#operationList", shown)
}
