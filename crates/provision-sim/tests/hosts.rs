//! An HTTPS client that knows nothing of the simulator but its authority, sent to each cloud's real host names: as a program
//! whose hosts file says so. URLs name no port, so that the Host header is the real one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use provision_sim::{CloudInfo, Server, Sim, TlsIdentity};
use reqwest::{Certificate, Client, StatusCode};
use serde_json::{Value, json};
use support::sigv4;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// What a `*` in a host name stands for here.
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

fn names(cloud: &CloudInfo) -> Vec<String> {
    let expand = |host: &&str| match host.contains('*') {
        true => REGIONS.map(|region| host.replace('*', region)).to_vec(),
        false => vec![(*host).to_owned()],
    };
    cloud.hosts.iter().flat_map(expand).collect()
}

struct Home {
    sim: Sim,
    client: Client,
    _server: Server,
}

async fn start() -> Home {
    // Fails when another test was quicker; the provider is the same.
    drop(rustls::crypto::ring::default_provider().install_default());
    let sim = Sim::builder().build().unwrap();
    let tls = TlsIdentity::generate().unwrap();
    let server = sim.serve_tls(ANY_PORT, &tls).await.unwrap();
    let authority = Certificate::from_pem(tls.ca_pem().as_bytes()).unwrap();
    let mut client = Client::builder().no_proxy().tls_certs_only([authority]);
    for name in provision_sim::clouds().iter().flat_map(names) {
        client = client.resolve(&name, server.local_addr());
    }
    Home {
        sim,
        client: client.build().unwrap(),
        _server: server,
    }
}

fn setting(cloud: &str, name: &str) -> &'static str {
    let clouds = provision_sim::clouds();
    let cloud = clouds.iter().find(|info| info.id == cloud).unwrap();
    cloud.settings.iter().find(|(known, _)| *known == name).unwrap().1
}

#[tokio::test]
async fn each_real_host_name_leads_to_its_cloud() {
    let home = start().await;
    let mut seen = Vec::new();
    for cloud in provision_sim::clouds() {
        let names = names(&cloud);
        assert!(!names.is_empty(), "{} has no host", cloud.id);
        for name in names {
            // A path that begins like the prefix of a cloud says nothing when the host decides.
            for path in ["/", "/v1/servers", "/hetzner/v1/servers", "/_sim/inventory"] {
                let answer = home.client.get(format!("https://{name}{path}")).send().await.unwrap();
                assert!(answer.status().is_client_error(), "{name}{path}: {}", answer.status());
                let log = home.sim.requests();
                let last = log.last().unwrap();
                assert_eq!((last.cloud.as_str(), last.path.as_str()), (cloud.id, path), "{name}");
            }
            seen.push(name);
        }
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count, "a host name belongs to two clouds");
}

/// Clouds whose account has one bearer token accept it at home.
#[tokio::test]
async fn a_token_is_accepted_at_home_and_only_there() {
    let home = start().await;
    let lists = [
        ("digitalocean", "/v2/droplets"),
        ("hetzner", "/v1/servers"),
        ("linode", "/v4/linode/instances"),
        ("vultr", "/v2/instances"),
    ];
    for (id, path) in lists {
        let cloud = provision_sim::clouds().into_iter().find(|info| info.id == id).unwrap();
        for (owner, _) in lists {
            let url = format!("https://{}{path}", cloud.hosts[0]);
            let request = home.client.get(url).bearer_auth(setting(owner, "token"));
            let expected = if owner == id {
                StatusCode::OK
            } else {
                StatusCode::UNAUTHORIZED
            };
            assert_eq!(
                request.send().await.unwrap().status(),
                expected,
                "{owner}'s token at {id}"
            );
        }
    }
}

#[tokio::test]
async fn scaleway_is_at_home() {
    let home = start().await;
    let url = "https://api.scaleway.com/instance/v1/zones/fr-par-1/servers";
    let request = home
        .client
        .get(url)
        .header("x-auth-token", setting("scaleway", "secret-key"));
    assert_eq!(
        request.send().await.unwrap().json::<Value>().await.unwrap(),
        json!({ "servers": [] })
    );
}

#[tokio::test]
async fn ovh_is_at_home_under_all_its_names() {
    let home = start().await;
    for host in ["eu.api.ovh.com", "ca.api.ovh.com", "api.us.ovhcloud.com"] {
        for version in ["1.0", "v1"] {
            let answer = home
                .client
                .get(format!("https://{host}/{version}/auth/time"))
                .send()
                .await
                .unwrap();
            assert!(answer.json::<u64>().await.unwrap() > 1_700_000_000, "{host}");
        }
    }
}

#[tokio::test]
async fn googles_token_hosts_are_at_home() {
    let home = start().await;
    let form = "grant_type=refresh_token&client_id=a&client_secret=b&refresh_token=sim-refresh-token-gce";
    for exchange in [
        "https://oauth2.googleapis.com/token",
        "https://www.googleapis.com/oauth2/v4/token",
    ] {
        let request = home.client.post(exchange).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let token: Value = request.send().await.unwrap().json().await.unwrap();
        for api in ["compute.googleapis.com", "www.googleapis.com"] {
            let url = format!("https://{api}/compute/v1/projects/sim-project/zones/europe-west1-b/instances");
            let request = home
                .client
                .get(url)
                .bearer_auth(token["access_token"].as_str().unwrap());
            let list: Value = request.send().await.unwrap().json().await.unwrap();
            assert_eq!(list["kind"], "compute#instanceList", "{exchange} {api}");
        }
    }
}

#[tokio::test]
async fn azures_login_host_is_at_home() {
    let home = start().await;
    let tenant = setting("azure", "tenant-id");
    let login = format!("https://login.microsoftonline.com/{tenant}");
    // What SDKs look up first leads to the same host.
    let url = format!("{login}/v2.0/.well-known/openid-configuration");
    let known: Value = home.client.get(url).send().await.unwrap().json().await.unwrap();
    let exchange = known["token_endpoint"].as_str().unwrap();
    assert_eq!(exchange, format!("{login}/oauth2/v2.0/token"));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", setting("azure", "client-id"))
        .append_pair("client_secret", setting("azure", "client-secret"))
        .append_pair("scope", "https://management.azure.com/.default")
        .finish();
    let request = home.client.post(exchange).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let token: Value = request.send().await.unwrap().json().await.unwrap();
    let url = format!(
        "https://management.azure.com/subscriptions/{}/resourcegroups?api-version=2021-04-01",
        setting("azure", "subscription-id")
    );
    let request = home
        .client
        .get(url)
        .bearer_auth(token["access_token"].as_str().unwrap());
    assert_eq!(
        request.send().await.unwrap().json::<Value>().await.unwrap(),
        json!({ "value": [] })
    );
}

#[tokio::test]
async fn each_region_of_ec2_is_at_home() {
    let home = start().await;
    let body = "Action=DescribeRegions&Version=2016-11-15";
    for host_region in REGIONS {
        for signed_region in REGIONS {
            let host = format!("ec2.{host_region}.amazonaws.com");
            let secret = setting("ec2", "secret-access-key");
            let (date, authorization) = sigv4::sign("/", &host, signed_region, secret, body);
            let request = home.client.post(format!("https://{host}/")).body(body);
            let request = request
                .header("x-amz-date", date)
                .header("authorization", authorization);
            // A signature for another region is none for this host.
            let expected = match signed_region == host_region {
                true => StatusCode::OK,
                false => StatusCode::UNAUTHORIZED,
            };
            assert_eq!(
                request.send().await.unwrap().status(),
                expected,
                "{host} {signed_region}"
            );
        }
    }
}
