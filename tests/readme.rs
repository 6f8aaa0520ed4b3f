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
use provision::{BasicHost, UserData, wait};
use std::time::Duration;

let cloud = provision::connect_from_env("hetzner")?; // reads HCLOUD_TOKEN
let host = BasicHost::new("web-1".parse()?, UserData::new("#!/bin/sh\napt-get update && apt-get install -y nginx\n")?);

let host = wait::create(&cloud, &host, Duration::from_secs(600)).await?; // active, or an error that names what exists
println!("{} is at {:?}", host.name, host.ip);

wait::delete(&cloud, &host.id, Duration::from_secs(600)).await?; // until nothing is left
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
