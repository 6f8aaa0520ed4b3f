//! Alerts and dashboard ask for nothing that the operator does not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use provision_operator::{crd::HostPhase, metrics::Metrics};
use serde_json::{Value, json};

use super::{chart::chart, documents};

/// Labels that Prometheus adds.
const ADDED: [&str; 1] = ["job"];
/// What a call to a cloud can end with.
const OUTCOMES: [&str; 6] = ["ok", "unauthorized", "forbidden", "quota", "capacity", "rate_limited"];
const OPERATIONS: [&str; 7] = [
    "provision",
    "status",
    "delete",
    "delete_leftovers",
    "settle",
    "list",
    "catalog",
];

/// The labels of each series that `/metrics` shows.
fn series() -> BTreeMap<String, BTreeSet<String>> {
    let metrics = Metrics::default();
    metrics.reconciled("Tunnel", true);
    metrics.called("hetzner", "list", "ok");
    metrics.moved("Host", None, Some("Active"));
    metrics.became_active("hetzner", Duration::from_secs(12));
    metrics.orphans("hetzner", 2);
    metrics.leads(true);
    let text = metrics.text();
    let mut series = BTreeMap::<String, BTreeSet<String>>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        series.entry(name.to_owned()).or_default().extend(labels(line, name));
    }
    assert!(series.contains_key("provision_operator_leader"), "{text}");
    series
}

/// The names of the labels right after a metric, and nothing when it has none.
fn labels(text: &str, name: &str) -> Vec<String> {
    matchers(&text[name.len()..])
        .into_iter()
        .map(|(label, _)| label)
        .collect()
}

/// Label and text of each matcher in the braces that a text begins with.
fn matchers(text: &str) -> Vec<(String, String)> {
    let Some(inside) = text.strip_prefix('{').and_then(|rest| rest.split('}').next()) else {
        return Vec::new();
    };
    let parts: Vec<&str> = inside.split('"').collect();
    let pairs = parts.chunks_exact(2);
    pairs
        .map(|pair| {
            let label = pair[0].trim_matches(|c: char| !c.is_ascii_alphabetic());
            (label.to_owned(), pair[1].to_owned())
        })
        .collect()
}

/// What an expression asks for that does not exist.
fn faults(expression: &str, series: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut known: BTreeSet<&str> = ADDED.into();
    let mut found = 0;
    let starts = expression.match_indices("provision_operator_");
    for (start, _) in starts {
        found += 1;
        let rest = &expression[start..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        let name = &rest[..end.unwrap_or(rest.len())];
        let Some(labels) = series.get(name) else {
            faults.push(format!("no metric {name}"));
            continue;
        };
        known.extend(labels.iter().map(String::as_str));
        for (label, text) in matchers(&rest[name.len()..]) {
            if !labels.contains(&label) && !ADDED.contains(&label.as_str()) {
                faults.push(format!("{name} has no label {label}"));
            }
            let values = text.split('|').filter(|value| !value.starts_with('$'));
            let wrong = values.filter(|value| match label.as_str() {
                "phase" => serde_json::from_value::<HostPhase>(json!(value)).is_err(),
                "outcome" => !OUTCOMES.contains(value),
                "operation" => !OPERATIONS.contains(value),
                _ => false,
            });
            faults.extend(wrong.map(|value| format!("{label} is never {value}")));
        }
    }
    if found == 0 {
        faults.push("asks for no metric".to_owned());
    }
    for list in expression.split("by (").skip(1) {
        let names = list.split(')').next().unwrap().split(',').map(str::trim);
        let unknown = names.filter(|name| !known.contains(name));
        faults.extend(unknown.map(|name| format!("no label {name}")));
    }
    faults
}

#[test]
fn an_expression_with_a_mistake_is_noticed() {
    let series = series();
    let table = [
        ("sum(provision_operator_host)", "no metric provision_operator_host"),
        ("up", "asks for no metric"),
        (
            "provision_operator_leader{provider=\"x\"}",
            "provision_operator_leader has no label provider",
        ),
        (
            "provision_operator_hosts{phase=~\"Failed|Lost\"}",
            "phase is never Lost",
        ),
        (
            "provision_operator_cloud_calls_total{outcome=\"denied\"}",
            "outcome is never denied",
        ),
        (
            "provision_operator_cloud_calls_total{operation=\"create\"}",
            "operation is never create",
        ),
        ("sum by (provider) (provision_operator_hosts)", "no label provider"),
    ];
    for (expression, fault) in table {
        assert_eq!(faults(expression, &series), [fault], "{expression}");
    }
    for fine in [
        "provision_operator_leader == 1",
        "sum by (le) (provision_operator_time_to_active_seconds_bucket{job=~\"$job\"})",
    ] {
        assert_eq!(faults(fine, &series), [""; 0], "{fine}");
    }
}

#[test]
fn alerts_watch_what_is_counted() {
    let series = series();
    let text = chart("monitoring/alerts.yaml");
    let alerts = &documents(&text)[0]["groups"][0]["rules"];
    assert!(alerts.as_array().unwrap().len() > 3);
    for alert in alerts.as_array().unwrap() {
        let expression = alert["expr"].as_str().unwrap();
        assert_eq!(faults(expression, &series), [""; 0], "{}", alert["alert"]);
        let by = expression.split("by (").nth(1).and_then(|rest| rest.split(')').next());
        for (field, text) in alert["annotations"].as_object().unwrap() {
            let named = text.as_str().unwrap().split("$labels.").skip(1);
            for label in named.map(|rest| rest.split(' ').next().unwrap()) {
                assert!(
                    by.unwrap_or_default().contains(label),
                    "{}: {field}: {label}",
                    alert["alert"]
                );
            }
        }
    }
}

#[test]
fn the_dashboard_shows_what_is_counted() {
    let series = series();
    let dashboard: Value = serde_json::from_str(&chart("monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let variables: Vec<&str> = dashboard["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    let mut shown = BTreeSet::new();
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            assert_eq!(faults(expression, &series), [""; 0], "{}", panel["title"]);
            for variable in expression.split('$').skip(1) {
                let end = variable.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let name = &variable[..end.unwrap_or(variable.len())];
                // Grafana's own begin with two underscores.
                assert!(name.starts_with("__") || variables.contains(&name), "{name}");
            }
            let names = series.keys().filter(|name| expression.contains(name.as_str()));
            shown.extend(names.map(|name| name.trim_end_matches("_bucket").to_owned()));
        }
    }
    let counted = series.keys().map(|name| {
        let end = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        end.unwrap_or(name).to_owned()
    });
    assert_eq!(shown, counted.collect(), "every metric is on the dashboard");
}
