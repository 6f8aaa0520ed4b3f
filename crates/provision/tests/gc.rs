//! Garbage collection.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod fake;

use std::time::{Duration, SystemTime};

use fake::{FakeCloud, FakeTimer, Step, host, steady};
use provision::{
    Deletion, ErrorKind, HostId, HostStatus, Labels, ProvisionedHost,
    gc::{Action, Options, Report, collect},
};

const NOW: u64 = 1_800_000_000;

fn marked(id: &str, labels: &[(&str, &str)]) -> ProvisionedHost {
    let mut host = host(HostStatus::Active);
    host.id = HostId::new(id).unwrap();
    host.labels = Labels::from_vendor([("managed-by", "provision")].iter().chain(labels).copied());
    host
}

fn expired(id: &str) -> ProvisionedHost {
    marked(id, &[("provision-expires", "1799999999")])
}

fn options(delete: bool) -> Options {
    let mut options = Options::dry_run();
    options.delete = delete;
    options.now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    options.pace = steady(Some(Duration::from_secs(10)));
    options
}

fn actions(report: &Report) -> Vec<(&str, Action, &str)> {
    report
        .hosts
        .iter()
        .map(|finding| (finding.host.id.as_str(), finding.action, finding.reason.as_str()))
        .collect()
}

#[tokio::test]
async fn a_dry_run_only_tells() {
    let mut foreign = expired("6");
    foreign.labels = Labels::from_vendor([("provision-expires", "1")]);
    let hosts = vec![
        expired("1"),
        marked("2", &[]),
        marked("3", &[("provision-expires", "1800000001")]),
        marked("4", &[("provision-expires", "1"), ("keep", "true")]),
        marked("5", &[("provision-expires", "soon")]),
        foreign,
    ];
    let cloud = FakeCloud::new([Step::List(hosts)]);
    let report = collect(&cloud, &FakeTimer::default(), &options(false)).await;
    assert_eq!(
        actions(&report),
        [
            ("1", Action::WouldDelete, "expired"),
            ("2", Action::Kept, "never expires"),
            ("3", Action::Kept, "has not expired yet"),
            ("4", Action::Kept, "label keep=true"),
            ("5", Action::Kept, "label provision-expires cannot be read"),
            ("6", Action::Kept, "is not ours"),
        ]
    );
    assert_eq!(cloud.calls(), ["list"]);
}

#[tokio::test]
async fn an_expired_host_is_read_again_and_deleted_until_nothing_is_left() {
    let cloud = FakeCloud::new([
        Step::List(vec![expired("1"), marked("2", &[])]),
        Step::Read(expired("1")),
        Step::Deletion(Deletion::InProgress),
        Step::Deletion(Deletion::Removed),
    ]);
    let report = collect(&cloud, &FakeTimer::default(), &options(true)).await;
    assert_eq!(
        actions(&report),
        [("1", Action::Deleted, "expired"), ("2", Action::Kept, "never expires")]
    );
    assert_eq!(cloud.calls(), ["list", "status 1", "delete 1", "delete 1"]);
    assert!(report.errors.is_empty());
}

#[tokio::test]
async fn a_host_that_is_to_be_kept_meanwhile_is_kept() {
    let keep = marked("1", &[("provision-expires", "1"), ("keep", "true")]);
    let cloud = FakeCloud::new([Step::List(vec![expired("1")]), Step::Read(keep)]);
    let report = collect(&cloud, &FakeTimer::default(), &options(true)).await;
    assert_eq!(actions(&report), [("1", Action::Kept, "label keep=true")]);
}

#[tokio::test]
async fn from_a_list_that_failed_nothing_is_deleted() {
    let cloud = FakeCloud::new([Step::Fails(ErrorKind::Unavailable)]);
    let report = collect(&cloud, &FakeTimer::default(), &options(true)).await;
    assert!(report.hosts.is_empty());
    assert_eq!(report.errors[0].kind(), ErrorKind::Unavailable);
    assert!(report.errors[0].to_string().contains("was not deleted"));
    assert_eq!(cloud.calls(), ["list"]);
}

#[tokio::test]
async fn what_fails_for_one_host_does_not_keep_the_others() {
    let cloud = FakeCloud::new([
        Step::List(vec![expired("1"), expired("2"), expired("3")]),
        Step::Fails(ErrorKind::Unavailable),
        // Gone meanwhile: the rest of it is still removed.
        Step::Fails(ErrorKind::NotFound),
        Step::Deletion(Deletion::Removed),
        Step::Read(expired("3")),
        Step::Fails(ErrorKind::Forbidden),
    ]);
    let report = collect(&cloud, &FakeTimer::default(), &options(true)).await;
    assert_eq!(
        actions(&report),
        [
            ("1", Action::NotDeleted, "expired"),
            ("2", Action::Deleted, "expired"),
            ("3", Action::NotDeleted, "expired")
        ]
    );
    let kinds: Vec<ErrorKind> = report.errors.iter().map(provision::Error::kind).collect();
    assert_eq!(kinds, [ErrorKind::Unavailable, ErrorKind::Forbidden]);
    assert!(
        report.errors[0].to_string().contains("host `1`"),
        "{}",
        report.errors[0]
    );
}

#[tokio::test]
async fn a_deletion_that_does_not_end_is_an_error() {
    let endless = (0..8).map(|_| Step::Deletion(Deletion::InProgress));
    let script = [Step::List(vec![expired("1")]), Step::Read(expired("1"))];
    let cloud = FakeCloud::new(script.into_iter().chain(endless));
    let report = collect(&cloud, &FakeTimer::default(), &options(true)).await;
    assert_eq!(actions(&report), [("1", Action::NotDeleted, "expired")]);
    assert!(
        report.errors[0].to_string().contains("may still bill"),
        "{}",
        report.errors[0]
    );
}
