//! Waiting for a host and for its removal.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod fake;

use std::time::Duration;

use fake::{FakeCloud, FakeTimer, Step, dropped_while_pending, host, id, steady};
use provision::{
    Deletion, ErrorKind, HostStatus,
    wait::{Observation, Outcome, Pace, Removal, RemovalOutcome, Wait, find_by_ip},
};

const PROVISIONING: Step = Step::Host(HostStatus::Provisioning);
const ACTIVE: Step = Step::Host(HostStatus::Active);

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[tokio::test]
async fn a_host_is_read_until_it_is_active_and_every_reading_is_shown() {
    let (cloud, timer) = (
        FakeCloud::new([PROVISIONING, PROVISIONING, ACTIVE]),
        FakeTimer::default(),
    );
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
    let mut seen = Vec::new();
    let outcome = wait
        .run(|observation| match observation {
            Observation::Host(host) => seen.push(host.status),
            other => panic!("{other:?}"),
        })
        .await
        .unwrap();
    assert_eq!(outcome, Outcome::Active);
    assert_eq!(
        seen,
        [HostStatus::Provisioning, HostStatus::Provisioning, HostStatus::Active]
    );
    assert_eq!(timer.slept_ms(), [3000, 3000]);
    assert_eq!(wait.host().unwrap().status, HostStatus::Active);
    assert!(wait.next().await.unwrap().is_none(), "it has ended");
    assert_eq!(cloud.calls().len(), 3);
}

#[tokio::test]
async fn after_a_create_the_first_reading_comes_an_interval_later() {
    let (cloud, timer) = (FakeCloud::new([ACTIVE]), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None)).created(host(HostStatus::Provisioning));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Active);
    assert_eq!(timer.slept_ms(), [3000]);

    let (cloud, timer) = (FakeCloud::new([ACTIVE]), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None)).created(host(HostStatus::Active));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Active);
    assert_eq!(timer.slept_ms(), [0; 0], "an active one is read at once");
}

#[tokio::test]
async fn of_two_hosts_with_one_key_the_other_is_kept_and_this_one_deleted() {
    let script = [
        ACTIVE,
        Step::Settles("0", &["1"], true),
        Step::Deletion(Deletion::InProgress),
        ACTIVE,
        Step::Deletion(Deletion::NotFound),
    ];
    let (cloud, timer) = (FakeCloud::new(script), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None)).created(host(HostStatus::Provisioning));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Active);
    assert_eq!(wait.host().unwrap().id.as_str(), "0");
    assert_eq!(
        cloud.calls(),
        ["status 1", "settle 1", "delete 1", "status 0", "delete 1"]
    );
}

#[tokio::test]
async fn a_host_that_another_caller_deleted_for_an_older_one_is_followed_to_that() {
    let script = [Step::Fails(ErrorKind::NotFound), Step::Settles("0", &[], false)];
    let (cloud, timer) = (FakeCloud::new(script), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None)).created(host(HostStatus::Provisioning));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Active);
    assert_eq!(wait.host().unwrap().id.as_str(), "0");
}

#[tokio::test]
async fn a_list_that_lacks_the_host_is_asked_again_but_not_for_ever() {
    let unsure = || Step::Settles("1", &[], false);
    let script = [
        ACTIVE,
        unsure(),
        ACTIVE,
        unsure(),
        ACTIVE,
        Step::Settles("1", &[], true),
    ];
    let (cloud, timer) = (FakeCloud::new(script), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Active);
    assert_eq!(timer.slept_ms(), [3000, 3000]);

    let (cloud, timer) = (
        FakeCloud::new((0..22).map(|n| if n % 2 == 0 { ACTIVE } else { unsure() })),
        FakeTimer::default(),
    );
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Active);
    assert_eq!(timer.slept().len(), 10, "30 s, in which the list must show it");
}

#[tokio::test]
async fn a_deletion_of_what_is_not_there_says_so() {
    let (cloud, timer) = (
        FakeCloud::new([Step::Deletion(Deletion::NotFound)]),
        FakeTimer::default(),
    );
    let mut removal = Removal::new(&cloud, id(), &timer, steady(None));
    assert_eq!(removal.run(|_| {}).await.unwrap(), RemovalOutcome::NotFound);
    let script = [Step::Deletion(Deletion::InProgress), Step::Deletion(Deletion::NotFound)];
    let (cloud, timer) = (FakeCloud::new(script), FakeTimer::default());
    let mut removal = Removal::new(&cloud, id(), &timer, steady(None));
    assert!(!removal.is_accepted());
    assert_eq!(
        removal.run(|_| {}).await.unwrap(),
        RemovalOutcome::Complete,
        "it was there"
    );
}

