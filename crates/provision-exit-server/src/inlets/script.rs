use super::{Https, InletsPro};
use crate::AuthToken;

/// The script: nothing that a user gave is in it unchecked, so that nothing can end a quote.
pub(super) fn text(server: &InletsPro, token: &AuthToken) -> String {
    let release = &server.release;
    let token = token.expose();
    let unit = match server.https {
        None => "inlets-pro.service",
        Some(_) => "inlets-pro-http.service",
    };
    let https = server.https.as_ref().map(environment).unwrap_or_default();
    let check = server.checksum.as_ref().map(|sha256| {
        format!("echo '{sha256}  /usr/local/bin/inlets-pro' | sha256sum -c - || {{ rm /usr/local/bin/inlets-pro; exit 1; }}\n")
    });
    let check = check.unwrap_or_default();
    format!(
        r#"#!/bin/sh
set -eu
release=https://github.com/inlets/inlets-pro/releases/download/{release}
fetch() {{ curl -fsSL --retry 10 --retry-delay 3 --retry-all-errors "$@"; }}
case "$(uname -m)" in
  aarch64|arm64) binary=inlets-pro-arm64 ;;
  *) binary=inlets-pro ;;
esac
address=$(fetch https://checkip.amazonaws.com)
(
  umask 077
  printf 'AUTHTOKEN=%s\nIP=%s\n' '{token}' "$address" > /etc/default/inlets-pro
{https})
fetch -o /usr/local/bin/inlets-pro "$release/$binary"
{check}chmod 0755 /usr/local/bin/inlets-pro
fetch -o /etc/systemd/system/inlets-pro.service "$release/{unit}"
systemctl daemon-reload
systemctl enable --now inlets-pro
"#
    )
}

/// What the unit for HTTPS reads. It splits `DOMAINS` into words, so that the e-mail address finds a place there in releases whose
/// unit knows no variable for it.
fn environment(https: &Https) -> String {
    let email = https.email.iter().map(|email| format!("--letsencrypt-email={email}"));
    let domains = https
        .domains
        .iter()
        .map(|domain| format!("--letsencrypt-domain={domain}"));
    let words: Vec<String> = domains.chain(email).collect();
    format!(
        "  printf 'DOMAINS=%s\\nISSUER=%s\\n' '{}' '--letsencrypt-issuer={}' >> /etc/default/inlets-pro\n",
        words.join(" "),
        https.issuer
    )
}
