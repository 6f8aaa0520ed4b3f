//! Hosts, what belongs to them, and the catalog.

use super::*;

pub(super) async fn creates(world: World) -> Outcome {
    let client = client(&world);
    let made = make(request(&client, "web-1").network_interfaces(interface())).await?;
    let host = world.host()?;
    same!(id(&made), &host.id);
    same!(state(&made), Some(&InstanceStateName::Pending));
    same!(made.public_ip_address(), None);
    same!(made.instance_type(), Some(&InstanceType::T3Micro));
    holds!(
        made.image_id().is_some_and(|image| image.starts_with("ami-")),
        "{:?}",
        made.image_id()
    );
    // The SDK chose a token.
    holds!(made.client_token().is_some_and(|token| !token.is_empty()), "no token");
    holds!(made.launch_time().is_some(), "no time");
    same!(&host.name, "web-1");
    same!(&host.region, REGION);
    same!(host.user_data_sha256, digest(USER_DATA));
    let value = made
        .tags()
        .iter()
        .find(|tag| tag.key() == Some("managed-by"))
        .and_then(Tag::value);
    same!(value, Some("oracle & co"));
    let volumes = client
        .describe_volumes()
        .filters(filter("attachment.instance-id", &[&host.id]))
        .send()
        .await;
    let volumes = volumes.map_err(told)?;
    let shown: Vec<_> = volumes
        .volumes()
        .iter()
        .map(|volume| volume.volume_id().unwrap_or_default())
        .collect();
    let held = world.items("volume");
    same!(shown, held.iter().map(|item| item.id.as_str()).collect::<Vec<_>>());
    same!(volumes.volumes().first().and_then(|volume| volume.size()), Some(9));
    Ok(())
}

pub(super) async fn gets(world: World) -> Outcome {
    let client = client(&world);
    let made = make(request(&client, "web-1")).await?;
    same!(
        state(&get(&client, id(&made)).await?),
        Some(&InstanceStateName::Pending)
    );
    world.boot();
    let instance = get(&client, id(&made)).await?;
    same!(state(&instance), Some(&InstanceStateName::Running));
    same!(instance.state().and_then(|state| state.code()), Some(16));
    holds!(instance.public_ip_address().is_some(), "no address");
    same!(instance.public_ip_address(), world.host()?.ip.as_deref());
    same!(
        (instance.ami_launch_index(), instance.ebs_optimized()),
        (Some(0), Some(false))
    );
    same!(instance.security_groups().len(), 1);
    let disk = instance
        .block_device_mappings()
        .first()
        .and_then(|disk| disk.ebs())
        .ok_or("no disk")?;
    same!(disk.delete_on_termination(), Some(true));
    holds!(disk.attach_time().is_some(), "no time");
    let tokens = instance.metadata_options().and_then(|options| options.http_tokens());
    same!(tokens, Some(&HttpTokensState::Required));
    let zone = instance
        .placement()
        .and_then(|placement| placement.availability_zone())
        .unwrap_or_default();
    holds!(zone.starts_with(REGION), "{zone}");
    Ok(())
}

pub(super) async fn lists(world: World) -> Outcome {
    let client = client(&world);
    let first = make(request(&client, "web-1")).await?;
    let second = make(bare(&client)).await?;
    same!(
        list(&client, vec![filter("tag:managed-by", &["oracle*"])]).await?,
        [id(&first)]
    );
    same!(
        list(&client, vec![filter("instance-state-name", &["running", "stopped"])]).await?,
        Vec::<String>::new()
    );
    same!(
        list(&client, vec![filter("instance-state-name", &["pending", "running"])])
            .await?
            .len(),
        2
    );
    let tag = Tag::builder().key("late").value("").build();
    client
        .create_tags()
        .resources(id(&second))
        .tags(tag)
        .send()
        .await
        .map_err(told)?;
    same!(list(&client, vec![filter("tag-key", &["late"])]).await?, [id(&second)]);
    world.boot();
    let first = get(&client, id(&first)).await?;
    let address = first.public_ip_address().ok_or("no address")?;
    same!(
        list(&client, vec![filter("ip-address", &[address])]).await?,
        [id(&first)]
    );
    Ok(())
}

pub(super) async fn pages(world: World) -> Outcome {
    let client = client(&world);
    for number in 1..=11 {
        make(request(&client, &format!("web-{number}"))).await?;
    }
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    let mut pages = client.describe_instances().max_results(5).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(told)?;
        sizes.push(page.reservations().len());
        let instances = page
            .reservations()
            .iter()
            .flat_map(|reservation| reservation.instances());
        found.extend(instances.map(|instance| id(instance).to_owned()));
        holds!(sizes.len() < 9, "the pages do not end");
    }
    same!(sizes, [5, 5, 1]);
    let held: Vec<_> = world.items("host").into_iter().map(|item| item.id).collect();
    same!(found, held);
    Ok(())
}

