//! What the chart renders to, where there is a `helm` (in `PATH`, or as `HELM` says).

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output},
};

use clap::Parser as _;
use provision_operator::{
    args::{Cli, Command as Task, with_two_hyphens},
    permissions::Scope,
};
use serde_json::Value;

use super::{chart, deploy, documents, only, plain, pod, read, restricted, texts};

/// The oldest Kubernetes that the chart is for.
const KUBERNETES: &str = "1.30.0";
const EVERYTHING: [&str; 11] = [
    "adoptUnmarked=true",
    "tenantEndpoints={https://cloud.example.com/api}",
    "allowAdditional={vpc-id,disk-gb}",
    "watchNamespace=shop",
    "tunnelSelector=team=web",
    "networkPolicy.enabled=true",
    "serviceMonitor.enabled=true",
    "serviceMonitor.labels.release=monitoring",
    "prometheusRule.enabled=true",
    "dashboard.enabled=true",
    "secretKeyFile=/var/secrets/inlets/secret/inlets-secret-key",
];
const AS_LITTLE_AS_CAN_BE: [&str; 6] = [
    "cleanup.enabled=false",
    "podDisruptionBudget.enabled=false",
    "license=false",
    "accessKeyFile=",
    "provider=",
    "replicaCount=1",
];

fn helm() -> Option<PathBuf> {
    let binary = std::env::var_os("HELM").map_or_else(|| "helm".into(), PathBuf::from);
    let answers = Command::new(&binary).arg("version").output();
    if answers.is_ok_and(|output| output.status.success()) {
        return Some(binary);
    }
    // Not by `eprintln!`, whose text the test harness keeps to itself.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: there is no helm to render the chart with; set HELM to one"
    );
    None
}

/// Runs `helm` on the chart. With these values, if any.
fn run(command: &[&str], values: &[&str]) -> Option<Output> {
    let mut helm = Command::new(helm()?);
    helm.args(command).arg(deploy("chart/provision-operator"));
    helm.args(["--kube-version", KUBERNETES])
        .args(["--namespace", "inlets"]);
    for value in values {
        helm.args(["--set", value]);
    }
    Some(helm.output().unwrap())
}

fn render(release: &str, values: &[&str]) -> Option<Vec<Value>> {
    let output = run(&["template", release], values)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{values:?}: {errors}");
    Some(documents(&String::from_utf8(output.stdout).unwrap()))
}

fn arguments(object: &Value) -> Vec<String> {
    texts(&pod(object).unwrap()["spec"]["containers"][0]["args"])
}

/// Without what only Helm adds.
fn bare(mut object: Value) -> Value {
    fn strip(value: &mut Value) {
        if let Some(fields) = value.as_object_mut() {
            for name in ["labels", "matchLabels"] {
                if let Some(labels) = fields.get_mut(name).and_then(Value::as_object_mut) {
                    labels.retain(|key, _| key == "app.kubernetes.io/name");
                }
            }
            for name in ["annotations", "imagePullPolicy", "activeDeadlineSeconds"] {
                fields.remove(name);
            }
            // Flags differ: the chart passes empty ones on.
            fields.remove("args");
            fields.values_mut().for_each(strip);
        }
        value.as_array_mut().into_iter().flatten().for_each(strip);
    }
    strip(&mut object);
    object["metadata"].as_object_mut().unwrap().remove("labels");
    object
}

