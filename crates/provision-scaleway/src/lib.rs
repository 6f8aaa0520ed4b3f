#![doc = include_str!("../README.md")]

mod config;
mod error;
mod provider;
mod request;
mod response;
mod status;

pub use config::{Config, INFO, Zone};
pub use provider::Scaleway;
