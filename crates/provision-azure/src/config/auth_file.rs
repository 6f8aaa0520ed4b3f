//! The credential file of the old SDKs.

use provision_core::{Error, SecretString, Settings};
use provision_http::read_file_of;
use serde::{Deserialize, Deserializer};

/// What `az ad sp create-for-rbac --sdk-auth` writes, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthFile {
    pub(crate) client_id: Option<String>,
    #[serde(default, deserialize_with = "optional_secret")]
    pub(crate) client_secret: Option<SecretString>,
    pub(crate) tenant_id: Option<String>,
    pub(crate) subscription_id: Option<String>,
    #[serde(rename = "activeDirectoryEndpointUrl")]
    pub(crate) active_directory_url: Option<String>,
    #[serde(rename = "resourceManagerEndpointUrl")]
    pub(crate) resource_manager_url: Option<String>,
}

impl AuthFile {
    /// Reads the file at `path`; see [`parse`](Self::parse).
    pub(crate) fn read(settings: &Settings, path: &str) -> provision_core::Result<Self> {
        let bytes = read_file_of(settings, path).map_err(|error| {
            Error::invalid(format!("cannot read the file {path:?} that `auth-file` names: {error}"))
        })?;
        Self::parse(&bytes)
            .ok_or_else(|| Error::invalid(format!("the file {path:?} that `auth-file` names is not a credential file: write it anew with `az ad sp create-for-rbac --sdk-auth` (its content is not shown, as it is secret)")))
    }

    /// Reads JSON in UTF-8, with or without a byte order mark, or in UTF-16 with one, as PowerShell writes it. `None`
    /// says no more, because the parser's words quote the content.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
            let (units, rest) = bytes.as_chunks::<2>();
            let units = units.iter().map(|pair| unit(*pair));
            let text = char::decode_utf16(units).collect::<Result<String, _>>().ok();
            text.filter(|_| rest.is_empty())
        };
        let text = match bytes {
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
            [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok()?,
            other => String::from_utf8(other.to_vec()).ok()?,
        };
        serde_json::from_str(&text).ok()
    }
}

fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

#[cfg(test)]
mod tests {
    use provision_core::ExposeSecret;

    use super::*;

    const FILE: &str = r#"{"clientId":"app","clientSecret":"hüsh-hush","subscriptionId":"sub","tenantId":"ten",
        "activeDirectoryEndpointUrl":"https://login.example","resourceManagerEndpointUrl":"https://arm.example/",
        "galleryEndpointUrl":"https://gallery.example"}"#;

    #[test]
    fn the_auth_file_is_read_in_every_encoding_that_tools_write() {
        let le: Vec<u8> = FILE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = FILE.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let files = [
            FILE.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", FILE.as_bytes()].concat(),
            [&b"\xff\xfe"[..], &le].concat(),
            [&b"\xfe\xff"[..], &be].concat(),
        ];
        for file in files {
            let read = AuthFile::parse(&file).unwrap();
            assert_eq!(read.client_secret.unwrap().expose_secret(), "hüsh-hush");
            assert_eq!(read.client_id.unwrap(), "app");
            assert_eq!(read.active_directory_url.unwrap(), "https://login.example");
            assert_eq!(read.resource_manager_url.unwrap(), "https://arm.example/");
        }
        assert!(AuthFile::parse(&[0xff, 0xfe, b'{']).is_none(), "half a character");
    }

    #[test]
    fn a_broken_auth_file_is_named_but_not_shown() {
        let path = std::env::temp_dir().join(format!("provision-azure-auth-{}", std::process::id()));
        std::fs::write(&path, r#"{"clientSecret": "hush-hush", oops}"#).unwrap();
        let error = AuthFile::read(&Settings::new(), path.to_str().unwrap()).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("auth-file") && !text.contains("hush-hush") && !text.contains("oops"),
            "{text}"
        );
        assert!(
            AuthFile::read(&Settings::new(), "/does/not/exist")
                .unwrap_err()
                .message()
                .contains("/does/not/exist")
        );
    }
}
