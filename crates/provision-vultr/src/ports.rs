//! The part of the user data that lets the wanted ports through the host's own firewall.
//!
//! Vultr's Ubuntu images run `ufw` with everything but 22/tcp denied, so that a host needs such a part whatever stands in
//! front of it. It therefore does the restricting, too. A firewall group of the cloud would take one request for the group
//! and one for each port and IP family, would have to be made before the host, and has neither tags nor a name by which
//! one that was left behind could be told from somebody else's.

use provision_core::{Invalid, OpenPorts, PortRange, UserData};

/// Put before the user's own text: cloud-init runs scripts in their order, and `runcmd` of a cloud-config after them.
pub(crate) fn user_data(ports: &OpenPorts, own: &UserData) -> Result<UserData, Invalid> {
    let script = match ports.restricted() {
        None => OPEN.to_owned(),
        Some(ranges) => only(ranges),
    };
    UserData::combine(&[UserData::new(script)?, own.clone()])
}

/// `firewalld` is what images of the Red Hat family have in the place of `ufw` (UNCONFIRMED for Vultr's).
const OPEN: &str = "#!/bin/sh
# Written by provision: the image's own firewall lets in 22/tcp only, but every port was asked for.
PATH=\"$PATH:/usr/sbin:/usr/bin:/sbin:/bin\"
if command -v ufw >/dev/null; then ufw disable; fi
if command -v firewall-cmd >/dev/null; then systemctl disable --now firewalld; fi
";

/// The firewall is on, and denies, from the first line to the last: what fails leaves ports closed, and the host off.
/// The image's rules go first, so that 22/tcp is closed unless it was asked for.
fn only(ranges: &[PortRange]) -> String {
    let ports: String = ranges
        .iter()
        .map(|range| format!(" {}/{}", range.ports().replace('-', ":"), range.protocol()))
        .collect();
    format!(
        "#!/bin/sh
# Written by provision: only the ports that were asked for let anything in.
export LC_ALL=C PATH=\"$PATH:/usr/sbin:/usr/bin:/sbin:/bin\"
fail() {{
  echo 'provision: cannot restrict the inbound ports: powering off' >&2
  poweroff
  sleep infinity
}}
command -v ufw >/dev/null || {{ apt-get -qq update && apt-get -qq -y install ufw; }} || fail
{{ ufw default deny incoming && ufw --force enable; }} || fail
while :; do
  rules=$(ufw status numbered) || fail
  case \"$rules\" in
    *'[ 1]'*) ufw --force delete 1 || fail ;;
    *) break ;;
  esac
done
for port in{ports}; do
  ufw allow \"$port\" || fail
done
"
    )
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use provision_core::UserDataKind;

    use super::*;
    use crate::config::{INFO, MOST_USER_DATA};

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
            let script = user_data(&ranges(texts), &UserData::empty()).unwrap();
            run("", script.expose()).trim().to_owned()
        };
        assert_eq!(rules(&["443", "8000-8100/udp"]), "rules: 443/tcp 8000:8100/udp");
        assert_eq!(rules(&["22"]), "rules: 22/tcp");
        assert_eq!(rules(&[]), "rules:");
    }

    #[test]
    fn a_host_whose_firewall_fails_is_switched_off() {
        let script = user_data(&ranges(&["443"]), &UserData::empty()).unwrap();
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
        let script = user_data(&OpenPorts::All, &UserData::empty()).unwrap();
        let printed = run("ufw() { echo \"ufw $*\"; }", script.expose());
        assert!(printed.starts_with("ufw disable\n"), "{printed}");
        let stubs = "command() { [ \"$2\" = firewall-cmd ]; }";
        let printed = run(stubs, script.expose());
        assert!(printed.contains("systemctl disable --now firewalld"), "{printed}");
    }

    #[test]
    fn the_user_s_own_text_follows_byte_for_byte() {
        let own = UserData::new("#cloud-config\nruncmd: [[touch, /ready]]\n").unwrap();
        let both = user_data(&ranges(&["443"]), &own).unwrap();
        assert_eq!(both.kind(), UserDataKind::MultiPart);
        let text = both.expose();
        let (script, config) = (text.find("x-shellscript").unwrap(), text.find("cloud-config").unwrap());
        assert!(script < config, "{text}");
        assert!(text.contains(&own.to_base64()), "{text}");
        let alone = user_data(&OpenPorts::All, &UserData::empty()).unwrap();
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
        let both = user_data(&OpenPorts::Only(many), &own).unwrap();
        assert!(both.len() <= MOST_USER_DATA, "{}", both.len());
    }
}
