#![doc = include_str!("../README.md")]

mod api;
mod auth;
mod config;
mod error;
mod id;
mod info;
mod provider;
mod request;
mod response;
mod sign;
mod status;

pub use auth::{Credentials, Keys};
pub use config::Config;
pub use info::INFO;
pub use provider::Ec2;
