//! Which cloud a request is for: by its Host header, else by the first part of its path.

use crate::{cloud::CloudInfo, request::SimRequest};

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// To the cloud at this place of the list, with the prefix that was taken off and the path that is left.
    Cloud {
        /// Place in the list of clouds.
        index: usize,
        /// `/hetzner`, or empty when the Host header decided.
        prefix: &'a str,
        /// Path without the prefix; starts with a slash.
        path: &'a str,
    },
    /// To the admin API; the path behind `/_sim`.
    Admin(&'a str),
    /// To nobody.
    Nowhere,
}

/// Finds the destination of a request.
pub(crate) fn route<'a>(request: &'a SimRequest, clouds: &[CloudInfo]) -> Route<'a> {
    let host = host_name(&request.authority);
    let path = request.path.as_str();
    if let Some(index) = clouds
        .iter()
        .position(|cloud| cloud.hosts.iter().any(|pattern| host_matches(pattern, &host)))
    {
        return Route::Cloud {
            index,
            prefix: "",
            path,
        };
    }
    let first_end = path
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '/')
        .map_or(path.len(), |(at, _)| at);
    let (prefix, rest) = path.split_at(first_end);
    let rest = if rest.is_empty() { "/" } else { rest };
    let first = prefix.trim_start_matches('/');
    if first == "_sim" {
        return Route::Admin(rest);
    }
    match clouds.iter().position(|cloud| cloud.id == first) {
        Some(index) => Route::Cloud {
            index,
            prefix,
            path: rest,
        },
        None => Route::Nowhere,
    }
}

/// The host of an authority, lower case, without port and without a trailing dot.
fn host_name(authority: &str) -> String {
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a host name fits a pattern, in which a `*` stands for one whole label: `ec2.*.amazonaws.com`.
pub(crate) fn host_matches(pattern: &str, host: &str) -> bool {
    let mut labels = host.split('.');
    let fits = pattern.split('.').all(|want| match labels.next() {
        Some(label) => !label.is_empty() && (want == "*" || want == label),
        None => false,
    });
    fits && labels.next().is_none()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    const CLOUDS: &[CloudInfo] = &[
        CloudInfo {
            id: "one",
            hosts: &["api.one.example"],
            endpoint_path: "/one",
            settings: &[],
        },
        CloudInfo {
            id: "two",
            hosts: &["ec2.*.two.example"],
            endpoint_path: "/two",
            settings: &[],
        },
    ];

    fn routed(target: &str) -> String {
        format!("{:?}", route(&SimRequest::new(Method::GET, target), CLOUDS))
    }

    #[test]
    fn by_host_the_whole_path_is_left() {
        assert_eq!(
            routed("https://API.one.example.:443/one/x"),
            r#"Cloud { index: 0, prefix: "", path: "/one/x" }"#
        );
        assert_eq!(
            routed("http://ec2.eu-west-1.two.example/"),
            r#"Cloud { index: 1, prefix: "", path: "/" }"#
        );
    }

    #[test]
    fn by_prefix_the_prefix_is_taken_off() {
        assert_eq!(
            routed("http://127.0.0.1:8080/two/a/b"),
            r#"Cloud { index: 1, prefix: "/two", path: "/a/b" }"#
        );
        assert_eq!(routed("/two"), r#"Cloud { index: 1, prefix: "/two", path: "/" }"#);
        assert_eq!(routed("http://[::1]:80/_sim/clock"), r#"Admin("/clock")"#);
        assert_eq!(routed("/three/x"), "Nowhere");
        assert_eq!(routed("/é/x"), "Nowhere");
    }

    #[test]
    fn a_star_stands_for_exactly_one_label() {
        assert!(host_matches("*.x.y", "a.x.y"));
        assert!(!host_matches("*.x.y", "a.b.x.y"));
        assert!(!host_matches("*.x.y", "x.y"));
        assert!(!host_matches("*.x.y", ".x.y"));
        assert!(!host_matches("x.y", "x.y.z"));
    }
}
