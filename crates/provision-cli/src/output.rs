//! Data on stdout: one document per command, as a table, JSON or YAML.

mod hosts;
mod table;

use std::{
    io::{self, Write as _},
    time::SystemTime,
};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::{Format, TableArgs},
    failure::{Failure, Outcome},
    terminal,
};

pub(crate) use hosts::{HostDocument, host, hosts, some_hosts};
pub(crate) use table::{Cell, Column};

/// The form of the data on stdout, and how a table looks there.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) format: Format,
    pub(crate) look: table::Look,
}

impl View {
    pub(crate) fn new(format: Format, table: &TableArgs) -> Self {
        let look = table::Look {
            columns: table.columns.clone(),
            sort: table.sort.clone(),
            no_header: table.no_header,
            wide: format == Format::Wide,
            width: terminal::width(),
            colors: terminal::stdout_has_colors(),
        };
        Self { format, look }
    }
}

/// A moment as RFC 3339 in UTC with whole seconds.
pub(crate) fn rfc3339(time: SystemTime) -> Option<String> {
    let seconds = Timestamp::try_from(time).ok()?.as_second();
    Some(Timestamp::from_second(seconds).ok()?.to_string())
}

pub(crate) fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

/// Prints rows as a table that fits the terminal, or the values as a document. The first column is the name of a row.
pub(crate) fn sheet<T: Serialize>(
    view: &View,
    values: &T,
    columns: &[Column<'_>],
    rows: Vec<Vec<Cell>>,
) -> Outcome<()> {
    match view.format {
        Format::Table | Format::Wide => print(&table::table(columns, rows, &view.look)?),
        Format::Name => print(&table::names(&rows)),
        Format::Json | Format::Yaml => document(view.format, values),
    }
}

/// As [`sheet`], for a table without options, each column as important as the others.
pub(crate) fn rows<T: Serialize>(
    format: Format,
    values: &T,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Outcome<()> {
    let columns: Vec<Column<'_>> = header
        .iter()
        .map(|title| Column::new(title).shortens_to(title.len().max(10)))
        .collect();
    let rows = rows.into_iter().map(|row| row.into_iter().map(Cell::from).collect());
    sheet(
        &View::new(format, &TableArgs::default()),
        values,
        &columns,
        rows.collect(),
    )
}

/// Prints one JSON or YAML document.
pub(crate) fn document<T: Serialize>(format: Format, value: &T) -> Outcome<()> {
    if format == Format::Yaml {
        let text = serde_saphyr::to_string(value).map_err(|error| Failure::other("cannot write YAML", &error))?;
        // JSON is YAML, and can say everything in characters that no terminal obeys.
        if terminal::is_clean(&text) {
            return print(&format!("{}\n", text.trim_end()));
        }
    }
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::other("cannot write JSON", &error))?;
    print(&format!("{}\n", terminal::clean_json(text.trim_end())))
}

/// Writes to stdout. A reader that has gone away, such as `head`, is no failure.
pub(crate) fn print(text: &str) -> Outcome<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::other("cannot write to stdout", &error))
        }
        _ => Ok(()),
    }
}

/// Prints one JSON document on a line of its own.
pub(crate) fn json_line<T: Serialize>(value: &T) -> Outcome<()> {
    let text = serde_json::to_string(value).map_err(|error| Failure::other("cannot write JSON", &error))?;
    print(&format!("{}\n", terminal::clean_json(&text)))
}
