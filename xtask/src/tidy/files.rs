//! What stands in the crates' files: the standard file set, sizes, and words that certain crates never say.

use std::path::Path;

use super::Problem;
use super::code::{blank, contains, without_tests};
use super::imports::{Package, Role, role};
use super::lists::{LONG_FILE, MAX_PROVIDER_LIB_LINES, PROVIDER_EXTRA_SOURCES, PROVIDER_FILES};
use crate::new_provider::MARK;
use crate::read;

/// Checks the files of every crate.
pub(super) fn check(root: &Path, packages: &[Package], ids: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for id in ids {
        let folder = format!("crates/provision-{id}");
        problems.extend(check_file_set(&folder, |file| root.join(&folder).join(file).is_file()));
        problems.extend(check_extra_sources(root, &folder));
    }
    for package in packages {
        let role = role(&package.name, ids);
        if package.published {
            problems.extend(check_release_files(root, package, role));
        }
        for file in ["Cargo.toml", "README.md", "CHANGELOG.md"].map(|file| format!("{}/{file}", package.folder())) {
            // A missing file is reported above, where it has to exist.
            problems.extend(read(root, &file).ok().and_then(|text| check_filled_in(&file, &text)));
        }
        for file in rust_files(root, package.folder()) {
            match read(root, &file) {
                Ok(text) => problems.extend(check_source(&file, &text, role)),
                Err(problem) => problems.push(Problem::new(file, problem)),
            }
        }
    }
    problems
}

/// Source files that are longer than most, with their lines: no fault, but worth a look at whether they are one thing.
pub(super) fn long(root: &Path, packages: &[Package]) -> Vec<(String, usize)> {
    let files = packages.iter().flat_map(|package| rust_files(root, package.folder()));
    let lines = files.filter_map(|file| Some((read(root, &file).ok()?.lines().count(), file)));
    lines
        .filter(|(lines, _)| *lines > LONG_FILE)
        .map(|(lines, file)| (file, lines))
        .collect()
}

fn check_file_set(folder: &str, exists: impl Fn(&str) -> bool) -> Vec<Problem> {
    let missing = PROVIDER_FILES.iter().filter(|file| !exists(file));
    missing
        .map(|file| {
            Problem::new(
                format!("{folder}/{file}"),
                "is missing; every provider has the same files",
            )
        })
        .collect()
}

fn check_extra_sources(root: &Path, folder: &str) -> Vec<Problem> {
    let source = format!("{folder}/src");
    let known = |file: &str| {
        let short = file.strip_prefix(&format!("{folder}/")).unwrap_or(file);
        let name = short.strip_prefix("src/").unwrap_or(short);
        PROVIDER_FILES.contains(&short) || PROVIDER_EXTRA_SOURCES.contains(&name) || name.ends_with("/tests.rs")
    };
    let message =
        "is not in the standard file set of a provider; put its content where a reader of the others looks for it";
    rust_files(root, &source)
        .into_iter()
        .filter(|file| !known(file))
        .map(|file| Problem::new(file, message))
        .collect()
}

/// A crate can be released by its maintainer alone.
fn check_release_files(root: &Path, package: &Package, role: Option<Role>) -> Vec<Problem> {
    let folder = package.folder();
    let mut problems = Vec::new();
    for file in ["README.md", "CHANGELOG.md"] {
        // A provider's are in its standard file set.
        if role != Some(Role::Provider) && !root.join(folder).join(file).is_file() {
            problems.push(Problem::new(
                format!("{folder}/{file}"),
                "is missing; every released crate has one",
            ));
        }
    }
    let manifest: toml::Table = read(root, &package.manifest)
        .unwrap_or_default()
        .parse()
        .unwrap_or_default();
    problems.extend(check_package_table(&package.manifest, &manifest));
    problems
}

fn check_package_table(file: &str, manifest: &toml::Table) -> Vec<Problem> {
    let value = |key: &str| manifest.get("package").and_then(|package| package.get(key)?.as_str());
    let mut problems = Vec::new();
    if value("version").is_none() {
        problems.push(Problem::new(
            file,
            "must have a version of its own, so that it can be released alone",
        ));
    }
    if value("description").is_none_or(|text| text.trim().is_empty() || text == "placeholder") {
        problems.push(Problem::new(
            file,
            "must have a description that says what the crate is for",
        ));
    }
    problems
}

