use std::fmt::Debug;

use provision_core::{
    BasicHost, CatalogQuery, ErrorKind, HostDeleteRequest, HostName, ListFilter, NameRules, Result as CoreResult,
    UserData, explain_refusal,
};

use super::bench::{Bench, elaborate, host};
use crate::{
    Failure, Stand,
    failure::{During, ensure, refused},
};

/// A wrong credential is `Unauthorized` for every operation, never "gone", and is tried once.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn bad_token(stand: &dyn Stand) -> Result<(), Failure> {
    let good = Bench::new(stand)?;
    let active = good.active(&host("token-1")?).await?;
    let ip = active.ip.during("the address of an active host")?;
    let wrong = stand.wrong_credentials();
    ensure!(
        !wrong.is_empty(),
        "the stand knows no credential that could be wrong: mark the secret settings in `ProviderInfo::settings`"
    );
    let bench = Bench::overriding(stand, wrong)?;
    let by_id = HostDeleteRequest::from(active.id.clone());
    let by_ip = HostDeleteRequest::ip(ip);
    let (plain, keyed) = (host("token-2")?, elaborate(&bench, "token-3")?);
    let (all, everything) = (ListFilter::all(), CatalogQuery::all());
    bench.warm_up().await;
    unauthorized(&bench, "provision", bench.cloud.provision(&plain)).await?;
    unauthorized(&bench, "provision with a key", bench.cloud.provision(&keyed)).await?;
    unauthorized(&bench, "status", bench.cloud.status(&active.id)).await?;
    unauthorized(&bench, "list", bench.cloud.list(&all)).await?;
    unauthorized(&bench, "delete", bench.cloud.delete(&by_id)).await?;
    unauthorized(&bench, "delete by IP", bench.cloud.delete(&by_ip)).await?;
    unauthorized(&bench, "catalog", bench.cloud.catalog(&everything)).await?;
    ensure!(
        good.hosts().len() == 1,
        "a wrong credential changed the account: it holds {} hosts instead of one",
        good.hosts().len()
    );
    Ok(())
}

async fn unauthorized<T: Debug>(
    bench: &Bench<'_>,
    what: &str,
    call: impl Future<Output = CoreResult<T>>,
) -> Result<(), Failure> {
    let (result, requests) = bench.counted(call).await?;
    refused(
        result,
        ErrorKind::Unauthorized,
        &format!("{what} with a wrong credential"),
    )?;
    ensure!(
        requests == 1,
        "{what} with a wrong credential sent {requests} requests instead of one: {}",
        bench.log()
    );
    Ok(())
}

/// A region that does not exist is `InvalidRequest` that names it, and leaves nothing.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn bad_region(stand: &dyn Stand) -> Result<(), Failure> {
    bad_wish(stand, "region", "nowhere-9", |host, value| host.region = Some(value)).await
}

/// A plan that does not exist is `InvalidRequest` that names it, and leaves nothing.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn bad_plan(stand: &dyn Stand) -> Result<(), Failure> {
    bad_wish(stand, "plan", "no-such-plan", |host, value| host.plan = Some(value)).await
}

/// An image that does not exist is `InvalidRequest` that names it, and leaves nothing.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn bad_image(stand: &dyn Stand) -> Result<(), Failure> {
    bad_wish(stand, "image", "no-such-image", |host, value| host.image = Some(value)).await
}

/// A region, plan or image that is not there, but almost: the catalog holds the nearest, so that
/// [`explain_refusal`] names it.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn a_refusal_names_the_nearest(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let info = bench.cloud.info();
    let plain = host("near-1")?;
    for (field, known, wanted) in [
        (
            "region",
            info.default_region,
            plain.clone().with_region(almost(info.default_region)),
        ),
        (
            "plan",
            info.default_plan,
            plain.clone().with_plan(almost(info.default_plan)),
        ),
        (
            "image",
            info.default_image,
            plain.clone().with_image(almost(info.default_image)),
        ),
    ] {
        let error = refused(
            bench.cloud.provision(&wanted).await,
            ErrorKind::InvalidRequest,
            &format!("provision with {field} {:?}", almost(known)),
        )?;
        let error = explain_refusal(&*bench.cloud, &wanted, error).await;
        let meant = format!("{field} `{}` is not in the catalog: did you mean `", almost(known));
        ensure!(
            error.to_string().contains(&meant),
            "the error for a {field} that is almost {known:?} should ask `did you mean`, but says: {error}"
        );
    }
    bench.nothing_left("after a provision that was refused for what was asked for")
}

/// The name with a slip of the finger.
fn almost(known: &str) -> String {
    format!("{known}-x")
}

