//! Tokens, groups and what every request needs.

use http::Method;
use serde_json::{Value, json};

use super::{
    super::{CLIENT, READER, SECRET, SUBSCRIPTION, TENANT},
    World, answer, form, token, world,
};
use crate::SimRequest;

#[test]
fn tokens_are_issued_checked_and_expire() {
    let world = world();
    let path = format!("/azure/subscriptions/{SUBSCRIPTION}/resourcegroups?api-version=2021-04-01");
    let with = |token: &str| {
        let (status, _, body) = answer(world.sim.handle(SimRequest::new(Method::GET, &path).bearer(token)));
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(with(&world.token).0, 200);
    let forged = format!("{}x", world.token);
    assert_eq!(with(&forged), (401, "InvalidAuthenticationToken".to_owned()));
    let (status, headers, body) = answer(world.sim.handle(SimRequest::new(Method::GET, &path)));
    assert_eq!(
        (status, body["error"]["code"].as_str()),
        (401, Some("AuthenticationFailed"))
    );
    assert!(headers.contains_key("www-authenticate"));
    world.advance(3_600);
    assert_eq!(with(&world.token), (401, "ExpiredAuthenticationToken".to_owned()));
    assert_eq!(with(&token(&world.sim, CLIENT)).0, 200);
    // A reader may look, but not touch.
    let reader = World {
        token: token(&world.sim, READER),
        sim: world.sim.clone(),
    };
    assert_eq!(reader.call(Method::GET, "/resourcegroups", None).0, 200);
    let (status, body) = reader.call(Method::PUT, "/resourcegroups/x", Some(&json!({"location": "eastus"})));
    assert_eq!(
        (status, body["error"]["code"].as_str()),
        (403, Some("AuthorizationFailed"))
    );
}

#[test]
fn the_token_service_refuses_in_its_own_words() {
    let world = world();
    let grant = "grant_type=client_credentials";
    let scope = "scope=https%3A%2F%2Fmanagement.azure.com%2F.default";
    let v2 = format!("/azure/{TENANT}/oauth2/v2.0/token");
    for (path, body, status, number) in [
        (
            v2.clone(),
            format!("{grant}&client_id={CLIENT}&client_secret=wrong&{scope}"),
            401,
            7_000_215,
        ),
        (
            v2.clone(),
            format!("{grant}&client_id=nobody&client_secret={SECRET}&{scope}"),
            400,
            700_016,
        ),
        (
            v2.clone(),
            format!("{grant}&client_id={CLIENT}&client_secret={SECRET}"),
            400,
            900_144,
        ),
        (
            v2.clone(),
            format!("{grant}&client_id={CLIENT}&client_secret={SECRET}&scope=x"),
            400,
            70_011,
        ),
        (
            v2.clone(),
            format!("grant_type=password&client_id={CLIENT}"),
            400,
            70_003,
        ),
        (
            "/azure/nowhere/oauth2/v2.0/token".to_owned(),
            format!("{grant}&client_id={CLIENT}"),
            400,
            90_002,
        ),
    ] {
        let (found, answer) = form(&world.sim, &path, &body);
        assert_eq!(
            (found, answer["error_codes"][0].as_u64()),
            (status, Some(number)),
            "{body}: {answer}"
        );
    }
    // As MSAL for Go writes scopes (github.com/AzureAD/microsoft-authentication-library-for-go v1.4, 2026-11): with a resource that
    // ends with a slash, and with those of its own.
    let resource = "https%3A%2F%2Fmanagement.core.windows.net%2F%2F.default";
    for (scopes, status) in [
        (format!("{resource}+openid+offline_access+profile"), 200),
        (format!("openid+{resource}"), 200),
        ("openid+offline_access".to_owned(), 400),
        (format!("{resource}+{}", scope.trim_start_matches("scope=")), 400),
    ] {
        let body = format!("{grant}&client_id={CLIENT}&client_secret={SECRET}&scope={scopes}");
        let (found, answer) = form(&world.sim, &v2, &body);
        assert_eq!(found, status, "{scopes}: {answer}");
        if let Some(token) = answer["access_token"].as_str() {
            let own = World {
                token: token.to_owned(),
                sim: world.sim.clone(),
            };
            assert_eq!(own.call(Method::GET, "/resourcegroups", None).0, 200);
        }
    }
    let v1 =
        format!("{grant}&client_id={CLIENT}&client_secret={SECRET}&resource=https%3A%2F%2Fmanagement.azure.com%2F");
    let (status, answer) = form(&world.sim, &format!("/azure/{TENANT}/oauth2/token"), &v1);
    assert_eq!((status, answer["expires_in"].as_str()), (200, Some("3599")));
    let target = format!("https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration");
    let (status, _, body) = world.whole(Method::GET, &target, None);
    let expected = format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token");
    assert_eq!(
        (status, body["token_endpoint"].as_str()),
        (200, Some(expected.as_str()))
    );
}

#[test]
fn groups_are_filtered_paged_and_checked() {
    let world = world();
    for number in 0..101 {
        world.group(&format!("rg-{number}"));
    }
    let (status, body) = world.call(
        Method::PUT,
        "/resourcegroups/other",
        Some(&json!({"location": "West Europe"})),
    );
    assert_eq!((status, body["location"].as_str()), (201, Some("westeurope")));
    let filter = "/resourcegroups?$filter=tagName%20eq%20'MANAGED-BY'%20and%20tagValue%20eq%20'provision'";
    let first = world.get(filter);
    assert_eq!(first["value"].as_array().unwrap().len(), 100);
    let next = first["nextLink"].as_str().unwrap();
    assert!(next.starts_with("http://localhost/azure/subscriptions/"), "{next}");
    let (_, _, second) = world.whole(Method::GET, next, None);
    assert_eq!(
        (second["value"].as_array().unwrap().len(), second["nextLink"].as_str()),
        (1, None)
    );
    assert_eq!(
        world.get("/resourcegroups?$filter=tagName%20eq%20'host'%20and%20tagValue%20eq%20'rg-7'")["value"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for (method, path, body, expected) in [
        (
            Method::GET,
            "/resourcegroups?$filter=name%20eq%20'x'",
            Value::Null,
            (400, "InvalidFilterInQueryString"),
        ),
        (
            Method::PUT,
            "/resourcegroups/x",
            json!({"location": "mars"}),
            (400, "LocationNotAvailableForResourceGroup"),
        ),
        (Method::PUT, "/resourcegroups/x", json!({}), (400, "LocationRequired")),
        (
            Method::PUT,
            "/resourcegroups/x.",
            json!({"location": "eastus"}),
            (400, "InvalidResourceGroup"),
        ),
        (
            Method::PUT,
            "/resourcegroups/RG-1",
            json!({"location": "westus2"}),
            (409, "InvalidResourceGroupLocation"),
        ),
        (
            Method::PUT,
            "/resourcegroups/x",
            json!({"location": "eastus", "tags": {"a/b": "c"}}),
            (400, "InvalidTagNameCharacters"),
        ),
        (
            Method::DELETE,
            "/resourcegroups/none",
            Value::Null,
            (404, "ResourceGroupNotFound"),
        ),
        (
            Method::GET,
            "/providers/Microsoft.Compute/locations/mars/vmSizes",
            Value::Null,
            (400, "NoRegisteredProviderFound"),
        ),
        (
            Method::GET,
            "/providers/Microsoft.Compute/virtualMachines?$expand=instanceView",
            Value::Null,
            (400, "InvalidParameter"),
        ),
    ] {
        let (status, answer) = world.call(method, path, Some(&body).filter(|body| !body.is_null()));
        assert_eq!(
            (status, answer["error"]["code"].as_str().unwrap_or_default()),
            expected,
            "{path}"
        );
    }
    let bare = format!("/azure/subscriptions/{SUBSCRIPTION}/resourcegroups");
    assert_eq!(
        world.whole(Method::GET, &bare, None).2["error"]["code"],
        "MissingApiVersionParameter"
    );
    let odd = format!("{bare}?api-version=latest");
    assert_eq!(
        world.whole(Method::GET, &odd, None).2["error"]["code"],
        "InvalidApiVersionParameter"
    );
    let other = "/azure/subscriptions/5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11/resourcegroups?api-version=2021-04-01";
    assert_eq!(
        world.whole(Method::GET, other, None).2["error"]["code"],
        "SubscriptionNotFound"
    );
}
