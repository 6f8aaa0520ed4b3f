#![doc = include_str!("../README.md")]

mod config;
mod error;
mod id;
mod info;
mod provider;
mod request;
mod response;
mod status;

pub use config::Config;
pub use id::Zone;
pub use info::INFO;
pub use provider::Scaleway;
