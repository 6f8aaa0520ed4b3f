//! What is refused, and how.

use super::*;

pub(super) async fn bad_credential(world: World) -> Outcome {
    let (key, secret) = keys();
    for pair in [(key, "wrong".to_owned()), ("AKIANOBODY".to_owned(), secret)] {
        let client = client_with(&world, pair, REGION);
        same!(
            refusal(client.describe_instances().send().await)?,
            (401, "AuthFailure".to_owned())
        );
    }
    // Temporary keys need their token.
    let (key, secret) = ("ASIASIMPROVISION0003", "sim-secret-ec2-session");
    let session = |token: &str| Credentials::new(key, secret, Some(token.to_owned()), None, "oracle");
    let client = client_of(
        &world,
        session("sim-session-token-ec2"),
        REGION,
        RetryConfig::disabled(),
    );
    same!(list(&client, vec![]).await?.len(), 0);
    let client = client_of(&world, session("another"), REGION, RetryConfig::disabled());
    same!(refusal(client.describe_instances().send().await)?.1, "AuthFailure");
    Ok(())
}

pub(super) async fn read_only(world: World) -> Outcome {
    let client = client_with(&world, reading_keys(), REGION);
    list(&client, vec![]).await?;
    same!(
        refusal(request(&client, "web-1").send().await)?,
        (403, "UnauthorizedOperation".to_owned())
    );
    Ok(())
}

pub(super) async fn not_found(world: World) -> Outcome {
    let client = client(&world);
    let missing = (400, "InvalidInstanceID.NotFound".to_owned());
    let answer = client.describe_instances().instance_ids(NO_INSTANCE).send().await;
    same!(refusal(answer)?, missing.clone());
    let answer = client.terminate_instances().instance_ids(NO_INSTANCE).send().await;
    same!(refusal(answer)?, missing);
    let answer = client.describe_instances().instance_ids("web-1").send().await;
    same!(refusal(answer)?.1, "InvalidInstanceID.Malformed");
    Ok(())
}

pub(super) async fn unknown_plan(world: World) -> Outcome {
    let request = request(&client(&world), "web-1").instance_type(InstanceType::from("t99.mega"));
    same!(refused(&world, request).await?, "InvalidParameterValue");
    Ok(())
}

pub(super) async fn unknown_image(world: World) -> Outcome {
    let client = client(&world);
    let of_form = request(&client, "web-1").image_id("ami-0123456789abcdef0");
    same!(refused(&world, of_form).await?, "InvalidAMIID.NotFound");
    same!(
        refused(&world, request(&client, "web-1").image_id("ubuntu")).await?,
        "InvalidAMIID.Malformed"
    );
    Ok(())
}

pub(super) async fn unknown_region(world: World) -> Outcome {
    let client = client_with(&world, keys(), "af-south-1");
    same!(
        refusal(client.describe_instances().send().await)?,
        (401, "AuthFailure".to_owned())
    );
    Ok(())
}

pub(super) async fn name_taken(world: World) -> Outcome {
    let client = client(&world);
    make_group(&client).await?;
    let answer = client
        .create_security_group()
        .group_name("web")
        .description("another")
        .send()
        .await;
    same!(refusal(answer)?.1, "InvalidGroup.Duplicate");
    Ok(())
}

pub(super) async fn bad_field(world: World) -> Outcome {
    let client = client(&world);
    same!(
        refused(&world, bare(&client).user_data(USER_DATA)).await?,
        "InvalidUserData.Malformed"
    );
    let both = bare(&client).network_interfaces(interface()).subnet_id("subnet-1");
    same!(refused(&world, both).await?, "InvalidParameterCombination");
    Ok(())
}

pub(super) async fn busy(world: World) -> Outcome {
    let client = client(&world);
    let group = make_group(&client).await?;
    let made = make_within(&client, &group).await?;
    client
        .terminate_instances()
        .instance_ids(id(&made))
        .send()
        .await
        .map_err(told)?;
    let delete = || client.delete_security_group().group_id(&group).send();
    same!(refusal(delete().await)?.1, "DependencyViolation");
    world.pass_deletion();
    delete().await.map_err(told)?;
    Ok(())
}

pub(super) async fn quota(world: World) -> Outcome {
    world.fault("POST", Effect::Quota);
    same!(
        refused(&world, request(&client(&world), "web-1")).await?,
        "VcpuLimitExceeded"
    );
    Ok(())
}

pub(super) async fn sold_out(world: World) -> Outcome {
    world.fault("POST", Effect::SoldOut);
    same!(
        refused(&world, request(&client(&world), "web-1")).await?,
        "InsufficientInstanceCapacity"
    );
    Ok(())
}

pub(super) async fn rate_limited(world: World) -> Outcome {
    world.fault("POST", Effect::RateLimited { retry_after: None });
    let answer = client(&world).describe_instances().send().await;
    same!(refusal(answer)?, (503, "RequestLimitExceeded".to_owned()));
    Ok(())
}

pub(super) async fn server_fault(world: World) -> Outcome {
    world.fault("POST", Effect::ServerError { status: 500 });
    let answer = client(&world).describe_instances().send().await;
    same!(refusal(answer)?, (500, "InternalError".to_owned()));
    Ok(())
}
