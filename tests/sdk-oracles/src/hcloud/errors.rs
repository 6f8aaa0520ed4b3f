//! What is refused, and how.

use super::*;

pub(super) async fn bad_credential(world: World) -> Outcome {
    let client = client_with(&world, "wrong".to_owned());
    same!(
        refusal(list_servers(&client, Default::default()).await)?,
        (401, "unauthorized".to_owned())
    );
    Ok(())
}

pub(super) async fn read_only(world: World) -> Outcome {
    let client = client_with(&world, "sim-token-hetzner-readonly".to_owned());
    list_servers(&client, Default::default()).await.map_err(told)?;
    let params = CreateServerParams {
        create_server_request: request("web-1"),
    };
    same!(
        refusal(create_server(&client, params).await)?.1,
        "token_readonly".to_owned()
    );
    Ok(())
}

pub(super) async fn not_found(world: World) -> Outcome {
    let client = client(&world);
    let id = 4_711;
    same!(
        refusal(get_server(&client, GetServerParams { id }).await)?,
        (404, "not_found".to_owned())
    );
    same!(
        refusal(delete_server(&client, DeleteServerParams { id }).await)?,
        (404, "not_found".to_owned())
    );
    Ok(())
}

pub(super) async fn unknown_plan(world: World) -> Outcome {
    let request = CreateServerRequest {
        server_type: "cx999".to_owned(),
        ..request("web-1")
    };
    same!(refused(&world, request).await?, (422, "invalid_input".to_owned()));
    Ok(())
}

pub(super) async fn unknown_image(world: World) -> Outcome {
    let request = CreateServerRequest {
        image: "ubuntu-4.10".to_owned(),
        ..request("web-1")
    };
    same!(refused(&world, request).await?, (422, "invalid_input".to_owned()));
    Ok(())
}

pub(super) async fn unknown_region(world: World) -> Outcome {
    let request = CreateServerRequest {
        location: Some("mars1".to_owned()),
        ..request("web-1")
    };
    same!(refused(&world, request).await?, (422, "invalid_input".to_owned()));
    Ok(())
}

pub(super) async fn name_taken(world: World) -> Outcome {
    make(&client(&world), request("web-1")).await?;
    let params = CreateServerParams {
        create_server_request: request("web-1"),
    };
    let refusal = refusal(create_server(&client(&world), params).await)?;
    same!(refusal, (409, "uniqueness_error".to_owned()));
    same!(world.items("host").len(), 1);
    Ok(())
}

pub(super) async fn bad_field(world: World) -> Outcome {
    same!(
        refused(&world, request("no_host_name")).await?,
        (422, "invalid_input".to_owned())
    );
    let long = CreateServerRequest {
        user_data: Some("x".repeat(32_769)),
        ..request("web-1")
    };
    same!(refused(&world, long).await?, (422, "invalid_input".to_owned()));
    Ok(())
}

pub(super) async fn busy(world: World) -> Outcome {
    let client = client(&world);
    let id = make(&client, request("web-1")).await?.server.id;
    same!(
        refusal(delete_server(&client, DeleteServerParams { id }).await)?,
        (423, "locked".to_owned())
    );
    Ok(())
}

pub(super) async fn quota(world: World) -> Outcome {
    world.fault("POST", Effect::Quota);
    same!(
        refused(&world, request("web-1")).await?,
        (403, "resource_limit_exceeded".to_owned())
    );
    Ok(())
}

pub(super) async fn sold_out(world: World) -> Outcome {
    world.fault("POST", Effect::SoldOut);
    same!(
        refused(&world, request("web-1")).await?,
        (412, "resource_unavailable".to_owned())
    );
    Ok(())
}

pub(super) async fn rate_limited(world: World) -> Outcome {
    world.fault("GET", Effect::RateLimited { retry_after: Some(3) });
    let refusal = refusal(list_servers(&client(&world), Default::default()).await)?;
    same!(refusal, (429, "rate_limit_exceeded".to_owned()));
    Ok(())
}

pub(super) async fn server_fault(world: World) -> Outcome {
    world.fault("GET", Effect::ServerError { status: 503 });
    same!(
        refusal(list_servers(&client(&world), Default::default()).await)?,
        (503, "unavailable".to_owned())
    );
    Ok(())
}
