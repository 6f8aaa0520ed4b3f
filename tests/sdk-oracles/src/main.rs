//! Runs other people's SDKs against the simulator, which nobody who wrote them has seen: what they send has to be accepted,
//! what they are answered has to fit their types, and both have to agree with what the simulator then holds.
//!
//! Prints a table of cases and SDKs. See README.md.

mod cases;
mod report;
mod world;

#[cfg(feature = "aws-sdk")]
mod aws_sdk;
#[cfg(feature = "azure")]
mod azure;
#[cfg(any(feature = "rusoto", feature = "aws-sdk"))]
mod ec2;
#[cfg(feature = "google")]
mod google;
#[cfg(feature = "hcloud")]
mod hcloud;
#[cfg(feature = "rusoto")]
mod rusoto;

use std::process::ExitCode;

use cases::Sdk;
use report::Report;

/// Every SDK with its crates and its cases; none for one that is not built.
fn sdks() -> Vec<(&'static str, &'static str, Option<Sdk>)> {
    vec![
        ("hcloud", "hcloud 0.26", built!("hcloud", hcloud)),
        ("rusoto", "rusoto_ec2 0.48", built!("rusoto", rusoto)),
        ("google", "google-compute1 6", built!("google", google)),
        ("azure", "azure_mgmt_{resources,compute} 0.21", built!("azure", azure)),
        ("aws-sdk", "aws-sdk-ec2 1", built!("aws-sdk", aws_sdk)),
    ]
}

#[tokio::main]
async fn main() -> ExitCode {
    // An argument names the only SDK, a second one the only case to run.
    let mut arguments = std::env::args().skip(1);
    let (only_sdk, only_case) = (arguments.next(), arguments.next());
    let wanted = |only: &Option<String>, name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut report = Report::default();
    for (name, crates, sdk) in sdks() {
        if !wanted(&only_sdk, name) {
            continue;
        }
        let Some(sdk) = sdk else {
            report.not_built(name, crates);
            continue;
        };
        report.sdk(name, crates);
        for (case, run) in sdk {
            if wanted(&only_case, case) {
                report.add(name, case, cases::run(*run).await);
            }
        }
    }
    report.print()
}
