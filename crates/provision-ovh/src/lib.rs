#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod error;
mod provider;
mod request;
mod response;
mod sign;
mod status;

pub use config::{Config, INFO};
pub use provider::Ovh;
