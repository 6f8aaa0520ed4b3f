#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod error;
mod id;
mod info;
mod provider;
mod request;
mod response;
mod session;
mod status;
mod tags;

pub use config::{Config, Credentials};
pub use info::INFO;
pub use provider::Azure;
