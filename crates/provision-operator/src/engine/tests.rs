//! Every transition as a table.

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn id(text: &str) -> HostId {
    HostId::new(text).unwrap()
}

fn known(change: impl FnOnce(&mut Known)) -> Known {
    let mut known = Known {
        claimed: true,
        ..Known::default()
    };
    change(&mut known);
    known
}

fn host(status: HostStatus) -> Seen {
    Seen::Host {
        status,
        ip: Some(IpAddr::from([192, 0, 2, 1])),
        message: None,
    }
}

#[test]
fn a_living_resource_is_claimed_then_created_then_settled() {
    let fresh = Known::default();
    let claimed = known(|_| ());
    let expired = known(|known| known.expired = true);
    let stored = known(|known| known.id = Some(id("1")));
    let table = [
        (&fresh, Step::Claim),
        (&claimed, Step::Create),
        (&expired, Step::Expire),
    ];
    for (known, step) in table {
        // Nothing that the cloud says about other hosts changes the order.
        for seen in [Seen::Unread, Seen::Gone, host(HostStatus::Active)] {
            assert_eq!(next(known, &seen, &Removal::Begun), step, "{known:?} {seen:?}");
        }
    }
    assert!(matches!(next(&stored, &Seen::Unread, &Removal::Begun), Step::Settle(_)));
}

#[test]
fn a_claim_comes_before_an_expiry_and_an_expiry_before_a_create() {
    let unclaimed = Known {
        expired: true,
        ..Known::default()
    };
    assert_eq!(next(&unclaimed, &Seen::Unread, &Removal::Begun), Step::Claim);
    let expired_with_host = known(|known| {
        known.expired = true;
        known.id = Some(id("1"));
    });
    assert_eq!(
        next(&expired_with_host, &host(HostStatus::Active), &Removal::Begun),
        Step::Expire
    );
}

#[test]
fn what_the_cloud_says_becomes_the_phase() {
    let stored = known(|known| known.id = Some(id("1")));
    let table = [
        (Seen::Unread, HostPhase::Provisioning, false),
        (host(HostStatus::Provisioning), HostPhase::Provisioning, true),
        (host(HostStatus::Active), HostPhase::Active, true),
        (host(HostStatus::Stopped), HostPhase::Stopped, true),
        (host(HostStatus::Failed), HostPhase::Failed, true),
        (host(HostStatus::Deleting), HostPhase::Deleting, true),
        (host(HostStatus::Unknown), HostPhase::Unknown, true),
        (Seen::Gone, HostPhase::Gone, false),
    ];
    for (seen, phase, has_ip) in table {
        let Step::Settle(state) = next(&stored, &seen, &Removal::Begun) else {
            panic!("{seen:?}");
        };
        assert_eq!((state.phase, state.ip.is_some()), (phase, has_ip), "{seen:?}");
    }
}

#[test]
fn what_is_on_record_stands_until_the_cloud_was_read() {
    let stored = known(|known| {
        known.id = Some(id("1"));
        known.phase = Some(HostPhase::Active);
    });
    let Step::Settle(state) = next(&stored, &Seen::Unread, &Removal::Begun) else {
        panic!("a host with an id is settled");
    };
    assert_eq!(state.phase, HostPhase::Active);
}

#[test]
fn a_deletion_goes_through_the_cloud_before_the_finalizer_goes() {
    let stored = known(|known| {
        known.deleting = Some(at(100));
        known.id = Some(id("1"));
    });
    let lost = known(|known| known.deleting = Some(at(100)));
    let late = at(100) + LATE_CREATE;
    let look = |begun_after| Step::LookForStrays { begun_after };
    let table = [
        // The id is known: delete it, look once for another one with the key, let go.
        (&stored, Removal::Begun, Step::Delete(id("1"))),
        (&stored, Removal::Removed(at(130)), look(at(130))),
        (&stored, Removal::Removed(at(90)), look(at(100))),
        (&stored, Removal::Found(id("2")), Step::Delete(id("2"))),
        (&stored, Removal::Clear, Step::Release),
        // The id was never stored: a list counts only once a lost create must have shown up.
        (&lost, Removal::Begun, look(late)),
        (&lost, Removal::Found(id("2")), Step::Delete(id("2"))),
        (&lost, Removal::Removed(at(110)), look(late)),
        (&lost, Removal::Removed(at(500)), look(at(500))),
        (&lost, Removal::Clear, Step::Release),
    ];
    for (known, removal, step) in table {
        // What a poll said before does not let anybody skip a step.
        for seen in [Seen::Unread, Seen::Gone, host(HostStatus::Active)] {
            assert_eq!(next(known, &seen, &removal), step, "{known:?} {removal:?} {seen:?}");
        }
    }
}

#[test]
fn a_retained_host_is_left_alone_and_an_unclaimed_resource_goes_by_itself() {
    let retained = known(|known| {
        known.deleting = Some(at(100));
        known.retain = true;
        known.id = Some(id("1"));
    });
    assert_eq!(next(&retained, &Seen::Unread, &Removal::Begun), Step::Release);
    let unclaimed = Known {
        deleting: Some(at(100)),
        ..Known::default()
    };
    assert_eq!(next(&unclaimed, &Seen::Unread, &Removal::Begun), Step::Rest);
}
