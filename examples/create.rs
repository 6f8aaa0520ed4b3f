//! Creates a host with nginx, waits until it is active and prints its id and address.
//!
//! `cargo run -p provision --features full --example create`; the cloud is in `PROVISION_PROVIDER` (digitalocean when
//! unset), its credentials in its own variables, and `PROVISION_ENDPOINT` sends it to a simulator.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::time::Duration;

use provision::{
    BasicHost, UserData,
    wait::{Creation, Observation, Outcome, Pace, TokioTimer, Wait},
};

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cloud = common::cloud()?;
    let timer = TokioTimer::new();
    // The same name gives the same host, however often this runs.
    let wanted = BasicHost::new("example-1".parse()?, UserData::new(include_str!("nginx.yaml"))?)
        .with_ttl(Duration::from_secs(3600));

    let mut creation = Creation::new(&cloud, &wanted, &timer, Pace::within(Duration::from_secs(120)));
    let host = creation.run(|_| {}).await?;
    println!("id {}", host.host_ref());

    let pace = Pace::within(Duration::from_secs(600));
    let mut wait = Wait::until_active(&cloud, host.id.clone(), &timer, pace).created(host);
    while let Some(observation) = wait.next().await? {
        match observation {
            Observation::Host(host) => eprintln!("{}", host.status),
            Observation::Retrying { error, .. } => eprintln!("{error}"),
            _ => {}
        }
    }
    match (wait.outcome(), wait.host()) {
        (Some(Outcome::Active), Some(host)) => println!("ip {}", host.ip.ok_or("active without an address")?),
        (outcome, _) => return Err(format!("not active: {outcome:?}").into()),
    }
    Ok(())
}
