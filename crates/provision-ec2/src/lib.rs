#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod error;
mod provider;
mod request;
mod response;
mod sign;
mod status;
mod steps;

pub use auth::{Credentials, Keys};
pub use config::{Config, INFO};
pub use provider::Ec2;
