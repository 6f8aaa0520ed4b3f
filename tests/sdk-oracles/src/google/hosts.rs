//! Hosts, what belongs to them, and the catalog.

use super::*;

pub(super) async fn creates(world: World) -> Outcome {
    let hub = client(&world);
    let started = make(&hub, request("web-1")).await?;
    let host = world.host()?;
    same!(started.operation_type.as_deref(), Some("insert"));
    same!(started.target_id.map(|id| id.to_string()), Some(host.id.clone()));
    let target = started.target_link.unwrap_or_default();
    holds!(
        target.ends_with(&format!("/projects/{PROJECT}/zones/{ZONE}/instances/web-1")),
        "{target}"
    );
    same!(&host.name, "web-1");
    same!(&host.region, ZONE);
    same!(host.user_data_sha256, digest(USER_DATA));
    let instance = get(&hub, "web-1").await?;
    same!(instance.id.map(|id| id.to_string()), Some(host.id));
    same!(instance.status.as_deref(), Some("PROVISIONING"));
    same!(
        instance
            .labels
            .and_then(|labels| labels.get("managed-by").cloned())
            .as_deref(),
        Some("oracle")
    );
    same!(
        instance.tags.and_then(|tags| tags.items),
        Some(vec!["web-1".to_owned()])
    );
    let disks = instance.disks.unwrap_or_default();
    let disk = disks.first().ok_or("no disk")?;
    same!(
        (disk.disk_size_gb, disk.auto_delete, disk.boot),
        (Some(12), Some(true), Some(true))
    );
    holds!(
        instance.label_fingerprint.is_some_and(|print| !print.is_empty()),
        "no fingerprint"
    );
    Ok(())
}

pub(super) async fn gets(world: World) -> Outcome {
    let hub = client(&world);
    make(&hub, request("web-1")).await?;
    same!(address(&get(&hub, "web-1").await?), None);
    world.boot_percent(50);
    same!(get(&hub, "web-1").await?.status.as_deref(), Some("STAGING"));
    world.boot();
    let instance = get(&hub, "web-1").await?;
    same!(instance.status.as_deref(), Some("RUNNING"));
    holds!(address(&instance).is_some(), "no address");
    same!(address(&instance), world.host()?.ip);
    Ok(())
}

pub(super) async fn lists(world: World) -> Outcome {
    let hub = client(&world);
    make(&hub, request("web-1")).await?;
    let other = Instance {
        labels: None,
        ..request("web-2")
    };
    make(&hub, other).await?;
    let list = async |filter: &str| {
        let found = hub.instances().list(PROJECT, ZONE).filter(filter).doit().await;
        Ok::<_, String>(names(found.map_err(told)?.1.items))
    };
    same!(list("labels.managed-by=oracle").await?, ["web-1"]);
    same!(
        list("(labels.managed-by:*) (status=RUNNING)").await?,
        Vec::<String>::new()
    );
    same!(list("name eq web-.*").await?, ["web-1", "web-2"]);
    // All zones at once: those without instances say so.
    let all = hub
        .instances()
        .aggregated_list(PROJECT)
        .filter("labels.managed-by=oracle")
        .doit()
        .await;
    let zones = all.map_err(told)?.1.items.unwrap_or_default();
    let empty = zones.values().filter(|zone| zone.warning.is_some()).count();
    same!(zones.len() - empty, 1);
    let here = zones
        .get(&format!("zones/{ZONE}"))
        .and_then(|zone| zone.instances.clone());
    same!(names(here), ["web-1"]);
    Ok(())
}

pub(super) async fn pages(world: World) -> Outcome {
    let hub = client(&world);
    for number in 1..=7 {
        make(&hub, request(&format!("web-{number}"))).await?;
    }
    let (mut found, mut sizes, mut token) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let mut call = hub.instances().list(PROJECT, ZONE).max_results(3);
        if let Some(token) = &token {
            call = call.page_token(token);
        }
        let page = call.doit().await.map_err(told)?.1;
        let items = page.items.unwrap_or_default();
        sizes.push(items.len());
        found.extend(
            items
                .into_iter()
                .filter_map(|instance| instance.id)
                .map(|id| id.to_string()),
        );
        token = page.next_page_token;
        if token.is_none() {
            break;
        }
        holds!(sizes.len() < 9, "the pages do not end");
    }
    same!(sizes, [3, 3, 1]);
    let held: Vec<_> = world.items("host").into_iter().map(|item| item.id).collect();
    same!(found, held);
    Ok(())
}

pub(super) async fn deletes(world: World) -> Outcome {
    let hub = client(&world);
    make(&hub, request("web-1")).await?;
    world.boot();
    let started = hub
        .instances()
        .delete(PROJECT, ZONE, "web-1")
        .doit()
        .await
        .map_err(told)?
        .1;
    same!(started.operation_type.as_deref(), Some("delete"));
    same!(get(&hub, "web-1").await?.status.as_deref(), Some("STOPPING"));
    world.pass_deletion();
    let done = operation(&hub, &started).await?;
    same!((done.status.as_deref(), done.progress), (Some("DONE"), Some(100)));
    holds!(done.error.is_none(), "{:?}", done.error);
    let again = refusal(hub.instances().delete(PROJECT, ZONE, "web-1").doit().await)?;
    same!(again, (404, "notFound".to_owned()));
    same!(world.bills(), vec![]);
    Ok(())
}