#[test]
fn lint_finds_nothing() {
    for values in [&[][..], &EVERYTHING, &AS_LITTLE_AS_CAN_BE] {
        let Some(output) = run(&["lint", "--strict"], values) else {
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn every_combination_renders_to_pods_that_run_anywhere_with_flags_that_are_understood() {
    let long = "a".repeat(53);
    for release in ["provision-operator", "p", long.as_str()] {
        for values in [&[][..], &EVERYTHING, &AS_LITTLE_AS_CAN_BE] {
            let Some(objects) = render(release, values) else { return };
            let mut names: Vec<String> = Vec::new();
            for object in &objects {
                let name = object["metadata"]["name"].as_str().unwrap();
                assert!(name.len() <= 63, "{name}");
                names.push(format!("{} {name}", object["kind"]));
                let Some(pod) = pod(object) else { continue };
                assert_eq!(restricted::faults(pod), [""; 0], "{name}");
                for (_, label) in pod["metadata"]["labels"].as_object().unwrap() {
                    assert!(label.as_str().unwrap().len() <= 63, "{label}");
                }
                let line = [vec!["operator".to_owned()], arguments(object)].concat();
                let line = with_two_hyphens(line.into_iter().map(Into::into));
                let cli = Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{name}: {error}"));
                let fits = match object["kind"].as_str().unwrap() {
                    "Deployment" => cli.command.is_none(),
                    "Job" => matches!(cli.command, Some(Task::Cleanup(_))),
                    _ => matches!(cli.command, Some(Task::Check)),
                };
                assert!(fits, "{name}: {:?}", cli.command);
                let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array();
                let volumes = pod["spec"]["volumes"].as_array();
                assert_eq!(mounts.map(Vec::len), volumes.map(Vec::len), "{name}");
            }
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count, "{names:?}");
            assert_eq!(
                only(&objects, "ClusterRole")["rules"],
                plain::wanted_rules(Scope::Everywhere)
            );
            assert_eq!(only(&objects, "Role")["rules"], plain::wanted_rules(Scope::Own));
        }
    }
}

#[test]
fn the_plain_yaml_is_the_chart_with_its_defaults() {
    let values = ["region=lon1", "nameOverride=provision-operator", "cleanup.timeout=900"];
    let Some(rendered) = render("provision-operator", &values) else {
        return;
    };
    let plain = [read("operator.yaml"), read("cleanup.yaml")]
        .map(|text| documents(&text))
        .concat();
    for object in plain.iter().filter(|object| object["kind"] != "Namespace") {
        let kind = object["kind"].as_str().unwrap();
        assert_eq!(bare(only(&rendered, kind).clone()), bare(object.clone()), "{kind}");
        if pod(object).is_some() {
            let rendered = arguments(only(&rendered, kind));
            for argument in arguments(object) {
                assert!(
                    rendered.contains(&argument),
                    "{kind}: {argument} is not in {rendered:?}"
                );
            }
        }
    }
}

#[test]
fn selectors_select_what_they_are_for() {
    let Some(objects) = render("provision-operator", &EVERYTHING) else {
        return;
    };
    let labels = |kind: &str| pod(only(&objects, kind)).unwrap()["metadata"]["labels"].clone();
    let (operator, cleanup, check) = (labels("Deployment"), labels("Job"), labels("Pod"));
    let selects = |selector: &Value, labels: &Value| {
        let mut wanted = selector.as_object().unwrap().iter();
        wanted.all(|(key, value)| labels[key] == *value)
    };
    for (kind, selector) in [
        ("Deployment", "/spec/selector/matchLabels"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("Service", "/spec/selector"),
    ] {
        let selector = only(&objects, kind).pointer(selector).unwrap();
        assert!(selects(selector, &operator), "{kind}");
        assert!(!selects(selector, &cleanup) && !selects(selector, &check), "{kind}");
    }
    let monitor = &only(&objects, "ServiceMonitor");
    let service = only(&objects, "Service");
    assert!(selects(
        &monitor["spec"]["selector"]["matchLabels"],
        &service["metadata"]["labels"]
    ));
    assert_eq!(monitor["metadata"]["labels"]["release"], "monitoring");
    assert_eq!(
        monitor["spec"]["endpoints"][0]["port"],
        service["spec"]["ports"][0]["name"]
    );
    // The policy is for the tasks as well: in a namespace that allows nothing else they would hang.
    let policy = &only(&objects, "NetworkPolicy")["spec"];
    for labels in [&operator, &cleanup, &check] {
        assert!(selects(&policy["podSelector"]["matchLabels"], labels));
        let named = &policy["podSelector"]["matchExpressions"][0];
        let key = named["key"].as_str().unwrap();
        assert!(named["values"].as_array().unwrap().contains(&labels[key]), "{labels}");
    }
    let port = &only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"];
    assert_eq!(policy["ingress"][0]["ports"][0]["port"], *port);
    let data = &only(&objects, "ConfigMap")["data"]["provision-operator.json"];
    let shown: Value = serde_json::from_str(data.as_str().unwrap()).unwrap();
    let file: Value = serde_json::from_str(&chart::chart("monitoring/dashboard.json")).unwrap();
    assert_eq!(shown, file);
    let alerts = &only(&objects, "PrometheusRule")["spec"]["groups"][0];
    assert_eq!(
        *alerts,
        documents(&chart::chart("monitoring/alerts.yaml"))[0]["groups"][0]
    );
}

#[test]
fn caps_of_nothing_are_caps() {
    let values = [
        "maxHosts=0",
        "maxMonthlyCost=0",
        "maxHostsPerNamespace=0",
        "maxMonthlyCostPerNamespace=0",
    ];
    let Some(objects) = render("provision-operator", &values) else {
        return;
    };
    let given = arguments(only(&objects, "Deployment"));
    for flag in [
        "--max-hosts=0",
        "--max-monthly-cost=0",
        "--max-hosts-per-namespace=0",
        "--max-monthly-cost-per-namespace=0",
    ] {
        assert!(given.iter().any(|argument| argument == flag), "{given:?}");
    }
    let without = render("provision-operator", &[]).unwrap();
    let without = arguments(only(&without, "Deployment"));
    assert!(
        !without.iter().any(|argument| argument.starts_with("--max-hosts")),
        "{without:?}"
    );
}

#[test]
fn values_that_mean_nothing_are_refused_before_anything_is_installed() {
    let table = [
        ("maxHost=5", "maxHost"),
        ("replicaCount=two", "replicaCount"),
        ("maxMonthlyCost=much", "maxMonthlyCost"),
        ("pullPolicy=Sometimes", "pullPolicy"),
        ("networkPolicy.enabled=yes", "networkPolicy"),
        ("networkPolicy.egressPorts={https}", "egressPorts"),
        ("accessKeyFile=/etc/key", "accessKeyFile"),
        ("resources.limit.memory=1Gi", "resources"),
        ("extraArgs={log-format=text}", "extraArgs"),
    ];
    for (value, named) in table {
        let Some(output) = run(&["template", "p"], &[value]) else {
            return;
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{value}");
        assert!(errors.contains(named), "{value}: {errors}");
    }
    for fine in [
        "maxMonthlyCost=50EUR\\,40USD",
        "maxMonthlyCost=12.5",
        "maxHosts=5",
        "inletsProLicense=x",
        "proClientImage=x",
        "extraArgs={--log-format=text}",
    ] {
        assert!(render("p", &[fine]).is_some(), "{fine}");
    }
}
