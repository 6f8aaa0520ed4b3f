//! What is refused, and how.

use super::*;

pub(super) async fn bad_credential(world: World) -> Outcome {
    let (key, secret) = keys();
    for pair in [(key, "wrong".to_owned()), ("AKIANOBODY".to_owned(), secret)] {
        let client = client_with(&world, pair, REGION);
        let answer = client.describe_instances(Default::default()).await;
        same!(refusal(answer)?, (401, "AuthFailure".to_owned()));
    }
    Ok(())
}

pub(super) async fn read_only(world: World) -> Outcome {
    let client = client_with(&world, reading_keys(), REGION);
    describe(&client, Default::default()).await?;
    let answer = client.run_instances(request("web-1")).await;
    same!(refusal(answer)?, (403, "UnauthorizedOperation".to_owned()));
    Ok(())
}

pub(super) async fn not_found(world: World) -> Outcome {
    let client = client(&world);
    let describe = |id: &str| DescribeInstancesRequest {
        instance_ids: Some(vec![id.to_owned()]),
        ..Default::default()
    };
    let answer = client.describe_instances(describe(NO_INSTANCE)).await;
    same!(refusal(answer)?, (400, "InvalidInstanceID.NotFound".to_owned()));
    let answer = client.describe_instances(describe("web-1")).await;
    same!(refusal(answer)?, (400, "InvalidInstanceID.Malformed".to_owned()));
    let request = TerminateInstancesRequest {
        instance_ids: vec![NO_INSTANCE.to_owned()],
        dry_run: None,
    };
    let answer = client.terminate_instances(request).await;
    same!(refusal(answer)?, (400, "InvalidInstanceID.NotFound".to_owned()));
    Ok(())
}

pub(super) async fn unknown_plan(world: World) -> Outcome {
    let request = RunInstancesRequest {
        instance_type: some("t99.mega"),
        ..request("web-1")
    };
    same!(refused(&world, request).await?, "InvalidParameterValue");
    Ok(())
}

pub(super) async fn unknown_image(world: World) -> Outcome {
    let request = RunInstancesRequest {
        image_id: some("ami-0123456789abcdef0"),
        ..request("web-1")
    };
    same!(refused(&world, request.clone()).await?, "InvalidAMIID.NotFound");
    let request = RunInstancesRequest {
        image_id: some("ubuntu"),
        ..request
    };
    same!(refused(&world, request).await?, "InvalidAMIID.Malformed");
    Ok(())
}

pub(super) async fn unknown_region(world: World) -> Outcome {
    // One that exists and is not switched on.
    let client = client_with(&world, keys(), "af-south-1");
    let answer = client.describe_instances(Default::default()).await;
    same!(refusal(answer)?, (401, "AuthFailure".to_owned()));
    Ok(())
}

pub(super) async fn name_taken(world: World) -> Outcome {
    let client = client(&world);
    make_group(&client).await?;
    same!(
        &refusal(client.create_security_group(group("web")).await)?.1,
        "InvalidGroup.Duplicate"
    );
    Ok(())
}

pub(super) async fn bad_field(world: World) -> Outcome {
    let request = RunInstancesRequest {
        user_data: some(USER_DATA),
        ..request("web-1")
    };
    same!(refused(&world, request.clone()).await?, "InvalidUserData.Malformed");
    let request = RunInstancesRequest {
        subnet_id: some("subnet-1"),
        user_data: None,
        ..request
    };
    same!(refused(&world, request).await?, "InvalidParameterCombination");
    Ok(())
}

pub(super) async fn busy(world: World) -> Outcome {
    let client = client(&world);
    let group = make_group(&client).await?;
    let id = id(&make(&client, within(&group)).await?)?;
    let request = TerminateInstancesRequest {
        instance_ids: vec![id],
        dry_run: None,
    };
    client
        .terminate_instances(request)
        .await
        .map_err(|error| error.to_string())?;
    same!(
        &refusal(client.delete_security_group(delete_group(&group)).await)?.1,
        "DependencyViolation"
    );
    world.pass_deletion();
    client
        .delete_security_group(delete_group(&group))
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}

pub(super) async fn quota(world: World) -> Outcome {
    world.fault("POST", Effect::Quota);
    same!(refused(&world, request("web-1")).await?, "VcpuLimitExceeded");
    Ok(())
}

pub(super) async fn sold_out(world: World) -> Outcome {
    world.fault("POST", Effect::SoldOut);
    same!(refused(&world, request("web-1")).await?, "InsufficientInstanceCapacity");
    Ok(())
}

pub(super) async fn rate_limited(world: World) -> Outcome {
    world.fault("POST", Effect::RateLimited { retry_after: None });
    let answer = client(&world).describe_instances(Default::default()).await;
    same!(refusal(answer)?, (503, "RequestLimitExceeded".to_owned()));
    Ok(())
}

pub(super) async fn server_fault(world: World) -> Outcome {
    world.fault("POST", Effect::ServerError { status: 500 });
    let answer = client(&world).describe_instances(Default::default()).await;
    same!(refusal(answer)?, (500, "InternalError".to_owned()));
    Ok(())
}
