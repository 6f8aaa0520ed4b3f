//! `cargo xtask matrix`: runs the contract suite for every provider of the manifest and prints the table.

use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use crate::{Result, cargo, manifest};

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

/// The report that the test `matrix` of package `provision-tests` writes.
#[derive(Debug)]
struct Report {
    cases: Vec<String>,
    columns: Vec<Column>,
}

/// Runs the matrix. The last line it prints is `N passed, N failed, N skipped`.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let providers: Vec<String> = manifest::load(root)?.into_iter().map(|provider| provider.id).collect();
    let file = cargo::target_directory(root)?.join("matrix.json");
    // A report of an earlier run must not speak for this one.
    let _ = std::fs::remove_file(&file);
    let arguments = [
        "test",
        "--quiet",
        "--locked",
        "--package",
        "provision-tests",
        "--test",
        "matrix",
    ];
    let tests = cargo::run(root, &arguments, &[("PROVISION_MATRIX_REPORT", &file)])?;
    let report = std::fs::read_to_string(&file).map_err(|error| {
        let command = arguments.join(" ");
        format!(
            "`cargo {command}` left no report in {}: {error}\n{}",
            file.display(),
            tests.stdout
        )
    });
    let report = match report.and_then(|text| parse(&text)) {
        Ok(report) => report,
        Err(problem) => {
            println!("FAIL: {problem}\n\n0 passed, 1 failed, 0 skipped");
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut problems = problems(&report, &providers);
    if !tests.success && problems.is_empty() {
        problems.push(format!(
            "the test ended with a failure that its report does not show:\n{}",
            tests.stdout
        ));
    }
    print!("{}", table::render(&report, &problems));
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn parse(text: &str) -> Result<Report> {
    let json: Value = serde_json::from_str(text).map_err(|error| format!("the matrix report is no JSON: {error}"))?;
    let cases: Vec<String> = array(&json, "cases")?
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let columns = array(&json, "providers")?
        .iter()
        .map(|provider| column(provider, &cases))
        .collect::<Result<_>>()?;
    Ok(Report { cases, columns })
}

fn column(json: &Value, cases: &[String]) -> Result<Column> {
    let provider = text(json, "id").ok_or("the matrix report holds a provider without an id")?;
    let results = array(json, "results")?;
    let unknown = results
        .iter()
        .filter_map(|result| text(result, "case"))
        .find(|case| !cases.contains(case));
    if let Some(case) = unknown {
        return Err(format!(
            "the matrix report holds case `{case}` for {provider}, which is not in its list of cases"
        ));
    }
    let outcomes = cases.iter().map(|case| {
        let mut results = results
            .iter()
            .filter(|result| text(result, "case").as_ref() == Some(case));
        match (results.next(), results.next()) {
            (None, _) => Ok(Outcome::Absent),
            (Some(result), None) => outcome(result, &provider, case),
            (Some(_), Some(_)) => Err(format!("the matrix report holds case `{case}` of {provider} twice")),
        }
    });
    Ok(Column {
        outcomes: outcomes.collect::<Result<_>>()?,
        provider,
    })
}

fn outcome(result: &Value, provider: &str, case: &str) -> Result<Outcome> {
    let reason = text(result, "reason").unwrap_or_default();
    match text(result, "outcome").as_deref() {
        Some("pass") => Ok(Outcome::Pass),
        Some("fail") => Ok(Outcome::Fail(reason)),
        Some("skip") => Ok(Outcome::Skip(reason)),
        other => Err(format!(
            "the matrix report holds the unknown outcome {other:?} for case `{case}` of {provider}"
        )),
    }
}

fn array<'a>(json: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    json.get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| format!("the matrix report has no array `{key}`"))
}

fn text(json: &Value, key: &str) -> Option<String> {
    json.get(key).and_then(Value::as_str).map(str::to_owned)
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

    const GOOD: &str = r#"{"cases": ["create", "ports"], "providers": [
        {"id": "a", "results": [{"case": "create", "outcome": "pass", "requests": 1}, {"case": "ports", "outcome": "pass"}]},
        {"id": "b", "results": [{"case": "create", "outcome": "pass"},
                                {"case": "ports", "outcome": "skip", "reason": "no firewall"}]}]}"#;

    fn problems_of(text: &str) -> String {
        problems(&parse(text).unwrap(), &["a".to_owned(), "b".to_owned()]).join("\n")
    }

    #[test]
    fn a_run_without_failures_has_no_problems_and_prints_its_skips() {
        assert_eq!(problems_of(GOOD), "");
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
        assert_eq!(table::render(&parse(GOOD).unwrap(), &[]), expected);
    }

    #[test]
    fn every_way_of_not_running_is_a_problem() {
        let cases = [
            (
                r#""id": "b""#,
                r#""id": "c""#,
                "b is in providers.toml but did not run\nc ran but is not",
            ),
            (r#""id": "b""#, r#""id": "a""#, "a is in the report more than once"),
            (r#"{"case": "create", "outcome": "pass"},"#, "", "b ran no case at all"),
            ("no firewall", "", "b skips ports without a reason"),
            (
                r#", {"case": "ports", "outcome": "pass"}"#,
                "",
                "a neither ran nor skipped ports",
            ),
            ("skip", "fail", "b fails ports: no firewall"),
        ];
        for (from, to, expected) in cases {
            let found = problems_of(&GOOD.replacen(from, to, 1));
            assert!(found.contains(expected), "{from} -> {to}: {found}");
        }
    }

    #[test]
    fn a_failure_stands_above_the_closing_line() {
        let report = parse(&GOOD.replace("skip", "fail")).unwrap();
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
            ("cases", "names"),
            (r#""case": "ports""#, r#""case": "create""#),
        ] {
            parse(&GOOD.replacen(from, to, 1)).unwrap_err();
        }
    }
}
