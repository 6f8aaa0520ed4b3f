//! The YAML for those who do without Helm.

use clap::Parser as _;
use provision_operator::{
    args::{Cli, Command},
    permissions::{PERMISSIONS, Scope},
};
use serde_json::{Value, json};

use super::{documents, only, pod, read, restricted, texts};

/// The rules of a role, as the operator's list of permissions has them.
pub(crate) fn wanted_rules(scope: Scope) -> Value {
    let inside = PERMISSIONS.iter().filter(|permission| permission.scope == scope);
    inside
        .map(|permission| {
            let mut rule = json!({
                "apiGroups": [permission.group],
                "resources": [permission.resource],
                "verbs": permission.verbs,
            });
            if let Some(name) = permission.name {
                rule["resourceNames"] = json!([name]);
            }
            rule
        })
        .collect()
}

#[test]
fn the_roles_grant_what_the_operator_asks_for_and_nothing_more() {
    let operator = documents(&read("operator.yaml"));
    assert_eq!(only(&operator, "ClusterRole")["rules"], wanted_rules(Scope::Everywhere));
    assert_eq!(only(&operator, "Role")["rules"], wanted_rules(Scope::Own));
}

#[test]
fn every_pod_may_run_in_a_namespace_with_the_standard_restricted() {
    let mut pods = 0;
    for object in [read("operator.yaml"), read("cleanup.yaml")]
        .iter()
        .flat_map(|text| documents(text))
    {
        if let Some(pod) = pod(&object) {
            pods += 1;
            assert_eq!(restricted::faults(pod), [""; 0], "{}", object["metadata"]["name"]);
            let memory = &pod["spec"]["containers"][0]["resources"]["limits"]["memory"];
            assert!(memory.is_string(), "{object}");
        }
    }
    assert_eq!(pods, 2);
    let operator = documents(&read("operator.yaml"));
    let labels = &only(&operator, "Namespace")["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
}

#[test]
fn the_disruption_budget_is_of_the_operators_pods() {
    let operator = documents(&read("operator.yaml"));
    let budget = &only(&operator, "PodDisruptionBudget")["spec"];
    let deployment = &only(&operator, "Deployment")["spec"];
    assert_eq!(budget["selector"], deployment["selector"]);
    assert_eq!(
        deployment["selector"]["matchLabels"],
        deployment["template"]["metadata"]["labels"]
    );
}

#[test]
fn the_clean_up_runs_as_the_operator_does() {
    let (operator, cleanup) = (documents(&read("operator.yaml")), documents(&read("cleanup.yaml")));
    let operator = &only(&operator, "Deployment")["spec"]["template"]["spec"];
    let cleanup = &only(&cleanup, "Job")["spec"]["template"]["spec"];
    for field in ["serviceAccountName", "securityContext", "volumes"] {
        assert_eq!(cleanup[field], operator[field], "{field}");
    }
    let (operator, cleanup) = (&operator["containers"][0], &cleanup["containers"][0]);
    for field in ["image", "env", "securityContext", "resources", "volumeMounts"] {
        assert_eq!(cleanup[field], operator[field], "{field}");
    }
    let (operator, cleanup) = (texts(&operator["args"]), texts(&cleanup["args"]));
    assert!(cleanup.ends_with(&operator), "{cleanup:?}");
    let parse = |arguments: &[String]| {
        let name = "provision-operator".to_owned();
        Cli::try_parse_from([&[name], arguments].concat()).unwrap()
    };
    assert!(parse(&operator).command.is_none());
    assert!(matches!(parse(&cleanup).command, Some(Command::Cleanup(_))));
}

/// Every permission is explained, and none that is not there.
#[test]
fn the_page_who_can_do_what_has_every_permission() {
    let page = include_str!("../../docs/who-can-do-what.md");
    let table = page.split("| resource | verbs | for |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let explained: Vec<[String; 3]> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            [cells[1].trim_matches('`'), cells[2], cells[3]].map(str::to_owned)
        })
        .collect();
    let wanted = PERMISSIONS.iter().map(|permission| {
        let verbs = permission.verbs.join(" ");
        [permission.resource, &verbs, permission.purpose].map(str::to_owned)
    });
    assert_eq!(explained, wanted.collect::<Vec<_>>());
}
