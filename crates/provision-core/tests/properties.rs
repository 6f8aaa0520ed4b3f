//! Properties that hold for every input: ids, names, labels, ports, keys and user data.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::io::Read as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use provision_core::{
    BasicHost, HostId, HostName, IdempotencyKey, Labels, Order, PortRange, Protocol, ProviderInfo, UserData,
    UserDataKind, UserDataRules,
};

const WORD: &str = "[a-z]([a-z0-9_-]{0,61}[a-z0-9])?";
const VALUE: &str = "([a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)?";

/// Mostly near misses: the alphabet of what is allowed, and what stands just outside it.
const NEARLY: &str = "[a-zA-Z0-9_.:()|/%?# \n\u{e9}-]{0,70}";

/// A valid word with one character replaced by one that may not stand there.
fn nearly_word() -> impl Strategy<Value = String> {
    (WORD, any::<prop::sample::Index>(), "[a-zA-Z0-9_ .:=-]").prop_map(|(word, at, other)| {
        let at = at.index(word.len());
        format!("{}{other}{}", &word[..at], &word[at + 1..])
    })
}

/// Parts that a URL would read as something else, among those that it would not.
fn nearly_id() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[A-Za-z0-9._:()-]{1,8}",
        Just(".".to_owned()),
        Just("..".to_owned()),
        Just(String::new())
    ];
    prop_oneof![
        prop::collection::vec(part, 1..6).prop_map(|parts| parts.join("|")),
        NEARLY.prop_map(|text| text),
    ]
}

fn label_pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let own = |(key, _): &(String, String)| key != "managed-by" && !key.starts_with("provision-");
    prop::collection::vec((WORD, VALUE).prop_filter("reserved", own), 0..8)
}

fn labels_of(pairs: &[(String, String)]) -> Labels {
    let mut labels = Labels::new();
    for (key, value) in pairs {
        labels.insert(key, value).unwrap();
    }
    labels
}

fn script() -> impl Strategy<Value = String> {
    "[ -~\u{e9}\u{4e16}\n]{0,400}".prop_map(|body| format!("#!/bin/sh\n{body}"))
}

fn cloud_config() -> impl Strategy<Value = String> {
    "[ -~\n]{0,400}".prop_map(|body| format!("#cloud-config\n{body}"))
}

fn any_part() -> impl Strategy<Value = UserData> {
    prop_oneof![script(), cloud_config()].prop_map(|text| UserData::new(text).unwrap())
}

/// The bodies of a multi-part text, decoded: written without the code under test.
fn bodies(text: &str) -> Vec<String> {
    let boundary = text.split('"').nth(1).unwrap();
    let opening = format!("--{boundary}\n");
    let parts = text.split(&opening).skip(1);
    parts
        .map(|part| {
            let body = part.split_once("\n\n").unwrap().1;
            let body = body.split(&format!("--{boundary}--")).next().unwrap();
            let joined: String = body.split_whitespace().collect();
            String::from_utf8(STANDARD.decode(joined).unwrap()).unwrap()
        })
        .collect()
}

