//! Pure functions that build every request of the provider.
//! Source: the last published specification,
//! <https://github.com/equinix/equinix-sdk-go/tree/v0.66.0/spec/services/metalv1/oas3.fetched>

use provision_core::{
    BasicHost, Error, HostId, IdempotencyKey, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, Result, to_rfc3339,
};
use provision_http::{Endpoint, Request};
use serde::Serialize;

use crate::config::{Config, INFO};

/// Names of operations that the classification of errors looks at.
pub(crate) const CREATE: &str = "create device";
pub(crate) const READ: &str = "get device";
pub(crate) const DELETE: &str = "delete device";

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

pub(crate) fn create_device(config: &Config, host: &BasicHost) -> Result<Request> {
    let keys = |of_user: bool| -> Result<Vec<&str>> {
        let keys = host.ssh_keys.iter().map(String::as_str);
        keys.filter(|key| key.starts_with(USER_KEY) == of_user)
            .map(ssh_key)
            .collect()
    };
    let body = CreateDevice {
        hostname: host.name.as_str(),
        plan: host.plan.as_deref().unwrap_or(INFO.default_plan),
        metro: host.region.as_deref().unwrap_or(INFO.default_region),
        operating_system: host.image.as_deref().unwrap_or(INFO.default_image),
        billing_cycle: "hourly",
        userdata: host.user_data.expose(),
        tags: host.all_labels().to_tags(),
        no_ssh_keys: host.ssh_keys.is_empty(),
        project_ssh_keys: keys(false)?,
        user_ssh_keys: keys(true)?,
        termination_time: termination_time(host)?,
        hardware_reservation_id: hardware_reservation(host)?,
    };
    let url = config.endpoint.join(["projects", config.project.as_str(), "devices"]);
    Ok(Request::post(CREATE, url).json(&body)?.redact(host.user_data.expose()))
}

/// The text of a public key is refused: the API would keep it in the project as a key of its own, which nothing removes.
fn ssh_key(key: &str) -> Result<&str> {
    HostId::check_uuid(key.strip_prefix(USER_KEY).unwrap_or(key)).map_err(|_| {
        invalid(
            "an ssh key must be the UUID of a key of the project, or `user:` and the UUID of one of a user: put the text of a public key into the user data",
        )
    })
}

/// A ttl says when garbage collection may delete a host, which its labels can still forbid. The cloud's own deletion
/// cannot be forbidden, so that it has to be asked for.
fn termination_time(host: &BasicHost) -> Result<Option<String>> {
    const KEY: &str = "terminate-at-expiry";
    match host.additional.get(KEY).map(String::as_str) {
        None | Some("false") => Ok(None),
        Some("true") => match host.expires.and_then(to_rfc3339) {
            Some(time) => Ok(Some(time)),
            None => Err(invalid(format!("additional setting `{KEY}` needs a ttl"))),
        },
        Some(_) => Err(invalid(format!("additional setting `{KEY}` must be `true` or `false`"))),
    }
}

fn hardware_reservation(host: &BasicHost) -> Result<Option<&str>> {
    const KEY: &str = "hardware-reservation";
    match host.additional.get(KEY).map(String::as_str) {
        Some(id) if id != "next-available" && HostId::check_uuid(id).is_err() => Err(invalid(format!(
            "additional setting `{KEY}` must be the UUID of a reservation or `next-available`"
        ))),
        other => Ok(other),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(message).with_provider(INFO.id)
}

pub(crate) fn get_device(endpoint: &Endpoint, device: &str) -> Request {
    Request::get(READ, endpoint.join(["devices", device]))
}

/// `force_delete` also detaches volumes, which would otherwise keep the device.
pub(crate) fn delete_device(endpoint: &Endpoint, device: &str) -> Request {
    Request::delete(DELETE, endpoint.join(["devices", device])).query("force_delete", true)
}

/// Which devices of a project to list. Tags filter one at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Devices<'a> {
    /// Whether ours or not.
    All,
    /// Those that carry our marker.
    Ours,
    /// Those that were made with a key.
    MadeWith(&'a IdempotencyKey),
}

pub(crate) fn list_devices(endpoint: &Endpoint, project: &str, which: Devices<'_>, page: usize) -> Request {
    let request = Request::get("list devices", endpoint.join(["projects", project, "devices"]));
    let request = match which {
        Devices::All => request,
        Devices::Ours => request.query("tag", format_args!("{MANAGED_BY_LABEL}:{MANAGED_BY}")),
        Devices::MadeWith(key) => request.query("tag", format_args!("{KEY_LABEL}:{}", key.hash())),
    };
    request.query("per_page", PAGE_SIZE).query("page", page)
}

/// This list and the next three have no pages.
pub(crate) fn list_plans(endpoint: &Endpoint) -> Request {
    Request::get("list plans", endpoint.join(["plans"]))
}

pub(crate) fn list_operating_systems(endpoint: &Endpoint) -> Request {
    Request::get("list operating systems", endpoint.join(["operating-systems"]))
}

pub(crate) fn list_metros(endpoint: &Endpoint) -> Request {
    Request::get("list metros", endpoint.join(["locations", "metros"]))
}

pub(crate) fn list_capacity(endpoint: &Endpoint) -> Request {
    Request::get("list capacity", endpoint.join(["capacity", "metros"]))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use provision_core::{ErrorKind, Settings, UserData};

    use super::*;

    const PROJECT: &str = "f3f131c8-f302-49ef-8c44-9405022dc6dd";
    const KEY: &str = "084a5dec-30be-415a-8937-9c615932e459";

    fn config() -> Config {
        let settings = Settings::new().with("token", "secret").with("project", PROJECT);
        Config::from_settings(&settings).unwrap()
    }

    fn host() -> BasicHost {
        BasicHost::new("exit-1".parse().unwrap(), UserData::empty())
    }

    fn body(host: &BasicHost) -> serde_json::Value {
        serde_json::from_slice(create_device(&config(), host).unwrap().body_bytes()).unwrap()
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
            let error = create_device(&config(), &wanted).unwrap_err();
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
        assert!(create_device(&config(), &wanted).is_err());
        set(&mut wanted, "true");
        wanted.expires = None;
        let error = create_device(&config(), &wanted).unwrap_err();
        assert!(error.to_string().contains("needs a ttl"), "{error}");
    }

    #[test]
    fn a_reservation_is_an_id_or_the_next_one() {
        let mut wanted = host();
        for (value, accepted) in [(KEY, true), ("next-available", true), ("any", false), ("", false)] {
            let key = "hardware-reservation".to_owned();
            wanted.additional.insert(key, value.to_owned());
            assert_eq!(create_device(&config(), &wanted).is_ok(), accepted, "{value:?}");
        }
    }
}
