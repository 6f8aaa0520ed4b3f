#![doc = include_str!("../README.md")]

mod config;
mod error;
mod provider;
mod request;
mod response;
#[allow(dead_code, reason = "x")]
mod script;
mod status;
mod steps;

pub use config::{Config, INFO};
pub use provider::Civo;
