//! The matrix as text: cases down, providers across, so that a dozen clouds fit into 120 columns.

use super::{Column, Outcome, Report};

/// The table with counts, the reasons of skips as footnotes, the problems, and the closing line.
pub(super) fn render(report: &Report, problems: &[String]) -> String {
    let mut notes: Vec<&str> = Vec::new();
    let mut rows = vec![row("case", report, |column| column.provider.clone())];
    for (at, case) in report.cases.iter().enumerate() {
        rows.push(row(case, report, |column| cell(column.outcomes.get(at), &mut notes)));
    }
    rows.push(Vec::new());
    rows.push(row("passed", report, |column| column.count(passed).to_string()));
    rows.push(row("failed", report, |column| column.count(failed).to_string()));
    rows.push(row("skipped", report, |column| column.count(skipped).to_string()));

    let mut text = aligned(&rows);
    if !notes.is_empty() {
        text.push('\n');
    }
    for (number, note) in (1..).zip(&notes) {
        text.push_str(&format!("[{number}] {note}\n"));
    }
    if !problems.is_empty() {
        text.push('\n');
    }
    for problem in problems {
        text.push_str(&format!("FAIL: {problem}\n"));
    }
    let total = |wanted: fn(&Outcome) -> bool| report.columns.iter().map(|column| column.count(wanted)).sum::<usize>();
    // Whatever makes the run a failure counts, a provider that did not run as well.
    text + &format!(
        "\n{} passed, {} failed, {} skipped\n",
        total(passed),
        problems.len(),
        total(skipped)
    )
}

fn passed(outcome: &Outcome) -> bool {
    *outcome == Outcome::Pass
}

/// A case that the report is silent about counts as failed.
fn failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Fail(_) | Outcome::Absent)
}

fn skipped(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Skip(_))
}

fn row<'a>(name: &str, report: &'a Report, mut cell: impl FnMut(&'a Column) -> String) -> Vec<String> {
    let mut cells = vec![name.to_owned()];
    cells.extend(report.columns.iter().map(&mut cell));
    cells
}

/// A reason that several cases share is printed once.
fn cell<'a>(outcome: Option<&'a Outcome>, notes: &mut Vec<&'a str>) -> String {
    match outcome {
        Some(Outcome::Pass) => "ok".to_owned(),
        Some(Outcome::Fail(_)) => "FAIL".to_owned(),
        Some(Outcome::Absent) | None => "NONE".to_owned(),
        Some(Outcome::Skip(reason)) => {
            let at = notes.iter().position(|note| note == reason).unwrap_or_else(|| {
                notes.push(reason);
                notes.len() - 1
            });
            format!("skip[{}]", at + 1)
        }
    }
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(String::len)
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
