#![doc = include_str!("../README.md")]

mod config;
mod error;
mod firewall;
mod id;
mod info;
mod provider;
mod request;
mod response;
mod script;
mod status;

pub use config::Config;
pub use info::INFO;
pub use provider::Civo;
