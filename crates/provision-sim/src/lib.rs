#![doc = include_str!("../README.md")]

mod admin;
mod call;
mod clock;
mod cloud;
mod clouds;
mod engine;
mod fault;
mod fault_text;
mod faults;
mod kit;
mod record;
mod request;
mod route;
mod server;
mod sim;
mod store;
mod tls;

pub use clock::Clock;
pub use cloud::CloudInfo;
pub use fault::{Effect, Fault};
pub use fault_text::ParseFaultError;
pub use faults::{ActiveFault, Faults};
pub use record::{Item, LoggedRequest};
pub use request::{Scheme, SimOutcome, SimRequest};
pub use server::Server;
pub use sim::{Sim, SimBuilder};
pub use tls::TlsIdentity;

/// Static facts of every cloud that this build simulates, in the order of the provider manifest.
pub fn clouds() -> Vec<CloudInfo> {
    clouds::all().iter().map(|slot| slot.info()).collect()
}
