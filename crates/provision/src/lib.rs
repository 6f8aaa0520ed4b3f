#![doc = include_str!("../README.md")]

pub mod gc;
pub mod poller;
pub mod registry;
pub mod wait;

pub use provision_core::*;
/// The HTTP stack that the clouds share: for transports of your own, in tests for example.
#[doc(inline)]
pub use provision_http as http;
pub use registry::{connect, connect_with, find, providers};

// BEGIN GENERATED re-exports (cargo xtask generate)
#[cfg(feature = "digitalocean")]
#[doc(inline)]
pub use provision_digitalocean as digitalocean;
#[cfg(feature = "hetzner")]
#[doc(inline)]
pub use provision_hetzner as hetzner;
// END GENERATED re-exports
