//! User data of an exit server: installs the tunnel's server and starts it.

use provision::{Error, Result, UserData};

/// The port on which the server waits for the tunnel's client.
pub const CONTROL_PORT: u16 = 8123;

/// The token that client and server share, in an alphabet that needs no quoting anywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthToken(String);

impl std::fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthToken([redacted])")
    }
}

impl AuthToken {
    /// Checks a token. Surrounding white space is dropped: files end with a line break.
    ///
    /// # Errors
    /// `InvalidRequest` when it is empty or has characters that a shell or systemd could misread; it is not repeated.
    pub fn new(token: &str) -> Result<Self> {
        let token = token.trim();
        let fine = |c: char| c.is_ascii_alphanumeric() || "._~+/=-".contains(c);
        if token.is_empty() || token.len() > 512 || !token.chars().all(fine) {
            return Err(Error::invalid(
                "the tunnel's auth token must be 1 to 512 letters, digits and `._~+/=-`: replace key `token` of its secret",
            ));
        }
        Ok(Self(token.to_owned()))
    }

    /// A new token of 64 letters and digits from bytes that must come from a secure source.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The token itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The script that makes a host an exit server of this release.
///
/// What is installed where is what [inlets-pro](https://github.com/inlets/inlets-pro) releases and its systemd unit expect:
/// binary `inlets-pro`, unit `inlets-pro.service`, and `AUTHTOKEN` and `IP` in `/etc/default/inlets-pro`.
///
/// # Errors
/// `InvalidRequest` when the release is not a version.
pub fn user_data(token: &AuthToken, release: &str) -> Result<UserData> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if release.is_empty() || !release.chars().all(fine) {
        return Err(Error::invalid(format!(
            "inlets release {release:?} is not a version such as 0.9.40"
        )));
    }
    let token = token.expose();
    Ok(UserData::new(format!(
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
)
fetch -o /usr/local/bin/inlets-pro "$release/$binary"
chmod 0755 /usr/local/bin/inlets-pro
fetch -o /etc/systemd/system/inlets-pro.service "$release/inlets-pro.service"
systemctl daemon-reload
systemctl enable --now inlets-pro
"#
    ))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_holds_token_and_release_and_debug_shows_neither() {
        let token = AuthToken::new("abc123\n").unwrap();
        let data = user_data(&token, "0.9.40").unwrap();
        assert!(data.expose().starts_with("#!/bin/sh\n"));
        assert!(data.expose().contains("'abc123'"));
        assert!(data.expose().contains("download/0.9.40\n"));
        assert!(!format!("{token:?} {data:?}").contains("abc123"));
    }

    #[test]
    fn nothing_gets_into_the_script_that_could_end_a_quote() {
        for token in ["", "a'b", "a b", "$(reboot)", "a\nb", "`x`", "\"", "\\"] {
            let error = AuthToken::new(token).unwrap_err().to_string();
            assert!(token.is_empty() || token == "`x`" || !error.contains(token), "{error}");
        }
        let token = AuthToken::new("t").unwrap();
        for release in ["", "0.9; reboot", "../x", "$x"] {
            assert!(user_data(&token, release).is_err(), "{release}");
        }
        assert_eq!(AuthToken::from_random(&[7; 32]).expose().len(), 64);
    }

    /// Runs the script in a folder of its own, with a `curl` that answers and a `systemctl` that takes notes.
    #[cfg(unix)]
    fn run(machine: &str, curl: &str) -> (bool, tempfile::TempDir) {
        use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        for made in ["bin", "etc/default", "etc/systemd/system", "usr/local/bin"] {
            fs::create_dir_all(folder.path().join(made)).unwrap();
        }
        let programs = [
            ("uname", format!("echo {machine}")),
            ("systemctl", format!("echo \"$@\" >>{root}/systemctl.log")),
            ("curl", curl.to_owned()),
        ];
        for (name, body) in programs {
            let path = folder.path().join("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let data = user_data(&AuthToken::new("abc123").unwrap(), "0.9.40").unwrap();
        let script = data
            .expose()
            .replace("/etc/", &format!("{root}/etc/"))
            .replace("/usr/local/", &format!("{root}/usr/local/"));
        fs::write(folder.path().join("script"), script).unwrap();
        let path = format!("{root}/bin:{}", std::env::var("PATH").unwrap());
        let done = Command::new("sh")
            .arg(folder.path().join("script"))
            .env("PATH", path)
            .status();
        (done.unwrap().success(), folder)
    }

    /// Answers with the address that was asked for, or stores it in the file that was named.
    #[cfg(unix)]
    const CURL: &str = r#"
for last; do :; done
case "$last" in
  https://checkip.amazonaws.com) echo 192.0.2.7; exit ;;
esac
while [ "$1" != -o ]; do shift; done
echo "from $last" >"$2"
"#;

    #[cfg(unix)]
    #[test]
    fn the_script_installs_the_server_and_starts_it() {
        use std::{fs, os::unix::fs::PermissionsExt as _};

        for (machine, binary) in [("x86_64", "inlets-pro"), ("aarch64", "inlets-pro-arm64")] {
            let (fine, folder) = run(machine, CURL);
            assert!(fine);
            let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
            let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
            let release = "from https://github.com/inlets/inlets-pro/releases/download/0.9.40";
            assert_eq!(read("usr/local/bin/inlets-pro"), format!("{release}/{binary}\n"));
            assert_eq!(
                read("etc/systemd/system/inlets-pro.service"),
                format!("{release}/inlets-pro.service\n")
            );
            assert_eq!(read("etc/default/inlets-pro"), "AUTHTOKEN=abc123\nIP=192.0.2.7\n");
            assert_eq!(
                (mode("etc/default/inlets-pro"), mode("usr/local/bin/inlets-pro")),
                (0o600, 0o755)
            );
            assert_eq!(read("systemctl.log"), "daemon-reload\nenable --now inlets-pro\n");
        }
        // A download that fails ends it before anything is started.
        let (fine, folder) = run("x86_64", "exit 22");
        assert!(!fine);
        assert!(!folder.path().join("systemctl.log").exists());
    }
}