#[tokio::test]
async fn failed_and_missing_hosts_end_it() {
    let timer = FakeTimer::default();
    for (step, expected) in [
        (Step::Host(HostStatus::Failed), Outcome::Failed),
        (Step::Fails(ErrorKind::NotFound), Outcome::Gone),
    ] {
        let cloud = FakeCloud::new([PROVISIONING, step]);
        let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
        assert_eq!(wait.run(|_| {}).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn other_states_do_not_end_it() {
    let states = [
        HostStatus::Stopped,
        HostStatus::Unknown,
        HostStatus::Deleting,
        HostStatus::Active,
    ];
    let (cloud, timer) = (FakeCloud::new(states.map(Step::Host)), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Active);
}

#[tokio::test]
async fn waiting_for_the_end_of_a_host_goes_on_until_it_is_not_found() {
    let script = [ACTIVE, Step::Host(HostStatus::Failed), Step::Fails(ErrorKind::NotFound)];
    let (cloud, timer) = (FakeCloud::new(script), FakeTimer::default());
    let mut wait = Wait::until_gone(&cloud, id(), &timer, steady(None));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Gone);
    assert_eq!(cloud.calls().len(), 3);
}

#[tokio::test]
async fn a_new_host_may_be_invisible_for_a_while_but_not_once_it_was_seen() {
    let missing = || Step::Fails(ErrorKind::NotFound);
    let (cloud, timer) = (FakeCloud::new([missing(), missing(), ACTIVE]), FakeTimer::default());
    let create = || host(HostStatus::Provisioning);
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None)).created(create());
    assert!(matches!(wait.next().await, Ok(Some(Observation::NotVisible))));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Active);

    let cloud = FakeCloud::new([PROVISIONING, missing()]);
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None)).created(create());
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Gone, "it was visible");

    let cloud = FakeCloud::new((0..10).map(|_| missing()));
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None)).created(create());
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Gone, "the grace is over");
    assert_eq!(cloud.left(), 0, "30 s of grace are ten readings");
}

#[tokio::test]
async fn delays_after_errors_double_up_to_the_cap_and_start_over_after_an_answer() {
    let kinds = [ErrorKind::Unavailable, ErrorKind::RateLimited, ErrorKind::Conflict];
    let failures = kinds.into_iter().cycle().take(7).map(Step::Fails);
    let script = failures.chain([PROVISIONING, Step::Fails(ErrorKind::Unavailable), ACTIVE]);
    let (cloud, timer) = (FakeCloud::new(script), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
    let mut delays = Vec::new();
    let show = |observation: &Observation| {
        if let Observation::Retrying { delay, .. } = observation {
            delays.push(delay.as_secs());
        }
    };
    assert_eq!(wait.run(show).await.unwrap(), Outcome::Active);
    assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30, 1]);
    assert_eq!(
        timer.slept_ms(),
        [1000, 2000, 4000, 8000, 16000, 30000, 30000, 3000, 1000]
    );
}

#[tokio::test]
async fn the_cloud_decides_how_long_to_wait_at_least() {
    let limited = |wait| Step::FailsFor(ErrorKind::RateLimited, Duration::from_millis(wait));
    let (cloud, timer) = (
        FakeCloud::new([limited(45_000), limited(100), ACTIVE]),
        FakeTimer::default(),
    );
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
    wait.run(|_| {}).await.unwrap();
    assert_eq!(timer.slept_ms(), [45_000, 2000]);
}

#[tokio::test]
async fn permanent_errors_are_returned_at_once() {
    for kind in [
        ErrorKind::Unauthorized,
        ErrorKind::Forbidden,
        ErrorKind::UnexpectedResponse,
    ] {
        let (cloud, timer) = (FakeCloud::new([Step::Fails(kind)]), FakeTimer::default());
        let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
        assert_eq!(wait.run(|_| {}).await.unwrap_err().kind(), kind);
        assert_eq!(timer.slept_ms(), [0; 0]);
    }
}

#[tokio::test]
async fn the_last_reading_is_at_the_deadline() {
    let (cloud, timer) = (FakeCloud::new((0..4).map(|_| PROVISIONING)), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(seconds(7)));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::TimedOut);
    assert_eq!(timer.slept_ms(), [3000, 3000, 1000]);
    assert_eq!(wait.host().unwrap().status, HostStatus::Provisioning);
}

#[tokio::test]
async fn a_deadline_that_has_passed_still_knows_the_created_host() {
    let (cloud, timer) = (FakeCloud::new([]), FakeTimer::default());
    let pace = steady(Some(Duration::ZERO));
    let mut wait = Wait::until_active(&cloud, id(), &timer, pace).created(host(HostStatus::Provisioning));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::TimedOut);
    assert_eq!(wait.host().unwrap().id, id());
}