pub(super) async fn deletes(world: World) -> Outcome {
    let client = client(&world);
    let made = make(request(&client, "web-1")).await?;
    world.boot();
    let terminate = || client.terminate_instances().instance_ids(id(&made)).send();
    let answer = terminate().await.map_err(told)?;
    let change = answer.terminating_instances().first().ok_or("no change")?;
    let name = |state: Option<&aws_sdk_ec2::types::InstanceState>| state.and_then(|state| state.name().cloned());
    same!(name(change.previous_state()), Some(InstanceStateName::Running));
    same!(name(change.current_state()), Some(InstanceStateName::ShuttingDown));
    terminate().await.map_err(told)?;
    world.pass_deletion();
    let gone = get(&client, id(&made)).await?;
    same!(state(&gone), Some(&InstanceStateName::Terminated));
    same!(
        gone.state_reason().and_then(|reason| reason.code()),
        Some("Client.UserInitiatedShutdown")
    );
    same!(world.bills(), vec![]);
    Ok(())
}

pub(super) async fn catalogs(world: World) -> Outcome {
    let client = client(&world);
    let images = client
        .describe_images()
        .owners("099720109477")
        .filters(filter(
            "name",
            &["ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"],
        ))
        .filters(filter("state", &["available"]));
    let images = images.send().await.map_err(told)?;
    let newest = images.images().iter().max_by_key(|image| image.creation_date());
    let newest = newest.and_then(|image| image.image_id());
    same!(make(request(&client, "web-1")).await?.image_id(), newest);
    let types = client
        .describe_instance_types()
        .instance_types(InstanceType::T3Micro)
        .send()
        .await
        .map_err(told)?;
    let kind = types.instance_types().first().ok_or("no type")?;
    same!(kind.v_cpu_info().and_then(|info| info.default_v_cpus()), Some(2));
    same!(kind.memory_info().and_then(|info| info.size_in_mib()), Some(1_024));
    let regions = client.describe_regions().send().await.map_err(told)?;
    holds!(
        regions
            .regions()
            .iter()
            .any(|region| region.region_name() == Some(REGION)),
        "{regions:?}"
    );
    let vpcs = client
        .describe_vpcs()
        .filters(filter("is-default", &["true"]))
        .send()
        .await
        .map_err(told)?;
    same!(vpcs.vpcs().len(), 1);
    Ok(())
}

pub(super) async fn groups(world: World) -> Outcome {
    let client = client(&world);
    let group = make_group(&client).await?;
    same!(
        world
            .items("security-group")
            .into_iter()
            .map(|item| item.id)
            .collect::<Vec<_>>(),
        [group.clone()]
    );
    let permission = |from: i32, to: i32| {
        IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(from)
            .to_port(to)
            .ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").description("all").build())
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6("::/0").build())
            .build()
    };
    let authorize = || {
        let request = client.authorize_security_group_ingress().group_id(&group);
        request
            .ip_permissions(permission(443, 443))
            .ip_permissions(permission(8_000, 9_000))
            .send()
    };
    let answer = authorize().await.map_err(told)?;
    same!(answer.r#return(), Some(true));
    same!(refusal(authorize().await)?.1, "InvalidPermission.Duplicate");
    let found = client
        .describe_security_groups()
        .filters(filter("group-name", &["web"]))
        .send()
        .await
        .map_err(told)?;
    same!(found.security_groups().len(), 1);
    let permissions = found
        .security_groups()
        .first()
        .map(|group| group.ip_permissions())
        .unwrap_or_default();
    let mut ports: Vec<_> = permissions
        .iter()
        .map(|rule| (rule.from_port(), rule.to_port()))
        .collect();
    ports.sort();
    same!(ports, [(Some(443), Some(443)), (Some(8_000), Some(9_000))]);
    let instance = make_within(&client, &group).await?;
    let delete = || client.delete_security_group().group_id(&group).send();
    same!(refusal(delete().await)?.1, "DependencyViolation");
    let default = client
        .describe_security_groups()
        .filters(filter("group-name", &["default"]))
        .filters(filter("vpc-id", &[instance.vpc_id().unwrap_or_default()]));
    let default = default.send().await.map_err(told)?;
    let default = default
        .security_groups()
        .first()
        .and_then(|group| group.group_id())
        .ok_or("no default group")?;
    let swap = client
        .modify_instance_attribute()
        .instance_id(id(&instance))
        .groups(default);
    swap.send().await.map_err(told)?;
    delete().await.map_err(told)?;
    same!(world.items("security-group"), vec![]);
    Ok(())
}

pub(super) async fn repeats(world: World) -> Outcome {
    let client = client(&world);
    let request = || request(&client, "web-1").client_token("token-1");
    let (first, second) = (make(request()).await?, make(request()).await?);
    same!(id(&first), id(&second));
    same!(second.client_token(), Some("token-1"));
    same!(world.items("host").len(), 1);
    let other = refusal(request().instance_type(InstanceType::T3Small).send().await)?;
    same!(other.1, "IdempotentParameterMismatch");
    Ok(())
}

pub(super) async fn loses_an_answer(world: World) -> Outcome {
    // With retries, as the SDK has them by default: its own token makes the second request harmless.
    let (key, secret) = keys();
    let retries = RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1));
    let client = client_of(
        &world,
        Credentials::new(key, secret, None, None, "oracle"),
        REGION,
        retries,
    );
    world.fault("POST", Effect::ResetAfter);
    let made = make(request(&client, "web-1")).await?;
    same!(world.requests("POST"), 2);
    same!(id(&made), &world.host()?.id);
    Ok(())
}
