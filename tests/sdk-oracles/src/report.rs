//! The table of cases and SDKs.

use std::process::ExitCode;

use crate::cases::Outcome;

/// What has run so far.
#[derive(Default)]
pub(crate) struct Report {
    /// Names of the SDKs that ran, in order.
    sdks: Vec<&'static str>,
    /// Names of all cases, in the order of their first appearance.
    cases: Vec<&'static str>,
    /// SDK, case and how it ended.
    cells: Vec<(&'static str, &'static str, Outcome)>,
    skipped: usize,
}

impl Report {
    /// Starts the column of an SDK.
    pub(crate) fn sdk(&mut self, name: &'static str, crates: &str) {
        println!("{name}: {crates}");
        self.sdks.push(name);
    }

    /// Notes an SDK whose feature is off.
    pub(crate) fn not_built(&mut self, name: &str, crates: &str) {
        println!("{name}: {crates}: skipped, as the feature `{name}` is not built");
        self.skipped += 1;
    }

    /// Fills a cell.
    pub(crate) fn add(&mut self, sdk: &'static str, case: &'static str, outcome: Outcome) {
        if let Err(why) = &outcome {
            println!("{sdk}: {case} FAILED: {why}");
        }
        if !self.cases.contains(&case) {
            self.cases.push(case);
        }
        self.cells.push((sdk, case, outcome));
    }

    /// Prints the table and the totals.
    pub(crate) fn print(&self) -> ExitCode {
        let cell = |sdk: &str, case: &str| {
            let mut cells = self.cells.iter();
            let found = cells.find(|(of, name, _)| (*of, *name) == (sdk, case));
            found.map_or("-", |(.., outcome)| if outcome.is_ok() { "ok" } else { "FAILED" })
        };
        let width = self.cases.iter().map(|case| case.len()).max().unwrap_or(0);
        let row = |first: &str, cells: Vec<&str>| {
            let cells: String = cells.iter().map(|cell| format!("  {cell:<7}")).collect();
            println!("{}", format!("{first:<width$}{cells}").trim_end());
        };
        println!();
        row("", self.sdks.clone());
        for case in &self.cases {
            row(case, self.sdks.iter().map(|sdk| cell(sdk, case)).collect());
        }
        let failed = self.cells.iter().filter(|(.., outcome)| outcome.is_err()).count();
        let passed = self.cells.len() - failed;
        println!("\n{passed} passed, {failed} failed, {} skipped", self.skipped);
        // Nothing to run is no success either.
        if failed > 0 || passed == 0 {
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    }
}
