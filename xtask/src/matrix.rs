//! `cargo xtask matrix`: runs the contract tests of every provider of the manifest and prints the table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::manifest::{self, Provider};
use crate::{Result, cargo};

pub(crate) mod faults;
mod table;

/// How one case ended for one provider.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    Pass,
    /// With what went wrong.
    Fail(String),
    /// With the reason.
    Skip(String),
    /// The report says nothing about the case.
    Absent,
}

/// One provider's outcomes, in the order of the report's cases.
#[derive(Debug)]
struct Column {
    provider: String,
    outcomes: Vec<Outcome>,
}

impl Column {
    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| wanted(outcome)).count()
    }
}

/// What the contract tests of all providers wrote.
#[derive(Debug)]
struct Report {
    cases: Vec<String>,
    columns: Vec<Column>,
}

/// Where the contract tests write one file for each case and provider.
const REPORT: &str = "PROVISION_MATRIX_REPORT";

/// Runs the contract tests of every provider, or with `--report FOLDER` reads what an earlier run of them wrote there. The last
/// line it prints is `N passed, N failed, N skipped`.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<ExitCode> {
    if let ["--faults", rest @ ..] = arguments {
        return faults::run(root, rest);
    }
    let providers = manifest::load(root)?;
    let (folder, ran) = match arguments {
        [] => run_tests(root, &providers)?,
        ["--report", folder] => (root.join(folder), true),
        _ => return Err("usage: cargo xtask matrix [--report FOLDER | --faults ...]".to_owned()),
    };
    let providers: Vec<String> = providers.into_iter().map(|provider| provider.id).collect();
    let report = match read_all(&folder).and_then(|texts| parse(&texts)) {
        Ok(report) => report,
        Err(problem) => {
            println!("FAIL: {problem}\n\n0 passed, 1 failed, 0 skipped");
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut problems = problems(&report, &providers);
    if !ran && problems.is_empty() {
        problems.push("the tests ended with a failure that their report does not show".to_owned());
    }
    print!("{}", table::render(&report, &problems));
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The folder of the report, and whether the tests succeeded.
fn run_tests(root: &Path, providers: &[Provider]) -> Result<(PathBuf, bool)> {
    let folder = cargo::target_directory(root)?.join("matrix");
    // A report of an earlier run must not speak for this one.
    let _ = std::fs::remove_dir_all(&folder);
    let packages: Vec<String> = providers.iter().map(Provider::package).collect();
    let mut arguments = vec!["test", "--quiet", "--locked", "--no-fail-fast", "--test", "contract"];
    for package in &packages {
        arguments.extend(["--package", package]);
    }
    let tests = cargo::run(root, &arguments, &[(REPORT, &folder)])?;
    Ok((folder, tests.success))
}

fn read_all(folder: &Path) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| format!("there is no report in {}: {error}", folder.display());
    let mut texts = Vec::new();
    for file in std::fs::read_dir(folder).map_err(failed)? {
        texts.push(std::fs::read_to_string(file.map_err(failed)?.path()).map_err(failed)?);
    }
    Ok(texts)
}

fn parse(texts: &[String]) -> Result<Report> {
    let mut cases: BTreeMap<u64, String> = BTreeMap::new();
    let mut results: BTreeMap<String, BTreeMap<String, Outcome>> = BTreeMap::new();
    for text in texts {
        let json: Value =
            serde_json::from_str(text).map_err(|error| format!("the matrix report is no JSON: {error}"))?;
        let field = |name: &str| {
            let value = json.get(name).and_then(Value::as_str).map(str::to_owned);
            value.ok_or_else(|| format!("the matrix report has no `{name}`: {text}"))
        };
        let (provider, case) = (field("provider")?, field("case")?);
        let number = json.get("number").and_then(Value::as_u64);
        let number = number.ok_or_else(|| format!("case `{case}` of {provider} is not one of the suite's"))?;
        let outcome = outcome(&field("outcome")?, field("reason")?, &provider, &case)?;
        if let Some(other) = cases.insert(number, case.clone()).filter(|other| *other != case) {
            return Err(format!("the matrix report holds `{other}` and `{case}` as one case"));
        }
        if results
            .entry(provider.clone())
            .or_default()
            .insert(case.clone(), outcome)
            .is_some()
        {
            return Err(format!("the matrix report holds case `{case}` of {provider} twice"));
        }
    }
    let cases: Vec<String> = cases.into_values().collect();
    let columns = results.into_iter().map(|(provider, mut outcomes)| Column {
        outcomes: cases
            .iter()
            .map(|case| outcomes.remove(case).unwrap_or(Outcome::Absent))
            .collect(),
        provider,
    });
    Ok(Report {
        columns: columns.collect(),
        cases,
    })
}

fn outcome(word: &str, reason: String, provider: &str, case: &str) -> Result<Outcome> {
    match word {
        "pass" => Ok(Outcome::Pass),
        "fail" => Ok(Outcome::Fail(reason)),
        "skip" => Ok(Outcome::Skip(reason)),
        other => Err(format!(
            "the matrix report holds the unknown outcome {other:?} for case `{case}` of {provider}"
        )),
    }
}

/// Everything that makes the run a failure, in sentences.
fn problems(report: &Report, manifest: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    for id in manifest {
        match report.columns.iter().filter(|column| column.provider == *id).count() {
            0 => problems.push(format!("{id} is in providers.toml but did not run")),
            1 => {}
            _ => problems.push(format!("{id} is in the report more than once")),
        }
    }
    for column in &report.columns {
        let id = &column.provider;
        if !manifest.contains(id) {
            problems.push(format!("{id} ran but is not in providers.toml"));
        }
        if column.count(|outcome| matches!(outcome, Outcome::Pass | Outcome::Fail(_))) == 0 {
            problems.push(format!("{id} ran no case at all"));
        }
        for (case, outcome) in report.cases.iter().zip(&column.outcomes) {
            match outcome {
                Outcome::Fail(reason) => problems.push(format!("{id} fails {case}: {reason}")),
                Outcome::Skip(reason) if reason.trim().is_empty() => {
                    problems.push(format!("{id} skips {case} without a reason"));
                }
                Outcome::Absent => problems.push(format!("{id} neither ran nor skipped {case}")),
                Outcome::Pass | Outcome::Skip(_) => {}
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(provider: &str, number: u64, case: &str, outcome: &str, reason: &str) -> String {
        format!(
            r#"{{"provider":"{provider}","case":"{case}","number":{number},"outcome":"{outcome}","reason":"{reason}"}}"#
        )
    }

    /// In no order: files have none.
    fn good() -> Vec<String> {
        vec![
            line("b", 7, "ports", "skip", "no firewall"),
            line("a", 7, "ports", "pass", ""),
            line("b", 2, "create", "pass", ""),
            line("a", 2, "create", "pass", ""),
        ]
    }

    fn changed(from: &str, to: &str) -> Vec<String> {
        good().into_iter().map(|text| text.replace(from, to)).collect()
    }

    fn problems_of(texts: &[String]) -> String {
        problems(&parse(texts).unwrap(), &["a".to_owned(), "b".to_owned()]).join("\n")
    }

    #[test]
    fn a_run_without_failures_has_no_problems_and_prints_its_skips() {
        assert_eq!(problems_of(&good()), "");
        let expected = "\
case     a   b
create   ok  ok
ports    ok  skip[1]

passed   2   1
failed   0   0
skipped  0   1

[1] no firewall

3 passed, 0 failed, 1 skipped
";
        assert_eq!(table::render(&parse(&good()).unwrap(), &[]), expected);
    }

    #[test]
    fn every_way_of_not_running_is_a_problem() {
        let another = problems_of(&changed(r#""provider":"b""#, r#""provider":"c""#));
        assert!(
            another.contains("b is in providers.toml but did not run\nc ran but is not"),
            "{another}"
        );
        let skipped = problems_of(&[
            line("a", 2, "create", "pass", ""),
            line("b", 2, "create", "skip", "why not"),
        ]);
        assert!(skipped.contains("b ran no case at all"), "{skipped}");
        let silent = problems_of(&changed("no firewall", ""));
        assert!(silent.contains("b skips ports without a reason"), "{silent}");
        let absent = problems_of(&good().split_off(1));
        assert!(absent.contains("b neither ran nor skipped ports"), "{absent}");
        let failed = problems_of(&changed("skip", "fail"));
        assert!(failed.contains("b fails ports: no firewall"), "{failed}");
    }

    #[test]
    fn a_failure_stands_above_the_closing_line() {
        let report = parse(&changed("skip", "fail")).unwrap();
        let problems = ["b fails ports: no firewall", "c is in providers.toml but did not run"].map(str::to_owned);
        let shown = table::render(&report, &problems);
        assert!(
            shown.contains("\n\nFAIL: b fails ports: no firewall\nFAIL: c "),
            "{shown}"
        );
        assert!(
            shown.ends_with("did not run\n\n3 passed, 2 failed, 0 skipped\n"),
            "{shown}"
        );
        assert!(shown.contains("ports    ok  FAIL"), "{shown}");
    }

    #[test]
    fn a_report_of_another_shape_is_refused() {
        for (from, to) in [
            ("pass", "passed"),
            (r#""case""#, r#""name""#),
            (r#""number":7"#, r#""number":null"#),
            (r#""number":7"#, r#""number":2"#),
            (r#""provider":"b""#, r#""provider":"a""#),
            ("{", ""),
        ] {
            parse(&changed(from, to)).unwrap_err();
        }
    }
}
