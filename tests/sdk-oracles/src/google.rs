//! Compute Engine through `google-compute1`.
//!
//! Numbers of 64 bits and fingerprints have types there, so that a number where a string belongs, or base64 that is none, is
//! an error. The token is a ready one, as the crate takes any string; one case gets its token with the key of a service
//! account, as `yup-oauth2` does it.

mod errors;
mod hosts;

use google_compute1::api::{
    AccessConfig, AttachedDisk, AttachedDiskInitializeParams, Firewall, FirewallAllowed, Instance, Metadata,
    MetadataItems, NetworkInterface, Operation, Tags,
};
use google_compute1::common::GetToken;
use google_compute1::yup_oauth2::{ServiceAccountAuthenticator, parse_service_account_key};
use google_compute1::{Compute, Error};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use provision_sim::Effect;

use crate::cases::Outcome;
use crate::world::{USER_DATA, World, digest};
use crate::{cases, holds, same};

const CLOUD: &str = "gce";
const PROJECT: &str = "sim-project";
const ZONE: &str = "us-central1-a";
const IMAGES: &str = "ubuntu-os-cloud";
const FAMILY: &str = "ubuntu-2404-lts-amd64";

type Hub = Compute<HttpConnector>;

cases! {
    "create" => hosts::creates,
    "get" => hosts::gets,
    "list" => hosts::lists,
    "pages" => hosts::pages,
    "delete" => hosts::deletes,
    "catalog" => hosts::catalogs,
    "firewall" => hosts::firewalls,
    "actions" => hosts::operations,
    "login" => logs_in,
    "repeat" => hosts::repeats,
    "lost answer" => hosts::loses_an_answer,
    "error: bad credential" => errors::bad_credential,
    "error: read only" => errors::read_only,
    "error: not found" => errors::not_found,
    "error: unknown plan" => errors::unknown_plan,
    "error: unknown image" => errors::unknown_image,
    "error: unknown region" => errors::unknown_region,
    "error: name taken" => errors::name_taken,
    "error: bad field" => errors::bad_field,
    "error: busy" => errors::busy,
    "error: quota" => errors::quota,
    "error: sold out" => errors::sold_out,
    "error: rate limited" => errors::rate_limited,
    "error: server fault" => errors::server_fault,
}

fn client_with(world: &World, auth: impl GetToken + 'static) -> Hub {
    let http = Client::builder(TokioExecutor::new()).build_http();
    let mut hub = Compute::new(http, auth);
    hub.base_url(format!("{}/compute/v1/", world.url(CLOUD)));
    hub
}

