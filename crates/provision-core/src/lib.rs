#![doc = include_str!("../README.md")]

mod catalog;
mod clock;
mod cloud;
mod credential;
mod digest;
mod error;
mod host;
mod host_ref;
mod hosted;
mod id;
mod info;
mod invalid;
mod key;
mod labels;
mod name;
mod nearest;
mod order;
mod ports;
mod price;
mod provisioner;
mod settings;
mod status;
mod strangers;
mod time;
mod user_data;

pub use catalog::{Catalog, CatalogQuery, CatalogSection, Image, Plan, Region};
pub use clock::Clock;
pub use cloud::{Cloud, Find, Made};
pub use credential::clean_credential;
pub use error::{Error, ErrorKind, Result};
pub use host::{BasicHost, Deletion, HostDeleteRequest, ListFilter, Origin, ProvisionedHost, RegionFilter, Settled};
pub use host_ref::HostRef;
pub use hosted::Hosted;
pub use id::HostId;
pub use info::{
    AdditionalInfo, AdditionalRole, Capabilities, CommonSetting, Login, NameRules, Polling, ProviderInfo, SettingInfo,
    SettingRole, UserDataRules,
};
pub use invalid::Invalid;
pub use key::IdempotencyKey;
pub use labels::{EXPIRES_LABEL, KEEP_LABEL, KEY_LABEL, Labels, MANAGED_BY, MANAGED_BY_LABEL, REQUEST_LABEL};
pub use name::HostName;
pub use nearest::{explain_refusal, nearest};
pub use order::Order;
pub use ports::{OpenPorts, PortRange, Protocol};
pub use price::{MonthlyCost, Price, PriceList};
pub use provisioner::Provisioner;
pub use settings::Settings;
pub use status::HostStatus;
pub use strangers::StrangerRules;
pub use time::{parse_rfc3339, to_rfc3339, unix_seconds};
pub use user_data::{UserData, UserDataKind, UserDataPart};

/// Re-exported so that a provider implements the trait with the same version of the macro.
pub use async_trait::async_trait;
/// Re-exported so that every crate of the workspace wraps its secrets in the same type.
pub use secrecy::{ExposeSecret, SecretString};
