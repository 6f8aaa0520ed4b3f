#![doc = include_str!("../README.md")]

mod bounds;
mod client;
mod endpoint;
mod failure;
mod file;
mod kept;
mod pages;
mod redact;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest_transport;
mod response;
mod transport;

pub use bounds::Bounds;
pub use client::{Authorize, Client, ClientBuilder, Going};
pub use endpoint::Endpoint;
pub use failure::{Failure, Vendor, VendorError, kind_of_status};
pub use file::{read_file_of, read_small_file};
pub use kept::Kept;
pub use pages::{ChainedPage, NumberedPage};
pub use request::{IdOrName, Request, Retry, Subject};
#[cfg(feature = "reqwest")]
pub use reqwest_transport::ReqwestTransport;
pub use response::{Answer, Response};
pub use transport::{Transport, TransportError};

/// Re-exported so that a transport is written with the same versions.
pub use {async_trait::async_trait, bytes::Bytes, http, url};
