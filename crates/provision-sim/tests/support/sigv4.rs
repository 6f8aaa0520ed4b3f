//! AWS's signature, version 4, for requests without a query.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

/// The headers `x-amz-date` and `authorization` of a POST that is sent now.
pub(crate) fn sign(path: &str, host: &str, region: &str, secret: &str, body: &str) -> (String, String) {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let scope = format!("{}/{region}/ec2/aws4_request", &now[..8]);
    let canonical = format!(
        "POST\n{path}\n\nhost:{host}\nx-amz-date:{now}\n\nhost;x-amz-date\n{}",
        hex(&Sha256::digest(body))
    );
    let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", hex(&Sha256::digest(&canonical)));
    let parts = [&now[..8], region, "ec2", "aws4_request"];
    let key = parts
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
    let id = if secret.ends_with("readonly") {
        "AKIASIMPROVISION0002"
    } else {
        "AKIASIMPROVISION0001"
    };
    let signature = hex(&mac(&key, &text));
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}");
    (now, authorization)
}