proptest! {
    #[test]
    fn an_accepted_id_cannot_change_a_url(text in nearly_id()) {
        if let Ok(id) = HostId::new(text.clone()) {
            prop_assert_eq!(id.as_str(), &text);
            prop_assert!(id.parts().count() <= 4);
            for part in id.parts() {
                prop_assert!(!part.is_empty() && part != "." && part != "..");
                prop_assert!(!part.contains(['/', '?', '#', '%', ' ', '\n', '|']));
                prop_assert!(part.is_ascii());
            }
        }
    }

    #[test]
    fn an_id_comes_back_from_its_parts_text_and_json(parts in prop::collection::vec("[A-Za-z0-9_:()-]{1,40}", 1..=4)) {
        let id = HostId::from_parts(parts.iter().map(String::as_str)).unwrap();
        prop_assert_eq!(id.parts().collect::<Vec<_>>(), parts.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert_eq!(&id.to_string().parse::<HostId>().unwrap(), &id);
        let json = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(serde_json::from_str::<HostId>(&json).unwrap(), id);
    }

    #[test]
    fn a_number_is_an_id_only_in_plain_digits(number in 1_u64.., text in "[0-9+ -]{1,22}") {
        prop_assert_eq!(HostId::new(number.to_string()).unwrap().as_number().unwrap(), number);
        if let Ok(id) = HostId::new(text.clone()) && let Ok(read) = id.as_number() {
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit()));
            prop_assert_eq!(read, text.parse::<u64>().unwrap());
        }
    }

    #[test]
    fn a_name_is_a_dns_label_or_refused(name in "[a-zA-Z0-9_.-]{0,66}") {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let valid = name.len() <= 63
            && edge(name.chars().next())
            && edge(name.chars().last())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        prop_assert_eq!(HostName::new(name.clone()).is_ok(), valid, "{}", name);
    }

    #[test]
    fn a_suggested_name_is_accepted(name in prop_oneof![NEARLY, "[-_. ]{0,2}[a-zA-Z0-9_]{1,12}[-_. ]{0,2}"]) {
        if let Err(invalid) = HostName::new(name.clone()) {
            let text = invalid.to_string();
            if name.len() <= 63 && name.is_ascii() && name.contains(|c: char| c.is_ascii_alphanumeric()) {
                prop_assert!(text.contains("; try `"), "a name can be made of it: {}", text);
            }
            if let Some((_, suggestion)) = text.rsplit_once("; try `") {
                prop_assert!(HostName::new(suggestion.trim_end_matches('`')).is_ok(), "{}", text);
            }
        }
    }

    #[test]
    fn labels_come_back_from_tags_text_and_json(pairs in label_pairs()) {
        let labels = labels_of(&pairs);
        let tags = labels.to_tags();
        prop_assert_eq!(&Labels::from_tags(tags.iter().map(String::as_str)), &labels);
        prop_assert_eq!(&Labels::from_vendor(labels.iter()), &labels);
        let text: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        prop_assert_eq!(&text.join(",").parse::<Labels>().unwrap(), &labels);
        let json = serde_json::to_string(&labels).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Labels>(&json).unwrap(), &labels);
    }

    #[test]
    fn a_label_outside_the_rules_is_refused_and_never_read(
        key in prop_oneof![WORD, nearly_word(), NEARLY], value in prop_oneof![VALUE, nearly_word(), NEARLY],
    ) {
        let fits = |text: &str| text.len() <= 63
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
            && text.bytes().last().is_some_and(|b| b.is_ascii_alphanumeric())
            && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let valid = fits(&key) && key.starts_with(|c: char| c.is_ascii_lowercase()) && (value.is_empty() || fits(&value));
        let reserved = key == "managed-by" || key.starts_with("provision-");
        prop_assert_eq!(Labels::new().insert(&key, &value).is_ok(), valid && !reserved);
        let read = Labels::from_vendor([(key.as_str(), value.as_str())]);
        prop_assert_eq!(!read.is_empty(), valid);
    }

    #[test]
    fn a_new_host_carries_the_marker_key_and_expiry_and_the_users_labels(
        pairs in label_pairs(), key in "[ -~]{1,255}", seconds in 0_u64..4_000_000_000,
    ) {
        let labels = labels_of(&pairs);
        let key = IdempotencyKey::new(key).unwrap();
        let expires = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        prop_assert!(!labels.is_managed());
        let mut host = BasicHost::new("web-1".parse().unwrap(), UserData::empty()).with_labels(labels.clone()).with_key(key.clone());
        host.expires = Some(expires);
        let info = ProviderInfo::new("fake", "Fake");
        let all = Order::new(&info, "here", &host).unwrap().labels;
        prop_assert!(all.is_managed() && all.has_key(&key) && all.contains_all(&labels));
        prop_assert_eq!(all.expires(), Some(expires));
        // What is added fits the same rules, so that every cloud holds it.
        prop_assert_eq!(Labels::from_vendor(all.iter()), all);
    }

    #[test]
    fn a_hash_is_short_plain_and_its_own(a in "[ -~]{1,255}", b in "[ -~]{1,255}", part in ".{0,20}") {
        let (first, second) = (IdempotencyKey::new(a.clone()).unwrap(), IdempotencyKey::new(b.clone()).unwrap());
        let hash = first.hash();
        prop_assert!(hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        prop_assert_eq!(hash == second.hash(), a == b);
        prop_assert_ne!(first.hash_with(&[&part]), hash.clone());
        let shown = format!("{first:?}");
        // Longer than what a hash or the type's name could hold by chance.
        prop_assert!(a.len() < 17 || !shown.contains(&a), "a key is not shown");
    }

    #[test]
    fn parts_of_a_hash_do_not_run_into_each_other(a in "[a-z]{1,8}", b in "[a-z]{1,8}") {
        let key = IdempotencyKey::new("key").unwrap();
        let joined = format!("{a}{b}");
        prop_assert_ne!(key.hash_with(&[&a, &b]), key.hash_with(&[&joined]));
        prop_assert_ne!(key.hash_with(&[&a]), key.hash_with(&[&a, ""]));
    }

    #[test]
    fn a_port_range_comes_back_from_its_text(from in 1_u16.., length in 0_u16..2000, udp: bool) {
        let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
        let range = PortRange::new(protocol, from, from.saturating_add(length)).unwrap();
        prop_assert_eq!(range.to_string().parse::<PortRange>().unwrap(), range);
        let json = serde_json::to_string(&range).unwrap();
        prop_assert_eq!(serde_json::from_str::<PortRange>(&json).unwrap(), range);
        if length > 0 && range.to() > from {
            prop_assert!(PortRange::new(protocol, range.to(), from).is_err(), "backwards");
        }
    }

    #[test]
    fn what_is_read_as_a_port_is_one(text in "[+ ]?[0-9]{1,5}(-[+ ]?[0-9]{1,5})?(/tcp|/udp|/|/TCP)?") {
        if let Ok(range) = text.parse::<PortRange>() {
            prop_assert!(range.from() >= 1 && range.from() <= range.to());
            prop_assert!(!text.contains(['+', ' ']));
        }
    }

    #[test]
    fn user_data_comes_back_from_base64_and_gzip(text in script()) {
        let data = UserData::new(text.clone()).unwrap();
        prop_assert_eq!(data.kind(), UserDataKind::Script);
        prop_assert_eq!(STANDARD.decode(data.to_base64()).unwrap(), text.as_bytes());
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&data.to_gzip()[..]).read_to_string(&mut unpacked).unwrap();
        prop_assert_eq!(&unpacked, &text);
        prop_assert_eq!(data.to_gzip(), UserData::new(text.clone()).unwrap().to_gzip());
        let shown = format!("{data:?}");
        prop_assert!(!shown.contains(&text));
    }

    #[test]
    fn the_size_check_agrees_with_what_is_sent(text in script(), max_bytes in 0_usize..500, gzip: bool) {
        let data = UserData::new(text.clone()).unwrap();
        let rules = match gzip {
            true => UserDataRules::new(max_bytes).with_gzip(),
            false => UserDataRules::new(max_bytes),
        };
        let sent = STANDARD.decode(data.to_base64_for(rules)).unwrap();
        prop_assert_eq!(data.check("a cloud", rules).is_ok(), sent.len() <= max_bytes);
        if !gzip || text.len() <= max_bytes {
            prop_assert_eq!(sent, text.as_bytes(), "only compressed where that is needed and accepted");
        }
    }

    #[test]
    fn combined_user_data_holds_every_part_in_order(parts in prop::collection::vec(any_part(), 2..5)) {
        let texts: Vec<String> = parts.iter().map(|part| part.expose().to_owned()).collect();
        let all = UserData::combine(&parts).unwrap();
        prop_assert_eq!(all.kind(), UserDataKind::MultiPart);
        prop_assert_eq!(bodies(all.expose()), texts.clone());
        prop_assert!(all.expose().lines().all(|line| line.len() <= 100), "lines that mail software would break");
        prop_assert_eq!(all.parts().unwrap().len(), parts.len());
        prop_assert!(parts[0].parts().unwrap().is_empty(), "only a multi-part text has parts");
        let again = UserData::combine(&parts).unwrap();
        prop_assert_eq!(again.expose(), all.expose(), "the same parts always give the same text");
        // Combining is flat however it is done.
        let (first, rest) = parts.split_at(1);
        let nested = UserData::combine(&[first[0].clone(), UserData::empty(), UserData::combine(rest).unwrap()]).unwrap();
        prop_assert_eq!(bodies(nested.expose()), texts);
    }

    #[test]
    fn combining_one_changes_nothing(part in any_part()) {
        let same = UserData::combine(&[UserData::empty(), part.clone(), UserData::empty()]).unwrap();
        prop_assert_eq!(same.expose(), part.expose());
    }

    #[test]
    fn what_is_no_user_data_is_refused_without_being_repeated(text in "[a-zA-Z0-9 ]{12,80}") {
        let error = UserData::new(text.clone()).unwrap_err();
        let shown = format!("{error} {error:?}");
        prop_assert!(!shown.contains(&text));
    }
}
