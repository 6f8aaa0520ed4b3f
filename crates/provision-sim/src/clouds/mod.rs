//! The clouds, one module each.

use crate::cloud::{Slot, slot};

// BEGIN GENERATED clouds (cargo xtask generate)
mod digitalocean;
mod hetzner;

/// An empty account at every cloud, in the order of their ids.
#[rustfmt::skip] // one line per cloud
pub(crate) fn all() -> Vec<Box<dyn Slot>> {
    vec![
        slot(digitalocean::DigitalOcean),
        slot(hetzner::Hetzner),
    ]
}
// END GENERATED clouds
