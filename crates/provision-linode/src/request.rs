//! Pure functions that build every request of the provider.
//! Source: FILL-IN: the vendor's reference.

use provision_core::HostId;
use provision_http::{Endpoint, Request};

pub(crate) fn get_instance(endpoint: &Endpoint, id: &HostId) -> Request {
    Request::get("get instance", endpoint.join(["instances", id.as_str()]))
}
