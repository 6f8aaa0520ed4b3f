//! Hosts, what belongs to them, and the catalog.

use super::*;

pub(super) async fn creates(world: World) -> Outcome {
    let client = client(&world);
    let made = make(&client, request("web-1")).await?;
    let host = world.host()?;
    same!(&id(&made)?, &host.id);
    same!(state(&made), (0, "pending"));
    same!(made.public_ip_address, None);
    same!(made.instance_type.as_deref(), Some("t3.micro"));
    // The parameter was resolved.
    holds!(
        made.image_id.as_ref().is_some_and(|image| image.starts_with("ami-")),
        "{:?}",
        made.image_id
    );
    same!(&host.name, "web-1");
    same!(&host.region, REGION);
    same!(host.user_data_sha256, digest(USER_DATA));
    let tags = made.tags.unwrap_or_default();
    let value = tags
        .iter()
        .find(|tag| tag.key.as_deref() == Some("managed-by"))
        .and_then(|tag| tag.value.as_deref());
    same!(value, Some("oracle & co"));
    let volumes = client.describe_volumes(DescribeVolumesRequest {
        filters: Some(vec![filter("attachment.instance-id", &[&host.id])]),
        ..Default::default()
    });
    let volumes = volumes
        .await
        .map_err(|error| error.to_string())?
        .volumes
        .unwrap_or_default();
    let shown: Vec<_> = volumes
        .iter()
        .map(|volume| volume.volume_id.clone().unwrap_or_default())
        .collect();
    same!(
        shown,
        world
            .items("volume")
            .into_iter()
            .map(|item| item.id)
            .collect::<Vec<_>>()
    );
    same!(volumes.first().and_then(|volume| volume.size), Some(9));
    Ok(())
}

pub(super) async fn gets(world: World) -> Outcome {
    let client = client(&world);
    let id = id(&make(&client, request("web-1")).await?)?;
    same!(state(&get(&client, &id).await?), (0, "pending"));
    world.boot();
    let instance = get(&client, &id).await?;
    same!(state(&instance), (16, "running"));
    holds!(instance.public_ip_address.is_some(), "no address");
    same!(instance.public_ip_address, world.host()?.ip);
    same!(instance.ami_launch_index, Some(0));
    same!(instance.ebs_optimized, Some(false));
    same!(instance.root_device_name.as_deref(), Some("/dev/sda1"));
    same!(instance.security_groups.map(|groups| groups.len()), Some(1));
    let disks = instance.block_device_mappings.unwrap_or_default();
    let disk = disks.first().and_then(|disk| disk.ebs.as_ref()).ok_or("no disk")?;
    same!(disk.delete_on_termination, Some(true));
    let zone = instance
        .placement
        .and_then(|placement| placement.availability_zone)
        .unwrap_or_default();
    holds!(zone.starts_with(REGION), "{zone}");
    Ok(())
}

pub(super) async fn lists(world: World) -> Outcome {
    let client = client(&world);
    let first = make(&client, request("web-1")).await?;
    let second = RunInstancesRequest {
        tag_specifications: None,
        ..request("web-2")
    };
    let second = id(&make(&client, second).await?)?;
    let list = async |filters: Vec<Filter>| {
        let request = DescribeInstancesRequest {
            filters: Some(filters),
            ..Default::default()
        };
        describe(&client, request)
            .await?
            .iter()
            .map(id)
            .collect::<Result<Vec<_>, _>>()
    };
    let first = id(&first)?;
    same!(
        list(vec![filter("tag:managed-by", &["oracle*"])]).await?,
        [first.clone()]
    );
    same!(
        list(vec![filter("instance-state-name", &["running", "stopped"])]).await?,
        Vec::<String>::new()
    );
    let both = vec![filter("instance-state-name", &["pending", "running"])];
    same!(list(both).await?.len(), 2);
    // Tags that come later are found as well.
    let tag = Tag {
        key: some("late"),
        value: some(""),
    };
    let request = CreateTagsRequest {
        resources: vec![second.clone()],
        tags: vec![tag],
        dry_run: None,
    };
    client.create_tags(request).await.map_err(|error| error.to_string())?;
    same!(list(vec![filter("tag-key", &["late"])]).await?, [second]);
    world.boot();
    let address = get(&client, &first).await?.public_ip_address.ok_or("no address")?;
    same!(list(vec![filter("ip-address", &[&address])]).await?, [first]);
    Ok(())
}

