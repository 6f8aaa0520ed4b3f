//! Pure functions that build every request of the provider.
//! Source: the last published specification,
//! <https://github.com/equinix/equinix-sdk-go/tree/v0.66.0/spec/services/metalv1/oas3.fetched>

use provision_core::{Error, Find, HostId, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, Order, Result, to_rfc3339};
use provision_http::{Endpoint, Request, Subject};
use serde::Serialize;

use crate::config::Config;

/// The schema allows 1,000, the text of the specification says 100.
pub(crate) const PAGE_SIZE: usize = 100;

/// What stands before the UUID of a user's SSH key; without it, the key is one of the project's.
const USER_KEY: &str = "user:";

/// `ip_addresses` is left out: the default is a public IPv4, a private IPv4 and a public IPv6 address.
#[derive(Serialize)]
struct CreateDevice<'a> {
    hostname: &'a str,
    plan: &'a str,
    metro: &'a str,
    operating_system: &'a str,
    billing_cycle: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    userdata: &'a str,
    tags: Vec<String>,
    /// Without it, the keys of everybody in the project would be installed.
    no_ssh_keys: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    project_ssh_keys: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user_ssh_keys: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    termination_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware_reservation_id: Option<&'a str>,
}

pub(crate) fn create_device(config: &Config, order: &Order) -> Result<Request> {
    let keys = |of_user: bool| -> Result<Vec<&str>> {
        let keys = order.ssh_keys.iter().map(String::as_str);
        keys.filter(|key| key.starts_with(USER_KEY) == of_user)
            .map(ssh_key)
            .collect()
    };
    let body = CreateDevice {
        hostname: order.name.as_str(),
        plan: &order.plan,
        metro: &order.region,
        operating_system: &order.image,
        billing_cycle: "hourly",
        userdata: order.user_data.expose(),
        tags: order.labels.to_tags(),
        no_ssh_keys: order.ssh_keys.is_empty(),
        project_ssh_keys: keys(false)?,
        user_ssh_keys: keys(true)?,
        termination_time: termination_time(order)?,
        hardware_reservation_id: hardware_reservation(order)?,
    };
    let url = config.endpoint.join(["projects", config.project.as_str(), "devices"]);
    let create = Request::post("create device", url).about(Subject::NewHost);
    Ok(create.json(&body)?.redact(order.user_data.expose()))
}

/// The text of a public key is refused: the API would keep it in the project as a key of its own, which nothing removes.
fn ssh_key(key: &str) -> Result<&str> {
    HostId::check_uuid(key.strip_prefix(USER_KEY).unwrap_or(key)).map_err(|_| {
        Error::invalid(
            "an ssh key must be the UUID of a key of the project, or `user:` and the UUID of one of a user: put the text of a public key into the user data",
        )
    })
}

/// A ttl says when garbage collection may delete a host, which its labels can still forbid. The cloud's own deletion
/// cannot be forbidden, so that it has to be asked for.
fn termination_time(order: &Order) -> Result<Option<String>> {
    const KEY: &str = "terminate-at-expiry";
    if !order.flag(KEY)? {
        return Ok(None);
    }
    match order.labels.expires().and_then(to_rfc3339) {
        Some(time) => Ok(Some(time)),
        None => Err(Error::invalid(format!("additional setting `{KEY}` needs a ttl"))),
    }
}

fn hardware_reservation(order: &Order) -> Result<Option<&str>> {
    const KEY: &str = "hardware-reservation";
    match order.extra(KEY) {
        Some(id) if id != "next-available" && HostId::check_uuid(id).is_err() => Err(Error::invalid(format!(
            "additional setting `{KEY}` must be the UUID of a reservation or `next-available`"
        ))),
        other => Ok(other),
    }
}

pub(crate) fn get_device(endpoint: &Endpoint, device: &str) -> Request {
    Request::get("get device", endpoint.join(["devices", device])).about(Subject::Host)
}

/// `force_delete` also detaches volumes, which would otherwise keep the device.
pub(crate) fn delete_device(endpoint: &Endpoint, device: &str) -> Request {
    let delete = Request::delete("delete device", endpoint.join(["devices", device]));
    delete.about(Subject::Host).query("force_delete", true)
}

pub(crate) fn get_project(endpoint: &Endpoint, project: &str) -> Request {
    Request::get("get project", endpoint.join(["projects", project])).about(Subject::Other)
}