fn client(world: &World) -> Hub {
    client_with(world, "sim-token-gce".to_owned())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn request(name: &str) -> Instance {
    Instance {
        name: some(name),
        machine_type: Some(format!("zones/{ZONE}/machineTypes/e2-micro")),
        labels: Some([("managed-by".to_owned(), "oracle".to_owned())].into()),
        tags: Some(Tags {
            items: Some(vec![name.to_owned()]),
            ..Default::default()
        }),
        disks: Some(vec![AttachedDisk {
            boot: Some(true),
            auto_delete: Some(true),
            initialize_params: Some(AttachedDiskInitializeParams {
                source_image: Some(format!("projects/{IMAGES}/global/images/family/{FAMILY}")),
                disk_size_gb: Some(12),
                disk_type: Some(format!("zones/{ZONE}/diskTypes/pd-standard")),
                ..Default::default()
            }),
            ..Default::default()
        }]),
        network_interfaces: Some(vec![NetworkInterface {
            network: some("global/networks/default"),
            access_configs: Some(vec![AccessConfig {
                name: some("External NAT"),
                type_: some("ONE_TO_ONE_NAT"),
                network_tier: some("PREMIUM"),
                ..Default::default()
            }]),
            ..Default::default()
        }]),
        metadata: Some(Metadata {
            items: Some(vec![MetadataItems {
                key: some("user-data"),
                value: some(USER_DATA),
            }]),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn told(error: Error) -> String {
    format!("{error}: {error:?}")
}

async fn make(hub: &Hub, request: Instance) -> Result<Operation, String> {
    let made = hub.instances().insert(request, PROJECT, ZONE).doit().await;
    Ok(made.map_err(told)?.1)
}

async fn get(hub: &Hub, name: &str) -> Result<Instance, String> {
    let found = hub.instances().get(PROJECT, ZONE, name).doit().await;
    Ok(found.map_err(told)?.1)
}

async fn operation(hub: &Hub, operation: &Operation) -> Result<Operation, String> {
    let name = operation.name.as_deref().unwrap_or_default();
    let found = hub.zone_operations().get(PROJECT, ZONE, name).doit().await;
    Ok(found.map_err(told)?.1)
}

fn address(instance: &Instance) -> Option<String> {
    let interface = instance.network_interfaces.as_ref()?.first()?;
    interface.access_configs.as_ref()?.first()?.nat_ip.clone()
}

fn names(instances: Option<Vec<Instance>>) -> Vec<String> {
    let instances = instances.unwrap_or_default().into_iter();
    instances.filter_map(|instance| instance.name).collect()
}

/// Status and reason of a refusal.
fn refusal<R>(result: Result<R, Error>) -> Result<(u64, String), String> {
    match result {
        Err(Error::BadRequest(body)) => {
            let error = &body["error"];
            let reason = error["errors"][0]["reason"].as_str();
            let reason = reason.ok_or_else(|| format!("no reason: {body}"))?;
            holds!(
                error["message"].as_str().is_some_and(|message| !message.is_empty()),
                "no message: {body}"
            );
            Ok((error["code"].as_u64().unwrap_or_default(), reason.to_owned()))
        }
        Err(other) => Err(format!("no refusal: {other:?}")),
        Ok(_) => Err("no refusal".to_owned()),
    }
}

async fn refused(world: &World, request: Instance) -> Result<(u64, String), String> {
    let hub = client(world);
    let refusal = refusal(hub.instances().insert(request, PROJECT, ZONE).doit().await)?;
    same!(world.items("host"), vec![]);
    Ok(refusal)
}

/// The error with which an accepted insert ended.
async fn failure(world: &World) -> Result<String, String> {
    let hub = client(world);
    let started = make(&hub, request("web-1")).await?;
    world.boot();
    let done = operation(&hub, &started).await?;
    same!(done.status.as_deref(), Some("DONE"));
    holds!(
        done.http_error_status_code.is_some_and(|status| status >= 400),
        "{done:?}"
    );
    let error = done.error.and_then(|error| error.errors).unwrap_or_default();
    let refusal = refusal(hub.instances().get(PROJECT, ZONE, "web-1").doit().await)?;
    same!(refusal, (404, "notFound".to_owned()));
    same!(world.items("host"), vec![]);
    error
        .first()
        .and_then(|error| error.code.clone())
        .ok_or_else(|| "no error".to_owned())
}

/// With the key of the simulated account, whose tokens are to be had from the simulator.
async fn logs_in(world: World) -> Outcome {
    let key = parse_service_account_key(World::setting(CLOUD, "service-account"));
    let mut key = key.map_err(|error| error.to_string())?;
    key.token_uri = format!("{}/token", world.url(CLOUD));
    for (email, accepted) in [
        (key.client_email.clone(), true),
        ("nobody@example.com".to_owned(), false),
    ] {
        key.client_email = email;
        let http: Client<_, String> = Client::builder(TokioExecutor::new()).build_http();
        let authenticator = ServiceAccountAuthenticator::with_client(key.clone(), http)
            .build()
            .await;
        let hub = client_with(&world, authenticator.map_err(|error| error.to_string())?);
        let answer = hub.instances().list(PROJECT, ZONE).doit().await;
        match (answer, accepted) {
            (Ok((_, list)), true) => same!(names(list.items), Vec::<String>::new()),
            (Err(Error::MissingToken(error)), false) => {
                holds!(error.to_string().contains("invalid_grant"), "{error}");
            }
            (Err(error), _) => return Err(told(error)),
            (Ok(_), false) => return Err("a stranger was let in".to_owned()),
        }
    }
    Ok(())
}
