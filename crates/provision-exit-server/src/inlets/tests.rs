use provision_core::PortRange;

use super::*;

fn token() -> AuthToken {
    AuthToken::new("abc123").unwrap()
}

fn tcp() -> InletsPro {
    InletsPro::new("0.9.40").unwrap()
}

fn https() -> InletsPro {
    let domains = ["a.example.com", "B.example.com"].map(str::to_owned);
    tcp().with_https(
        Https::new(&domains)
            .unwrap()
            .with_email("me+x@example.com")
            .unwrap()
            .with_issuer(Issuer::Staging),
    )
}

#[test]
fn the_script_holds_token_and_release_and_debug_shows_no_token() {
    let data = tcp().user_data(&token()).unwrap();
    assert!(data.expose().starts_with("#!/bin/sh\n"));
    assert!(data.expose().contains("'abc123'"));
    assert!(data.expose().contains("download/0.9.40\n"));
    assert!(!format!("{:?} {data:?}", tcp()).contains("abc123"));
}

#[test]
fn nothing_gets_into_the_script_that_could_end_a_quote() {
    for release in ["", "0.9; reboot", "../x", "$x"] {
        assert!(InletsPro::new(release).is_err(), "{release}");
    }
    let long = format!("{}.example.com", "a".repeat(64));
    for domain in [
        "",
        "example",
        "a'b.example.com",
        "*.example.com",
        "https://a.example.com",
        "a.example.com/x",
        "a .example.com",
        "-a.example.com",
        "a..example.com",
        "203.0.113.7",
        "ä.example.com",
        "a.example.com\nX=1",
        &long,
    ] {
        assert!(Https::new(&[domain.to_owned()]).is_err(), "{domain}");
    }
    assert!(Https::new(&[]).is_err());
    let https = Https::new(&["a.example.com".to_owned()]).unwrap();
    for email in [
        "",
        "a",
        "@example.com",
        "a@b",
        "a b@example.com",
        "'@example.com",
        "a@b@example.com",
    ] {
        assert!(https.clone().with_email(email).is_err(), "{email}");
    }
    for checksum in ["", "abc", &"g".repeat(64), &"a".repeat(65)] {
        assert!(tcp().with_checksum(checksum).is_err(), "{checksum}");
    }
}

#[test]
fn ports_are_those_that_the_tunnel_needs() {
    let named: Vec<PortRange> = ["2222", "443"].iter().map(|port| port.parse().unwrap()).collect();
    let shown = |ports: OpenPorts| -> Option<Vec<String>> {
        Some(ports.restricted()?.iter().map(ToString::to_string).collect())
    };
    assert_eq!(shown(tcp().open_ports(&[])), None);
    let of = |ports: &[&str]| Some(ports.iter().map(|port| (*port).to_owned()).collect());
    assert_eq!(
        shown(tcp().open_ports(&named)),
        of(&["443/tcp", "2222/tcp", "8123/tcp"])
    );
    assert_eq!(shown(https().open_ports(&[])), of(&["80/tcp", "443/tcp", "8123/tcp"]));
    assert_eq!(
        shown(https().open_ports(&named)),
        of(&["80/tcp", "443/tcp", "2222/tcp", "8123/tcp"])
    );
}

#[test]
fn the_clients_command_fits_the_server() {
    let v4: IpAddr = "192.0.2.1".parse().unwrap();
    assert_eq!(
        tcp().client_command(v4, "--token-file=t"),
        "inlets-pro tcp client --url=wss://192.0.2.1:8123 --token-file=t --upstream=127.0.0.1 --ports=2222"
    );
    assert_eq!(
        https().client_command("2001:db8::1".parse().unwrap(), "--token=x"),
        "inlets-pro http client --url=wss://[2001:db8::1]:8123 --token=x --upstream=http://127.0.0.1:8080"
    );
    for mode in [Mode::Tcp, Mode::Https] {
        assert_eq!(mode.as_str().parse::<Mode>().unwrap(), mode);
    }
}

#[cfg(unix)]
mod run {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

    use tempfile::TempDir;

    use super::*;

    /// Answers with the address that was asked for, or stores what was asked for in the file that was named.
    const CURL: &str = r#"
for last; do :; done
case "$last" in
  https://checkip.amazonaws.com) echo 192.0.2.7; exit ;;
esac
while [ "$1" != -o ]; do shift; done
echo "from $last" >"$2"
"#;

