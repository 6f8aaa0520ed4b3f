use provision_core::HostStatus;

/// The state of a server that is switched off: one that was never started, or one that somebody switched off.
const OFF: &str = "stopped";

/// Whether a host's raw status, a state with its detail, is that of a server that is switched off.
pub(crate) fn is_off(raw: &str) -> bool {
    raw.split(" (").next() == Some(OFF)
}

/// A server's `state` and `state_detail` as a standard state. There is no state for a failed boot; UNCONFIRMED: it most
/// likely goes back to `stopped`. Source:
/// <https://www.scaleway.com/en/developers/api/instance/#path-instances-get-an-instance>
pub(crate) fn host_status(state: &str, detail: &str, has_public_ip: bool) -> HostStatus {
    match (state, detail) {
        ("starting", _) => HostStatus::Provisioning,
        ("running", _) => HostStatus::active_if(has_public_ip),
        ("stopping", "terminating") => HostStatus::Deleting,
        // A reboot passes through `stopping`, too.
        ("stopping", "rebooting") => HostStatus::Provisioning,
        ("stopped" | "stopped in place" | "stopping", _) => HostStatus::Stopped,
        ("locked", _) => HostStatus::Failed,
        _ => HostStatus::Unknown,
    }
}

/// What a deletion can do about a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    /// `terminate`: removes the server with its local disks and its dynamic address.
    Terminate,
    /// DELETE: removes the server and leaves its disks.
    Delete,
    /// `poweroff` first, because `terminate` is not offered.
    PowerOff,
    /// Nothing is allowed now.
    Wait,
    /// Nothing is allowed until somebody lifts it.
    Barred,
}

pub(crate) fn removal(state: &str, allowed: &[String], protected: bool) -> Removal {
    let allows = |action: &str| allowed.iter().any(|known| known == action);
    match state {
        "locked" => Removal::Barred,
        _ if protected => Removal::Barred,
        OFF => Removal::Delete,
        _ if allows("terminate") => Removal::Terminate,
        "running" | "stopped in place" if allows("poweroff") => Removal::PowerOff,
        _ => Removal::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            ("stopped", "", false, HostStatus::Stopped),
            ("starting", "allocating node", false, HostStatus::Provisioning),
            ("starting", "provisioning node", true, HostStatus::Provisioning),
            ("starting", "rebooting", true, HostStatus::Provisioning),
            ("running", "booting kernel", true, HostStatus::Active),
            ("running", "booted", true, HostStatus::Active),
            ("running", "booted", false, HostStatus::Provisioning),
            ("stopped in place", "", true, HostStatus::Stopped),
            ("stopping", "stopping", true, HostStatus::Stopped),
            ("stopping", "stopping in place", true, HostStatus::Stopped),
            ("stopping", "rebooting", true, HostStatus::Provisioning),
            ("stopping", "terminating", true, HostStatus::Deleting),
            ("locked", "", true, HostStatus::Failed),
            ("melting", "", true, HostStatus::Unknown),
        ];
        for (state, detail, ip, expected) in table {
            assert_eq!(host_status(state, detail, ip), expected, "{state} {detail}");
        }
    }

    #[test]
    fn only_a_stopped_server_is_off() {
        for (raw, expected) in [
            ("stopped", true),
            ("stopped (hypervisor)", true),
            ("stopped in place", false),
            ("running (booted)", false),
        ] {
            assert_eq!(is_off(raw), expected, "{raw}");
        }
    }

    #[test]
    fn only_what_the_state_allows_is_tried() {
        let running = ["poweroff", "terminate", "reboot", "stop_in_place", "backup"].map(str::to_owned);
        let gpu = ["poweroff", "reboot"].map(str::to_owned);
        let starting = ["stop_in_place", "backup"].map(str::to_owned);
        let stopped = ["poweron", "backup"].map(str::to_owned);
        let table = [
            ("running", &running[..], false, Removal::Terminate),
            ("stopped in place", &running[..], false, Removal::Terminate),
            ("running", &gpu[..], false, Removal::PowerOff),
            ("running", &[], false, Removal::Wait),
            ("stopped", &stopped[..], false, Removal::Delete),
            ("starting", &starting[..], false, Removal::Wait),
            ("stopping", &starting[..], false, Removal::Wait),
            ("stopping", &[], false, Removal::Wait),
            ("locked", &[], false, Removal::Barred),
            ("running", &running[..], true, Removal::Barred),
            ("melting", &[], false, Removal::Wait),
        ];
        for (state, allowed, protected, expected) in table {
            assert_eq!(removal(state, allowed, protected), expected, "{state} {allowed:?}");
        }
    }
}