async fn bad_wish(
    stand: &dyn Stand,
    field: &str,
    value: &str,
    wish: fn(&mut BasicHost, String),
) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    for mut wanted in [host("wish-1")?, elaborate(&bench, "wish-2")?] {
        wish(&mut wanted, value.to_owned());
        let error = refused(
            bench.cloud.provision(&wanted).await,
            ErrorKind::InvalidRequest,
            &format!("provision with {field} {value:?}"),
        )?;
        let text = error.to_string().to_lowercase();
        ensure!(
            text.contains(field) || text.contains(value),
            "the error for {field} {value:?} should name the field or the value, but says: {error}"
        );
        bench.nothing_left(&format!("after a provision that was refused for its {field}"))?;
    }
    Ok(())
}

/// User data that is too large is `InvalidRequest` before any request; the largest that fits is accepted.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn oversized_user_data(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let limit = bench.cloud.info().user_data.max_bytes;
    let mut wanted = host("large-1")?;
    // Twice the limit of letters that look random: compressed it is still half as large again as the limit.
    wanted.user_data = script(limit * 2)?;
    let (result, requests) = bench.counted(bench.cloud.provision(&wanted)).await?;
    refused(
        result,
        ErrorKind::InvalidRequest,
        &format!("provision with {} bytes of user data", limit * 2),
    )?;
    ensure!(
        requests == 0,
        "oversized user data should be refused before any request, but {requests} were sent: {}",
        bench.log()
    );
    wanted.user_data = script(limit)?;
    let what = format!("provision with {limit} bytes of user data, which `ProviderInfo` says is allowed,");
    bench.cloud.provision(&wanted).await.during(&what)?;
    Ok(())
}

fn script(bytes: usize) -> Result<UserData, Failure> {
    const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut text = String::from("#!/bin/sh\n#");
    while text.len() < bytes {
        // xorshift64, https://en.wikipedia.org/wiki/Xorshift
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let letter = LETTERS.get((state >> 58) as usize % LETTERS.len());
        text.extend(letter.map(|&letter| char::from(letter)));
    }
    UserData::new(text).map_err(|invalid| Failure::new(invalid.to_string()))
}

/// Names that the cloud does not take are refused before any request, and names at the edge of its rules are accepted.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn invalid_name_rules(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let rules = bench.cloud.info().name_rules;
    for (name, allowed) in edge_names(rules) {
        let mut wanted = host("name-1")?;
        wanted.name = HostName::new(&name).map_err(|invalid| Failure::new(invalid.to_string()))?;
        let (result, requests) = bench.counted(bench.cloud.provision(&wanted)).await?;
        if allowed {
            let what = format!("provision of {name:?}, which `ProviderInfo::name_rules` allows,");
            let created = result.during(&what)?;
            ensure!(
                created.name == name,
                "the host should be named {name:?}, but is {:?}",
                created.name
            );
        } else {
            refused(
                result,
                ErrorKind::InvalidRequest,
                &format!("provision of {name:?}, which `ProviderInfo::name_rules` forbids,"),
            )?;
            ensure!(
                requests == 0,
                "name {name:?} should be refused before any request, but {requests} were sent"
            );
        }
    }
    Ok(())
}

/// Names at both sides of each rule, and whether they are allowed.
fn edge_names(rules: NameRules) -> Vec<(String, bool)> {
    let of_len = |len: usize| format!("a{}", "b".repeat(len.saturating_sub(1)));
    let mut names = vec![
        (of_len(rules.max_len), true),
        (of_len(rules.min_len.max(1)), true),
        ("1st".to_owned(), !rules.starts_with_letter),
        ("two--hyphens".to_owned(), rules.double_hyphen),
    ];
    if rules.max_len < HostName::MAX_LEN {
        names.push((of_len(rules.max_len + 1), false));
    }
    if rules.min_len > 1 {
        names.push((of_len(rules.min_len - 1), false));
    }
    names
}

/// A provider-specific extra that the provider does not know is refused before any request, with a list of the known ones.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn unknown_additional_key(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let mut wanted = host("extra-1")?;
    wanted
        .additional
        .insert("no-such-extra".to_owned(), "value-of-the-extra".to_owned());
    let (result, requests) = bench.counted(bench.cloud.provision(&wanted)).await?;
    let error = refused(
        result,
        ErrorKind::InvalidRequest,
        "provision with an unknown additional key",
    )?;
    let text = error.to_string();
    ensure!(
        requests == 0,
        "an unknown additional key should be refused before any request, but {requests} were sent"
    );
    ensure!(
        text.contains("no-such-extra"),
        "the error for additional key `no-such-extra` should name it, but says: {text}"
    );
    for known in bench.cloud.info().additional {
        ensure!(
            text.contains(known.key),
            "the error should list the known additional key `{}`, but says: {text}",
            known.key
        );
    }
    Ok(())
}