/// Only this function knows whose settings they are, and how much of a file is read.
const READS_FILES: &str = "reads files; one that a setting names is read by `provision_http::read_file_of`";

fn check_source(file: &str, text: &str, role: Option<Role>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |message: String| problems.push(Problem::new(file, message));
    let lines = text.lines().count();
    if role == Some(Role::Provider) && file.ends_with("/src/lib.rs") && lines >= MAX_PROVIDER_LIB_LINES {
        problem(format!(
            "has {lines} lines; a provider's lib.rs is docs and exports in under {MAX_PROVIDER_LIB_LINES}"
        ));
    }
    if role != Some(Role::Xtask)
        && let Some(found) = check_filled_in(file, text)
    {
        problem(found.message);
    }
    let code = blank(text);
    for word in ["todo!", "unimplemented!"] {
        if contains(&code, word) {
            problem(format!(
                "says `{word}`; finish it, or return an error of kind Unsupported"
            ));
        }
    }
    // Tests may read the environment and talk to the terminal.
    let library = file.contains("/src/") && !file.ends_with("/tests.rs");
    let code = if library { without_tests(&code) } else { return problems };
    if sleeps(code) && !may_sleep(file, role) {
        problem("sleeps; libraries never wait, whoever calls them does".to_owned());
    }
    if matches!(role, Some(Role::Core | Role::Provider | Role::ExitServer)) {
        let words = [
            ("std::env", "reads the environment; settings are handed in"),
            ("env::var", "reads the environment; settings are handed in"),
            ("std::fs", READS_FILES),
            ("fs::", READS_FILES),
            ("File::open", READS_FILES),
            ("read_small_file", READS_FILES),
            ("println!", "prints; stdout is the caller's, use tracing"),
            ("eprintln!", "prints; stderr is the caller's, use tracing"),
            ("tokio", "names tokio; core and providers know no runtime"),
            ("reqwest", "names reqwest; provision-http is the one HTTP stack"),
        ];
        for (_, message) in words.iter().filter(|(word, _)| contains(code, word)) {
            problem((*message).to_owned());
        }
    }
    problems
}

/// Finds what `new-provider` left to be written.
fn check_filled_in(file: &str, text: &str) -> Option<Problem> {
    let line = text.lines().position(|line| line.contains(MARK))? + 1;
    Some(Problem::new(
        file,
        format!("says {MARK} in line {line}; write what belongs there"),
    ))
}

/// Whether the code calls or imports a sleep.
fn sleeps(code: &str) -> bool {
    let calls = ["thread::sleep", "time::sleep", "time::sleep_until", "time::interval"];
    let imported = |line: &str| {
        let line = line.trim_start();
        line.starts_with("use ") && ["sleep", "sleep_until"].iter().any(|word| contains(line, word))
    };
    calls.iter().any(|call| contains(code, call)) || code.lines().any(imported)
}

/// The programs wait, the simulator makes others wait, and the umbrella's poller is where waiting is offered.
fn may_sleep(file: &str, role: Option<Role>) -> bool {
    let poller = ["crates/provision/src/wait.rs", "crates/provision/src/wait/"];
    matches!(
        role,
        Some(Role::Cli | Role::Operator | Role::Sim | Role::Tests | Role::Xtask)
    ) || poller.iter().any(|start| file.starts_with(start))
}

