use provision_core::ExposeSecret;

use super::*;

const CREDENTIALS: &str = "# mine\n[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key=default/secret=\n\n[work]\naws_access_key_id=AKIDWORK # ours\naws_secret_access_key=work-secret\naws_session_token=work-token\n";
const CONFIG: &str = "[default]\nregion = eu-central-1\ns3 =\n  region = nested\n[profile work]\nregion=eu-west-3\n[profile sso]\nsso_session = corp\n";

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(home.path().join(".aws/credentials"), CREDENTIALS).unwrap();
    std::fs::write(home.path().join(".aws/config"), CONFIG).unwrap();
    home
}

fn read(settings: &Settings) -> Result<(String, String, Option<String>)> {
    let (credentials, region) = from_settings(settings)?;
    match credentials {
        Credentials::Keys(keys) => Ok((
            keys.access_key_id,
            keys.secret_access_key.expose_secret().to_owned(),
            region,
        )),
        #[cfg(feature = "aws-config")]
        Credentials::Chain { .. } => Ok(("chain".to_owned(), String::new(), region)),
    }
}

#[test]
fn a_profile_gives_what_the_settings_lack() {
    let home = home();
    let at_home = Settings::new().with("home", home.path().to_str().unwrap());
    let (id, secret, region) = read(&at_home).unwrap();
    assert_eq!((id.as_str(), secret.as_str()), ("AKIDDEFAULT", "default/secret="));
    assert_eq!(region.as_deref(), Some("eu-central-1"));

    let (id, _, region) = read(&at_home.clone().with("profile", "work")).unwrap();
    assert_eq!((id.as_str(), region.as_deref()), ("AKIDWORK", Some("eu-west-3")));

    let keys = at_home
        .with("access-key-id", "AKIDSET")
        .with("secret-access-key", "set");
    let (id, _, region) = read(&keys).unwrap();
    assert_eq!((id.as_str(), region.as_deref()), ("AKIDSET", Some("eu-central-1")));
    assert_eq!(
        read(&keys.with("region", "us-west-2")).unwrap().2,
        None,
        "no file is needed"
    );
}

#[cfg(not(feature = "aws-config"))]
#[test]
fn missing_keys_are_explained() {
    let home = home();
    let at_home = Settings::new().with("home", home.path().to_str().unwrap());
    for (settings, expected) in [
        (Settings::new(), "AWS_ACCESS_KEY_ID"),
        (at_home.clone().with("profile", "none"), "profile `none`"),
        (at_home.with("profile", "sso"), "feature `aws-config`"),
    ] {
        let error = read(&settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn half_a_key_and_a_named_file_that_is_not_there_are_refused() {
    let error = read(&Settings::new().with("access-key-id", "AKID")).unwrap_err();
    assert!(error.to_string().contains("AWS_SECRET_ACCESS_KEY"), "{error}");
    let error = read(&Settings::new().with("credentials-file", "/nonexistent/file")).unwrap_err();
    assert!(error.to_string().contains("`credentials-file`"), "{error}");
}

/// The chain's own request goes over the transport, and its answer is used for as long as it is good.
#[cfg(feature = "aws-config")]
#[tokio::test]
async fn the_chain_asks_over_the_transport() {
    use provision_testkit::wiremock::{Mock, MockServer, ResponseTemplate, matchers::body_string_contains};
    let sts = MockServer::start().await;
    let answer = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIACHAIN</AccessKeyId><SecretAccessKey>chain-secret</SecretAccessKey><SessionToken>chain-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>a</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/web/x</Arn></AssumedRoleUser></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
    Mock::given(body_string_contains("web-identity-example"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(answer, "text/xml"))
        .expect(1)
        .mount(&sts)
        .await;
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let token = file("token", "web-identity-example".to_owned());
    let config = format!(
        "[profile web]\nrole_arn = arn:aws:iam::123456789012:role/web\nweb_identity_token_file = {token}\nendpoint_url = {}\n",
        sts.uri()
    );
    let settings = Settings::new()
        .with("profile", "web")
        .with("config-file", file("config", config))
        .with("credentials-file", file("credentials", String::new()));
    let (credentials, _) = from_settings(&settings).unwrap();
    let source = Source::new(credentials, &provision_testkit::wire::transport());
    for _ in 0..2 {
        let keys = source.keys("us-east-1").await.unwrap();
        assert_eq!(keys.access_key_id, "ASIACHAIN");
        assert_eq!(keys.session_token.unwrap().expose_secret(), "chain-token");
    }
}
