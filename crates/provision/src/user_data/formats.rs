//! What can be seen in each format.

use provision_core::{UserData, UserDataKind, UserDataPart};

use super::{
    Finding, cloud_config,
    yaml::{self, Value},
};

/// Archives and parts inside each other.
const DEEPEST: usize = 4;

pub(super) fn look_at(user_data: &UserData) -> Vec<Finding> {
    let mut findings = Vec::new();
    look(user_data, 0, &mut findings);
    findings
}

fn look(user_data: &UserData, depth: usize, findings: &mut Vec<Finding>) {
    let text = user_data.expose();
    match user_data.kind() {
        UserDataKind::Empty => findings.push(Finding::warning(
            None,
            "the user data is empty: the host runs nothing of yours at first boot",
        )),
        UserDataKind::Script => script(text, findings),
        UserDataKind::CloudConfig => cloud_config::look_at(text, findings),
        UserDataKind::Include => include(text, findings),
        UserDataKind::PartHandler => part_handler(text, findings),
        UserDataKind::Archive => archive(text, depth, findings),
        UserDataKind::JsonPatch => json_patch(text, findings),
        UserDataKind::MultiPart => multi_part(user_data, depth, findings),
        // What a template becomes is known on the host only, and a boot hook is any program.
        _ => {}
    }
}

fn script(text: &str, findings: &mut Vec<Finding>) {
    let first = text.lines().next().unwrap_or_default();
    let interpreter = first.trim_start_matches("#!").trim_start();
    if !interpreter.starts_with('/') {
        findings.push(Finding::warning(
            Some(1),
            "the interpreter behind `#!` is no absolute path, such as /bin/sh: the script may not start",
        ));
    }
    if let Some(at) = text.split('\n').position(|line| line.ends_with('\r')) {
        findings.push(Finding::warning(
            Some(at + 1),
            "the line ends as on Windows, which shells read as a part of the last word: convert it, for example with `dos2unix`",
        ));
    }
    if let Some(at) = text.split('\n').position(|line| line.contains('\0')) {
        findings.push(Finding::warning(Some(at + 1), "there is a NUL character in the script"));
    }
}

/// As `_do_include` of cloud-init reads it.
fn include(text: &str, findings: &mut Vec<Finding>) {
    let mut addresses = 0;
    for (line, number) in text.lines().zip(1..) {
        let lower = line.to_ascii_lowercase();
        let mark = ["#include-once", "#include"]
            .into_iter()
            .find(|mark| lower.starts_with(mark));
        let address = line.get(mark.map_or(0, str::len)..).unwrap_or_default().trim();
        if address.is_empty() || address.starts_with('#') {
            continue;
        }
        addresses += 1;
        let known = ["http://", "https://", "ftp://", "file://"];
        if !known
            .iter()
            .any(|scheme| address.to_ascii_lowercase().starts_with(scheme))
        {
            findings.push(Finding::warning(
                Some(number),
                "this is no address that cloud-init can fetch: write one that begins with https://",
            ));
        }
    }
    if addresses == 0 {
        findings.push(Finding::warning(
            None,
            "no address follows `#include`: nothing is fetched",
        ));
    }
}

fn part_handler(text: &str, findings: &mut Vec<Finding>) {
    for function in ["list_types", "handle_part"] {
        if !text.contains(&format!("def {function}(")) {
            findings.push(Finding::warning(
                None,
                format!("the part handler has no function `{function}`, which cloud-init calls"),
            ));
        }
    }
}

fn json_patch(text: &str, findings: &mut Vec<Finding>) {
    match yaml::read(text) {
        Err(finding) => findings.push(finding),
        Ok(Some(root)) if matches!(root.value, Value::List(_)) => {}
        Ok(_) => findings.push(Finding::error(
            None,
            "a JSON patch is a list of operations, and this is none",
        )),
    }
}

