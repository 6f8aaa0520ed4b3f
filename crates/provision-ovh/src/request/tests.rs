use std::time::{Duration, SystemTime};

use proptest::{collection::btree_map, option, prelude::*};
use provision_core::{BasicHost, IdempotencyKey, UserData};
use provision_testkit::wire::{labels as all_labels, order};

use super::*;

fn host(name: &str) -> BasicHost {
    BasicHost::new(name.parse().unwrap(), UserData::empty())
}

/// The name under which a host is created.
fn written(host: &BasicHost) -> Result<String> {
    instance_name(&host.name, &all_labels(&INFO, host))
}

fn read(name: &str) -> (String, Labels) {
    read_name(name).unwrap()
}

#[test]
fn a_name_is_readable_and_carries_everything() {
    let mut host = host("web-1");
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800));
    host.labels.insert("team", "web").unwrap();
    host.labels.insert("keep", "").unwrap();
    let all = all_labels(&INFO, &host);
    let digest = all.get(REQUEST_LABEL).unwrap();
    let name = written(&host).unwrap();
    assert_eq!(
        name,
        format!(
            "web-1--managed-by--provision--0k--c4719afa76fa448b5eca99e673688584--0r--{digest}--0e--1795168800--keep--_--team--web"
        )
    );
    assert_eq!(read(&name), ("web-1".to_owned(), all));
}

#[test]
fn hyphens_of_a_part_never_look_like_a_separator() {
    let mut host = host("a--b---c");
    host.labels.insert("x--y", "1----2-3").unwrap();
    let name = written(&host).unwrap();
    assert!(name.starts_with("a---b----c--managed-by--provision--0k--"), "{name}");
    assert!(name.ends_with("--x---y--1-----2-3"), "{name}");
    assert_eq!(read(&name), ("a--b---c".to_owned(), all_labels(&INFO, &host)));
}

#[test]
fn somebody_else_s_instance_is_never_ours() {
    for foreign in [
        "",
        "web-1",
        "web-1--managed-by",
        "web-1--managed-by--terraform",
        "web-1---managed-by--provision",
        "web-1--managed-by---provision",
        "web-1--x--y--managed-by--provision",
        "--managed-by--provision",
        "Web 1--managed-by--provision",
        "my web--managed-by--provision",
        "web-1--foreign-by--provision",
        "web-1.managed-by.provision",
        "web-1--managed-by--provisioned",
    ] {
        assert_eq!(read_name(foreign), None, "{foreign}");
    }
}

#[test]
fn a_name_that_was_cut_or_edited_behind_the_marker_is_still_ours() {
    for (name, team) in [
        ("web-1--managed-by--provision", None),
        ("web-1--managed-by--provision--", None),
        ("web-1--managed-by--provision--team", None),
        ("web-1--managed-by--provision--team--web--ro", Some("web")),
        ("web-1--managed-by--provision--team--web--My--own", Some("web")),
    ] {
        let (host, labels) = read(name);
        assert_eq!(host, "web-1");
        assert!(labels.is_managed());
        assert_eq!(labels.get("team"), team, "{name}");
    }
}

/// The numbers are those of the README.
#[test]
fn what_does_not_fit_is_refused_with_the_excess() {
    let mut host = host(&"n".repeat(63));
    assert_eq!(written(&host).unwrap().len(), 63 + 99);
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800));
    assert_eq!(written(&host).unwrap().len(), 63 + 115);
    host.labels.insert(&"k".repeat(36), &"v".repeat(37)).unwrap();
    assert_eq!(written(&host).unwrap().len(), MAX_NAME_LEN);
    host.labels.insert("team", "web-1").unwrap();
    let error = written(&host).unwrap_err().to_string();
    assert!(error.contains("268 characters") && error.contains("by 13"), "{error}");
}

/// A host of the operator with the longest name that fits; see `RESERVED`.
#[test]
fn the_operators_labels_leave_room_for_a_name() {
    let mut host = host(&"n".repeat(57));
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800));
    host.labels.insert("kubernetes-kind", "tunnel").unwrap();
    host.labels
        .insert("kubernetes-cluster", "0f6a2a5e-3c1b-4c55-9f10-000000000001")
        .unwrap();
    assert_eq!(written(&host).unwrap().len(), MAX_NAME_LEN);
}

#[test]
fn one_ssh_key_at_most() {
    let settings = [
        ("application-key", "a"),
        ("application-secret", "s"),
        ("consumer-key", "c"),
        ("project", "f0"),
    ];
    let config = Config::from_settings(&settings.into_iter().collect()).unwrap();
    let mut host = host("web-1");
    host.ssh_keys = vec!["one".into(), "two".into()];
    let order = order(&INFO, &host);
    let refused = create_instance(&config, &order, &Ids::asked_for(&order)).unwrap_err();
    assert!(refused.to_string().contains("one ssh key only"), "{refused}");
}

fn word() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?"
}

proptest! {
    #[test]
    fn every_name_that_fits_reads_back(
        name in "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        labels in btree_map("[a-z]([a-z0-9_-]{0,20}[a-z0-9])?", prop_oneof![Just(String::new()), word()], 0..4),
        key in option::of("[ -~]{1,40}"),
        expires in option::of(0_u64..4_000_000_000),
    ) {
        let mut host = host(&name);
        for (key, value) in &labels {
            let _ = host.labels.insert(key, value);
        }
        if let Some(key) = key {
            host = host.with_key(IdempotencyKey::new(key).unwrap());
        }
        host.expires = expires.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        if let Ok(written) = written(&host) {
            prop_assert!(written.len() <= MAX_NAME_LEN);
            prop_assert!(written.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b)));
            prop_assert_eq!(read_name(&written), Some((name, all_labels(&INFO, &host))));
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,80}", hyphens in "[-_a]{0,80}") {
        let _ = (read_name(&text), read_name(&hyphens));
    }
}
