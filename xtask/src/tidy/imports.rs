//! What never imports what: the direct dependencies of each crate against its role (the invariants in ARCHITECTURE.md).

use std::path::Path;

use serde_json::Value;

use super::Problem;
use super::lists::{FRONT_END, HTTP, PROVIDER_DEPENDENCIES, RUNTIME};
use crate::Result;

/// A crate of the workspace, as `cargo metadata` shows it.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// Path of its `Cargo.toml`, relative to the workspace's root.
    pub(super) manifest: String,
    /// Whether it is ever released.
    pub(super) published: bool,
    pub(super) dependencies: Vec<Dependency>,
}

impl Package {
    /// The crate's folder, relative to the workspace's root.
    pub(super) fn folder(&self) -> &str {
        self.manifest.strip_suffix("/Cargo.toml").unwrap_or_default()
    }
}

/// A direct dependency by the name of its package, whatever it is renamed to.
#[derive(Debug, Clone)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// Only tests and examples use it.
    pub(super) dev: bool,
}

/// What a crate is for, which decides what it may import.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    Core,
    Http,
    Provider,
    Umbrella,
    ExitServer,
    Sim,
    Testkit,
    Cli,
    Operator,
    Tests,
    Xtask,
}

/// The role of a crate, by its name and the manifest.
pub(super) fn role(name: &str, ids: &[&str]) -> Option<Role> {
    Some(match name {
        "provision-core" => Role::Core,
        "provision-http" => Role::Http,
        "provision" => Role::Umbrella,
        "provision-exit-server" => Role::ExitServer,
        "provision-sim" => Role::Sim,
        "provision-testkit" => Role::Testkit,
        "provision-cli" => Role::Cli,
        "provision-operator" => Role::Operator,
        "provision-tests" => Role::Tests,
        "xtask" => Role::Xtask,
        _ if name.strip_prefix("provision-").is_some_and(|id| ids.contains(&id)) => Role::Provider,
        _ => return None,
    })
}

/// Reads the workspace's crates from `cargo metadata`.
pub(super) fn packages(metadata: &Value, root: &Path) -> Result<Vec<Package>> {
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .ok_or("cargo metadata names no packages")?;
    let package = |json: &Value| {
        let text = |key: &str| json.get(key).and_then(Value::as_str);
        let manifest = Path::new(text("manifest_path")?);
        let dependencies = json.get("dependencies")?.as_array()?.iter().filter_map(|dependency| {
            let name = dependency.get("name")?.as_str()?.to_owned();
            Some(Dependency {
                name,
                dev: dependency.get("kind").and_then(Value::as_str) == Some("dev"),
            })
        });
        Some(Package {
            name: text("name")?.to_owned(),
            version: text("version")?.to_owned(),
            manifest: manifest
                .strip_prefix(root)
                .unwrap_or(manifest)
                .to_string_lossy()
                .replace('\\', "/"),
            published: json.get("publish").is_none_or(Value::is_null),
            dependencies: dependencies.collect(),
        })
    };
    packages
        .iter()
        .map(package)
        .collect::<Option<_>>()
        .ok_or_else(|| "cargo metadata has another shape".to_owned())
}

/// Checks every direct dependency of every crate.
pub(super) fn check(packages: &[Package], ids: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in packages {
        let Some(own) = role(&package.name, ids) else {
            let message =
                "is neither in providers.toml nor known to tidy; give the crate a role in xtask/src/tidy/imports.rs";
            problems.push(Problem::new(&package.manifest, message));
            continue;
        };
        for dependency in &package.dependencies {
            let inside = packages.iter().any(|other| other.name == dependency.name);
            let refusal = if inside {
                refuse_inside(own, role(&dependency.name, ids), dependency.dev)
            } else {
                refuse_outside(own, &dependency.name, dependency.dev)
            };
            if let Some(rule) = refusal {
                let message = format!("must not depend on {}: {rule}", dependency.name);
                problems.push(Problem::new(&package.manifest, message));
            }
        }
    }
    problems
}

