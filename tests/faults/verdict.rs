//! What a case is judged by, and the table of all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::operation::Operation;

/// What must not happen: the columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Lost,
    Doubled,
    Unsaid,
    FalseDeleted,
    Left,
    NotFound,
    EmptyList,
    Kind,
    Calls,
    Stuck,
    Parts,
    Others,
}

impl Column {
    pub(crate) const ALL: [Self; 12] = [
        Self::Lost,
        Self::Doubled,
        Self::Unsaid,
        Self::FalseDeleted,
        Self::Left,
        Self::NotFound,
        Self::EmptyList,
        Self::Kind,
        Self::Calls,
        Self::Stuck,
        Self::Parts,
        Self::Others,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Unsaid => "unsaid",
            Self::FalseDeleted => "deleted",
            Self::Left => "left",
            Self::NotFound => "not found",
            Self::EmptyList => "empty",
            Self::Kind => "kind",
            Self::Calls => "calls",
            Self::Stuck => "stuck",
            Self::Parts => "parts",
            Self::Others => "others",
        }
    }

    /// What must not happen, for the page.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Lost => "Something that bills is left after everything was deleted as documented",
            Self::Doubled => "Two hosts for one key",
            Self::Unsaid => "Something bills after an error, which neither names a host nor says that one may exist",
            Self::FalseDeleted => "\"Deleted\" while something of it bills",
            Self::Left => "Something free of charge is left after everything was deleted as documented",
            Self::NotFound => "\"Not found\", though the cloud did not say so",
            Self::EmptyList => "A list, with success, that lacks a host",
            Self::Kind => "An error of another kind than the fault has, or another wait than was told",
            Self::Calls => "More requests than allowed, or a create sent twice",
            Self::Stuck => "Calling again as documented does not lead to the end",
            Self::Parts => "Calling again leads to a host with other parts than an undisturbed one",
            Self::Others => "Something that belongs to another host was touched",
        }
    }
}

/// What a case brought to light.
#[derive(Debug, Default)]
pub(crate) struct Verdict(pub(crate) Vec<(Column, String)>);

impl Verdict {
    pub(crate) fn object(&mut self, column: Column, text: impl Into<String>) {
        self.0.push((column, text.into()));
    }

    pub(crate) fn object_if(&mut self, bad: bool, column: Column, text: impl FnOnce() -> String) {
        if bad {
            self.object(column, text());
        }
    }
}

/// The table: a row for each cloud and operation.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<(String, usize, &'static str), Row>);

#[derive(Debug, Default)]
struct Row {
    cases: usize,
    objections: BTreeMap<Column, usize>,
}

impl Table {
    /// Counts a case; the number is the operation's place in its cloud's rows.
    pub(crate) fn count(&mut self, cloud: &str, number: usize, operation: &'static str, verdict: &Verdict) {
        let row = self.0.entry((cloud.to_owned(), number, operation)).or_default();
        row.cases += 1;
        let mut columns: Vec<Column> = verdict.0.iter().map(|(column, _)| *column).collect();
        columns.sort_unstable();
        columns.dedup();
        for column in columns {
            *row.objections.entry(column).or_default() += 1;
        }
    }

    /// How many cases of an operation a column objects to, on one cloud or on all.
    pub(crate) fn objections(&self, cloud: Option<&str>, operation: &str, column: Column) -> usize {
        let is_of = |of: &str| cloud.is_none_or(|cloud| cloud == of);
        let rows = self
            .0
            .iter()
            .filter(|((of, _, name), _)| *name == operation && is_of(of));
        rows.filter_map(|(_, row)| row.objections.get(&column)).sum()
    }

    /// Takes over the rows of a page for clouds that this table has none of.
    pub(crate) fn with_others_of(mut self, page: &str) -> Self {
        let own: BTreeSet<String> = self.0.keys().map(|(cloud, ..)| cloud.clone()).collect();
        for (cloud, operation, counts) in rows(page).filter(|(cloud, ..)| !own.contains(*cloud)) {
            let mut known = Operation::ALL.into_iter().enumerate();
            let known = known.find(|(_, known)| known.name() == operation);
            let (Some((number, known)), [cases, counts @ ..]) = (known, counts.as_slice()) else {
                continue;
            };
            let objections = Column::ALL.into_iter().zip(counts.iter().copied());
            let row = Row {
                cases: *cases,
                objections: objections.filter(|(_, count)| *count > 0).collect(),
            };
            let place = (cloud.to_owned(), number, known.name());
            self.0.insert(place, row);
        }
        self
    }

    /// As Markdown, with a sum at the end.
    pub(crate) fn render(&self) -> String {
        let titles: Vec<&str> = Column::ALL.iter().map(|column| column.title()).collect();
        let mut text = format!("| cloud | operation | cases | {} |\n", titles.join(" | "));
        let _ = writeln!(text, "|---|---|---:|{}", "---:|".repeat(titles.len()));
        let mut sum = Row::default();
        for ((cloud, _, operation), row) in &self.0 {
            line(&mut text, cloud, operation, row);
            sum.cases += row.cases;
            for (column, count) in &row.objections {
                *sum.objections.entry(*column).or_default() += count;
            }
        }
        line(&mut text, "all", "", &sum);
        text
    }
}

/// The rows of a page's table but the sum: cloud, operation, and the numbers, of which the first is that of the cases.
pub(crate) fn rows(page: &str) -> impl Iterator<Item = (&str, &str, Vec<usize>)> {
    page.lines().filter_map(|line| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let mut cells = cells.split(" | ");
        let (cloud, operation) = (cells.next()?, cells.next()?);
        let counts: Vec<usize> = cells.map(|cell| cell.parse().ok()).collect::<Option<_>>()?;
        (cloud != "all" && !counts.is_empty()).then_some((cloud, operation, counts))
    })
}

fn line(text: &mut String, cloud: &str, operation: &str, row: &Row) {
    let counts = Column::ALL.map(|column| row.objections.get(&column).copied().unwrap_or_default().to_string());
    let _ = writeln!(
        text,
        "| {cloud} | {operation} | {} | {} |",
        row.cases,
        counts.join(" | ")
    );
}
