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
    let unfinished = known(|known| known.id = Some(id("1")));
    let short = known(|known| {
        known.id = Some(id("1"));
        known.lacks_region = true;
    });
    let table = [
        (&fresh, Step::Claim),
        (&claimed, Step::Create),
        (&expired, Step::Expire),
        // It exists, but a call after its create failed.
        (&unfinished, Step::Create),
        (&short, Step::CompleteId),
    ];
    for (known, step) in table {
        // Nothing that the cloud says about other hosts changes the order.
        for seen in [Seen::Unread, Seen::Gone, host(HostStatus::Active)] {
            assert_eq!(next(known, &seen, &Removal::Begun), step, "{known:?} {seen:?}");
        }
    }
}

fn in_phase(phase: HostPhase) -> Known {
    known(|known| {
        known.id = Some(id("1"));
        known.phase = Some(phase);
    })
}

#[test]
fn another_host_is_looked_for_when_one_becomes_active_or_ends_and_never_again() {
    use HostPhase::{Active, Deleting, Failed, Gone, Provisioning, Stopped};
    let settles = |phase, seen: &Seen| match next(&in_phase(phase), seen, &Removal::Begun) {
        Step::Settle(state) => Some(state.phase),
        Step::Report(_) => None,
        step => panic!("{step:?}"),
    };
    let ends = [
        (host(HostStatus::Active), Active),
        (host(HostStatus::Failed), Failed),
        (host(HostStatus::Deleting), Deleting),
        (Seen::Gone, Gone),
    ];
    for (seen, phase) in ends {
        assert_eq!(settles(Provisioning, &seen), Some(phase));
        assert_eq!(settles(phase, &seen), None, "it is on record");
    }
    assert_eq!(settles(Active, &Seen::Gone), Some(Gone));
    for seen in [Seen::Unread, host(HostStatus::Provisioning), host(HostStatus::Stopped)] {
        assert_eq!(settles(Provisioning, &seen), None);
        assert_eq!(settles(Stopped, &seen), None);
    }
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
    let stored = in_phase(HostPhase::Provisioning);
    let table = [
        (Seen::Unread, HostPhase::Provisioning, false),
        (host(HostStatus::Provisioning), HostPhase::Provisioning, true),
        (host(HostStatus::Active), HostPhase::Active, true),
        (host(HostStatus::Stopped), HostPhase::Stopped, true),
        (host(HostStatus::Failed), HostPhase::Failed, true),
        (host(HostStatus::Deleting), HostPhase::Deleting, true),
        (host(HostStatus::Unknown), HostPhase::Unknown, true),
        (Seen::Gone, HostPhase::Gone, false),
        (Seen::NoId("no".to_owned()), HostPhase::Unknown, false),
    ];
    for (seen, phase, has_ip) in table {
        let (Step::Settle(state) | Step::Report(state)) = next(&stored, &seen, &Removal::Begun) else {
            panic!("{seen:?}");
        };
        assert_eq!((state.phase, state.ip.is_some()), (phase, has_ip), "{seen:?}");
    }
}

#[test]
fn what_is_on_record_stands_until_the_cloud_was_read() {
    let Step::Report(state) = next(&in_phase(HostPhase::Active), &Seen::Unread, &Removal::Begun) else {
        panic!("nothing has changed");
    };
    assert_eq!(state.phase, HostPhase::Active);
}

#[test]
fn a_deletion_goes_through_the_cloud_before_the_finalizer_goes() {
    let stored = known(|known| {
        known.deleting = Some(at(100));
        known.id = Some(id("1"));
    });
    let lost = known(|known| {
        known.deleting = Some(at(100));
        known.visible_within = Duration::from_secs(60);
    });
    let short = known(|known| {
        known.deleting = Some(at(100));
        known.id = Some(id("1"));
        known.lacks_region = true;
    });
    let late = at(190);
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
        (&short, Removal::Begun, Step::CompleteId),
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
        known.lacks_region = true;
    });
    assert_eq!(next(&retained, &Seen::Unread, &Removal::Begun), Step::Release);
    let unclaimed = Known {
        deleting: Some(at(100)),
        ..Known::default()
    };
    assert_eq!(next(&unclaimed, &Seen::Unread, &Removal::Begun), Step::Rest);
}
