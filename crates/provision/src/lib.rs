#![doc = include_str!("../README.md")]

pub mod gc;
pub mod poller;
pub mod prices;
pub mod registry;
pub mod survey;
#[cfg(feature = "user-data")]
pub mod user_data;
pub mod wait;

pub use provision_core::*;
/// The HTTP stack that the clouds share: for transports of your own, in tests for example.
#[doc(inline)]
pub use provision_http as http;
pub use registry::{connect, connect_from_env, connect_with, find, providers};

// BEGIN GENERATED re-exports (cargo xtask generate)
#[cfg(feature = "azure")]
#[doc(inline)]
pub use provision_azure as azure;
#[cfg(feature = "civo")]
#[doc(inline)]
pub use provision_civo as civo;
#[cfg(feature = "digitalocean")]
#[doc(inline)]
pub use provision_digitalocean as digitalocean;
#[cfg(feature = "ec2")]
#[doc(inline)]
pub use provision_ec2 as ec2;
#[cfg(feature = "gce")]
#[doc(inline)]
pub use provision_gce as gce;
#[cfg(feature = "hetzner")]
#[doc(inline)]
pub use provision_hetzner as hetzner;
#[cfg(feature = "linode")]
#[doc(inline)]
pub use provision_linode as linode;
#[cfg(feature = "openstack")]
#[doc(inline)]
pub use provision_openstack as openstack;
#[cfg(feature = "ovh")]
#[doc(inline)]
pub use provision_ovh as ovh;
#[cfg(feature = "packet")]
#[doc(inline)]
pub use provision_packet as packet;
#[cfg(feature = "scaleway")]
#[doc(inline)]
pub use provision_scaleway as scaleway;
#[cfg(feature = "vultr")]
#[doc(inline)]
pub use provision_vultr as vultr;
// END GENERATED re-exports
