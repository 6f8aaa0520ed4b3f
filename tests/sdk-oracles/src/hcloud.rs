//! Hetzner Cloud through `hcloud`, which is generated from an OpenAPI document: a field that its types require and the
//! simulator leaves out is an error.

mod errors;
mod hosts;

use hcloud::apis::configuration::Configuration;
use hcloud::apis::servers_api::{
    self, CreateServerParams, DeleteServerParams, GetServerParams, ListServersParams, create_server, delete_server,
    get_server, list_servers,
};
use hcloud::apis::{
    Error, actions_api, firewalls_api, images_api, locations_api, pricing_api, primary_ips_api, server_types_api,
    ssh_keys_api,
};
use hcloud::models::{self, CreateServerRequest, Server};
use provision_sim::Effect;

use crate::cases::Outcome;
use crate::world::{USER_DATA, World, digest};
use crate::{cases, holds, same};

const CLOUD: &str = "hetzner";

cases! {
    "create" => hosts::creates,
    "get" => hosts::gets,
    "list" => hosts::lists,
    "pages" => hosts::pages,
    "delete" => hosts::deletes,
    "catalog" => hosts::catalogs,
    "firewall" => hosts::firewalls,
    "key" => hosts::keys,
    "actions" => hosts::actions,
    "power" => hosts::switches,
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

fn client_with(world: &World, token: String) -> Configuration {
    let mut configuration = Configuration::new();
    for base in configuration.base_path_mapping.values_mut() {
        *base = format!("{}/v1", world.url(CLOUD));
    }
    configuration.bearer_access_token = Some(token);
    // No proxy may stand between this and the loopback.
    if let Ok(client) = reqwest::Client::builder().no_proxy().build() {
        configuration.client = client;
    }
    configuration
}

fn client(world: &World) -> Configuration {
    client_with(world, World::setting(CLOUD, "token"))
}

fn request(name: &str) -> CreateServerRequest {
    CreateServerRequest {
        location: Some("nbg1".to_owned()),
        labels: Some([("managed-by".to_owned(), "oracle".to_owned())].into()),
        user_data: Some(USER_DATA.to_owned()),
        ..CreateServerRequest::new("ubuntu-24.04".to_owned(), name.to_owned(), "cx23".to_owned())
    }
}

fn told<T: std::fmt::Debug>(error: Error<T>) -> String {
    format!("{error}: {error:?}")
}

async fn make(client: &Configuration, request: CreateServerRequest) -> Result<models::CreateServerResponse, String> {
    let params = CreateServerParams {
        create_server_request: request,
    };
    create_server(client, params).await.map_err(told)
}

/// Status and code of a refusal.
fn refusal<R: std::fmt::Debug, T: std::fmt::Debug>(result: Result<R, Error<T>>) -> Result<(u16, String), String> {
    match result {
        Err(Error::ResponseError(response)) => {
            // The typed error is the same for all operations, under another name each.
            let error: models::ErrorResponse =
                serde_json::from_str(&response.content).map_err(|error| format!("{error}: {}", response.content))?;
            holds!(!error.error.message.is_empty(), "no message");
            Ok((response.status.as_u16(), error.error.code))
        }
        other => Err(format!("no refusal: {other:?}")),
    }
}

async fn refused(world: &World, request: CreateServerRequest) -> Result<(u16, String), String> {
    let params = CreateServerParams {
        create_server_request: request,
    };
    let refusal = refusal(create_server(&client(world), params).await)?;
    same!(world.items("host"), vec![]);
    Ok(refusal)
}

fn v4(server: &Server) -> Option<String> {
    server.public_net.ipv4.as_ref().map(|address| address.ip.clone())
}
