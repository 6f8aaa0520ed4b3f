use std::fmt::Debug;

use provision_core::{CatalogQuery, Error, HostDeleteRequest, ListFilter};

use super::bench::{Bench, MARKER, elaborate};
use crate::{
    Failure, Stand, Trouble,
    failure::{During, ensure},
    logs::Logs,
};

/// Neither credentials nor user data appear in errors, `Debug`, or traces at any level.
///
/// # Errors
/// [`Failure`] that says where one appears.
pub async fn secrets_absent(stand: &dyn Stand) -> Result<(), Failure> {
    let logs = Logs::default();
    let guard = logs.capture();
    let mut shown = Shown::default();
    let bench = Bench::new(stand)?;
    let wanted = elaborate(&bench, "secret-1")?;
    shown.add("Debug of the provisioner", &bench.cloud);
    shown.add("Debug of the host to create", &wanted);
    let active = bench.active(&wanted).await?;
    shown.add("the host", &active);
    failing_calls(&bench, &active.id.clone().into(), &mut shown, "good credentials").await?;
    for trouble in [
        Trouble::ServerError(500),
        Trouble::RateLimited { retry_after: 7 },
        Trouble::ResetAfter,
        Trouble::Truncated,
        Trouble::Quota,
    ] {
        stand.cause(trouble, 0, u32::MAX);
        failing_calls(&bench, &active.id.clone().into(), &mut shown, &format!("{trouble:?}")).await?;
        stand.calm();
    }
    let wrong = stand.wrong_credentials();
    let refused = Bench::overriding(stand, wrong.clone())?;
    shown.add("Debug of the provisioner with wrong credentials", &refused.cloud);
    failing_calls(&refused, &active.id.into(), &mut shown, "wrong credentials").await?;
    tracing::trace!("end of the capture");
    drop(guard);
    let traces = logs.text();
    ensure!(
        traces.contains("end of the capture"),
        "the stand's traces could not be captured"
    );
    shown.texts.push(("a trace".to_owned(), traces));
    ensure!(shown.errors > 0, "no call failed, so that no error could be looked at");

    let user_data = wanted.user_data.to_base64();
    let mut secrets = vec![
        ("the user data", MARKER.to_owned()),
        ("the user data in base64", user_data),
    ];
    secrets.extend(stand.secrets().into_iter().map(|secret| ("a credential", secret)));
    secrets.extend(wrong.into_iter().map(|(_, secret)| ("a wrong credential", secret)));
    for (what, secret) in &secrets {
        for (place, text) in &shown.texts {
            ensure!(
                !text.contains(secret.as_str()),
                "{what} appears in {place}: {}",
                around(text, secret)
            );
        }
    }
    Ok(())
}

/// Every way in which a call can be refused; its results are shown, whatever they are.
async fn failing_calls(
    bench: &Bench<'_>,
    delete: &HostDeleteRequest,
    shown: &mut Shown,
    when: &str,
) -> Result<(), Failure> {
    let cloud = &bench.cloud;
    let mut bad_plan = elaborate(bench, "secret-2")?;
    bad_plan.plan = Some("no-such-plan".to_owned());
    shown.result(when, "provision with a bad plan", cloud.provision(&bad_plan).await);
    shown.result(when, "provision", cloud.provision(&elaborate(bench, "secret-3")?).await);
    if let HostDeleteRequest::Id(id) = delete {
        shown.result(when, "status", cloud.status(id).await);
    }
    shown.result(when, "list", cloud.list(&ListFilter::all()).await);
    shown.result(when, "catalog", cloud.catalog(&CatalogQuery::all()).await);
    let nobody = HostDeleteRequest::ip("192.0.2.254".parse().ok().during("the address")?);
    shown.result(when, "delete by IP", cloud.delete(&nobody).await);
    Ok(())
}

#[derive(Default)]
struct Shown {
    texts: Vec<(String, String)>,
    errors: usize,
}

impl Shown {
    fn add(&mut self, what: &str, value: &impl Debug) {
        self.texts.push((what.to_owned(), format!("{value:?} {value:#?}")));
    }

    fn result<T: Debug>(&mut self, when: &str, what: &str, result: Result<T, Error>) {
        match result {
            Ok(value) => self.add(&format!("the answer of {what}"), &value),
            Err(error) => {
                self.errors += 1;
                let mut text = format!("{error} {error:?} {error:#?}");
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    text.push_str(&format!(" {cause} {cause:?}"));
                    source = cause.source();
                }
                self.texts.push((format!("the error of {what} ({when})"), text));
            }
        }
    }
}

/// The text before the secret, for finding the place.
fn around(text: &str, secret: &str) -> String {
    let before = text.split(secret).next().unwrap_or_default();
    let start = before.char_indices().rev().nth(80).map_or(0, |(at, _)| at);
    format!("...{}[here]", before.get(start..).unwrap_or_default())
}
