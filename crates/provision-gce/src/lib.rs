#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod error;
mod id;
mod info;
mod provider;
mod request;
mod response;
mod rule;
mod status;

pub use auth::Credentials;
pub use config::Config;
pub use info::INFO;
pub use provider::Gce;
