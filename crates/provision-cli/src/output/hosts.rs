use std::time::SystemTime;

use provision::{HostId, HostStatus, ProvisionedHost};
use serde::{Serialize, Serializer, ser::Error as _};

use super::{document, or_dash, print, table::table};
use crate::{args::Format, duration, failure::Outcome};

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
