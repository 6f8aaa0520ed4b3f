//! Settings from strangers lead no cloud to this machine's files, environment or network: a rule for every setting of every
//! cloud, so that a new one cannot slip in.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use provision::{
    CatalogQuery, CommonSetting, ErrorKind, ListFilter, ProviderInfo, SettingInfo, SettingRole, Settings,
    StrangerRules, connect_with,
    http::{Request, Response, Transport, TransportError},
};

/// Notes where requests would go, and sends none.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<(String, String)>>);

#[async_trait]
impl Transport for Notes {
    async fn send(&self, request: &Request, _: Duration) -> Result<Response, TransportError> {
        let url = request.url();
        let place = format!(
            "{}://{}:{:?}",
            url.scheme(),
            url.host_str().unwrap_or_default(),
            url.port()
        );
        let body = String::from_utf8_lossy(request.body_bytes()).into_owned();
        let whole = format!("{url} {:?} {body}", request.headers());
        self.0.lock().unwrap().push((place, whole));
        Err(TransportError::Connect("nothing is sent here".into()))
    }
}

/// Credentials that the simulator takes, as somebody would put them into a Secret.
fn credentials(info: &ProviderInfo) -> Vec<(String, String)> {
    let cloud = provision_sim::clouds()
        .into_iter()
        .find(|cloud| cloud.id == info.id)
        .unwrap();
    let open = |name: &str| {
        info.setting(name)
            .is_some_and(|setting| setting.role.is_open_to_strangers())
    };
    let pairs = cloud.settings.iter().filter(|(name, _)| open(name));
    let mut pairs: Vec<_> = pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    // A cloud that has no place of its own, as each user's is somewhere else.
    let settings = from_strangers(info, &pairs).unwrap();
    if connect_with(info.id, &settings, Arc::new(Notes::default())).is_err_and(|error| lacks_endpoint(&error)) {
        pairs.push(("endpoint".to_owned(), ALLOWED.to_owned()));
    }
    pairs
}

/// The place of such a cloud, which whoever runs the program allows.
const ALLOWED: &str = "https://cloud.example/api";

fn lacks_endpoint(error: &provision::Error) -> bool {
    error.to_string().contains("setting `endpoint` is missing")
}

/// Everything that a cloud says and sends with these settings, and the places where it would send it.
async fn reached(info: &ProviderInfo, settings: &Settings) -> (BTreeSet<String>, String) {
    let notes = Arc::new(Notes::default());
    let mut said = String::new();
    match connect_with(info.id, settings, notes.clone()) {
        Err(error) => said.push_str(&format!("{error:?} {error}")),
        Ok(cloud) => {
            let catalog = cloud.catalog(&CatalogQuery::all()).await;
            let list = cloud.list(&ListFilter::all()).await;
            for error in [catalog.err(), list.err()].into_iter().flatten() {
                said.push_str(&format!("{error:?} {error}"));
            }
        }
    }
    let sent = notes.0.lock().unwrap();
    for (_, whole) in sent.iter() {
        said.push_str(whole);
    }
    (sent.iter().map(|(place, _)| place.clone()).collect(), said)
}

fn from_strangers(info: &ProviderInfo, pairs: &[(String, String)]) -> provision::Result<Settings> {
    let allowed = pairs.iter().any(|(name, value)| name == "endpoint" && value == ALLOWED);
    let rules = match allowed {
        true => StrangerRules::new().with_endpoint(ALLOWED),
        false => StrangerRules::new(),
    };
    Settings::from_strangers(info, &rules, pairs.iter().cloned())
}

#[tokio::test]
async fn no_setting_of_strangers_leads_to_a_file_or_another_place() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        (
            "key.json",
            r#"{"type":"authorized_user","client_id":"CANARY","client_secret":"CANARY","refresh_token":"CANARY",
                "clientId":"CANARY","clientSecret":"CANARY","tenantId":"CANARY","token_uri":"https://10.0.0.1/token"}"#,
        ),
        (
            "credentials",
            "[default]\naws_access_key_id = CANARY\naws_secret_access_key = CANARY\n",
        ),
        ("application_default_credentials.json", "CANARY"),
    ];
    fs::create_dir(folder.path().join(".aws")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
        fs::write(folder.path().join(".aws").join(name), text).unwrap();
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let hostile = [
        "https://10.0.0.1".to_owned(),
        "http://127.0.0.1:1".to_owned(),
        "@10.0.0.1/".to_owned(),
        "10.0.0.1/".to_owned(),
        "x.10.0.0.1".to_owned(),
        "../../../x".to_owned(),
        "a?b#c".to_owned(),
        r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","token_uri":"https://10.0.0.1/t"}"#
            .to_owned(),
        format!("file://{}", path("key.json")),
        format!("@{}", path("key.json")),
        folder.path().to_str().unwrap().to_owned(),
        path("key.json"),
        path("credentials"),
        path("absent"),
    ];
    for info in provision::providers() {
        let plain = credentials(info);
        // Where the vendor is: with each setting that anybody may give, one after the other.
        let mut public = BTreeSet::new();
        for setting in info
            .settings
            .iter()
            .filter(|setting| setting.role.is_open_to_strangers())
        {
            let mut pairs = plain.clone();
            if !pairs.iter().any(|(name, _)| name == setting.name) {
                pairs.push((setting.name.to_owned(), "harmless".to_owned()));
            }
            public.extend(reached(info, &from_strangers(info, &pairs).unwrap()).await.0);
        }
        assert!(!public.is_empty(), "{}: these credentials reach nothing", info.id);
        for setting in info.settings {
            for value in &hostile {
                let mut pairs = plain.clone();
                pairs.retain(|(name, _)| name != setting.name);
                pairs.push((setting.name.to_owned(), value.clone()));
                let place = format!("{}: `{}` = `{value}`", info.id, setting.name);
                let settings = match (from_strangers(info, &pairs), setting.role.is_open_to_strangers()) {
                    (Ok(settings), true) => settings,
                    (Err(error), false) => {
                        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{place}: {error}");
                        continue;
                    }
                    (settings, open) => panic!("{place}: open to strangers is {open}, but {settings:?}"),
                };
                let (places, said) = reached(info, &settings).await;
                assert!(
                    places.is_subset(&public),
                    "{place} leads to {places:?}, beside {public:?}"
                );
                assert!(!said.contains("CANARY"), "{place} reads a file: {said}");
            }
        }
    }
}

