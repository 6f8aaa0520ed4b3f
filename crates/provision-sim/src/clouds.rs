//! The clouds, one module each.

use crate::cloud::{Slot, slot};

// BEGIN GENERATED clouds (cargo xtask generate)
mod azure;
mod civo;
mod digitalocean;
mod ec2;
mod gce;
mod hetzner;
mod linode;
mod openstack;
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
        slot(hetzner::Hetzner),
        slot(linode::Linode),
        slot(openstack::OpenStack),
        slot(ovh::Ovh),
        slot(packet::Packet),
        slot(scaleway::Scaleway),
        slot(vultr::Vultr),
    ]
}
// END GENERATED clouds