/// The Rust files below a folder, sorted, relative to the workspace's root. Build output is left out.
fn rust_files(root: &Path, folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    names.sort();
    for (name, path) in names {
        let inside = format!("{folder}/{name}");
        if path.is_dir() && name != "target" && name != "templates" && !name.starts_with('.') {
            files.extend(rust_files(root, &inside));
        } else if path.is_file() && name.ends_with(".rs") {
            files.push(inside);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: Option<Role> = Some(Role::Provider);

    fn messages(file: &str, text: &str, role: Option<Role>) -> String {
        check_source(file, text, role)
            .into_iter()
            .map(|problem| problem.message)
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn a_missing_standard_file_is_named() {
        assert_eq!(check_file_set("crates/provision-x", |_| true), []);
        let problems = check_file_set("crates/provision-x", |file| file != "tests/contract.rs");
        assert_eq!(problems[0].file, "crates/provision-x/tests/contract.rs");
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn the_entry_of_a_provider_is_short() {
        let lines = |count: usize| "\n".repeat(count);
        assert_eq!(messages("crates/provision-x/src/lib.rs", &lines(59), PROVIDER), "");
        assert!(messages("crates/provision-x/src/lib.rs", &lines(60), PROVIDER).contains("lib.rs is docs"));
    }

    #[test]
    fn unfinished_code_is_found_everywhere_but_in_prose() {
        for file in ["crates/provision-x/src/a.rs", "crates/provision-x/tests/wire.rs"] {
            assert!(messages(file, "fn a() { todo!() }", PROVIDER).contains("todo!"));
            assert!(messages(file, "fn a() { unimplemented!(\"b\") }", None).contains("unimplemented!"));
            assert_eq!(messages(file, "// todo!()\nconst A: &str = \"todo!()\";", PROVIDER), "");
        }
    }

    #[test]
    fn a_scaffold_that_is_not_filled_in_is_found() {
        let template = include_str!("../../templates/src/config.rs.in");
        assert!(messages("crates/provision-x/src/config.rs", template, PROVIDER).contains(MARK));
        assert!(check_filled_in("README.md", include_str!("../../templates/README.md.in")).is_some());
        assert_eq!(check_filled_in("README.md", "# provision-x"), None);
    }

    #[test]
    fn sleeping_is_for_programs_and_the_poller() {
        let sleeps = "use tokio::time::{Duration, sleep};\nasync fn a() { sleep(D).await }";
        for text in [
            sleeps,
            "fn a() { std::thread::sleep(D) }",
            "async fn a() { tokio::time::sleep(D).await }",
        ] {
            for role in [Role::Http, Role::Umbrella, Role::Testkit, Role::Provider, Role::Core] {
                assert!(
                    messages("crates/provision/src/gc.rs", text, Some(role)).contains("sleeps"),
                    "{text}"
                );
            }
            assert_eq!(messages("crates/provision/src/wait.rs", text, Some(Role::Umbrella)), "");
            assert_eq!(messages("crates/provision-cli/src/main.rs", text, Some(Role::Cli)), "");
        }
    }

    #[test]
    fn core_and_providers_do_not_touch_the_process() {
        let bad = [
            ("fn a() { std::env::var(\"A\") }", "reads the environment"),
            ("use std::env;", "reads the environment"),
            ("fn a() { std::fs::read(p) }", "read_file_of"),
            ("use std::fs::File;", "read_file_of"),
            ("use provision_http::read_small_file;", "read_file_of"),
            ("fn a() { println!() }", "prints; stdout"),
            ("fn a() { eprintln!() }", "prints; stderr"),
            ("use tokio::spawn;", "names tokio"),
            ("use reqwest::Client;", "names reqwest"),
        ];
        for (text, expected) in bad {
            for role in [Role::Core, Role::Provider] {
                assert!(
                    messages("crates/provision-x/src/a.rs", text, Some(role)).contains(expected),
                    "{text}"
                );
            }
            assert_eq!(messages("crates/provision-x/src/a.rs", text, Some(Role::Cli)), "");
            let test = format!("#[cfg(test)]\nmod tests {{\n{text}\n}}");
            assert_eq!(messages("crates/provision-x/src/a.rs", &test, PROVIDER), "");
            assert_eq!(messages("crates/provision-x/tests/wire.rs", text, PROVIDER), "");
        }
    }

    #[test]
    fn a_released_crate_has_a_version_and_a_description() {
        let check = |text: &str| check_package_table("x", &text.parse().unwrap());
        assert_eq!(check("[package]\nversion = \"0.1.0\"\ndescription = \"does x\""), []);
        assert_eq!(
            check("[package]\nversion = \"0.1.0\"\ndescription = \"placeholder\"").len(),
            1
        );
        assert_eq!(check("[package]\nversion.workspace = true\n").len(), 2);
    }
}
