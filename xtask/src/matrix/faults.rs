//! `cargo xtask matrix --faults`: runs the fault matrix, whose cases and judgement are in `tests/faults`.

use std::path::Path;
use std::process::ExitCode;

use crate::manifest::Provider;
use crate::{Result, cargo, read};

/// Where the table of the last whole run stands.
const PAGE: &str = "docs/faults.md";

const USAGE: &str = "usage: cargo xtask matrix --faults [-p CLOUD[,CLOUD]] [--case NAME] [--seed NUMBER]";

/// Runs all cases and writes the page; with `-p` those of some clouds, whose rows are written anew; with `--case` only some and
/// with `--seed` a share drawn with it, which write nothing.
pub(super) fn run(root: &Path, arguments: &[&str]) -> Result<ExitCode> {
    let mut test = "whole";
    let mut variables = Vec::new();
    let mut rest = arguments;
    while let [option, value, more @ ..] = rest {
        match *option {
            "-p" => variables.push(("PROVISION_FAULTS_CLOUDS", (*value).to_owned())),
            "--case" => variables.push(("PROVISION_FAULTS_CASE", (*value).to_owned())),
            "--seed" => {
                test = "a_share_of_all_cases";
                variables.push(("PROVISION_FAULTS_SEED", (*value).to_owned()));
            }
            _ => return Err(USAGE.to_owned()),
        }
        rest = more;
    }
    if !rest.is_empty() {
        return Err(USAGE.to_owned());
    }
    if let Some((_, case)) = variables.iter().find(|(name, _)| *name == "PROVISION_FAULTS_CASE")
        && let Some((cloud, _)) = case.split_once('/')
    {
        variables.push(("PROVISION_FAULTS_CLOUDS", cloud.to_owned()));
    }
    if variables.iter().all(|(name, _)| *name == "PROVISION_FAULTS_CLOUDS") {
        let page = root.join(PAGE);
        variables.push(("PROVISION_FAULTS_PAGE", page.display().to_string()));
    }
    let mut command = cargo::program();
    command.current_dir(root).envs(variables);
    command.args([
        "test",
        "--quiet",
        "--locked",
        "--package",
        "provision-tests",
        "--test",
        "faults",
    ]);
    command.args(["--", "--include-ignored", "--exact", "--nocapture", test]);
    let status = command.status();
    let status = status.map_err(|error| format!("cannot start cargo: {error}"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is wrong with the page: it has rows for every cloud of the manifest, and for no other. That their numbers of cases are
/// those of the code, a test of `tests/faults` checks, which knows the cases.
pub(crate) fn problems_of_the_page(root: &Path, providers: &[Provider]) -> Vec<String> {
    match read(root, PAGE) {
        Ok(text) => problems(&text, providers),
        Err(error) => vec![error],
    }
}

fn problems(text: &str, providers: &[Provider]) -> Vec<String> {
    // The page has other tables as well: a row of a cloud has a number of cases.
    let cloud = |line: &'_ str| -> Option<String> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
        let [cloud, _, cases, ..] = cells.as_slice() else {
            return None;
        };
        let counts = cases.parse::<usize>().is_ok() && *cloud != "all";
        counts.then(|| (*cloud).to_owned())
    };
    let mut rows: Vec<String> = text.lines().filter_map(cloud).collect();
    rows.dedup();
    let known = |id: &str| providers.iter().any(|provider| provider.id == id);
    let missing = providers.iter().filter(|provider| !rows.contains(&provider.id));
    let missing = missing.map(|provider| {
        format!(
            "{PAGE}: has no row for {}; run `cargo xtask matrix --faults`",
            provider.id
        )
    });
    let unknown = rows.iter().filter(|row| !known(row));
    missing
        .chain(unknown.map(|row| format!("{PAGE}: {row} is not in providers.toml; run `cargo xtask matrix --faults`")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_without_rows_and_rows_without_a_cloud_are_named() {
        let provider = |id: &str| Provider {
            id: id.to_owned(),
            type_name: "X".to_owned(),
            maintainer: "@x".to_owned(),
        };
        let page = "| cloud | operation | cases |\n|---|---|---|\n| a | create | 7 | 0 |\n| a | list | 2 | 0 |\n\
                    | b | create | 1 | 0 |\n| all |  | 10 | 0 |\n| lost | something | else |\n";
        assert!(problems(page, &[provider("a"), provider("b")]).is_empty());
        let found = problems(page, &[provider("a"), provider("c")]).join("\n");
        assert!(
            found.contains("no row for c") && found.contains("b is not in providers.toml"),
            "{found}"
        );
    }
}
