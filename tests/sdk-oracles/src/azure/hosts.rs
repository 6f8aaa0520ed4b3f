//! Hosts, what belongs to them, and the catalog.

use super::*;

pub(super) async fn creates(world: World) -> Outcome {
    let account = account(&world)?;
    let group = account.group("group-1").await?;
    same!(group.name.as_deref(), Some("group-1"));
    same!(group.tags, Some(tags()));
    same!(
        group.id,
        world.items("resource-group").first().map(|item| item.id.clone())
    );
    let made = account.put(&order("web-1")).await.map_err(told)?;
    same!(made.name.as_deref(), Some("web-1"));
    same!(state(&made), Some(ProvisioningState::Accepted));
    let properties = made.properties.ok_or("no properties")?;
    holds!(
        properties.correlation_id.is_some() && properties.timestamp.is_some(),
        "{properties:?}"
    );
    // What is secret is not shown again.
    holds!(
        !format!("{:?}", properties.parameters).contains("needs-1"),
        "{:?}",
        properties.parameters
    );
    let host = world.host()?;
    same!(&host.name, "web-1");
    same!(&host.region, REGION);
    same!(host.user_data_sha256, digest(USER_DATA));
    same!(world.bills().len(), 3);
    Ok(())
}

pub(super) async fn gets(world: World) -> Outcome {
    let account = account(&world)?;
    account.make("web-1").await?;
    world.boot_percent(50);
    same!(
        state(&account.deployment("web-1").await?),
        Some(ProvisioningState::Running)
    );
    let machine = account.machine("web-1").await?;
    same!(statuses(&machine), ["ProvisioningState/creating"]);
    world.boot();
    let done = account.deployment("web-1").await?;
    same!(state(&done), Some(ProvisioningState::Succeeded));
    let properties = done.properties.ok_or("no properties")?;
    let outputs = properties.outputs.unwrap_or_default();
    same!(outputs["publicIP"]["value"].as_str(), world.host()?.ip.as_deref());
    same!(properties.output_resources.len(), 5);
    let machine = account.machine("web-1").await?;
    same!(
        statuses(&machine),
        ["ProvisioningState/succeeded", "PowerState/running"]
    );
    same!(lower(machine.resource.id.clone()), lower([world.host()?.id]));
    same!(machine.resource.tags.clone(), Some(tags()));
    let properties = machine.properties.ok_or("no properties")?;
    holds!(
        properties.vm_id.is_some() && properties.time_created.is_some(),
        "{properties:?}"
    );
    let size = serde_json::to_value(properties.hardware_profile).unwrap_or_default();
    same!(size["vmSize"].as_str(), Some("Standard_B2ats_v2"));
    let image = properties
        .storage_profile
        .and_then(|storage| storage.image_reference)
        .ok_or("no image")?;
    same!(image.offer.as_deref(), Some("ubuntu-24_04-lts"));
    let view = account
        .compute
        .virtual_machines_client()
        .instance_view("group-1", "web-1", &account.subscription);
    let view = view.send().await.map_err(told)?.into_body().await.map_err(told)?;
    same!(view.statuses.len(), 2);
    Ok(())
}

