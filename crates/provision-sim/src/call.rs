//! One request on its way through a cloud: what was asked, and what the engine lends to answer it.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{
    fault::Effect,
    faults::Faults,
    kit::{
        fields::{BodyError, Fields},
        ids::{self, Ids},
        life::Life,
        limit::Left,
        query::Query,
    },
    request::SimRequest,
};

/// A request to a cloud.
pub(crate) struct Call<'a> {
    /// The request as the client sent it; for signatures.
    pub(crate) request: &'a SimRequest,
    /// Path without the cloud's prefix, as sent (percent-encoded).
    pub(crate) path: &'a str,
    /// The parts of the path, percent-decoded; a leading or trailing slash makes no part.
    pub(crate) segments: Vec<&'a str>,
    /// The query, decoded.
    pub(crate) query: Query,
    /// The time, milliseconds since 1970.
    pub(crate) now: u64,
    /// A fresh UUID, for the request id header.
    pub(crate) request_id: String,
    /// Requests to this cloud since it was started or reset, this one included; for rate limit headers.
    pub(crate) served: u64,
    /// What is left of the cloud's limits, where they are enforced.
    pub(crate) left: Option<Vec<Left>>,
    pub(crate) prefix: &'a str,
    pub(crate) cloud: &'static str,
    pub(crate) faults: &'a Faults,
    pub(crate) fault_names: Vec<String>,
    pub(crate) ids: &'a mut Ids,
    pub(crate) addresses: &'a mut u32,
    pub(crate) networks: &'a mut u32,
    pub(crate) boot_ms: u64,
    pub(crate) delete_ms: u64,
}

impl Call<'_> {
    /// Method, upper case.
    pub(crate) fn method(&self) -> &str {
        self.request.method.as_str()
    }

    /// The first header of that name, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.request.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The body as a JSON object.
    pub(crate) fn json(&self) -> Result<Fields, BodyError> {
        Fields::parse(&self.request.body)
    }

    /// The body as a form (`application/x-www-form-urlencoded`).
    pub(crate) fn form(&self) -> Query {
        Query::parse_bytes(&self.request.body)
    }

    /// Scheme, host and prefix by which the client reached this cloud: what absolute links start with.
    pub(crate) fn base_url(&self) -> String {
        format!(
            "{}://{}{}",
            self.request.scheme.as_str(),
            self.request.authority,
            self.prefix
        )
    }

    /// What is left of that one of the cloud's limits, where they are enforced.
    pub(crate) fn left(&self, limit: usize) -> Option<Left> {
        self.left.as_ref()?.get(limit).copied()
    }

    /// The next number of this cloud's counter, from 1; never used twice.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.ids.next()
    }

    /// A new UUID (version 4 in shape), the same in each run with the same seed.
    pub(crate) fn uuid(&mut self) -> String {
        self.ids.uuid()
    }

    /// That many new hexadecimal digits, lower case.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        self.ids.hex(digits)
    }

    /// A new public IPv4 address, unique over all clouds: from the documentation ranges first, then from 100.64.0.0/10.
    pub(crate) fn ipv4(&mut self) -> Ipv4Addr {
        *self.addresses = self.addresses.wrapping_add(1);
        ids::ipv4(self.addresses.wrapping_sub(1))
    }

    /// A new public IPv6 network: its first address, of which the last 64 bits are zero.
    pub(crate) fn ipv6_net(&mut self) -> Ipv6Addr {
        *self.networks = self.networks.wrapping_add(1);
        ids::ipv6_net(*self.networks)
    }

    /// The life of a host made now: ready after the boot time, missing from lists as long as a fault says so.
    pub(crate) fn new_life(&mut self) -> Life {
        let late = match self.claim(|effect| matches!(effect, Effect::LateVisibility { .. })) {
            Some(Effect::LateVisibility { millis }) => millis,
            _ => 0,
        };
        Life::new(self.now, self.boot_ms, late)
    }

    /// Starts the end of a life: still readable for the delete time, then gone.
    pub(crate) fn end_life(&self, life: &mut Life) {
        life.end(self.now, self.delete_ms);
    }

    /// Whether a fault says that this create finds the plan sold out. Ask once per create, after the cloud's own
    /// checks of the request.
    pub(crate) fn sold_out(&mut self) -> bool {
        self.claim(|effect| *effect == Effect::SoldOut).is_some()
    }

    /// Whether a fault says that this create exceeds the account's quota. Ask once per create, after the cloud's own
    /// checks of the request.
    pub(crate) fn over_quota(&mut self) -> bool {
        self.claim(|effect| *effect == Effect::Quota).is_some()
    }

    fn claim(&mut self, wanted: impl Fn(&Effect) -> bool) -> Option<Effect> {
        let effect = self
            .faults
            .claim(self.cloud, self.request.method.as_str(), self.path, wanted)?;
        self.fault_names.push(effect.name().to_owned());
        Some(effect)
    }
}
