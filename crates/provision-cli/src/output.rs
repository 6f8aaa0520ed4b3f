//! Data on stdout: one document per command, as a table, JSON or YAML.

mod hosts;
mod table;

use std::{
    io::{self, Write as _},
    time::SystemTime,
};

use jiff::Timestamp;
use serde::Serialize;

use self::table::table;
use crate::{
    args::Format,
    failure::{Failure, Outcome},
};

pub(crate) use hosts::{HostDocument, host, hosts};

/// A moment as RFC 3339 in UTC with whole seconds.
pub(crate) fn rfc3339(time: SystemTime) -> Option<String> {
    let seconds = Timestamp::try_from(time).ok()?.as_second();
    Some(Timestamp::from_second(seconds).ok()?.to_string())
}

pub(crate) fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

/// Prints rows as a table, or the values as a document.
pub(crate) fn rows<T: Serialize>(
    format: Format,
    values: &T,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Outcome<()> {
    match format {
        Format::Table => print(&table(header, rows)),
        _ => document(format, values),
    }
}

/// Prints one JSON or YAML document.
pub(crate) fn document<T: Serialize>(format: Format, value: &T) -> Outcome<()> {
    let text = if format == Format::Yaml {
        serde_saphyr::to_string(value).map_err(|error| Failure::other("cannot write YAML", &error))?
    } else {
        serde_json::to_string_pretty(value).map_err(|error| Failure::other("cannot write JSON", &error))?
    };
    print(&format!("{}\n", text.trim_end()))
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