pub(super) async fn lists(world: World) -> Outcome {
    let account = account(&world)?;
    account.make("web-1").await?;
    account.put(&order("web-2")).await.map_err(told)?;
    account.group("group-2").await?;
    let groups = async |filter: &str| {
        let mut stream = account.groups.list(&account.subscription).filter(filter).into_stream();
        let page = stream.next().await.ok_or("no page")?.map_err(told)?;
        Ok::<_, String>(
            page.value
                .into_iter()
                .filter_map(|group| group.name)
                .collect::<Vec<_>>(),
        )
    };
    same!(
        groups("tagName eq 'managed-by' and tagValue eq 'oracle'").await?,
        ["group-1", "group-2"]
    );
    same!(groups("tagName eq 'nothing'").await?, Vec::<String>::new());
    let machines = account.compute.virtual_machines_client();
    let page = machines
        .list_all(&account.subscription)
        .into_stream()
        .next()
        .await
        .ok_or("no page")?
        .map_err(told)?;
    let ids = page.value.into_iter().filter_map(|machine| machine.resource.id);
    same!(lower(ids), lower(world.items("host").into_iter().map(|item| item.id)));
    let states = machines
        .list_all(&account.subscription)
        .status_only("true")
        .into_stream()
        .next()
        .await;
    let states = states.ok_or("no page")?.map_err(told)?.value;
    same!(
        states.iter().map(|machine| statuses(machine).len()).collect::<Vec<_>>(),
        [1, 1]
    );
    let page = machines
        .list("group-2", &account.subscription)
        .into_stream()
        .next()
        .await;
    same!(page.ok_or("no page")?.map_err(told)?.value.len(), 0);
    let disks = account
        .compute
        .disks_client()
        .list(&account.subscription)
        .into_stream()
        .next()
        .await;
    let disks = disks.ok_or("no page")?.map_err(told)?.value;
    same!(
        disks
            .iter()
            .map(|disk| disk.properties.as_ref().and_then(|disk| disk.disk_size_gb))
            .collect::<Vec<_>>(),
        [Some(30), Some(30)]
    );
    let ids = disks.into_iter().filter_map(|disk| disk.resource.id);
    same!(lower(ids), lower(world.items("volume").into_iter().map(|item| item.id)));
    let all = account
        .resources
        .list_by_resource_group("group-1", &account.subscription)
        .into_stream()
        .next()
        .await;
    let held = ["host", "volume", "address", "firewall", "network", "network-interface"];
    let held: usize = held.iter().map(|kind| world.items(kind).len()).sum();
    same!(all.ok_or("no page")?.map_err(told)?.value.len(), held);
    let listed = account
        .deployments
        .list_by_resource_group("group-1", &account.subscription)
        .into_stream()
        .next()
        .await;
    same!(listed.ok_or("no page")?.map_err(told)?.value.len(), 2);
    Ok(())
}

pub(super) async fn pages(world: World) -> Outcome {
    let account = account(&world)?;
    for number in 1..=7 {
        account.group(&format!("group-{number}")).await?;
    }
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    let mut stream = account.groups.list(&account.subscription).top(3).into_stream();
    while let Some(page) = stream.next().await {
        let page = page.map_err(told)?;
        sizes.push(page.value.len());
        found.extend(page.value.into_iter().filter_map(|group| group.id));
        holds!(sizes.len() < 9, "the pages do not end");
    }
    same!(sizes, [3, 3, 1]);
    same!(
        lower(found),
        lower(world.items("resource-group").into_iter().map(|item| item.id))
    );
    Ok(())
}

pub(super) async fn deletes(world: World) -> Outcome {
    let account = account(&world)?;
    account.make("web-1").await?;
    world.boot();
    let delete = || account.groups.delete("group-1", &account.subscription);
    let answer = delete().send().await.map_err(told)?.into_raw_response();
    same!(answer.status() as u16, 202);
    let location = answer
        .headers()
        .get_optional_string(&azure_core::headers::LOCATION)
        .unwrap_or_default();
    holds!(location.starts_with(url(&world, MANAGEMENT)?.as_str()), "{location}");
    let get = || account.groups.get("group-1", &account.subscription);
    let group = get().send().await.map_err(told)?.into_body().await.map_err(told)?;
    let state = group.properties.and_then(|properties| properties.provisioning_state);
    same!(state.as_deref(), Some("Deleting"));
    world.pass_deletion();
    same!(refusal(get().send().await)?, (404, "ResourceGroupNotFound".to_owned()));
    same!(
        refusal(delete().send().await)?,
        (404, "ResourceGroupNotFound".to_owned())
    );
    same!(world.bills(), vec![]);
    same!(world.items("resource-group"), vec![]);
    Ok(())
}

pub(super) async fn catalogs(world: World) -> Outcome {
    let account = account(&world)?;
    let sizes = account
        .compute
        .virtual_machine_sizes_client()
        .list(REGION, &account.subscription);
    let sizes = sizes.send().await.map_err(told)?.into_body().await.map_err(told)?.value;
    let size = sizes
        .iter()
        .find(|size| size.name.as_deref() == Some("Standard_B2ats_v2"))
        .ok_or("no size")?;
    same!((size.number_of_cores, size.memory_in_mb), (Some(2), Some(1_024)));
    let skus = account.compute.resource_skus_client().list(&account.subscription);
    let skus = skus
        .filter(format!("location eq '{REGION}'"))
        .into_stream()
        .next()
        .await;
    let skus = skus.ok_or("no page")?.map_err(told)?.value;
    holds!(
        skus.iter().any(|sku| sku.name.as_deref() == Some("Standard_B2ats_v2")),
        "{skus:?}"
    );
    let images = account.compute.virtual_machine_images_client();
    let versions = images.list(REGION, "Canonical", "ubuntu-24_04-lts", "server", &account.subscription);
    let versions = versions.send().await.map_err(told)?.into_body().await.map_err(told)?;
    same!(versions.len(), 1);
    Ok(())
}

