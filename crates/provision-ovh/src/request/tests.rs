use std::time::{Duration, SystemTime};

use proptest::{collection::btree_map, option, prelude::*};
use provision_core::{IdempotencyKey, UserData};

use super::*;

fn host(name: &str) -> BasicHost {
    BasicHost::new(name.parse().unwrap(), UserData::empty())
}

#[test]
fn a_name_is_readable_and_carries_everything() {
    let mut host = host("web-1");
    host.key = Some(IdempotencyKey::new("web-1").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800));
    host.labels.insert("team", "web").unwrap();
    host.labels.insert("keep", "").unwrap();
    let name = instance_name(&host).unwrap();
    assert_eq!(
        name,
        "web-1--managed-by--provision--provision-key--c4719afa76fa448b5eca99e673688584--provision-expires--1795168800--keep--_--team--web"
    );
    assert_eq!(read_name(&name), Some(("web-1".to_owned(), host.all_labels())));
}

#[test]
fn hyphens_of_a_part_never_look_like_a_separator() {
    let mut host = host("a--b---c");
    host.labels.insert("x--y", "1----2-3").unwrap();
    let name = instance_name(&host).unwrap();
    assert_eq!(name, "a---b----c--managed-by--provision--x---y--1-----2-3");
    assert_eq!(read_name(&name), Some(("a--b---c".to_owned(), host.all_labels())));
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
        let (host, labels) = read_name(name).unwrap();
        assert_eq!(host, "web-1");
        assert!(labels.is_managed());
        assert_eq!(labels.get("team"), team, "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_excess() {
    let mut host = host(&"n".repeat(63));
    host.labels.insert(&"k".repeat(63), &"v".repeat(63)).unwrap();
    assert_eq!(instance_name(&host).unwrap().len(), 63 + 23 + 130);
    host.key = Some(IdempotencyKey::new("k").unwrap());
    let error = instance_name(&host).unwrap_err().to_string();
    assert!(error.contains("265 characters") && error.contains("by 10"), "{error}");
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
    assert!(
        Order::new(&config, &host)
            .unwrap_err()
            .to_string()
            .contains("one ssh key only")
    );
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
        host.key = key.map(|key| IdempotencyKey::new(key).unwrap());
        host.expires = expires.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        if let Ok(written) = instance_name(&host) {
            prop_assert!(written.len() <= MAX_NAME_LEN);
            prop_assert!(written.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b)));
            prop_assert_eq!(read_name(&written), Some((name, host.all_labels())));
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,80}", hyphens in "[-_a]{0,80}") {
        let _ = (read_name(&text), read_name(&hyphens));
    }
}
