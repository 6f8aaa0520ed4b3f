use std::time::SystemTime;

use provision::{HostId, HostStatus, Price, ProvisionedHost};
use serde::{Serialize, Serializer, ser::Error as _};

use super::{Cell, Column, View, sheet};
use crate::{args::Format, duration, failure::Outcome, terminal::Tone};

/// A host as every command shows it: in JSON and YAML as the library writes it. What is not known is null.
#[derive(Debug, Clone)]
pub(crate) struct HostDocument {
    host: ProvisionedHost,
    /// What it bills in a month.
    price: Option<Price>,
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
            price: None,
            status: Some(status.to_owned()),
            bare: true,
        }
    }

    /// The same host in a state that the command knows better.
    pub(crate) fn with_status(mut self, status: &str) -> Self {
        self.status = Some(status.to_owned());
        self
    }

    /// The same host with what it bills in a month.
    pub(crate) fn with_price(mut self, price: Option<Price>) -> Self {
        self.price = price;
        self
    }

    pub(crate) fn set_price(&mut self, price: Option<Price>) {
        self.price = price;
    }

    /// The host, unless nothing but its id is known.
    pub(crate) fn host(&self) -> Option<&ProvisionedHost> {
        Some(&self.host).filter(|_| !self.bare)
    }

    /// The host in a line.
    pub(crate) fn in_words(&self) -> String {
        let words = [
            Some(self.host.host_ref().to_string()),
            self.name().map(str::to_owned),
            Some(self.status().to_owned()),
            self.host.ip.map(|ip| ip.to_string()),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join("  ")
    }

    pub(crate) fn price(&self) -> Option<&Price> {
        self.price.as_ref()
    }

    fn status(&self) -> &str {
        self.status.as_deref().unwrap_or(self.host.status.as_str())
    }

    fn name(&self) -> Option<&str> {
        Some(self.host.name.as_str()).filter(|_| !self.bare)
    }
}

/// The library's fields in their order, and the price.
#[derive(Serialize)]
struct Priced<'a> {
    #[serde(flatten)]
    host: &'a ProvisionedHost,
    price: &'a Option<Price>,
}

impl Serialize for HostDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(status) = &self.status else {
            let (host, price) = (&self.host, &self.price);
            return Priced { host, price }.serialize(serializer);
        };
        let mut document = serde_json::to_value(&self.host).map_err(S::Error::custom)?;
        if let Some(fields) = document.as_object_mut() {
            let price = serde_json::to_value(&self.price).map_err(S::Error::custom)?;
            fields.insert("price".to_owned(), price);
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
            price: None,
            status: None,
            bare: false,
        }
    }
}

/// The columns of every table of hosts. Its name tells a host, so that the id may be shortened where there is no room.
const COLUMNS: [Column; 11] = [
    Column::new("ID").shortens_to(18),
    Column::new("NAME").shortens_to(12),
    Column::new("STATUS"),
    Column::new("IP"),
    Column::new("REGION").goes(3),
    Column::new("PLAN").goes(1),
    Column::new("MONTHLY").goes(5),
    Column::new("AGE").goes(2),
    Column::new("EXPIRES").goes(4),
    Column::new("IMAGE").wide(),
    Column::new("LABELS").wide(),
];

/// Prints one host.
pub(crate) fn host(view: &View, host: &HostDocument) -> Outcome<()> {
    sheet(view, host, &COLUMNS, vec![row(host, SystemTime::now())])
}

/// Prints a list of hosts; an empty table is not printed.
pub(crate) fn hosts(view: &View, hosts: &[HostDocument]) -> Outcome<()> {
    if hosts.is_empty() && matches!(view.format, Format::Table | Format::Wide) {
        return Ok(());
    }
    let now = SystemTime::now();
    let rows = hosts.iter().map(|document| row(document, now));
    sheet(view, &hosts, &COLUMNS, rows.collect())
}

fn row(document: &HostDocument, now: SystemTime) -> Vec<Cell> {
    let host = &document.host;
    let seconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH)
            .map(|time| time.as_secs_f64())
            .ok()
    };
    let age = host.created.map(|created| duration::age(created, now));
    let expires = host.expires().map(|expires| duration::until(expires, now));
    let labels = host.labels.iter().filter(|(key, _)| !key.starts_with("provision-"));
    let labels: Vec<String> = labels.map(|(key, value)| format!("{key}={value}")).collect();
    vec![
        Cell::from(host.host_ref().to_string()),
        Cell::from(document.name()),
        Cell::from(document.status()).with_tone(tone(document.status())),
        Cell::from(host.ip.map(|ip| ip.to_string())),
        Cell::from(host.region.as_deref()),
        Cell::from(host.plan.as_deref()),
        Cell::from(document.price.as_ref().map(ToString::to_string))
            .sorted_by(document.price.as_ref().map(|price| price.amount)),
        // The oldest host has the greatest age.
        Cell::from(age).sorted_by(host.created.and_then(seconds).map(std::ops::Neg::neg)),
        Cell::from(expires).sorted_by(host.expires().and_then(seconds)),
        Cell::from(host.image.as_deref()),
        Cell::from(labels.join(",")),
    ]
}

/// The colour of a state.
fn tone(status: &str) -> Tone {
    match status {
        "active" => Tone::Good,
        "failed" => Tone::Bad,
        "provisioning" | "deleting" => Tone::Busy,
        "deleted" => Tone::Faint,
        _ => Tone::Plain,
    }
}

/// Prints what a command did to the hosts that it was asked about: of one the host, of several a list.
pub(crate) fn some_hosts(view: &View, documents: &[HostDocument], several: bool) -> Outcome<()> {
    match documents {
        [] if !several => Ok(()),
        [document] if !several => host(view, document),
        _ => hosts(view, documents),
    }
}
