//! `cargo xtask features`: each feature of the umbrella compiles alone and pulls in its own provider and no other, each
//! provider compiles alone, and none of them brings a second crypto library.

use std::path::Path;
use std::process::ExitCode;

use crate::manifest::Provider;
use crate::{Result, cargo, manifest};

/// What no build may hold, by the start of the crate's name, with the reason.
const FORBIDDEN: [(&str, &str); 4] = [
    ("aws-lc-", "`ring` is the one crypto library; aws-lc also needs cmake"),
    ("openssl-s", "TLS is rustls; OpenSSL needs a system library"),
    ("native-tls", "TLS is rustls"),
    ("boring", "`ring` is the one crypto library"),
];

/// Features of the umbrella that are no clouds.
const OTHERS: [&str; 2] = ["tokio", "user-data"];

/// Runs all checks and reports all failures.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let providers = manifest::load(root)?;
    let mut failures = Vec::new();
    check_umbrella(root, None, &providers, &mut failures)?;
    for feature in OTHERS {
        let selection = ["--package", "provision", "--no-default-features", "--features", feature];
        check_compiles(root, &selection, &mut failures)?;
    }
    for provider in &providers {
        check_umbrella(root, Some(provider), &providers, &mut failures)?;
        check_compiles(
            root,
            &["--package", &provider.package(), "--no-default-features"],
            &mut failures,
        )?;
    }
    for failure in &failures {
        println!("FAIL: {failure}");
    }
    if !failures.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    println!(
        "{} features of the umbrella compile alone and pull in no other provider",
        providers.len()
    );
    Ok(ExitCode::SUCCESS)
}

fn check_umbrella(root: &Path, only: Option<&Provider>, all: &[Provider], failures: &mut Vec<String>) -> Result<()> {
    let mut selection = vec!["--package", "provision", "--no-default-features"];
    if let Some(provider) = only {
        selection.extend(["--features", &provider.id]);
    }
    check_compiles(root, &selection, failures)?;
    let tree = [
        &["tree", "--locked", "--edges", "normal", "--prefix", "none"],
        selection.as_slice(),
    ]
    .concat();
    let output = cargo::run_quietly(root, &tree)?;
    if output.success {
        let problems = check_tree(&output.stdout, only, all);
        failures.extend(
            problems
                .iter()
                .map(|problem| format!("cargo {}: {problem}", tree.join(" "))),
        );
    } else {
        failures.push(format!("cargo {}: {}", tree.join(" "), output.stderr.trim()));
    }
    Ok(())
}

fn check_compiles(root: &Path, selection: &[&str], failures: &mut Vec<String>) -> Result<()> {
    let arguments = [&["check", "--locked", "--quiet"], selection].concat();
    println!("cargo {}", arguments.join(" "));
    if !cargo::run(root, &arguments, &[])?.success {
        failures.push(format!("cargo {}: does not compile", arguments.join(" ")));
    }
    Ok(())
}

/// What is wrong with the crates of one feature. `tree` is the output of `cargo tree --prefix none`.
fn check_tree(tree: &str, only: Option<&Provider>, all: &[Provider]) -> Vec<String> {
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let mut problems = Vec::new();
    for provider in all {
        let package = provider.package();
        match (crates.contains(&package.as_str()), only == Some(provider)) {
            (true, false) => problems.push(format!("pulls in {package}")),
            (false, true) => problems.push(format!("does not pull in {package}")),
            _ => {}
        }
    }
    for (start, reason) in FORBIDDEN {
        if let Some(found) = crates.iter().find(|name| name.starts_with(start)) {
            problems.push(format!("pulls in {found}: {reason}"));
        }
    }
    if crates.contains(&"openssl") {
        problems.push("pulls in openssl: TLS is rustls".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_holds_its_own_provider_and_nothing_forbidden() {
        let row = |id: &str| Provider {
            id: id.to_owned(),
            type_name: "X".to_owned(),
            maintainer: "@x".to_owned(),
        };
        let all = [row("a"), row("b")];
        let check = |tree: &str, only: Option<&Provider>| check_tree(tree, only, &all).join("; ");
        assert_eq!(
            check(
                "provision v0.1.0 (/x)\nprovision-a v0.1.0 (/x/a)\nopenssl-probe v0.2.0",
                Some(&all[0])
            ),
            ""
        );
        assert_eq!(check("provision v0.1.0 (/x)", None), "");
        assert_eq!(check("provision-a v0.1.0", None), "pulls in provision-a");
        assert_eq!(
            check("provision-b v0.1.0", Some(&all[0])),
            "does not pull in provision-a; pulls in provision-b"
        );
        for name in [
            "aws-lc-rs",
            "aws-lc-sys",
            "openssl",
            "openssl-sys",
            "openssl-src",
            "native-tls",
            "boring-sys",
        ] {
            assert!(check(&format!("{name} v1.0.0"), None).contains(name), "{name}");
        }
    }
}
