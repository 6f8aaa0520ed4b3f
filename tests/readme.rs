//! The program in the workspace's README compiles, and is the one that is shown there.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy does not count as tests"
)]

/// Not run: it speaks to the real cloud.
#[rustfmt::skip]
#[expect(dead_code, reason = "compiling it is the test")]
async fn program() -> Result<(), Box<dyn std::error::Error>> {
// BEGIN
use provision::{BasicHost, Deletion, IdempotencyKey, Settings, UserData};

let settings = Settings::new().with("token", std::env::var("HCLOUD_TOKEN")?);
let cloud = provision::connect("hetzner", &settings)?;

let mut host = BasicHost::new("web-1".parse()?, UserData::new("#!/bin/sh\napt-get update && apt-get install -y nginx\n")?);
host.key = Some(IdempotencyKey::new("order-17")?);   // the same key never makes a second host

let host = cloud.provision(&host).await?;            // returns as soon as the cloud accepts
let host = cloud.status(&host.id).await?;            // poll with your own timer, or with `provision::wait`
println!("{} is {} at {:?}", host.name, host.status, host.ip);

match cloud.delete(&host.id.into()).await? {
    Deletion::Removed | Deletion::NotFound => println!("nothing is left"),
    Deletion::InProgress => println!("call it again"),
}
// END
    Ok(())
}

#[test]
fn the_readme_shows_the_program_that_compiles() {
    let (_, program) = include_str!("readme.rs").split_once("// BEGIN\n").unwrap();
    let (program, _) = program.split_once("// END\n").unwrap();
    let shown = include_str!("../README.md").split("```rust\n").nth(1).unwrap();
    let (shown, _) = shown.split_once("```\n").unwrap();
    assert_eq!(shown, program);
}
