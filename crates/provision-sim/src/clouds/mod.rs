//! The clouds, one module each.
//!
//! The block below is written by `cargo xtask generate` from the provider manifest: module names are the ids, type
//! names are the manifest's `type`.

use crate::cloud::{Slot, slot};

// BEGIN GENERATED clouds (cargo xtask generate)
mod digitalocean;

/// An empty account at every cloud, in the order of the manifest.
#[rustfmt::skip] // one line per cloud
pub(crate) fn all() -> Vec<Box<dyn Slot>> {
    vec![
        slot(digitalocean::DigitalOcean),
    ]
}
// END GENERATED clouds