pub(super) async fn pages(world: World) -> Outcome {
    let client = client(&world);
    for number in 1..=11 {
        make(&client, request(&format!("web-{number}"))).await?;
    }
    let (mut found, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let request = DescribeInstancesRequest {
            max_results: Some(5),
            next_token: token,
            ..Default::default()
        };
        let page = client
            .describe_instances(request)
            .await
            .map_err(|error| error.to_string())?;
        let reservations = page.reservations.unwrap_or_default();
        sizes.push(reservations.len());
        let instances = reservations
            .into_iter()
            .flat_map(|reservation| reservation.instances.unwrap_or_default());
        found.extend(instances.filter_map(|instance| instance.instance_id));
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
        holds!(sizes.len() < 9, "the pages do not end");
    }
    same!(sizes, [5, 5, 1]);
    let held: Vec<_> = world.items("host").into_iter().map(|item| item.id).collect();
    same!(found, held);
    Ok(())
}

pub(super) async fn deletes(world: World) -> Outcome {
    let client = client(&world);
    let id = id(&make(&client, request("web-1")).await?)?;
    world.boot();
    let request = || TerminateInstancesRequest {
        instance_ids: vec![id.clone()],
        dry_run: None,
    };
    let answer = client
        .terminate_instances(request())
        .await
        .map_err(|error| error.to_string())?;
    let changes = answer.terminating_instances.unwrap_or_default();
    let change = changes.first().ok_or("no change")?;
    let name = |state: &Option<rusoto_ec2::InstanceState>| state.as_ref().and_then(|state| state.name.clone());
    same!(name(&change.previous_state).as_deref(), Some("running"));
    same!(name(&change.current_state).as_deref(), Some("shutting-down"));
    // Once more is no error while it is to be seen.
    client
        .terminate_instances(request())
        .await
        .map_err(|error| error.to_string())?;
    world.pass_deletion();
    let gone = get(&client, &id).await?;
    same!(state(&gone), (48, "terminated"));
    let reason = gone.state_reason.and_then(|reason| reason.code);
    same!(reason.as_deref(), Some("Client.UserInitiatedShutdown"));
    same!(world.bills(), vec![]);
    Ok(())
}

pub(super) async fn catalogs(world: World) -> Outcome {
    let client = client(&world);
    let request = DescribeImagesRequest {
        owners: Some(vec!["099720109477".to_owned()]),
        filters: Some(vec![
            filter("name", &["ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"]),
            filter("state", &["available"]),
        ]),
        ..Default::default()
    };
    let images = client
        .describe_images(request)
        .await
        .map_err(|error| error.to_string())?;
    let mut images = images.images.unwrap_or_default();
    holds!(images.len() > 1, "{images:?}");
    images.sort_by(|a, b| a.creation_date.cmp(&b.creation_date));
    let newest = images.pop().and_then(|image| image.image_id);
    same!(make(&client, self::request("web-1")).await?.image_id, newest);
    let request = DescribeInstanceTypesRequest {
        instance_types: Some(vec!["t3.micro".to_owned()]),
        ..Default::default()
    };
    let types = client
        .describe_instance_types(request)
        .await
        .map_err(|error| error.to_string())?;
    let types = types.instance_types.unwrap_or_default();
    let kind = types.first().ok_or("no type")?;
    same!(kind.v_cpu_info.as_ref().and_then(|info| info.default_v_cpus), Some(2));
    same!(
        kind.memory_info.as_ref().and_then(|info| info.size_in_mi_b),
        Some(1_024)
    );
    let regions = client.describe_regions(DescribeRegionsRequest::default()).await;
    let regions = regions.map_err(|error| error.to_string())?.regions.unwrap_or_default();
    holds!(
        regions
            .iter()
            .any(|region| region.region_name.as_deref() == Some(REGION)),
        "{regions:?}"
    );
    Ok(())
}

