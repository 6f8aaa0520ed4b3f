//! What is refused, and how.

use super::*;

pub(super) async fn bad_credential(world: World) -> Outcome {
    let client = World::setting(CLOUD, "client-id");
    let account = account_of(&world, credential(&world, &client, "wrong")?)?;
    let error = account
        .groups
        .get("group-1", &account.subscription)
        .send()
        .await
        .err()
        .ok_or("no refusal")?;
    same!(error.kind(), &ErrorKind::Credential);
    let text = format!("{error:?}");
    holds!(
        text.contains("invalid_client") && text.contains("AADSTS7000215"),
        "{text}"
    );
    // A token that the cloud does not take.
    world.fault("GET", Effect::Unauthorized);
    let account = self::account(&world)?;
    let answer = account.groups.get("group-1", &account.subscription).send().await;
    same!(refusal(answer)?, (401, "InvalidAuthenticationToken".to_owned()));
    Ok(())
}

pub(super) async fn read_only(world: World) -> Outcome {
    let reader = "b71d40c8-95ea-4f36-8d02-c6e3a8f1579b";
    let account = account_of(
        &world,
        credential(&world, reader, &World::setting(CLOUD, "client-secret"))?,
    )?;
    let mut stream = account.groups.list(&account.subscription).into_stream();
    stream.next().await.ok_or("no page")?.map_err(told)?;
    let wanted = ResourceGroup::new(REGION.to_owned());
    let answer = account
        .groups
        .create_or_update("group-1", wanted, &account.subscription)
        .send()
        .await;
    same!(refusal(answer)?, (403, "AuthorizationFailed".to_owned()));
    Ok(())
}

pub(super) async fn not_found(world: World) -> Outcome {
    let account = account(&world)?;
    let answer = account
        .deployments
        .get("group-1", "web-1", &account.subscription)
        .send()
        .await;
    same!(refusal(answer)?, (404, "ResourceGroupNotFound".to_owned()));
    account.group("group-1").await?;
    let answer = account
        .deployments
        .get("group-1", "web-1", &account.subscription)
        .send()
        .await;
    same!(refusal(answer)?, (404, "DeploymentNotFound".to_owned()));
    let machines = account.compute.virtual_machines_client();
    let answer = machines.get("group-1", "web-1", &account.subscription).send().await;
    same!(refusal(answer)?, (404, "ResourceNotFound".to_owned()));
    let answer = account
        .groups
        .get("group-1", "00000000-0000-0000-0000-000000000000")
        .send()
        .await;
    same!(refusal(answer)?, (404, "SubscriptionNotFound".to_owned()));
    Ok(())
}

async fn refused(world: &World, order: Order) -> Result<String, String> {
    let account = account(world)?;
    account.group("group-1").await?;
    let code = inner_code(account.put(&order).await)?;
    same!(world.bills(), vec![]);
    Ok(code)
}

pub(super) async fn unknown_plan(world: World) -> Outcome {
    let order = Order {
        size: "Standard_Z99",
        ..order("web-1")
    };
    same!(refused(&world, order).await?, "InvalidParameter");
    Ok(())
}

pub(super) async fn unknown_image(world: World) -> Outcome {
    let order = Order {
        sku: "server-4.10",
        ..order("web-1")
    };
    same!(refused(&world, order).await?, "PlatformImageNotFound");
    Ok(())
}

pub(super) async fn unknown_region(world: World) -> Outcome {
    let account = account(&world)?;
    let wanted = ResourceGroup::new("marscentral".to_owned());
    let answer = account
        .groups
        .create_or_update("group-1", wanted, &account.subscription)
        .send()
        .await;
    same!(
        refusal(answer)?,
        (400, "LocationNotAvailableForResourceGroup".to_owned())
    );
    Ok(())
}

