//! Deletes the host with the id that is the first argument, and everything that was created for it.
//!
//! `cargo run -p provision --features full --example delete -- ID`; environment as in `create.rs`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::time::Duration;

use provision::{
    HostRef,
    wait::{Pace, Removal, RemovalOutcome, TokioTimer},
};

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host: HostRef = std::env::args().nth(1).ok_or("say which host: its id")?.parse()?;
    let cloud = common::cloud()?;
    let timer = TokioTimer::new();
    let mut removal = Removal::new(&cloud, host.into_id(), &timer, Pace::within(Duration::from_secs(600)));
    match removal.run(|_| eprintln!("deleting")).await? {
        RemovalOutcome::Complete => println!("nothing is left"),
        RemovalOutcome::NotFound => return Err("there is no such host".into()),
        outcome => return Err(format!("{outcome:?}: something may still bill, run this again").into()),
    }
    Ok(())
}
