#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod error;
mod provider;
mod request;
mod response;
mod status;

pub use config::{Config, Credentials, INFO};
pub use provider::Azure;
