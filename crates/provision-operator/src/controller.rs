//! Carries out what the engine says: one reconcile for Tunnels and Hosts, one for Services.

mod admission;
mod complete;
mod drive;
mod effects;
mod elsewhere;
mod host;
mod one;
mod ownership;
mod removal;
mod service;
mod tunnel;
mod work;

pub use drive::{reconcile, retry};
pub use effects::Effects;
pub use service::reconcile as reconcile_service;