/// Why a crate may not import another one of the workspace, if it may not.
fn refuse_inside(own: Role, other: Option<Role>, dev: bool) -> Option<&'static str> {
    use Role::{Core, ExitServer, Http, Provider, Sim, Testkit, Umbrella};
    let (allowed, for_tests, rule): (&[Role], &[Role], _) = match own {
        Role::Core => (&[], &[], "the core imports no workspace crate"),
        Role::Http => (&[Core], &[], "provision-http imports the core only"),
        Role::Provider => (
            &[Core, Http],
            &[Testkit, Sim],
            "a provider imports provision-core and provision-http only",
        ),
        Role::Umbrella => (
            &[Core, Http, Provider],
            &[Testkit, Sim],
            "the umbrella imports core, http and providers only",
        ),
        Role::ExitServer => (
            &[Core],
            &[],
            "an exit server is a text and a token, whatever cloud it runs at: it imports the core only",
        ),
        Role::Sim => (
            &[],
            &[],
            "the simulator imports no workspace crate, so that wire types are written twice",
        ),
        Role::Testkit => (
            &[Core, Http, Sim],
            &[],
            "the testkit serves every provider and knows none",
        ),
        Role::Cli => (
            &[Umbrella, ExitServer, Sim],
            &[],
            "the command line tool reaches clouds through the umbrella only",
        ),
        Role::Operator => (
            &[Umbrella, ExitServer],
            &[Sim],
            "the operator reaches clouds through the umbrella only",
        ),
        Role::Tests => return None,
        Role::Xtask => (&[], &[], "xtask imports no workspace crate, so that it builds at once"),
    };
    let fine = other.is_some_and(|other| allowed.contains(&other) || (dev && for_tests.contains(&other)));
    (!fine).then_some(rule)
}

/// Why a crate may not import one from outside, if it may not. Tests may use what they need.
fn refuse_outside(own: Role, name: &str, dev: bool) -> Option<&'static str> {
    if dev {
        return None;
    }
    let (runtime, http, front_end) = (RUNTIME.contains(&name), HTTP.contains(&name), FRONT_END.contains(&name));
    match own {
        Role::ExitServer if runtime || http => Some("exit servers are text: no runtime and no HTTP"),
        Role::Core if runtime || http || front_end => Some("the core has no runtime, no HTTP and no front end"),
        Role::Http if front_end => Some("front ends stay out of the libraries"),
        Role::Provider if runtime => Some("a provider has no runtime and never sleeps; whoever calls it waits"),
        Role::Provider if http => Some("provision-http is the one HTTP stack"),
        Role::Provider if !PROVIDER_DEPENDENCIES.contains(&name) => Some(
            "providers share a short list of dependencies; to add one, put it into xtask/src/tidy/lists.rs and say why",
        ),
        Role::Umbrella | Role::Testkit if http && name != "wiremock" => Some("provision-http is the one HTTP stack"),
        Role::Umbrella | Role::Testkit | Role::ExitServer if front_end => Some("front ends stay out of the libraries"),
        Role::Cli | Role::Operator if http && own == Role::Cli => Some("provision-http is the one HTTP stack"),
        // `public-api` is behind a feature.
        Role::Xtask if !["serde_json", "toml", "public-api"].contains(&name) => Some("xtask must build at once"),
        _ => None,
    }
}

/// Checks that a manifest takes crates of the workspace from the workspace's own table.
pub(super) fn check_inheritance(file: &str, text: &str) -> Vec<Problem> {
    let manifest: toml::Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Problem::new(file, format!("is no TOML: {error}"))],
    };
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let tables = targets
        .iter()
        .flat_map(|targets| targets.values())
        .filter_map(toml::Value::as_table);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let sections = tables
        .chain([&manifest])
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()));
    let mut problems = Vec::new();
    for (name, dependency) in sections.flatten() {
        let inside = name == "provision" || name.starts_with("provision-") || dependency.get("path").is_some();
        let inherits = dependency.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        if inside && !inherits {
            let message =
                format!("dependency {name} must be `{{ workspace = true }}`, so that its version stands once");
            problems.push(Problem::new(file, message));
        }
    }
    problems
}

/// Checks that the workspace's table asks for the versions that its crates have.
pub(super) fn check_versions(text: &str, packages: &[Package]) -> Vec<Problem> {
    let manifest: toml::Table = text.parse().unwrap_or_default();
    let table = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies")?.as_table());
    let entry = |package: &Package| {
        let asked = table?
            .get(&package.name)?
            .get("version")
            .and_then(toml::Value::as_str)
            .unwrap_or("no version");
        let message = format!(
            "asks for {} {asked}, but its crate has version {}",
            package.name, package.version
        );
        (asked != package.version).then(|| Problem::new("Cargo.toml", message))
    };
    packages.iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests;
