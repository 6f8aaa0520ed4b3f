//! The chart as text: what can be said without Helm. What it renders to is in `helm.rs`.

use std::{collections::BTreeSet, path::Path};

use provision_operator::permissions::{PERMISSIONS, Permission, Scope};
use serde_json::Value;

use super::{deploy, documents, only, read};

const CHART: &str = "chart/provision-operator";
/// Values of inlets-operator's chart that have no effect here, and Helm's own.
const FOREIGN: [&str; 6] = [
    "global",
    "inletsProLicense",
    "clientImage",
    "proClientImage",
    "gceProjectId",
    "packetProjectId",
];

pub(crate) fn chart(file: &str) -> String {
    read(&format!("{CHART}/{file}"))
}

/// Name and text of every template.
fn templates() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&deploy(CHART).join("templates"), &mut found);
    assert!(found.len() > 5);
    found
}

/// The paths after `.Values.` in a template.
fn used(text: &str) -> BTreeSet<String> {
    let after = text.split(".Values.").skip(1);
    let mut used: BTreeSet<String> = after
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
            rest[..end.unwrap_or(rest.len())].trim_end_matches('.').to_owned()
        })
        .collect();
    // `range $name := list "a" "b"` before `get $.Values $name`.
    if text.contains("get $.Values $name") {
        let list = text
            .split("range $name := list ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        used.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    used
}

/// The paths of all values; objects that are passed on whole count as one.
fn paths(values: &Value, schema: &Value, prefix: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (name, value) in values.as_object().unwrap() {
        let path = format!("{prefix}{name}");
        let schema = &schema["properties"][name];
        // `resources` has named fields, but is passed on whole.
        if schema["properties"].is_object() && name != "resources" {
            paths.extend(self::paths(value, schema, &format!("{path}.")));
        } else {
            paths.insert(path);
        }
    }
    paths
}

fn values_and_schema() -> (Value, Value) {
    let values = serde_saphyr::from_str(&chart("values.yaml")).unwrap();
    let schema = serde_json::from_str(&chart("values.schema.json")).unwrap();
    (values, schema)
}

#[test]
fn every_value_is_used_and_every_used_value_exists() {
    let (values, schema) = values_and_schema();
    let given = paths(&values, &schema, "");
    let used: BTreeSet<String> = templates().iter().flat_map(|(_, text)| used(text)).collect();
    assert_eq!(given, used);
}

/// That a field is known, and that its value has one of its types.
fn check(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    let any = schema["anyOf"].as_array();
    if let Some(any) = any {
        let fits = any.iter().any(|one| check(value, one, path).is_empty());
        return if fits {
            Vec::new()
        } else {
            vec![format!("{path}: fits nothing")]
        };
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        other => panic!("{path}: {other:?}"),
    };
    let mut faults = Vec::new();
    if !fits {
        faults.push(format!("{path}: wrong type"));
    }
    if schema["enum"].as_array().is_some_and(|known| !known.contains(value)) {
        faults.push(format!("{path}: not one of the known values"));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => faults.push(format!("{path}: unknown")),
            (Value::Null, Value::Null | Value::Bool(true)) => {}
            (Value::Null, others) => faults.extend(check(value, others, &path)),
            (own, _) => faults.extend(check(value, own, &path)),
        }
    }
    faults
}

#[test]
fn the_schema_is_that_of_the_values() {
    let (mut values, schema) = values_and_schema();
    assert_eq!(check(&values, &schema, ""), [""; 0]);
    assert_eq!(schema["additionalProperties"], false, "a misspelt value is refused");
    let known: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let given = values.as_object().unwrap().keys();
    let foreign: BTreeSet<String> = FOREIGN.map(str::to_owned).into();
    assert_eq!(known, given.chain(&foreign).collect());
    values["maxHost"] = 5.into();
    values["networkPolicy"]["enabled"] = "yes".into();
    values["pullPolicy"] = "Sometimes".into();
    let mut faults = check(&values, &schema, "");
    faults.sort();
    let all = [
        ".maxHost: unknown",
        ".networkPolicy.enabled: wrong type",
        ".pullPolicy: not one of the known values",
    ];
    assert_eq!(faults, all);
}

/// A `define` of the helpers, as YAML.
fn helper(name: &str) -> Value {
    let text = chart("templates/_helpers.tpl");
    let start = format!("{{{{- define \"provision-operator.{name}\" -}}}}\n");
    let body = text.split(&start).nth(1).unwrap_or_else(|| panic!("{name}"));
    serde_saphyr::from_str(body.split("{{- end").next().unwrap()).unwrap()
}

#[test]
fn every_pod_has_the_security_of_the_plain_one() {
    let operator = documents(&read("operator.yaml"));
    let plain = &only(&operator, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(helper("podSecurity"), plain["securityContext"]);
    assert_eq!(helper("containerSecurity"), plain["containers"][0]["securityContext"]);
    assert_eq!(helper("env"), plain["containers"][0]["env"]);
    let (values, _) = values_and_schema();
    assert_eq!(values["resources"], plain["containers"][0]["resources"]);
    assert_eq!(values["image"], plain["containers"][0]["image"]);
    let mut pods = 0;
    for (name, text) in templates() {
        if !text.contains("containers:") {
            continue;
        }
        pods += 1;
        for part in [
            "\"provision-operator.podSecurity\"",
            "\"provision-operator.containerSecurity\"",
            "\"provision-operator.args\"",
            "toYaml .Values.resources",
        ] {
            assert_eq!(text.matches(part).count(), 1, "{name}: {part}");
        }
    }
    assert_eq!(pods, 3);
}

/// Lines of a role's rules: a template is no YAML.
fn rules(kind: &str) -> Vec<String> {
    let text = chart("templates/rbac.yaml");
    let part = text
        .split("\n---\n")
        .find(|part| part.contains(&format!("\nkind: {kind}\n")));
    let lines = part.expect(kind).lines().skip_while(|line| *line != "rules:").skip(1);
    lines
        .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_roles_grant_what_the_operator_asks_for_and_nothing_more() {
    let quoted = |list: &[&str]| {
        let list: Vec<String> = list.iter().map(|one| format!("{one:?}")).collect();
        format!("[{}]", list.join(", "))
    };
    let lines = |permission: &Permission| {
        let mut lines = vec![
            format!("  - apiGroups: {}", quoted(&[permission.group])),
            format!("    resources: {}", quoted(&[permission.resource])),
        ];
        lines.extend(
            permission
                .name
                .map(|name| format!("    resourceNames: {}", quoted(&[name]))),
        );
        lines.push(format!("    verbs: {}", quoted(permission.verbs)));
        lines
    };
    for (kind, scope) in [("ClusterRole", Scope::Everywhere), ("Role", Scope::Own)] {
        let inside = PERMISSIONS.iter().filter(|permission| permission.scope == scope);
        let wanted: Vec<String> = inside.flat_map(lines).collect();
        assert_eq!(rules(kind), wanted, "{kind}");
    }
}
