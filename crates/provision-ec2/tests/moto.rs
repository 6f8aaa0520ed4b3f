//! The provider against [moto](https://docs.getmoto.org), a stand-in for AWS that others wrote: it reads EC2's API
//! independently of our simulator, though more leniently (it checks neither signatures nor images, and cannot filter by client
//! token).
//!
//! Runs where `MOTO_SERVER` names the program `moto_server`, or it is on the PATH; else it is skipped and says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::{
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use provision_core::{
    BasicHost, CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostId, HostStatus, Hosted, ListFilter, OpenPorts,
    Origin, ProvisionedHost, Provisioner, Settings, UserData,
};
use provision_ec2::Ec2;
use provision_http::ReqwestTransport;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{interval, timeout},
};

/// How long moto may take to listen: it is a large program.
const START: Duration = Duration::from_secs(60);
/// More calls than any deletion needs.
const CALLS: usize = 20;

/// The running server, which ends with it, and its URL. `None` when moto is not installed.
async fn start() -> Option<(Child, String)> {
    let program = std::env::var_os("MOTO_SERVER").unwrap_or_else(|| "moto_server".into());
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = Command::new(&program)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut server = match server {
        Ok(server) => server,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && std::env::var_os("MOTO_SERVER").is_none() => {
            return None;
        }
        Err(error) => panic!("cannot start {program:?}: {error}"),
    };
    let listening = timeout(START, async {
        let mut tries = interval(Duration::from_millis(50));
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            if let Some(ended) = server.try_wait().unwrap() {
                return Some(ended);
            }
            tries.tick().await;
        }
        None
    });
    match listening.await.expect("moto_server listens within a minute") {
        None => {}
        // A launcher of that name is there, but not what it launches.
        Some(ended) if ended.code() == Some(127) && std::env::var_os("MOTO_SERVER").is_none() => return None,
        Some(ended) => panic!("{program:?} ended at once: {ended}"),
    }
    Some((server, format!("http://127.0.0.1:{port}")))
}

fn connect(url: &str) -> Hosted<Ec2> {
    let settings = Settings::new()
        .with("access-key-id", "testing")
        .with("secret-access-key", "testing")
        .with("region", "us-east-1")
        .with("endpoint", url);
    Ec2::from_settings(&settings, Arc::new(ReqwestTransport::new().unwrap())).unwrap()
}

fn host(name: &str) -> BasicHost {
    let mut host = BasicHost::new(name.parse().unwrap(), UserData::new("#!/bin/sh\necho hi\n").unwrap());
    host.labels = "team=web".parse().unwrap();
    host
}

async fn active(cloud: &Hosted<Ec2>, host: &BasicHost) -> ProvisionedHost {
    let created = cloud.provision(host).await.unwrap();
    let active = cloud.status(&created.id).await.unwrap();
    assert_eq!(active.status, HostStatus::Active, "{active:?}");
    assert_eq!(
        (active.name.as_str(), active.plan.as_deref()),
        (host.name.as_str(), Some("t3.micro"))
    );
    assert!(
        active.labels.is_managed() && active.labels.contains_all(&host.labels),
        "{active:?}"
    );
    active
}

/// Deletes until nothing is left.
async fn delete(cloud: &Hosted<Ec2>, id: &HostId) {
    for _ in 0..CALLS {
        match cloud.delete(&id.clone().into()).await.unwrap() {
            Deletion::InProgress => {}
            Deletion::Removed | Deletion::NotFound => return,
        }
    }
    panic!("the deletion does not end");
}

/// The names of all security groups, asked for without the provider.
async fn groups(url: &str) -> Vec<String> {
    use provision_http::{Request, Transport as _};
    let request = Request::post("groups", url.parse().unwrap())
        .form([("Action", "DescribeSecurityGroups"), ("Version", "2016-11-15")])
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=testing/20261120/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0",
        )
        .unwrap();
    let answer = ReqwestTransport::new().unwrap().send(&request, START).await.unwrap();
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    let names = body.split("<groupName>").skip(1);
    names.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn hosts_come_and_go_at_moto() {
    let Some((_server, url)) = start().await else {
        // Not by `println!`, whose text the test harness keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: moto_server is not installed (pip install 'moto[ec2,server]')"
        );
        return;
    };
    let cloud = connect(&url);
    let before = groups(&url).await;

    let mut first = host("moto-1");
    first.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    let first_host = active(&cloud, &first).await;
    let second_host = active(&cloud, &host("moto-2")).await;
    assert_eq!(groups(&url).await.len(), before.len() + 2, "a group for each host");

    let mut listed: Vec<_> = cloud
        .list(&ListFilter::all())
        .await
        .unwrap()
        .into_iter()
        .map(|host| host.name)
        .collect();
    listed.sort();
    assert_eq!(listed, ["moto-1", "moto-2"]);

    let again = cloud.provision(&first).await.unwrap();
    assert_eq!((again.id, again.origin), (first_host.id.clone(), Some(Origin::Adopted)));

    delete(&cloud, &first_host.id).await;
    assert_eq!(
        cloud.status(&first_host.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    // The address goes with the first call; the rest is found by the id.
    let by_ip = HostDeleteRequest::ip(second_host.ip.unwrap());
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    delete(&cloud, &second_host.id).await;
    assert_eq!(
        cloud.status(&second_host.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(cloud.list(&ListFilter::all()).await.unwrap(), []);
    assert_eq!(groups(&url).await, before, "no group is left");

    let catalog = cloud.catalog(&CatalogQuery::all()).await.unwrap();
    assert!(
        catalog
            .plans
            .iter()
            .any(|plan| plan.id == "t3.micro" && plan.monthly_cost == Some(11.88)),
        "{catalog:?}"
    );
    assert!(catalog.regions.iter().any(|region| region.id == "eu-west-1"));
}
