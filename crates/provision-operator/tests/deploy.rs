//! What is under `deploy/`, as far as it can be checked without a cluster.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use clap::Parser as _;
use provision_operator::args::{Cli, Command};
use serde_json::Value;

const OPERATOR: &str = include_str!("../../../deploy/operator.yaml");
const CLEANUP: &str = include_str!("../../../deploy/cleanup.yaml");
const CHART_RBAC: &str = include_str!("../../../deploy/chart/provision-operator/templates/rbac.yaml");

fn document(text: &str, kind: &str) -> Value {
    let documents = text
        .split("\n---\n")
        .map(|part| serde_saphyr::from_str::<Value>(part).unwrap());
    documents.into_iter().find(|object| object["kind"] == kind).expect(kind)
}

/// The permissions of a role, line by line: a template is no YAML.
fn rules(text: &str, kind: &str) -> Vec<String> {
    let part = text
        .split("\n---\n")
        .find(|part| part.contains(&format!("\nkind: {kind}\n")));
    let lines = part.expect(kind).lines().skip_while(|line| *line != "rules:");
    lines.map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_chart_and_the_plain_yaml_grant_the_same() {
    for kind in ["ClusterRole", "Role"] {
        let plain = rules(OPERATOR, kind);
        assert!(plain.len() > 3, "{plain:?}");
        assert_eq!(rules(CHART_RBAC, kind), plain, "{kind}");
    }
}

#[test]
fn the_clean_up_runs_as_the_operator_does() {
    let operator = &document(OPERATOR, "Deployment")["spec"]["template"]["spec"];
    let cleanup = &document(CLEANUP, "Job")["spec"]["template"]["spec"];
    for field in ["serviceAccountName", "securityContext", "volumes"] {
        assert_eq!(cleanup[field], operator[field], "{field}");
    }
    let (operator, cleanup) = (&operator["containers"][0], &cleanup["containers"][0]);
    for field in ["image", "env", "securityContext", "resources", "volumeMounts"] {
        assert_eq!(cleanup[field], operator[field], "{field}");
    }
    let arguments = |container: &Value| -> Vec<String> { serde_json::from_value(container["args"].clone()).unwrap() };
    let (operator, cleanup) = (arguments(operator), arguments(cleanup));
    assert!(cleanup.ends_with(&operator), "{cleanup:?}");
    let parse = |arguments: &[String]| {
        let name = "provision-operator".to_owned();
        Cli::try_parse_from([&[name], arguments].concat()).unwrap()
    };
    assert!(parse(&operator).command.is_none());
    assert!(matches!(parse(&cleanup).command, Some(Command::Cleanup(_))));
}