#[tokio::test]
async fn a_delay_that_ends_after_the_deadline_is_not_waited_for() {
    let limited = Step::FailsFor(ErrorKind::RateLimited, Duration::from_secs(60));
    let (cloud, timer) = (FakeCloud::new([limited]), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(seconds(30)));
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::TimedOut);
    assert_eq!(timer.slept_ms(), [0; 0]);
    assert_eq!(wait.last_error().unwrap().kind(), ErrorKind::RateLimited);
}

#[tokio::test]
async fn jitter_moves_delays_within_its_share() {
    let (cloud, timer) = (FakeCloud::new((0..101).map(|_| PROVISIONING)), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, Pace::default());
    for _ in 0..101 {
        wait.next().await.unwrap();
    }
    let slept = timer.slept_ms();
    assert!(slept.iter().all(|delay| (2400..=3600).contains(delay)), "{slept:?}");
    assert!(
        slept.iter().any(|delay| *delay < 2900) && slept.iter().any(|delay| *delay > 3100),
        "{slept:?}"
    );
}

#[tokio::test]
async fn dropping_next_during_a_call_keeps_the_call() {
    let (cloud, timer) = (FakeCloud::new([ACTIVE]), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
    cloud.hold(true);
    assert!(dropped_while_pending(wait.next()));
    assert!(dropped_while_pending(wait.next()));
    cloud.hold(false);
    assert!(matches!(wait.next().await, Ok(Some(Observation::Host(_)))));
    assert_eq!(cloud.calls(), ["status 1"]);
}

#[tokio::test]
async fn dropping_next_during_a_pause_does_not_start_the_pause_again() {
    let (cloud, timer) = (FakeCloud::new([PROVISIONING, ACTIVE]), FakeTimer::default());
    let mut wait = Wait::until_active(&cloud, id(), &timer, steady(None));
    wait.next().await.unwrap();
    timer.hold(true);
    assert!(dropped_while_pending(wait.next()));
    timer.hold(false);
    assert_eq!(wait.run(|_| {}).await.unwrap(), Outcome::Active);
    assert_eq!(timer.slept_ms(), [3000]);
}

#[tokio::test]
async fn a_deletion_is_repeated_until_nothing_is_left() {
    let script = [
        Step::Deletion(Deletion::InProgress),
        Step::Fails(ErrorKind::Conflict),
        Step::Fails(ErrorKind::Conflict),
        Step::Deletion(Deletion::InProgress),
        Step::Deletion(Deletion::Removed),
    ];
    let (cloud, timer) = (FakeCloud::new(script), FakeTimer::default());
    let mut removal = Removal::new(&cloud, id(), &timer, steady(None));
    let mut shown = 0;
    assert_eq!(removal.run(|_| shown += 1).await.unwrap(), RemovalOutcome::Complete);
    assert_eq!((shown, cloud.calls()), (4, vec!["delete 1".to_owned(); 5]));
    assert_eq!(timer.slept_ms(), [3000, 1000, 2000, 3000]);
}

#[tokio::test]
async fn a_deletion_ends_at_its_deadline_and_with_permanent_errors() {
    let (cloud, timer) = (
        FakeCloud::new((0..2).map(|_| Step::Deletion(Deletion::InProgress))),
        FakeTimer::default(),
    );
    let mut removal = Removal::new(&cloud, id(), &timer, steady(seconds(3)));
    assert_eq!(removal.run(|_| {}).await.unwrap(), RemovalOutcome::TimedOut);
    assert!(removal.last_error().is_none());

    let cloud = FakeCloud::new([Step::Fails(ErrorKind::Forbidden)]);
    let mut removal = Removal::new(&cloud, id(), &timer, steady(None));
    assert_eq!(removal.run(|_| {}).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn an_address_leads_to_one_host_or_none() {
    let at = |ip: &str, id: &str| {
        let mut host = host(HostStatus::Active);
        host.id = provision::HostId::new(id).unwrap();
        host.ip = Some(ip.parse().unwrap());
        host
    };
    let hosts = || {
        Step::List(vec![
            at("192.0.2.1", "1"),
            at("192.0.2.2", "2"),
            at("192.0.2.3", "3"),
            at("192.0.2.3", "4"),
        ])
    };
    let cloud = FakeCloud::new([hosts(), hosts(), hosts(), Step::Fails(ErrorKind::Unauthorized)]);
    let find = async |ip: &str| find_by_ip(&cloud, ip.parse().unwrap(), Default::default()).await;
    assert_eq!(find("192.0.2.2").await.unwrap().id.as_str(), "2");
    assert_eq!(find("192.0.2.9").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(find("192.0.2.3").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!(find("192.0.2.1").await.unwrap_err().kind(), ErrorKind::Unauthorized);
}
