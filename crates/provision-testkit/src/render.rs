use http::HeaderMap;
use provision_http::Request;
use serde_json::Value;
use url::Url;

/// Writes a request as stable text for snapshots; see [`Render`] for what is left out.
pub fn render_request<'a>(request: impl Into<Shown<'a>>) -> String {
    Render::new().request(request)
}

/// How requests are written for snapshots: the method and path, the query sorted one parameter a line, the headers with
/// secrets redacted and what every client sends left out, and the body (JSON and forms laid out, other text as it is).
#[derive(Debug, Clone)]
#[must_use]
pub struct Render {
    secret_fields: Vec<String>,
}

/// A request of either kind: one that a provider built, or one that a mock server received.
#[derive(Debug)]
pub struct Shown<'a> {
    method: &'a str,
    url: &'a Url,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl<'a> From<&'a Request> for Shown<'a> {
    fn from(request: &'a Request) -> Self {
        Self {
            method: request.method().as_str(),
            url: request.url(),
            headers: request.headers(),
            body: request.body_bytes(),
        }
    }
}

impl<'a> From<&'a wiremock::Request> for Shown<'a> {
    fn from(request: &'a wiremock::Request) -> Self {
        Self {
            method: request.method.as_str(),
            url: &request.url,
            headers: &request.headers,
            body: &request.body,
        }
    }
}

/// What every client sends, or what differs from run to run.
const NOISE: &[&str] = &["host", "user-agent", "accept-encoding", "content-length", "connection"];
/// Headers that carry credentials. Those marked sensitive are redacted as well.
const SECRET_HEADERS: &[&str] = &[
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-amz-security-token",
    "x-auth-token",
    "x-ovh-signature",
    "x-ovh-consumer",
];
/// Body fields that carry credentials, whatever the cloud.
const SECRET_FIELDS: &[&str] = &[
    "access_token",
    "adminpassword",
    "assertion",
    "client_assertion",
    "client_secret",
    "password",
    "refresh_token",
    "root_pass",
    "root_password",
];
const REDACTED: &str = "[redacted]";

impl Render {
    /// With the redactions that hold for every cloud.
    pub fn new() -> Self {
        Self {
            secret_fields: SECRET_FIELDS.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// Redacts a body field (JSON at any depth, or form) by its name, compared without case.
    pub fn redact_field(mut self, name: &str) -> Self {
        self.secret_fields.push(name.to_ascii_lowercase());
        self
    }

    /// The request as text.
    #[must_use]
    pub fn request<'a>(&self, request: impl Into<Shown<'a>>) -> String {
        let request = request.into();
        let mut lines = vec![format!("{} {}", request.method, request.url.path())];
        let mut query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        query.sort();
        lines.extend(
            query
                .iter()
                .map(|(name, value)| format!("? {}", self.pair(name, value))),
        );
        let mut headers: Vec<String> = request
            .headers
            .iter()
            .filter(|(name, _)| !NOISE.contains(&name.as_str()))
            .map(|(name, value)| {
                let secret = value.is_sensitive() || SECRET_HEADERS.contains(&name.as_str());
                let shown = if secret {
                    REDACTED.into()
                } else {
                    String::from_utf8_lossy(value.as_bytes())
                };
                format!("{name}: {shown}")
            })
            .collect();
        headers.sort();
        lines.extend(headers);
        if !request.body.is_empty() {
            lines.push(String::new());
            lines.push(self.body(&request));
        }
        lines.join("\n")
    }

    fn body(&self, request: &Shown<'_>) -> String {
        let content_type = request
            .headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if content_type.starts_with("application/x-www-form-urlencoded") {
            let pairs = url::form_urlencoded::parse(request.body);
            return pairs
                .map(|(name, value)| self.pair(&name, &value))
                .collect::<Vec<_>>()
                .join("\n");
        }
        match serde_json::from_slice::<Value>(request.body) {
            Ok(mut json) => {
                self.redact(&mut json);
                format!("{json:#}")
            }
            Err(_) => match std::str::from_utf8(request.body) {
                Ok(text) => text.to_owned(),
                Err(_) => format!("[{} bytes that are no text]", request.body.len()),
            },
        }
    }

    fn pair(&self, name: &str, value: &str) -> String {
        if self.is_secret(name) {
            format!("{name}={REDACTED}")
        } else {
            format!("{name}={value}")
        }
    }

    fn redact(&self, json: &mut Value) {
        match json {
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    if self.is_secret(name) {
                        *value = Value::from(REDACTED);
                    } else {
                        self.redact(value);
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.redact(value)),
            _ => {}
        }
    }

    fn is_secret(&self, name: &str) -> bool {
        self.secret_fields.contains(&name.to_ascii_lowercase())
    }
}

impl Default for Render {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn json_is_laid_out_without_secrets() {
        let request = Request::post("create", url("https://api.example.com/v1/hosts?b=2&a=1&password=x"))
            .json(&serde_json::json!({"name": "web-1", "auth": {"root_pass": "hush"}, "script": "hush-too"}))
            .unwrap()
            .header("user-agent", "test")
            .unwrap()
            .header("x-auth-token", "hush")
            .unwrap()
            .secret_header("x-new", "hush")
            .unwrap();
        let shown = Render::new().redact_field("Script").request(&request);
        assert_eq!(
            shown,
            "POST /v1/hosts\n? a=1\n? b=2\n? password=[redacted]\ncontent-type: application/json\nx-auth-token: [redacted]\nx-new: [redacted]\n\n{\n  \"auth\": {\n    \"root_pass\": \"[redacted]\"\n  },\n  \"name\": \"web-1\",\n  \"script\": \"[redacted]\"\n}"
        );
    }

    #[test]
    fn forms_are_pairs_and_other_text_stays() {
        let form = Request::post("token", url("https://x/t")).form([("grant", "a b"), ("client_secret", "hush")]);
        assert!(render_request(&form).ends_with("\n\ngrant=a b\nclient_secret=[redacted]"));
        let text = Request::post("put", url("https://x/t")).body("text/plain", "#!/bin/sh\n");
        assert!(render_request(&text).ends_with("\n\n#!/bin/sh\n"));
    }
}