pub(super) async fn groups(world: World) -> Outcome {
    let client = client(&world);
    let id = make_group(&client).await?;
    same!(
        world
            .items("security-group")
            .into_iter()
            .map(|item| item.id)
            .collect::<Vec<_>>(),
        [id.clone()]
    );
    let permission = |from: i64, to: i64| IpPermission {
        ip_protocol: some("tcp"),
        from_port: Some(from),
        to_port: Some(to),
        ip_ranges: Some(vec![IpRange {
            cidr_ip: some("0.0.0.0/0"),
            description: some("all"),
        }]),
        ipv_6_ranges: Some(vec![Ipv6Range {
            cidr_ipv_6: some("::/0"),
            description: None,
        }]),
        ..Default::default()
    };
    let request = AuthorizeSecurityGroupIngressRequest {
        group_id: some(&id),
        ip_permissions: Some(vec![permission(443, 443), permission(8_000, 9_000)]),
        ..Default::default()
    };
    client
        .authorize_security_group_ingress(request.clone())
        .await
        .map_err(|error| error.to_string())?;
    let again = refusal(client.authorize_security_group_ingress(request).await)?;
    same!(&again.1, "InvalidPermission.Duplicate");
    let find = DescribeSecurityGroupsRequest {
        filters: Some(vec![
            filter("group-name", &["web"]),
            filter("tag:managed-by", &["oracle"]),
        ]),
        ..Default::default()
    };
    let found = client
        .describe_security_groups(find)
        .await
        .map_err(|error| error.to_string())?;
    let found = found.security_groups.unwrap_or_default();
    same!(found.len(), 1);
    let permissions = found
        .first()
        .and_then(|group| group.ip_permissions.clone())
        .unwrap_or_default();
    let mut ports: Vec<_> = permissions.iter().map(|rule| (rule.from_port, rule.to_port)).collect();
    ports.sort();
    same!(ports, [(Some(443), Some(443)), (Some(8_000), Some(9_000))]);
    let ranges = permissions
        .first()
        .and_then(|rule| rule.ipv_6_ranges.clone())
        .unwrap_or_default();
    same!(
        ranges.first().and_then(|range| range.cidr_ipv_6.as_deref()),
        Some("::/0")
    );
    // In use until the instance has another.
    let instance = make(&client, within(&id)).await?;
    let groups = instance.security_groups.clone().unwrap_or_default();
    same!(
        groups.first().and_then(|group| group.group_id.as_deref()),
        Some(id.as_str())
    );
    same!(
        &refusal(client.delete_security_group(delete_group(&id)).await)?.1,
        "DependencyViolation"
    );
    let default = DescribeSecurityGroupsRequest {
        filters: Some(vec![
            filter("group-name", &["default"]),
            filter("vpc-id", &[instance.vpc_id.as_deref().unwrap_or_default()]),
        ]),
        ..Default::default()
    };
    let default = client
        .describe_security_groups(default)
        .await
        .map_err(|error| error.to_string())?;
    let default = default
        .security_groups
        .unwrap_or_default()
        .into_iter()
        .find_map(|group| group.group_id);
    let swap = ModifyInstanceAttributeRequest {
        instance_id: self::id(&instance)?,
        groups: Some(vec![default.ok_or("no default group")?]),
        ..Default::default()
    };
    client
        .modify_instance_attribute(swap)
        .await
        .map_err(|error| error.to_string())?;
    client
        .delete_security_group(delete_group(&id))
        .await
        .map_err(|error| error.to_string())?;
    same!(world.items("security-group"), vec![]);
    Ok(())
}

pub(super) async fn repeats(world: World) -> Outcome {
    let client = client(&world);
    let request = || RunInstancesRequest {
        client_token: some("token-1"),
        ..request("web-1")
    };
    let first = id(&make(&client, request()).await?)?;
    let second = make(&client, request()).await?;
    same!(id(&second)?, first);
    same!(second.client_token.as_deref(), Some("token-1"));
    same!(world.items("host").len(), 1);
    let other = RunInstancesRequest {
        instance_type: some("t3.small"),
        ..request()
    };
    let refusal = refusal(client.run_instances(other).await)?;
    same!(&refusal.1, "IdempotentParameterMismatch");
    Ok(())
}

pub(super) async fn loses_an_answer(world: World) -> Outcome {
    world.fault("POST", Effect::ResetAfter);
    let client = client(&world);
    let request = || RunInstancesRequest {
        client_token: some("token-1"),
        ..request("web-1")
    };
    let lost = client.run_instances(request()).await;
    holds!(
        matches!(lost, Err(RusotoError::HttpDispatch(_))),
        "an answer came: {lost:?}"
    );
    same!(world.requests("POST"), 1);
    let id = world.host()?.id;
    same!(self::id(&make(&client, request()).await?)?, id);
    same!(world.items("host").len(), 1);
    Ok(())
}