#[tokio::test]
async fn credentials_that_strangers_lack_are_not_taken_from_this_machine() {
    for info in provision::providers() {
        let plain = credentials(info);
        let is_credential = |name: &str| {
            let role = info.setting(name).map(|setting| setting.role);
            role == Some(SettingRole::Credential)
        };
        let mut values = plain.clone();
        values.retain(|(name, _)| !is_credential(name));
        for pairs in [Vec::new(), values] {
            let settings = from_strangers(info, &pairs).unwrap();
            let error = connect_with(info.id, &settings, Arc::new(Notes::default())).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Unauthorized, "{}: {text}", info.id);
            // What to do is put something into the settings; the rest is not theirs.
            let names_one = info
                .settings
                .iter()
                .any(|setting| text.contains(&format!("`{}`", setting.name)));
            assert!(names_one, "{}: {text}", info.id);
            let files = info.settings.iter().filter(|setting| setting.role == SettingRole::File);
            let variables = info.settings.iter().flat_map(|setting| setting.env);
            for word in files.map(|setting| setting.name).chain(variables.copied()) {
                assert!(!text.contains(word), "{}: {text}", info.id);
            }
        }
    }
}

#[test]
fn endpoints_of_the_vendors_own_are_open_to_all_and_others_by_permission() {
    for info in provision::providers() {
        let plain = credentials(info);
        for setting in info
            .settings
            .iter()
            .filter(|setting| setting.role == SettingRole::Endpoint)
        {
            let with = |rules: &StrangerRules, value: &str| {
                let pairs = plain
                    .iter()
                    .filter(|(name, _)| name != setting.name)
                    .cloned()
                    .chain([(setting.name.to_owned(), value.to_owned())]);
                let settings = Settings::from_strangers(info, rules, pairs)?;
                connect_with(info.id, &settings, Arc::new(Notes::default()))
            };
            for value in setting.public_values {
                with(&StrangerRules::new(), value).unwrap();
            }
            let copy = "https://copy.example/api";
            with(&StrangerRules::new().with_endpoint(copy), copy).unwrap();
            assert!(with(&StrangerRules::new(), copy).is_err(), "{}", info.id);
        }
    }
}

/// What a setting is called, and the variables that vendors' tools read it from, tell what it is.
fn expected_role(setting: &SettingInfo) -> Option<SettingRole> {
    let words = |name: &str| -> BTreeSet<String> {
        let parts = name.split(['-', '_']);
        parts.map(str::to_ascii_lowercase).collect()
    };
    let mut said = words(setting.name);
    for variable in setting.env {
        said.extend(words(variable));
    }
    let says = |list: &[&str]| list.iter().any(|word| said.contains(*word));
    if says(&["file", "path", "folder", "dir", "home", "profile", "config"]) {
        Some(SettingRole::File)
    } else if says(&["endpoint", "url", "uri", "host", "proxy", "server", "authority"]) {
        Some(SettingRole::Endpoint)
    } else if says(&["allow", "insecure", "verify", "skip", "debug"]) {
        Some(SettingRole::Behaviour)
    } else if setting.secret || says(&["token", "secret", "password"]) {
        Some(SettingRole::Credential)
    } else {
        None
    }
}

#[test]
fn a_setting_has_the_role_that_its_name_and_variables_tell() {
    let mut told = 0;
    for info in provision::providers() {
        for setting in info.settings {
            if let Some(role) = expected_role(setting) {
                told += 1;
                assert_eq!(setting.role, role, "{}: `{}`", info.id, setting.name);
            }
        }
    }
    assert!(told > 40, "{told}");
}

#[test]
fn every_cloud_has_one_access_key_and_nothing_twice() {
    for info in provision::providers() {
        let count = |common| {
            info.settings
                .iter()
                .filter(|setting| setting.common == Some(common))
                .count()
        };
        assert_eq!(count(CommonSetting::AccessKey), 1, "{}", info.id);
        for common in [
            CommonSetting::SecretKey,
            CommonSetting::Project,
            CommonSetting::Region,
            CommonSetting::Zone,
        ] {
            assert!(count(common) <= 1, "{}: {common:?}", info.id);
        }
        for (name, common) in [("region", CommonSetting::Region), ("zone", CommonSetting::Zone)] {
            let named = info.setting(name).is_some();
            assert_eq!(info.common_setting(common).is_some(), named, "{}: `{name}`", info.id);
        }
        let project = info.common_setting(CommonSetting::Project);
        assert_eq!(
            project.is_some(),
            info.settings
                .iter()
                .any(|s| s.name.starts_with("project") || s.name.starts_with("subscription")),
            "{}",
            info.id
        );
    }
}
