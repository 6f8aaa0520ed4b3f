use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use provision_core::{BasicHost, UserDataKind};
use provision_testkit::wire;

use super::*;

fn ranges(texts: &[&str]) -> OpenPorts {
    OpenPorts::Only(texts.iter().map(|text| text.parse().unwrap()).collect())
}

/// Runs a script below shell functions that stand for the host's programs; gives back what it printed, with the rules
/// that are left at the end.
fn run(stubs: &str, script: &str) -> String {
    // A function cannot have that name in every shell.
    let prelude = r#"
alias apt-get=false
RULES="22/tcp 22/tcp(v6)"
ufw() {
  echo "ufw $*" >&2
  case "$1 $2" in
    "status numbered")
      number=0
      for rule in $RULES; do
        number=$((number + 1))
        printf '[%2d] %s ALLOW IN Anywhere\n' "$number" "$rule"
      done ;;
    "--force delete") set -- $RULES; shift; RULES="$*" ;;
    allow*) RULES="$RULES $2" ;;
  esac
}
poweroff() { echo poweroff; exit 1; }
systemctl() { echo "systemctl $*"; }
"#;
    let mut shell = Command::new("sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    write!(input, "{prelude}\n{stubs}\n{script}\necho rules: $RULES\n").unwrap();
    drop(input);
    String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn the_scripts_are_pinned() {
    insta::assert_snapshot!("every_port", OPEN);
    let OpenPorts::Only(ranges) = ranges(&["443", "8000-8100/udp"]) else {
        unreachable!()
    };
    insta::assert_snapshot!("two_ports", only(&ranges));
}

#[test]
fn only_the_wanted_ports_are_open_after_the_script() {
    let rules = |texts: &[&str]| {
        let script = with_ports(&ranges(texts), &UserData::empty()).unwrap();
        run("", script.expose()).trim().to_owned()
    };
    assert_eq!(rules(&["443", "8000-8100/udp"]), "rules: 443/tcp 8000:8100/udp");
    assert_eq!(rules(&["22"]), "rules: 22/tcp");
    assert_eq!(rules(&[]), "rules:");
}

#[test]
fn a_host_whose_firewall_fails_is_switched_off() {
    let script = with_ports(&ranges(&["443"]), &UserData::empty()).unwrap();
    for broken in ["default", "--force", "status", "allow"] {
        let stubs = format!("ufw() {{ if [ \"$1\" = {broken} ]; then return 1; fi; }}");
        assert_eq!(run(&stubs, script.expose()).trim(), "poweroff", "{broken}");
    }
    // An image without ufw, and without a way to get it.
    let stubs = "command() { return 1; }";
    assert_eq!(run(stubs, script.expose()).trim(), "poweroff");
}

#[test]
fn every_port_is_opened_with_whatever_firewall_there_is() {
    let script = with_ports(&OpenPorts::All, &UserData::empty()).unwrap();
    let printed = run("ufw() { echo \"ufw $*\"; }", script.expose());
    assert!(printed.starts_with("ufw disable\n"), "{printed}");
    let stubs = "command() { [ \"$2\" = firewall-cmd ]; }";
    let printed = run(stubs, script.expose());
    assert!(printed.contains("systemctl disable --now firewalld"), "{printed}");
}

#[test]
fn the_user_s_own_text_follows_byte_for_byte() {
    let own = UserData::new("#cloud-config\nruncmd: [[touch, /ready]]\n").unwrap();
    let both = with_ports(&ranges(&["443"]), &own).unwrap();
    assert_eq!(both.kind(), UserDataKind::MultiPart);
    let text = both.expose();
    let (script, config) = (text.find("x-shellscript").unwrap(), text.find("cloud-config").unwrap());
    assert!(script < config, "{text}");
    assert!(text.contains(&own.to_base64()), "{text}");
    let alone = with_ports(&OpenPorts::All, &UserData::empty()).unwrap();
    assert_eq!((alone.kind(), alone.expose()), (UserDataKind::Script, OPEN));
}

#[test]
fn the_largest_user_data_fits_together_with_many_ports() {
    let filler = "x".repeat(INFO.user_data.max_bytes - 10);
    let own = UserData::new(format!("#!/bin/sh\n{filler}")).unwrap();
    assert_eq!(own.len(), INFO.user_data.max_bytes);
    let many: Vec<PortRange> = (0..30)
        .map(|n| format!("{0}-{0}9/udp", 1000 + n).parse().unwrap())
        .collect();
    let both = with_ports(&OpenPorts::Only(many), &own).unwrap();
    assert!(both.len() <= MOST_USER_DATA, "{}", both.len());
}

fn host() -> BasicHost {
    BasicHost::new("web-1".parse().unwrap(), UserData::new("#!/bin/sh\n").unwrap())
}

fn refused(change: impl FnOnce(&mut BasicHost)) -> String {
    let mut host = host();
    change(&mut host);
    let endpoint = Endpoint::parse("https://api.vultr.com", false).unwrap();
    match create_instance(&endpoint, &wire::order(&INFO, &host), 2284) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn extra(key: &str, value: &str) -> String {
    refused(|host| drop(host.additional.insert(key.to_owned(), value.to_owned())))
}

#[test]
fn what_cannot_succeed_is_refused_before_any_request() {
    let table = [
        (
            refused(|host| host.plan = Some("vc2-1c-0.5gb-v6".into())),
            "no public IPv4",
        ),
        (refused(|host| host.ssh_keys = vec!["me@home".into()]), "me@home"),
        (
            refused(|host| (0..50).for_each(|n| host.labels.insert(&format!("l{n}"), "x").unwrap())),
            "53 labels",
        ),
        (extra("ipv6", "yes"), "`true` or `false`"),
        (extra("vpc", "my-net"), "must be a UUID"),
        (extra("firewall-group", "1"), "must be a UUID"),
        (extra("host-firewall", "drop"), "can only be `keep`"),
        (
            refused(|host| {
                host.ports = OpenPorts::Only(Vec::new());
                host.additional.insert("host-firewall".into(), "keep".into());
            }),
            "drop one of the two",
        ),
        (
            refused(|host| {
                let filler = "x".repeat(INFO.user_data.max_bytes - 10);
                host.user_data = UserData::new(format!("#!/bin/sh\n{filler}")).unwrap();
                host.ports = OpenPorts::Only((1..500).map(|n| n.to_string().parse().unwrap()).collect());
            }),
            "together with the part",
        ),
        (refused(|host| host.labels.insert("team", "web").unwrap()), "accepted"),
        (extra("host-firewall", "keep"), "accepted"),
    ];
    for (text, expected) in table {
        assert!(text.contains(expected), "{text} lacks {expected}");
    }
}

#[test]
fn the_default_image_and_open_ports_need_no_look_at_the_image() {
    let needed = |image: Option<&str>, ports: OpenPorts| {
        let mut host = host();
        host.image = image.map(str::to_owned);
        host.ports = ports;
        needs_firewall(&wire::order(&INFO, &host))
    };
    let none = || OpenPorts::Only(Vec::new());
    assert!(!needed(None, none()) && !needed(Some("2284"), none()) && !needed(Some("2136"), OpenPorts::All));
    assert!(needed(Some("2136"), none()) && needed(Some("Debian 13 x64"), none()));
}
