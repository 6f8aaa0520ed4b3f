//! Data on stdout: one document per command, as a table, JSON or YAML.

use std::{
    io::{self, Write as _},
    time::SystemTime,
};

use comfy_table::{Table, presets};
use jiff::Timestamp;
use provision::{HostId, HostStatus, ProvisionedHost};
use serde::{Serialize, Serializer, ser::Error as _};

use crate::{
    args::Format,
    duration,
    failure::{Failure, Outcome},
};

/// A host as every command shows it: in JSON and YAML as the library writes it. What is not known is null.
#[derive(Debug, Clone)]
pub(crate) struct HostDocument {
    host: ProvisionedHost,
    /// A state that the command knows better than the cloud said.
    status: Option<String>,
    /// Nothing but the id is known.
    bare: bool,
}

impl HostDocument {
    /// A host of which only the id is known, in a state that the command knows.
    pub(crate) fn of_id(provider: &'static str, id: &HostId, status: &str) -> Self {
        Self {
            host: ProvisionedHost::new(provider, id.clone(), "", HostStatus::Unknown, ""),
            status: Some(status.to_owned()),
            bare: true,
        }
    }

    /// The same host in a state that the command knows better.
    pub(crate) fn with_status(mut self, status: &str) -> Self {
        self.status = Some(status.to_owned());
        self
    }

    fn status(&self) -> &str {
        self.status.as_deref().unwrap_or(self.host.status.as_str())
    }

    fn name(&self) -> Option<&str> {
        Some(self.host.name.as_str()).filter(|_| !self.bare)
    }
}

impl Serialize for HostDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(status) = &self.status else {
            return self.host.serialize(serializer);
        };
        let mut document = serde_json::to_value(&self.host).map_err(S::Error::custom)?;
        if let Some(fields) = document.as_object_mut() {
            fields.insert("status".to_owned(), status.as_str().into());
            fields.insert("raw_status".to_owned(), serde_json::Value::Null);
            if self.bare {
                fields.insert("name".to_owned(), serde_json::Value::Null);
            }
        }
        document.serialize(serializer)
    }
}

impl From<&ProvisionedHost> for HostDocument {
    fn from(host: &ProvisionedHost) -> Self {
        Self {
            host: host.clone(),
            status: None,
            bare: false,
        }
    }
}

/// A moment as RFC 3339 in UTC with whole seconds.
pub(crate) fn rfc3339(time: SystemTime) -> Option<String> {
    let seconds = Timestamp::try_from(time).ok()?.as_second();
    Some(Timestamp::from_second(seconds).ok()?.to_string())
}

/// Prints one host.
pub(crate) fn host(format: Format, host: &HostDocument) -> Outcome<()> {
    match format {
        Format::Table => print(&host_table(std::slice::from_ref(host))),
        _ => document(format, host),
    }
}

/// Prints a list of hosts; an empty table is not printed.
pub(crate) fn hosts(format: Format, hosts: &[HostDocument]) -> Outcome<()> {
    match format {
        Format::Table if hosts.is_empty() => Ok(()),
        Format::Table => print(&host_table(hosts)),
        _ => document(format, &hosts),
    }
}

fn host_table(hosts: &[HostDocument]) -> String {
    let now = SystemTime::now();
    let rows = hosts.iter().map(|document| {
        let host = &document.host;
        vec![
            host.host_ref().to_string(),
            or_dash(document.name()),
            document.status().to_owned(),
            or_dash(host.ip.map(|ip| ip.to_string()).as_deref()),
            or_dash(host.region.as_deref()),
            or_dash(host.plan.as_deref()),
            or_dash(host.created.map(|created| duration::age(created, now)).as_deref()),
            or_dash(host.expires().map(|expires| duration::until(expires, now)).as_deref()),
        ]
    });
    table(
        &["ID", "NAME", "STATUS", "IP", "REGION", "PLAN", "AGE", "EXPIRES"],
        rows,
    )
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

/// Aligned columns, two spaces between them.
fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
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
