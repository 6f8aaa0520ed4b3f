//! What is under `deploy/`, as far as it can be checked without a cluster.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod chart;
mod helm;
mod monitoring;
mod plain;
mod restricted;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A folder or file of `deploy/`.
fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(deploy(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML text, without empty ones.
fn documents(text: &str) -> Vec<Value> {
    let parts = format!("\n{text}").replace("\n---\n", "\0");
    let documents = parts.split('\0').map(serde_saphyr::from_str::<Value>);
    documents
        .map(|document| document.unwrap_or_else(|error| panic!("{error}\n{text}")))
        .filter(|document| !document.is_null())
        .collect()
}

/// The only document of a kind.
#[track_caller]
fn only<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = documents.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

/// The pod that a resource makes, if it makes one.
fn pod(object: &Value) -> Option<&Value> {
    match object["kind"].as_str()? {
        "Pod" => Some(object),
        "Deployment" | "Job" => Some(&object["spec"]["template"]),
        _ => None,
    }
}

fn texts(list: &Value) -> Vec<String> {
    serde_json::from_value(list.clone()).unwrap_or_else(|error| panic!("{error}: {list}"))
}