    /// A machine in a folder: what the script writes is in it, and a `systemctl` that takes notes.
    struct Machine {
        folder: TempDir,
        succeeded: bool,
    }

    impl Machine {
        /// Runs the script on a machine of this kind, with a `curl` that does this.
        fn boot(server: &InletsPro, machine: &str, curl: &str) -> Self {
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
            let data = server.user_data(&token()).unwrap();
            let script = data
                .expose()
                .replace("/etc/", &format!("{root}/etc/"))
                .replace("/usr/local/", &format!("{root}/usr/local/"));
            fs::write(folder.path().join("script"), script).unwrap();
            let path = format!("{root}/bin:{}", std::env::var("PATH").unwrap());
            let done = Command::new("sh")
                .arg(folder.path().join("script"))
                .env("PATH", path)
                .output();
            let succeeded = done.unwrap().status.success();
            Self { folder, succeeded }
        }

        fn path(&self, path: &str) -> PathBuf {
            self.folder.path().join(path)
        }

        fn read(&self, path: &str) -> String {
            fs::read_to_string(self.path(path)).unwrap()
        }

        fn mode(&self, path: &str) -> u32 {
            fs::metadata(self.path(path)).unwrap().permissions().mode() & 0o777
        }

        fn started(&self) -> bool {
            self.path("systemctl.log").exists()
        }
    }

    const RELEASE: &str = "from https://github.com/inlets/inlets-pro/releases/download/0.9.40";

    #[test]
    fn the_script_installs_the_server_and_starts_it() {
        for (machine, binary) in [("x86_64", "inlets-pro"), ("aarch64", "inlets-pro-arm64")] {
            let host = Machine::boot(&tcp(), machine, CURL);
            assert!(host.succeeded);
            assert_eq!(host.read("usr/local/bin/inlets-pro"), format!("{RELEASE}/{binary}\n"));
            assert_eq!(
                host.read("etc/systemd/system/inlets-pro.service"),
                format!("{RELEASE}/inlets-pro.service\n")
            );
            assert_eq!(host.read("etc/default/inlets-pro"), "AUTHTOKEN=abc123\nIP=192.0.2.7\n");
            assert_eq!(host.mode("etc/default/inlets-pro"), 0o600);
            assert_eq!(host.mode("usr/local/bin/inlets-pro"), 0o755);
            assert_eq!(host.read("systemctl.log"), "daemon-reload\nenable --now inlets-pro\n");
        }
    }

    #[test]
    fn the_script_for_https_tells_the_unit_its_domains() {
        let host = Machine::boot(&https(), "x86_64", CURL);
        assert!(host.succeeded && host.started());
        assert_eq!(
            host.read("etc/systemd/system/inlets-pro.service"),
            format!("{RELEASE}/inlets-pro-http.service\n")
        );
        assert_eq!(
            host.read("etc/default/inlets-pro"),
            "AUTHTOKEN=abc123\nIP=192.0.2.7\n\
             DOMAINS=--letsencrypt-domain=a.example.com --letsencrypt-domain=b.example.com --letsencrypt-email=me+x@example.com\n\
             ISSUER=--letsencrypt-issuer=staging\n"
        );
        assert_eq!(host.mode("etc/default/inlets-pro"), 0o600);
    }

    #[test]
    fn a_download_that_fails_ends_it_before_anything_is_started() {
        let host = Machine::boot(&tcp(), "x86_64", "exit 22");
        assert!(!host.succeeded && !host.started());
    }

    #[test]
    fn nothing_but_the_binary_of_the_checksum_is_started() {
        let sha256 = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("x"), text).unwrap();
            let sum = Command::new("sha256sum").arg(folder.path().join("x")).output().unwrap();
            String::from_utf8(sum.stdout).unwrap()[..64].to_owned()
        };
        let right = sha256(&format!("{RELEASE}/inlets-pro\n"));
        let host = Machine::boot(&tcp().with_checksum(&right).unwrap(), "x86_64", CURL);
        assert!(host.succeeded && host.started());
        let host = Machine::boot(&tcp().with_checksum(&sha256("another")).unwrap(), "x86_64", CURL);
        assert!(!host.succeeded && !host.started());
        assert!(!host.path("usr/local/bin/inlets-pro").exists());
    }
}