pub(super) async fn catalogs(world: World) -> Outcome {
    let hub = client(&world);
    let image = hub
        .images()
        .get_from_family(IMAGES, FAMILY)
        .doit()
        .await
        .map_err(told)?
        .1;
    same!(image.family.as_deref(), Some(FAMILY));
    same!(image.status.as_deref(), Some("READY"));
    same!(image.disk_size_gb, Some(10));
    let kind = hub
        .machine_types()
        .get(PROJECT, ZONE, "e2-micro")
        .doit()
        .await
        .map_err(told)?
        .1;
    same!((kind.guest_cpus, kind.memory_mb), (Some(2), Some(1_024)));
    let kinds = hub.machine_types().list(PROJECT, ZONE).doit().await.map_err(told)?.1;
    holds!(kinds.items.is_some_and(|kinds| kinds.len() > 3), "few machine types");
    let zones = hub
        .zones()
        .list(PROJECT)
        .doit()
        .await
        .map_err(told)?
        .1
        .items
        .unwrap_or_default();
    holds!(zones.iter().any(|zone| zone.name.as_deref() == Some(ZONE)), "{zones:?}");
    Ok(())
}

pub(super) async fn firewalls(world: World) -> Outcome {
    let hub = client(&world);
    let allowed = |ports: &[&str]| {
        let ports = ports.iter().map(|port| (*port).to_owned()).collect();
        Some(vec![FirewallAllowed {
            ip_protocol: some("tcp"),
            ports: Some(ports),
        }])
    };
    let wanted = Firewall {
        name: some("web-1-fw"),
        network: some("global/networks/default"),
        direction: some("INGRESS"),
        priority: Some(1_000),
        source_ranges: Some(vec!["0.0.0.0/0".to_owned()]),
        target_tags: Some(vec!["web-1".to_owned()]),
        allowed: allowed(&["443", "8000-9000"]),
        description: some("managed-by=oracle"),
        ..Default::default()
    };
    let made = hub
        .firewalls()
        .insert(wanted.clone(), PROJECT)
        .doit()
        .await
        .map_err(told)?
        .1;
    same!(
        made.target_id.map(|id| id.to_string()),
        world.items("firewall").first().map(|item| item.id.clone())
    );
    let again = refusal(hub.firewalls().insert(wanted, PROJECT).doit().await)?;
    same!(again, (409, "alreadyExists".to_owned()));
    world.boot();
    let name = made.name.as_deref().unwrap_or_default();
    let done = hub.global_operations().get(PROJECT, name).doit().await.map_err(told)?.1;
    same!(done.status.as_deref(), Some("DONE"));
    let patch = Firewall {
        allowed: allowed(&["22"]),
        ..Default::default()
    };
    hub.firewalls()
        .patch(patch, PROJECT, "web-1-fw")
        .doit()
        .await
        .map_err(told)?;
    let found = hub.firewalls().get(PROJECT, "web-1-fw").doit().await.map_err(told)?.1;
    let ports = found
        .allowed
        .and_then(|allowed| allowed.first().and_then(|rule| rule.ports.clone()));
    same!(ports, Some(vec!["22".to_owned()]));
    same!(found.priority, Some(1_000));
    let listed = hub
        .firewalls()
        .list(PROJECT)
        .filter("name eq web-1-.*")
        .doit()
        .await
        .map_err(told)?
        .1;
    same!(listed.items.map(|rules| rules.len()), Some(1));
    world.boot();
    hub.firewalls().delete(PROJECT, "web-1-fw").doit().await.map_err(told)?;
    world.pass_deletion();
    same!(world.items("firewall"), vec![]);
    Ok(())
}

pub(super) async fn operations(world: World) -> Outcome {
    let hub = client(&world);
    let started = make(&hub, request("web-1")).await?;
    same!(operation(&hub, &started).await?.status.as_deref(), Some("PENDING"));
    world.boot_percent(50);
    let running = operation(&hub, &started).await?;
    same!(running.status.as_deref(), Some("RUNNING"));
    holds!(
        running.start_time.is_some() && running.end_time.is_none(),
        "{running:?}"
    );
    world.boot();
    same!(operation(&hub, &started).await?.status.as_deref(), Some("DONE"));
    make(&hub, request("web-2")).await?;
    // What happened to a name that is not there any more.
    let list = hub
        .zone_operations()
        .list(PROJECT, ZONE)
        .filter("targetLink eq \".*/instances/web-1\"");
    let found = list
        .max_results(20)
        .doit()
        .await
        .map_err(told)?
        .1
        .items
        .unwrap_or_default();
    same!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [started.id]);
    Ok(())
}

pub(super) async fn repeats(world: World) -> Outcome {
    let hub = client(&world);
    let id = "6f1d3a52-40a5-4b8c-9d8b-111111111111";
    let insert = async || {
        let call = hub.instances().insert(request("web-1"), PROJECT, ZONE).request_id(id);
        Ok::<_, String>(call.doit().await.map_err(told)?.1)
    };
    let (first, second) = (insert().await?, insert().await?);
    same!(&first.name, &second.name);
    same!(second.client_operation_id.as_deref(), Some(id));
    same!(world.items("host").len(), 1);
    Ok(())
}

pub(super) async fn loses_an_answer(world: World) -> Outcome {
    world.fault("POST", Effect::ResetAfter);
    let hub = client(&world);
    let lost = make(&hub, request("web-1")).await;
    holds!(lost.is_err(), "an answer came: {lost:?}");
    same!(world.requests("POST"), 1);
    let id = world.host()?.id;
    same!(get(&hub, "web-1").await?.id.map(|id| id.to_string()), Some(id));
    Ok(())
}
