//! A key for the tokens of service accounts, which kube-apiserver wants before it starts.

use std::{fs::File, io::Read as _};

/// A new P-256 key in PEM, as RFC 5915 has it: the public half may be left out, and whoever reads the key computes it.
pub(super) fn generate() -> std::io::Result<String> {
    let mut secret = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut secret)?;
    Ok(pem(secret))
}

fn pem(mut secret: [u8; 32]) -> String {
    // From 1 to the order of the curve, whose first bit is set.
    secret[0] &= 0x7f;
    secret[31] |= 1;
    let mut der = vec![0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
    der.extend(secret);
    // The curve prime256v1, 1.2.840.10045.3.1.7.
    der.extend([0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
    format!(
        "-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n",
        base64(&der)
    )
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| {
            bits << 8 | usize::from(chunk.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let letter = ALPHABET.get(bits >> (18 - 6 * at) & 0x3f).copied().unwrap_or(b'=');
            text.push(char::from(if at > chunk.len() { b'=' } else { letter }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (plain, encoded) in [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn lengths_in_the_key_are_those_of_what_follows() {
        let text = pem([0xff; 32]);
        // 51 bytes: the outer length is 49.
        assert_eq!(text.lines().nth(1).map(str::len), Some(68));
        assert!(
            text.starts_with("-----BEGIN EC PRIVATE KEY-----\nMDECAQEEIH//"),
            "{text}"
        );
        assert!(
            text.ends_with("oAoGCCqGSM49AwEH\n-----END EC PRIVATE KEY-----\n"),
            "{text}"
        );
    }
}
