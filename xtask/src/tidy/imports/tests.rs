//! Each import rule fires on a bad example and is silent on a good one.

use super::*;

const IDS: [&str; 2] = ["digitalocean", "hetzner"];

fn package(name: &str, normal: &[&str], dev: &[&str]) -> Package {
    let dependency = |dev: bool| {
        move |name: &&str| Dependency {
            name: (*name).to_owned(),
            dev,
        }
    };
    Package {
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        manifest: format!("crates/{name}/Cargo.toml"),
        published: true,
        dependencies: normal
            .iter()
            .map(dependency(false))
            .chain(dev.iter().map(dependency(true)))
            .collect(),
    }
}

/// A workspace that keeps every rule.
fn workspace() -> Vec<Package> {
    vec![
        package("provision-core", &["serde", "secrecy"], &["proptest"]),
        package("provision-http", &["provision-core", "reqwest", "tokio"], &["wiremock"]),
        package(
            "provision-digitalocean",
            &["provision-core", "provision-http", "serde"],
            &["provision-testkit", "provision-sim", "tokio", "wiremock"],
        ),
        package("provision-hetzner", &["provision-core", "provision-http"], &[]),
        package(
            "provision",
            &["provision-core", "provision-http", "provision-hetzner", "tokio"],
            &["provision-sim"],
        ),
        package("provision-exit-server", &["provision-core"], &["tempfile"]),
        package("provision-sim", &["hyper", "tokio"], &["reqwest"]),
        package("provision-testkit", &["provision-core", "provision-http", "tokio"], &[]),
        package(
            "provision-cli",
            &["provision", "provision-exit-server", "provision-sim", "clap"],
            &[],
        ),
        package(
            "provision-operator",
            &["provision", "provision-exit-server", "kube"],
            &[],
        ),
        package("provision-tests", &["provision", "provision-digitalocean"], &[]),
        package("xtask", &["toml", "serde_json"], &[]),
    ]
}

#[test]
fn a_workspace_that_keeps_the_rules_has_no_problems() {
    assert_eq!(check(&workspace(), &IDS), []);
}

#[test]
fn each_forbidden_import_is_found() {
    let bad = [
        ("provision-core", "provision-http"),
        ("provision-exit-server", "provision"),
        ("provision-exit-server", "tokio"),
        ("provision-exit-server", "clap"),
        ("provision-core", "tokio"),
        ("provision-core", "reqwest"),
        ("provision-core", "clap"),
        ("provision-http", "provision-hetzner"),
        ("provision-http", "clap"),
        ("provision-digitalocean", "provision-hetzner"),
        ("provision-digitalocean", "provision"),
        ("provision-digitalocean", "provision-sim"),
        ("provision-digitalocean", "provision-testkit"),
        ("provision-digitalocean", "reqwest"),
        ("provision-digitalocean", "clap"),
        ("provision-digitalocean", "kube"),
        ("provision-digitalocean", "tokio"),
        ("provision-digitalocean", "left-pad"),
        ("provision", "provision-sim"),
        ("provision", "provision-cli"),
        ("provision", "reqwest"),
        ("provision", "clap"),
        ("provision-sim", "provision-core"),
        ("provision-sim", "provision-digitalocean"),
        ("provision-testkit", "provision-digitalocean"),
        ("provision-testkit", "provision"),
        ("provision-cli", "provision-core"),
        ("provision-cli", "provision-hetzner"),
        ("provision-cli", "reqwest"),
        ("provision-operator", "provision-hetzner"),
        ("provision-operator", "provision-sim"),
        ("xtask", "provision-core"),
        ("xtask", "clap"),
    ];
    for (name, dependency) in bad {
        let mut packages = workspace();
        let package = packages.iter_mut().find(|package| package.name == name).unwrap();
        package.dependencies.push(Dependency {
            name: dependency.to_owned(),
            dev: false,
        });
        let problems = check(&packages, &IDS);
        assert_eq!(problems.len(), 1, "{name} -> {dependency}: {problems:?}");
        assert!(
            problems[0]
                .message
                .starts_with(&format!("must not depend on {dependency}: ")),
            "{problems:?}"
        );
    }
}

#[test]
fn tests_of_a_provider_may_not_use_another_provider_either() {
    let mut packages = workspace();
    packages[2].dependencies.push(Dependency {
        name: "provision-hetzner".to_owned(),
        dev: true,
    });
    assert_eq!(check(&packages, &IDS).len(), 1);
}

#[test]
fn a_crate_without_a_role_is_a_problem() {
    let packages = [package("provision-vultr", &[], &[])];
    assert!(
        check(&packages, &IDS)[0]
            .message
            .contains("neither in providers.toml nor known")
    );
}

#[test]
fn internal_dependencies_are_inherited() {
    let good =
        "[dependencies]\nprovision-core.workspace = true\n[dev-dependencies]\nprovision-sim = { workspace = true }\n";
    assert_eq!(check_inheritance("x", good), []);
    for bad in [
        "[dependencies]\nprovision-core = \"0.1\"",
        "[dev-dependencies]\nprovision-sim = { path = \"../provision-sim\" }",
        "[build-dependencies]\nprovision = { version = \"1\" }",
        "[target.'cfg(unix)'.dependencies]\nprovision-http = \"1\"",
        "[dependencies]\nother = { path = \"../other\" }",
    ] {
        assert_eq!(check_inheritance("x", bad).len(), 1, "{bad}");
    }
    assert!(check_inheritance("x", "[")[0].message.contains("no TOML"));
}

#[test]
fn the_workspace_table_has_the_versions_of_the_crates() {
    let text = "[workspace.dependencies]\nprovision-core = { path = \"x\", version = \"0.1.0\" }\n";
    let packages = workspace();
    assert_eq!(check_versions(text, &packages), []);
    assert!(
        check_versions(&text.replace("0.1.0", "0.2.0"), &packages)[0]
            .message
            .contains("0.2.0")
    );
    assert!(
        check_versions(&text.replace(", version = \"0.1.0\"", ""), &packages)[0]
            .message
            .contains("no version")
    );
}

#[test]
fn metadata_is_read() {
    let json = serde_json::json!({"packages": [{
        "name": "provision-core", "version": "0.1.0", "manifest_path": "/w/crates/provision-core/Cargo.toml",
        "publish": [], "dependencies": [{"name": "serde", "kind": null}, {"name": "proptest", "kind": "dev"}],
    }]});
    let packages = packages(&json, Path::new("/w")).unwrap();
    assert_eq!(
        (packages[0].folder(), packages[0].published),
        ("crates/provision-core", false)
    );
    assert_eq!(
        packages[0]
            .dependencies
            .iter()
            .map(|found| found.dev)
            .collect::<Vec<_>>(),
        [false, true]
    );
}