fn archive(text: &str, depth: usize, findings: &mut Vec<Finding>) {
    let nodes = match yaml::read(text) {
        Err(finding) => return findings.push(finding),
        Ok(Some(root)) => match root.value {
            Value::List(nodes) => nodes,
            _ => {
                return findings.push(Finding::error(
                    Some(root.line),
                    "an archive is a list of parts, and this is none",
                ));
            }
        },
        Ok(None) => return findings.push(Finding::warning(None, "the archive is empty")),
    };
    for node in nodes {
        let mut content_type = None;
        let content = match node.value {
            Value::Text(text) => Some(text),
            Value::Map(entries) => {
                let mut content = None;
                for entry in entries {
                    match (entry.key.as_deref(), entry.value.value) {
                        (Some("content"), Value::Text(text)) => content = Some(text),
                        (Some("type"), Value::Text(text)) => content_type = Some(text),
                        _ => {}
                    }
                }
                content
            }
            Value::Unknown => continue,
            _ => None,
        };
        let Some(content) = content else {
            findings.push(Finding::warning(
                Some(node.line),
                "an entry of the archive is a text, or a map with the text as `content`: cloud-init passes over this one",
            ));
            continue;
        };
        // What begins without a mark is a cloud-config in an archive.
        let content_type = content_type.as_deref().unwrap_or("text/x-not-multipart");
        let mut inside = Vec::new();
        part(content_type, content, "text/cloud-config", depth + 1, &mut inside);
        for found in inside {
            findings.push(Finding::new(
                found.severity,
                Some(node.line),
                format!("in the entry that begins here, {found}"),
            ));
        }
    }
}

fn multi_part(user_data: &UserData, depth: usize, findings: &mut Vec<Finding>) {
    let parts = match user_data.parts() {
        Ok(parts) => parts,
        Err(invalid) => return findings.push(Finding::error(None, invalid.to_string())),
    };
    if parts.is_empty() {
        findings.push(Finding::warning(
            None,
            "no part begins with the boundary that the header names: there is nothing to run",
        ));
    }
    for (found, number) in parts.iter().zip(1..) {
        let mut inside = Vec::new();
        decoded(found, depth + 1, &mut inside);
        findings.extend(inside.into_iter().map(|mut finding| {
            match finding.part {
                None => finding.part = Some(number),
                Some(_) => finding.message = finding.to_string(),
            }
            finding
        }));
    }
}

fn decoded(found: &UserDataPart, depth: usize, findings: &mut Vec<Finding>) {
    match found.text() {
        Ok(text) => part(found.content_type(), text, "text/plain", depth, findings),
        // cloud-init reads more encodings than are read here.
        Err(invalid) => findings.push(Finding::warning(None, format!("it {invalid}"))),
    }
}

/// A part by its type; `otherwise` is the type of what has neither a type nor a mark.
fn part(content_type: &str, text: String, otherwise: &str, depth: usize, findings: &mut Vec<Finding>) {
    if depth > DEEPEST {
        return;
    }
    // As cloud-init: these types are looked into, the others are believed.
    let looked_into = ["text/plain", "text/x-not-multipart", "text/x-shellscript"];
    let content_type = content_type.to_ascii_lowercase();
    if looked_into.contains(&content_type.as_str()) {
        match UserData::new(text.as_str()) {
            Ok(data) => return look(&data, depth, findings),
            Err(_) if otherwise == "text/cloud-config" => return cloud_config::look_at(&text, findings),
            Err(invalid) => return findings.push(Finding::error(None, format!("it is no user data: {invalid}"))),
        }
    }
    match content_type.as_str() {
        "text/cloud-config" => cloud_config::look_at(&text, findings),
        "text/x-include-url" | "text/x-include-once-url" => include(&text, findings),
        "text/part-handler" => part_handler(&text, findings),
        "text/cloud-config-archive" => archive(&text, depth, findings),
        "text/cloud-config-jsonp" => json_patch(&text, findings),
        "text/jinja2" | "text/cloud-boothook" => {}
        other if other.starts_with("text/x-shellscript-per-") || other.starts_with("multipart/") => {}
        _ => findings.push(Finding::warning(
            None,
            "cloud-init knows no such type of part, and passes over it unless a part handler takes it",
        )),
    }
}
