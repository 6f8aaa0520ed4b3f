//! Lists the hosts that carry our marker.
//!
//! `cargo run -p provision --features full --example list`; environment as in `create.rs`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use provision::ListFilter;

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for host in common::cloud()?.list(&ListFilter::all()).await? {
        let ip = host.ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
        println!("{} {} {} {ip}", host.id, host.name, host.status);
    }
    Ok(())
}
