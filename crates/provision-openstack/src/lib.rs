#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod error;
mod id;
mod info;
mod network;
mod parts;
mod provider;
mod request;
mod response;
mod session;
mod status;

pub use config::{Config, Credentials, Domain, Named};
pub use info::INFO;
pub use provider::OpenStack;
