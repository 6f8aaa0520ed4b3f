#![doc = include_str!("../README.md")]
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "used by tests only: a failed check ends the test, a skip is printed"
)]

pub mod contract;
mod failure;
mod forger;
mod logs;
mod manifest;
mod observer;
mod paused;
mod render;
#[cfg(feature = "sim")]
mod run;
#[cfg(feature = "sim")]
mod sim_stand;
mod stand;
pub mod tables;
pub mod wire;

pub use failure::Failure;
pub use forger::{Forger, Forgery};
pub use manifest::{Manifest, ManifestRow};
pub use observer::{Observer, Sent};
pub use render::{Render, render_request};
pub use stand::{Connect, Item, LoggedRequest, Stand, Trouble};
#[cfg(feature = "sim")]
pub use {
    run::{run_case, run_one},
    sim_stand::{ConnectFn, SimStand},
};

/// Re-exported so that wire tests use the same version.
pub use wiremock;

#[doc(hidden)]
pub use provision_core;
