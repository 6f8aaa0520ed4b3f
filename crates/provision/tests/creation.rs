//! Creating a host when answers get lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod fake;

use std::time::Duration;

use fake::{FakeCloud, FakeTimer, Step, dropped_while_pending, steady, wanted};
use provision::{
    ErrorKind, HostStatus, Origin,
    wait::{Creation, Observation},
};

const CREATED: Step = Step::Host(HostStatus::Provisioning);

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let script = [
        Step::Lost(ErrorKind::Unavailable, Duration::from_secs(30)),
        Step::FailsFor(ErrorKind::RateLimited, Duration::from_secs(9)),
        Step::Adopted,
    ];
    let (cloud, timer, wanted) = (FakeCloud::new(script), FakeTimer::default(), wanted());
    let mut creation = Creation::new(&cloud, &wanted, &timer, steady(None));
    let host = creation.run(|_| {}).await.unwrap();
    assert_eq!(
        (host.id, host.origin),
        (fake::id(), Some(Origin::Created)),
        "by the first attempt"
    );
    assert_eq!(cloud.calls(), ["provision order-17"; 3]);
    assert_eq!(timer.slept_ms(), [1000, 9000]);
    assert!(!creation.may_exist(), "it is known");
    assert!(creation.next().await.unwrap().is_none());
}

#[tokio::test]
async fn an_error_says_whether_a_host_may_exist() {
    for (script, kind, may_exist) in [
        (vec![Step::Fails(ErrorKind::Capacity)], ErrorKind::Capacity, false),
        (
            vec![Step::Lost(ErrorKind::UnexpectedResponse, Duration::ZERO)],
            ErrorKind::UnexpectedResponse,
            true,
        ),
        (
            vec![Step::Fails(ErrorKind::Conflict), Step::Fails(ErrorKind::Quota)],
            ErrorKind::Quota,
            false,
        ),
        (
            vec![
                Step::Lost(ErrorKind::Unavailable, Duration::ZERO),
                Step::Fails(ErrorKind::Unauthorized),
            ],
            ErrorKind::Unauthorized,
            true,
        ),
        // Not even connected: no create was sent.
        (
            vec![
                Step::Fails(ErrorKind::Unavailable),
                Step::Fails(ErrorKind::Unauthorized),
            ],
            ErrorKind::Unauthorized,
            false,
        ),
    ] {
        let (cloud, timer, wanted) = (FakeCloud::new(script), FakeTimer::default(), wanted());
        let mut creation = Creation::new(&cloud, &wanted, &timer, steady(None));
        assert_eq!(creation.run(|_| {}).await.unwrap_err().kind(), kind);
        assert_eq!(creation.may_exist(), may_exist, "{kind}");
    }
}

#[tokio::test]
async fn the_last_error_says_what_earlier_attempts_left() {
    for (first, names_a_host) in [
        (Step::Unfinished(ErrorKind::Unavailable), true),
        (Step::Lost(ErrorKind::Unavailable, Duration::ZERO), false),
    ] {
        let script = [first, Step::Fails(ErrorKind::Unauthorized)];
        let (cloud, timer, wanted) = (FakeCloud::new(script), FakeTimer::default(), wanted());
        let mut creation = Creation::new(&cloud, &wanted, &timer, steady(None));
        let error = creation.run(|_| {}).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert_eq!(
            (error.host().is_some(), error.may_exist()),
            (names_a_host, !names_a_host)
        );
    }
}

#[tokio::test]
async fn the_deadline_ends_it_with_the_last_error() {
    let (cloud, timer, wanted) = (
        FakeCloud::new((0..4).map(|_| Step::Lost(ErrorKind::Unavailable, Duration::from_secs(30)))),
        FakeTimer::default(),
        wanted(),
    );
    let mut creation = Creation::new(&cloud, &wanted, &timer, steady(Some(Duration::from_secs(5))));
    assert_eq!(creation.run(|_| {}).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(timer.slept_ms(), [1000, 2000, 2000]);
    assert!(creation.may_exist());
}

#[tokio::test]
async fn dropping_next_during_a_create_never_sends_a_second_one() {
    let (cloud, timer, wanted) = (FakeCloud::new([CREATED]), FakeTimer::default(), wanted());
    let mut creation = Creation::new(&cloud, &wanted, &timer, steady(None));
    assert!(!creation.may_exist(), "nothing was sent");
    cloud.hold(true);
    assert!(dropped_while_pending(creation.run(|_| {})));
    assert!(creation.is_under_way() && creation.may_exist());
    cloud.hold(false);
    assert!(matches!(creation.next().await, Ok(Some(Observation::Host(_)))));
    assert_eq!(cloud.calls(), ["provision order-17"]);
    assert!(creation.host().is_some() && !creation.is_under_way());
}

#[tokio::test]
async fn another_place_may_be_asked_only_when_there_is_no_room_and_surely_no_host() {
    let lacks_room = async |script: Vec<Step>| {
        let cloud = FakeCloud::new(script);
        let (timer, host) = (FakeTimer::default(), wanted());
        let mut creation = Creation::new(&cloud, &host, &timer, steady(Some(Duration::from_secs(60))));
        let error = creation.run(|_| {}).await.unwrap_err();
        assert_eq!(cloud.left(), 0);
        creation.lacks_room(&error)
    };
    let second = Duration::from_secs(1);
    assert!(lacks_room(vec![Step::Fails(ErrorKind::Capacity)]).await);
    assert!(lacks_room(vec![Step::Fails(ErrorKind::Quota)]).await);
    assert!(
        lacks_room(vec![
            Step::Fails(ErrorKind::Unavailable),
            Step::Fails(ErrorKind::Capacity)
        ])
        .await
    );
    assert!(!lacks_room(vec![Step::Fails(ErrorKind::InvalidRequest)]).await);
    // The first answer was lost: the host may be there all the same.
    let lost = Step::Lost(ErrorKind::Unavailable, second);
    assert!(!lacks_room(vec![lost, Step::Fails(ErrorKind::Capacity)]).await);
}
