//! Data on stdout: one document per command, as a table, JSON or YAML.

use std::{
    io::{self, Write as _},
    net::IpAddr,
    time::SystemTime,
};

use comfy_table::{Table, presets};
use jiff::Timestamp;
use provision::{HostId, HostStatus, Labels, ProvisionedHost};
use serde::Serialize;

use crate::{
    args::Format,
    duration,
    failure::{Failure, Outcome},
    id,
};

/// A host as every command shows it. What is not known is null.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HostDocument {
    provider: &'static str,
    id: String,
    name: Option<String>,
    status: String,
    raw_status: Option<String>,
    ip: Option<IpAddr>,
    region: Option<String>,
    plan: Option<String>,
    image: Option<String>,
    labels: Labels,
    created: Option<String>,
    expires: Option<String>,
    message: Option<String>,
    #[serde(skip)]
    times: (Option<SystemTime>, Option<SystemTime>),
}

impl HostDocument {
    /// A host of which only the id is known, in a state that the command knows.
    pub(crate) fn of_id(provider: &'static str, id: &HostId, status: &str) -> Self {
        let host = ProvisionedHost::new(provider, id.clone(), "", HostStatus::Unknown, "");
        Self {
            name: None,
            raw_status: None,
            ..Self::from(&host)
        }
        .with_status(status)
    }

    /// The same host in a state that the command knows better.
    pub(crate) fn with_status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self.raw_status = None;
        self
    }
}

impl From<&ProvisionedHost> for HostDocument {
    fn from(host: &ProvisionedHost) -> Self {
        Self {
            provider: host.provider,
            id: id::shown(host.provider, &host.id),
            name: Some(host.name.clone()),
            status: host.status.to_string(),
            raw_status: Some(host.raw_status.clone()),
            ip: host.ip,
            region: host.region.clone(),
            plan: host.plan.clone(),
            image: host.image.clone(),
            labels: host.labels.clone(),
            created: host.created.and_then(rfc3339),
            expires: host.expires().and_then(rfc3339),
            message: host.message.clone(),
            times: (host.created, host.expires()),
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
    let rows = hosts.iter().map(|host| {
        let (created, expires) = host.times;
        vec![
            host.id.clone(),
            or_dash(host.name.as_deref()),
            host.status.clone(),
            or_dash(host.ip.map(|ip| ip.to_string()).as_deref()),
            or_dash(host.region.as_deref()),
            or_dash(host.plan.as_deref()),
            or_dash(created.map(|created| duration::age(created, now)).as_deref()),
            or_dash(expires.map(|expires| duration::until(expires, now)).as_deref()),
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
