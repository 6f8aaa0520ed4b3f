use provision_core::HostStatus;

/// An instance's state as a standard one; `None` when the host is gone. `reason` is the code of `stateReason`.
///
/// States: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html>; reasons:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html>.
pub(crate) fn host_status(state: &str, reason: Option<&str>, has_public_ip: bool) -> Option<HostStatus> {
    Some(match state {
        "pending" => HostStatus::Provisioning,
        "running" => HostStatus::active_if(has_public_ip),
        "stopping" | "stopped" => HostStatus::Stopped,
        "shutting-down" => HostStatus::Deleting,
        "terminated" => match reason {
            None | Some("" | "Client.UserInitiatedShutdown" | "Client.InstanceInitiatedShutdown") => return None,
            Some(_) => HostStatus::Failed,
        },
        _ => HostStatus::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_word_has_its_state() {
        let table = [
            ("pending", None, true, Some(HostStatus::Provisioning)),
            ("running", None, true, Some(HostStatus::Active)),
            ("running", None, false, Some(HostStatus::Provisioning)),
            (
                "stopping",
                Some("Client.UserInitiatedShutdown"),
                true,
                Some(HostStatus::Stopped),
            ),
            ("stopped", None, false, Some(HostStatus::Stopped)),
            (
                "shutting-down",
                Some("Client.UserInitiatedShutdown"),
                true,
                Some(HostStatus::Deleting),
            ),
            ("terminated", Some("Client.UserInitiatedShutdown"), false, None),
            ("terminated", Some("Client.InstanceInitiatedShutdown"), false, None),
            ("terminated", None, false, None),
            (
                "terminated",
                Some("Server.InsufficientInstanceCapacity"),
                false,
                Some(HostStatus::Failed),
            ),
            (
                "terminated",
                Some("Server.InternalError"),
                false,
                Some(HostStatus::Failed),
            ),
            (
                "terminated",
                Some("Client.VolumeLimitExceeded"),
                false,
                Some(HostStatus::Failed),
            ),
            (
                "terminated",
                Some("Server.SpotInstanceTermination"),
                false,
                Some(HostStatus::Failed),
            ),
            ("hibernating", None, true, Some(HostStatus::Unknown)),
        ];
        for (state, reason, ip, expected) in table {
            assert_eq!(host_status(state, reason, ip), expected, "{state} {reason:?}");
        }
    }
}
