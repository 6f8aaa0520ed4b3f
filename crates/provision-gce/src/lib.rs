#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod error;
mod provider;
mod request;
mod response;
mod status;

pub use auth::Credentials;
pub use config::{Config, INFO};
pub use provider::Gce;