pub(super) async fn operations(world: World) -> Outcome {
    let account = account(&world)?;
    account.make("web-1").await?;
    let cancel = || account.deployments.cancel("group-1", "web-1", &account.subscription);
    account.put(&order("web-2")).await.map_err(told)?;
    let other = account.deployments.cancel("group-1", "web-2", &account.subscription);
    same!(other.send().await.map_err(told)?.as_raw_response().status() as u16, 204);
    same!(
        state(&account.deployment("web-2").await?),
        Some(ProvisioningState::Canceled)
    );
    world.boot();
    same!(
        refusal(cancel().send().await)?,
        (409, "DeploymentCannotBeCancelled".to_owned())
    );
    let listed = account.operations.list("group-1", "web-1", &account.subscription);
    let listed = listed.into_stream().next().await.ok_or("no page")?.map_err(told)?.value;
    same!(listed.len(), 5);
    let states = listed
        .iter()
        .filter_map(|one| one.properties.as_ref()?.provisioning_state.as_deref());
    same!(states.collect::<Vec<_>>(), ["Succeeded"; 5]);
    Ok(())
}

pub(super) async fn repeats(world: World) -> Outcome {
    let account = account(&world)?;
    account.make("web-1").await?;
    let id = world.host()?.id;
    // While it runs it cannot be replaced. Awaiting the request sends it twice and ends the same way.
    same!(
        refusal(account.put(&order("web-1")).await)?,
        (409, "DeploymentActive".to_owned())
    );
    let order = order("web-1");
    let other = Order {
        name: "web-2".to_owned(),
        ..order
    };
    let awaited = account
        .deployments
        .create_or_update("group-1", "web-2", deployment(&other), &account.subscription);
    same!(refusal(awaited.await)?, (409, "DeploymentActive".to_owned()));
    world.boot();
    account.put(&self::order("web-1")).await.map_err(told)?;
    same!(world.items("host").iter().filter(|item| item.id == id).count(), 1);
    // A group is changed by the same request.
    account.group("group-1").await?;
    same!(world.items("resource-group").len(), 1);
    Ok(())
}

pub(super) async fn switches(world: World) -> Outcome {
    let account = account(&world)?;
    account.make("web-1").await?;
    world.boot();
    let machines = account.compute.virtual_machines_client();
    machines
        .deallocate("group-1", "web-1", &account.subscription)
        .send()
        .await
        .map_err(told)?;
    same!(
        statuses(&account.machine("web-1").await?),
        ["ProvisioningState/succeeded", "PowerState/deallocated"]
    );
    machines
        .start("group-1", "web-1", &account.subscription)
        .send()
        .await
        .map_err(told)?;
    same!(
        statuses(&account.machine("web-1").await?),
        ["ProvisioningState/succeeded", "PowerState/running"]
    );
    // The machine alone; its disk, interface and address go with it.
    machines
        .delete("group-1", "web-1", &account.subscription)
        .send()
        .await
        .map_err(told)?;
    world.pass_deletion();
    same!(
        refusal(machines.get("group-1", "web-1", &account.subscription).send().await)?.1,
        "ResourceNotFound".to_owned()
    );
    same!(world.bills(), vec![]);
    Ok(())
}

pub(super) async fn loses_an_answer(world: World) -> Outcome {
    let account = account(&world)?;
    account.group("group-1").await?;
    let before = world.requests("PUT");
    world.fault("PUT", Effect::ResetAfter);
    let lost = account.put(&order("web-1")).await;
    holds!(
        lost.as_ref().is_err_and(|error| *error.kind() == ErrorKind::Io),
        "an answer came: {lost:?}"
    );
    same!(world.requests("PUT"), before + 1);
    world.host()?;
    same!(account.deployment("web-1").await?.name.as_deref(), Some("web-1"));
    Ok(())
}
