//! Hetzner Cloud.
