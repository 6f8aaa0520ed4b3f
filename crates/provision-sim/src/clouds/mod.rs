//! The clouds, one module each.
//!
//! The block below is written by `cargo xtask generate` from the provider manifest: module names are the ids, type
//! names are the manifest's `type`.

use crate::cloud::{Slot, slot};

// BEGIN GENERATED clouds (cargo xtask generate)
mod azure;
mod civo;
mod digitalocean;
mod ec2;
mod gce;
mod linode;
mod ovh;
mod packet;
mod scaleway;
mod vultr;

/// An empty account at every cloud, in the order of their ids.
#[rustfmt::skip] // one line per cloud
pub(crate) fn all() -> Vec<Box<dyn Slot>> {
    vec![
        slot(azure::Azure),
        slot(civo::Civo),
        slot(digitalocean::DigitalOcean),
        slot(ec2::Ec2),
        slot(gce::Gce),
        slot(linode::Linode),
        slot(ovh::Ovh),
        slot(packet::Packet),
        slot(scaleway::Scaleway),
        slot(vultr::Vultr),
    ]
}
// END GENERATED clouds
