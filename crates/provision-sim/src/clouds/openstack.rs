//! OpenStack: Keystone, Nova, Neutron and Glance, as far as hosts need them.
//!
//! Facts from <https://docs.openstack.org/api-ref/> and from what a real cloud of 2026-11 answered (Keystone 30, Nova 34, Neutron
//! 29, Glance 33): `tests/openstack.rs` compares the form of every answer with the recorded one. The services of a region are
//! behind its name; `RegionOne` has an own network and gives floating IPs, hosts of `RegionTwo` are attached to the external network.

mod catalog;
mod fault;
mod floating;
mod groups;
mod identity;
mod networks;
mod order;
mod servers;
mod state;

use self::{
    catalog::Region,
    fault::{neutron, no_resource, no_route, unauthorized},
    state::State,
};
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::answer::Answer,
    record::Item,
};

const ID: &str = "openstack";

/// The cloud.
pub(crate) struct OpenStack;

impl Cloud for OpenStack {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            // Every cloud has names of its own.
            hosts: &["openstack.example"],
            endpoint_path: "/openstack/identity/v3",
            settings: &[
                ("username", identity::USER_NAME),
                ("password", "sim-token-openstack"),
                ("project", identity::PROJECT_NAME),
            ],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        let segments = call.segments.clone();
        match segments.as_slice() {
            ["identity", "v3", rest @ ..] => identity::handle(call, state, rest),
            [region, service, rest @ ..] => {
                let region = catalog::region(region).ok_or_else(no_route)?;
                match (*service, rest) {
                    // Versions are told to everybody.
                    ("compute", ["v2.1"]) if call.method() == "GET" => Ok(servers::version(call)),
                    ("network", []) if call.method() == "GET" => Ok(catalog::network_versions(call)),
                    ("image", []) if call.method() == "GET" => Ok(catalog::image_versions(call)),
                    _ => {
                        let read_only = identity::check(call, state)?;
                        if read_only && call.method() != "GET" {
                            return Err(fault::forbidden(service));
                        }
                        serve(call, state, region, service, rest)
                    }
                }
            }
            _ => Err(no_route()),
        }
    }

    fn trouble(&self, call: &Call<'_>, trouble: Trouble) -> Answer {
        let network = call.segments.get(1) == Some(&"network");
        match trouble {
            // No service limits requests itself; a proxy before it does (UNCONFIRMED in which words).
            Trouble::RateLimited(retry_after) => {
                let answer = Answer::text(429, "Too Many Requests");
                match retry_after {
                    Some(seconds) => answer.header("retry-after", seconds.to_string()),
                    None => answer,
                }
            }
            Trouble::ServerError(500) if network => neutron(
                500,
                "HTTPInternalServerError",
                "Request Failed: internal server error while processing your request.",
            ),
            Trouble::ServerError(500) => fault::nova(
                500,
                "computeFault",
                "Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/ and attach the Nova API log if possible.",
            ),
            Trouble::ServerError(status) => Answer::text(status, "<html><body>gateway</body></html>"),
            Trouble::Unauthorized => unauthorized(),
        }
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        vec![("x-openstack-request-id", format!("req-{}", call.request_id))]
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

fn serve(call: &mut Call<'_>, state: &mut State, region: &'static Region, service: &str, rest: &[&str]) -> Handled {
    match (service, call.request.method.as_str(), rest) {
        ("compute", method, ["v2.1", rest @ ..]) => {
            let version = servers::asked_version(call)?;
            let answer = match (method, rest) {
                ("POST", ["servers"]) => servers::create(call, state, region, version),
                ("GET", ["servers", "detail"]) => servers::list(call, state, region, version),
                ("GET", ["servers", id]) => servers::get(call, state, region, version, id),
                ("DELETE", ["servers", id]) => servers::delete(call, state, region, id),
                ("GET", ["flavors", "detail"]) => catalog::flavors(call, region),
                ("GET", ["limits"]) => Ok(servers::limits(state)),
                ("GET", ["os-availability-zone"]) => Ok(catalog::zones()),
                ("GET", ["os-keypairs"]) => Ok(servers::key_pairs(state)),
                ("POST", ["os-keypairs"]) => servers::create_key_pair(call, state),
                ("DELETE", ["os-keypairs", name]) => servers::delete_key_pair(state, name),
                _ => Err(no_resource()),
            };
            let with_version = |answer: Answer| {
                answer
                    .header("openstack-api-version", format!("compute {version}"))
                    .header("x-openstack-nova-api-version", version.to_string())
                    .header("vary", "X-OpenStack-Nova-API-Version")
            };
            answer.map(with_version).map_err(with_version)
        }
        ("network", method, ["v2.0", rest @ ..]) => match (method, rest) {
            ("GET", ["networks"]) => networks::list(call, region),
            ("GET", ["networks", id]) => networks::get(region, id),
            ("GET", ["ports"]) => networks::list_ports(call, state, region),
            ("POST", ["ports"]) => networks::create_port(call, state, region),
            ("GET", ["ports", id]) => networks::get_port(state, region, id),
            ("PUT", ["ports", id]) => networks::change_port(call, state, region, id),
            ("DELETE", ["ports", id]) => networks::delete_port(state, region, id),
            ("GET", ["security-groups"]) => groups::list(call, state, region),
            ("POST", ["security-groups"]) => groups::create(call, state, region),
            ("GET", ["security-groups", id]) => groups::get(state, region, id),
            ("PUT", ["security-groups", id]) => groups::change(call, state, region, id),
            ("DELETE", ["security-groups", id]) => groups::delete(state, region, id),
            ("POST", ["security-group-rules"]) => groups::create_rules(call, state, region),
            ("GET", ["floatingips"]) => floating::list(call, state, region),
            ("POST", ["floatingips"]) => floating::create(call, state, region),
            ("GET", ["floatingips", id]) => floating::get(state, region, id),
            ("DELETE", ["floatingips", id]) => floating::delete(state, region, id),
            _ => Err(neutron(404, "HTTPNotFound", "The resource could not be found.")),
        },
        ("image", "GET", ["v2", "images"]) => catalog::images(call, region),
        _ => Err(no_route()),
    }
}