pub(super) async fn name_taken(world: World) -> Outcome {
    let account = account(&world)?;
    account.group("group-1").await?;
    let elsewhere = ResourceGroup::new("westeurope".to_owned());
    let answer = account
        .groups
        .create_or_update("group-1", elsewhere, &account.subscription)
        .send()
        .await;
    same!(refusal(answer)?, (409, "InvalidResourceGroupLocation".to_owned()));
    Ok(())
}

pub(super) async fn bad_field(world: World) -> Outcome {
    let account = account(&world)?;
    let wanted = ResourceGroup {
        tags: Some(json!({ "a": "x".repeat(257) })),
        ..ResourceGroup::new(REGION.to_owned())
    };
    let answer = account
        .groups
        .create_or_update("group-1", wanted, &account.subscription)
        .send()
        .await;
    same!(refusal(answer)?, (400, "InvalidTagValueLength".to_owned()));
    account.group("group-1").await?;
    let mut empty = deployment(&order("web-1"));
    empty.properties.template = Some(json!({ "resources": "none" }));
    let answer = account
        .deployments
        .create_or_update("group-1", "web-1", empty, &account.subscription)
        .send()
        .await;
    same!(refusal(answer)?, (400, "InvalidTemplate".to_owned()));
    Ok(())
}

pub(super) async fn busy(world: World) -> Outcome {
    let account = account(&world)?;
    account.make("web-1").await?;
    world.boot();
    account
        .groups
        .delete("group-1", &account.subscription)
        .send()
        .await
        .map_err(told)?;
    let wanted = ResourceGroup::new(REGION.to_owned());
    let answer = account
        .groups
        .create_or_update("group-1", wanted, &account.subscription)
        .send()
        .await;
    same!(refusal(answer)?, (409, "ResourceGroupBeingDeleted".to_owned()));
    Ok(())
}

pub(super) async fn quota(world: World) -> Outcome {
    world.fault("PUT", Effect::Quota);
    same!(refused(&world, order("web-1")).await?, "QuotaExceeded");
    Ok(())
}

pub(super) async fn sold_out(world: World) -> Outcome {
    world.fault("PUT", Effect::SoldOut);
    same!(refused(&world, order("web-1")).await?, "SkuNotAvailable");
    Ok(())
}

pub(super) async fn fails_later(world: World) -> Outcome {
    let account = account(&world)?;
    account.group("group-1").await?;
    let order = Order {
        size: "Standard_M416ms_v2",
        ..order("web-1")
    };
    account.put(&order).await.map_err(told)?;
    world.boot();
    let failed = account.deployment("web-1").await?;
    same!(state(&failed), Some(ProvisioningState::Failed));
    let error = failed
        .properties
        .and_then(|properties| properties.error)
        .ok_or("no error")?;
    same!(error.code.as_deref(), Some("DeploymentFailed"));
    let inner = error
        .details
        .first()
        .and_then(|detail| detail.message.clone())
        .unwrap_or_default();
    holds!(inner.contains("AllocationFailed"), "{inner}");
    // What was made by then stays, and bills.
    holds!(!world.bills().is_empty(), "nothing stays");
    Ok(())
}

pub(super) async fn rate_limited(world: World) -> Outcome {
    let account = account(&world)?;
    world.fault("GET", Effect::RateLimited { retry_after: Some(3) });
    let error = account
        .groups
        .get("group-1", &account.subscription)
        .send()
        .await
        .err()
        .ok_or("no refusal")?;
    holds!(format!("{error:?}").contains("retry-after"), "{error:?}");
    same!(
        refusal::<()>(Err(error))?,
        (429, "SubscriptionRequestsThrottled".to_owned())
    );
    Ok(())
}

pub(super) async fn server_fault(world: World) -> Outcome {
    let account = account(&world)?;
    world.fault("GET", Effect::ServerError { status: 503 });
    let answer = account.groups.get("group-1", &account.subscription).send().await;
    same!(refusal(answer)?, (503, "ServerUnavailable".to_owned()));
    Ok(())
}
