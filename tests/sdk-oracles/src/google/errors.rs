//! What is refused, and how.

use super::*;

pub(super) async fn bad_credential(world: World) -> Outcome {
    let hub = client_with(&world, "wrong".to_owned());
    let answer = hub.instances().list(PROJECT, ZONE).doit().await;
    same!(refusal(answer)?, (401, "authError".to_owned()));
    Ok(())
}

pub(super) async fn read_only(world: World) -> Outcome {
    let hub = client_with(&world, "sim-token-gce-readonly".to_owned());
    hub.instances().list(PROJECT, ZONE).doit().await.map_err(told)?;
    let answer = hub.instances().insert(request("web-1"), PROJECT, ZONE).doit().await;
    same!(refusal(answer)?, (403, "insufficientPermissions".to_owned()));
    Ok(())
}

pub(super) async fn not_found(world: World) -> Outcome {
    let hub = client(&world);
    let missing = (404, "notFound".to_owned());
    same!(
        refusal(hub.instances().get(PROJECT, ZONE, "web-1").doit().await)?,
        missing.clone()
    );
    same!(
        refusal(hub.instances().delete(PROJECT, ZONE, "web-1").doit().await)?,
        missing.clone()
    );
    same!(
        refusal(hub.instances().list("another-project", ZONE).doit().await)?,
        missing
    );
    Ok(())
}

pub(super) async fn unknown_plan(world: World) -> Outcome {
    let plan = Some(format!("zones/{ZONE}/machineTypes/e99-mega"));
    let request = Instance {
        machine_type: plan,
        ..request("web-1")
    };
    same!(refused(&world, request).await?, (400, "invalid".to_owned()));
    Ok(())
}

pub(super) async fn unknown_image(world: World) -> Outcome {
    let mut request = request("web-1");
    for params in request
        .disks
        .iter_mut()
        .flatten()
        .filter_map(|disk| disk.initialize_params.as_mut())
    {
        params.source_image = some("projects/ubuntu-os-cloud/global/images/family/ubuntu-0410");
    }
    same!(refused(&world, request).await?, (404, "notFound".to_owned()));
    Ok(())
}

pub(super) async fn unknown_region(world: World) -> Outcome {
    let hub = client(&world);
    let answer = hub
        .instances()
        .insert(request("web-1"), PROJECT, "mars-central1-a")
        .doit()
        .await;
    same!(refusal(answer)?, (400, "invalid".to_owned()));
    Ok(())
}

pub(super) async fn name_taken(world: World) -> Outcome {
    let hub = client(&world);
    make(&hub, request("web-1")).await?;
    let answer = hub.instances().insert(request("web-1"), PROJECT, ZONE).doit().await;
    same!(refusal(answer)?, (409, "alreadyExists".to_owned()));
    same!(world.items("host").len(), 1);
    Ok(())
}

pub(super) async fn bad_field(world: World) -> Outcome {
    same!(refused(&world, request("Web_1")).await?, (400, "invalid".to_owned()));
    let labels = Some([("Managed/By".to_owned(), "x".to_owned())].into());
    let request = Instance {
        labels,
        ..request("web-1")
    };
    same!(refused(&world, request).await?, (400, "invalid".to_owned()));
    Ok(())
}

pub(super) async fn busy(world: World) -> Outcome {
    let hub = client(&world);
    make(&hub, request("web-1")).await?;
    world.boot();
    hub.instances()
        .delete(PROJECT, ZONE, "web-1")
        .doit()
        .await
        .map_err(told)?;
    let again = refusal(hub.instances().delete(PROJECT, ZONE, "web-1").doit().await)?;
    same!(again, (400, "resourceNotReady".to_owned()));
    Ok(())
}

pub(super) async fn quota(world: World) -> Outcome {
    world.fault("POST", Effect::Quota);
    same!(failure(&world).await?, "QUOTA_EXCEEDED");
    Ok(())
}

pub(super) async fn sold_out(world: World) -> Outcome {
    world.fault("POST", Effect::SoldOut);
    same!(failure(&world).await?, "ZONE_RESOURCE_POOL_EXHAUSTED");
    Ok(())
}

pub(super) async fn rate_limited(world: World) -> Outcome {
    world.fault("GET", Effect::RateLimited { retry_after: None });
    let hub = client(&world);
    let answer = hub.instances().list(PROJECT, ZONE).doit().await;
    same!(refusal(answer)?, (403, "rateLimitExceeded".to_owned()));
    Ok(())
}

pub(super) async fn server_fault(world: World) -> Outcome {
    world.fault("GET", Effect::ServerError { status: 503 });
    let hub = client(&world);
    let answer = hub.instances().list(PROJECT, ZONE).doit().await;
    same!(refusal(answer)?, (503, "backendError".to_owned()));
    Ok(())
}