/// Devices of a project: all of them, whether ours or not, or those that are looked for. Tags filter one at a time.
pub(crate) fn list_devices(endpoint: &Endpoint, project: &str, find: Option<Find<'_>>, page: usize) -> Request {
    let url = endpoint.join(["projects", project, "devices"]);
    let list = Request::get("list devices", url).about(Subject::Other);
    let list = match find {
        None => list,
        Some(Find::Key(hash)) => list.query("tag", format_args!("{KEY_LABEL}:{hash}")),
        Some(_) => list.query("tag", format_args!("{MANAGED_BY_LABEL}:{MANAGED_BY}")),
    };
    list.query("per_page", PAGE_SIZE).query("page", page)
}

/// This list and the next three have no pages.
pub(crate) fn list_plans(endpoint: &Endpoint) -> Request {
    Request::get("list plans", endpoint.join(["plans"])).about(Subject::Other)
}

pub(crate) fn list_operating_systems(endpoint: &Endpoint) -> Request {
    Request::get("list operating systems", endpoint.join(["operating-systems"])).about(Subject::Other)
}

pub(crate) fn list_metros(endpoint: &Endpoint) -> Request {
    Request::get("list metros", endpoint.join(["locations", "metros"])).about(Subject::Other)
}

pub(crate) fn list_capacity(endpoint: &Endpoint) -> Request {
    Request::get("list capacity", endpoint.join(["capacity", "metros"])).about(Subject::Other)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use provision_core::{BasicHost, ErrorKind, Settings, UserData};
    use provision_testkit::wire;

    use super::*;
    use crate::info::INFO;

    const PROJECT: &str = "f3f131c8-f302-49ef-8c44-9405022dc6dd";
    const KEY: &str = "084a5dec-30be-415a-8937-9c615932e459";

    fn config() -> Config {
        let settings = Settings::new().with("token", "secret").with("project", PROJECT);
        Config::from_settings(&settings).unwrap()
    }

    fn host() -> BasicHost {
        BasicHost::new("exit-1".parse().unwrap(), UserData::empty())
    }

    fn create(host: &BasicHost) -> Result<Request> {
        create_device(&config(), &wire::order(&INFO, host))
    }

    fn body(host: &BasicHost) -> serde_json::Value {
        serde_json::from_slice(create(host).unwrap().body_bytes()).unwrap()
    }

    #[test]
    fn keys_of_the_project_and_of_users_are_told_apart() {
        let mut wanted = host();
        assert_eq!(body(&wanted)["no_ssh_keys"], true);
        wanted.ssh_keys = vec![KEY.to_owned(), format!("user:{PROJECT}")];
        let sent = body(&wanted);
        assert_eq!(sent["no_ssh_keys"], false);
        assert_eq!(sent["project_ssh_keys"], serde_json::json!([KEY]));
        assert_eq!(sent["user_ssh_keys"], serde_json::json!([PROJECT]));
        for bad in ["ssh-ed25519 AAAA me@host", "laptop", "user:", "user:laptop"] {
            wanted.ssh_keys = vec![bad.to_owned()];
            let error = create(&wanted).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn the_cloud_deletes_by_itself_only_when_asked_to() {
        let mut wanted = host();
        wanted.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        assert!(body(&wanted).get("termination_time").is_none());
        let set = |wanted: &mut BasicHost, value: &str| {
            let key = "terminate-at-expiry".to_owned();
            wanted.additional.insert(key, value.to_owned());
        };
        set(&mut wanted, "true");
        assert_eq!(body(&wanted)["termination_time"], "2027-01-15T08:00:00Z");
        set(&mut wanted, "yes");
        assert!(create(&wanted).is_err());
        set(&mut wanted, "true");
        wanted.expires = None;
        let error = create(&wanted).unwrap_err();
        assert!(error.to_string().contains("needs a ttl"), "{error}");
    }

    #[test]
    fn a_reservation_is_an_id_or_the_next_one() {
        let mut wanted = host();
        for (value, accepted) in [(KEY, true), ("next-available", true), ("any", false), ("", false)] {
            let key = "hardware-reservation".to_owned();
            wanted.additional.insert(key, value.to_owned());
            assert_eq!(create(&wanted).is_ok(), accepted, "{value:?}");
        }
    }
}
