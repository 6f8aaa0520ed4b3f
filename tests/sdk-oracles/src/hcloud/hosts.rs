//! Hosts, what belongs to them, and the catalog.

use super::*;

pub(super) async fn creates(world: World) -> Outcome {
    let client = client(&world);
    let made = make(&client, request("web-1")).await?;
    let host = world.host()?;
    same!(made.server.id.to_string(), host.id);
    same!(&made.server.name, "web-1");
    same!(&host.name, "web-1");
    same!(v4(&made.server), host.ip);
    same!(&made.server.location.name, &host.region);
    same!(host.user_data_sha256, digest(USER_DATA));
    same!(made.server.status, models::server::Status::Initializing);
    same!(made.server.labels.get("managed-by").map(String::as_str), Some("oracle"));
    same!(&made.server.server_type.name, "cx23");
    let image = made.server.image.ok_or("no image")?;
    same!(image.name.as_deref(), Some("ubuntu-24.04"));
    same!(&made.action.command, "create_server");
    same!(made.next_actions.len(), 1);
    holds!(made.root_password.is_some(), "a server without a key has a password");
    // Both addresses are listed by themselves.
    let addresses = primary_ips_api::list_primary_ips(&client, Default::default());
    let mut listed: Vec<_> = addresses
        .await
        .map_err(told)?
        .primary_ips
        .into_iter()
        .map(|address| address.ip)
        .collect();
    let mut held: Vec<_> = world.items("address").into_iter().filter_map(|item| item.ip).collect();
    listed.sort();
    held.sort();
    same!(listed.len(), 2);
    same!(listed, held);
    Ok(())
}

pub(super) async fn gets(world: World) -> Outcome {
    let client = client(&world);
    let id = make(&client, request("web-1")).await?.server.id;
    let get = async || {
        let answer = get_server(&client, GetServerParams { id }).await.map_err(told)?;
        answer.server.ok_or_else(|| "no server".to_owned())
    };
    world.boot_percent(80);
    same!(get().await?.status, models::server::Status::Starting);
    world.boot();
    let server = get().await?;
    same!(server.status, models::server::Status::Running);
    same!(v4(&server), world.host()?.ip);
    holds!(!server.locked, "a running server is locked");
    Ok(())
}

pub(super) async fn lists(world: World) -> Outcome {
    let client = client(&world);
    make(&client, request("web-1")).await?;
    let other = CreateServerRequest {
        labels: None,
        ..request("web-2")
    };
    make(&client, other).await?;
    let list = async |params: ListServersParams| {
        let answer = list_servers(&client, params).await.map_err(told)?;
        Ok::<Vec<String>, String>(answer.servers.into_iter().map(|server| server.name).collect())
    };
    let selector = Some("managed-by=oracle".to_owned());
    same!(
        list(ListServersParams {
            label_selector: selector,
            ..Default::default()
        })
        .await?,
        ["web-1"]
    );
    let name = Some("web-2".to_owned());
    same!(
        list(ListServersParams {
            name,
            ..Default::default()
        })
        .await?,
        ["web-2"]
    );
    let sort = Some(vec!["name:desc".to_owned()]);
    same!(
        list(ListServersParams {
            sort,
            ..Default::default()
        })
        .await?,
        ["web-2", "web-1"]
    );
    let status = Some(vec!["running".to_owned(), "off".to_owned()]);
    same!(
        list(ListServersParams {
            status,
            ..Default::default()
        })
        .await?,
        Vec::<String>::new()
    );
    Ok(())
}

pub(super) async fn pages(world: World) -> Outcome {
    let client = client(&world);
    for number in 1..=7 {
        make(&client, request(&format!("web-{number}"))).await?;
    }
    let (mut found, mut sizes, mut page) = (Vec::new(), Vec::new(), Some(1));
    while let Some(number) = page {
        let params = ListServersParams {
            page: Some(number),
            per_page: Some(3),
            ..Default::default()
        };
        let answer = list_servers(&client, params).await.map_err(told)?;
        let pagination = answer.meta.pagination;
        same!((pagination.page, pagination.per_page), (number, 3));
        same!((pagination.total_entries, pagination.last_page), (Some(7), Some(3)));
        same!(pagination.previous_page, (number > 1).then_some(number - 1));
        sizes.push(answer.servers.len());
        found.extend(answer.servers.into_iter().map(|server| server.id.to_string()));
        page = pagination.next_page;
        holds!(sizes.len() < 9, "the pages do not end");
    }
    same!(sizes, [3, 3, 1]);
    let held: Vec<_> = world.items("host").into_iter().map(|item| item.id).collect();
    same!(found, held);
    Ok(())
}

pub(super) async fn deletes(world: World) -> Outcome {
    let client = client(&world);
    let id = make(&client, request("web-1")).await?.server.id;
    world.boot();
    let answer = delete_server(&client, DeleteServerParams { id }).await.map_err(told)?;
    let action = answer.action.ok_or("no action")?;
    same!(&action.command, "delete_server");
    same!(
        action.resources.iter().map(|resource| resource.id).collect::<Vec<_>>(),
        [id]
    );
    // The addresses go with it.
    same!(world.bills(), vec![]);
    let again = refusal(delete_server(&client, DeleteServerParams { id }).await)?;
    same!(again, (404, "not_found".to_owned()));
    Ok(())
}

pub(super) async fn catalogs(world: World) -> Outcome {
    let client = client(&world);
    let types = server_types_api::list_server_types(&client, Default::default())
        .await
        .map_err(told)?;
    let plan = types
        .server_types
        .iter()
        .find(|plan| plan.name == "cx23")
        .ok_or("no cx23")?;
    let price = plan
        .prices
        .iter()
        .find(|price| price.location == "nbg1")
        .ok_or("no price in nbg1")?;
    let monthly: f64 = price.price_monthly.net.parse().map_err(|_| "price is no number")?;
    holds!(monthly > 0.0, "{monthly}");
    let params = images_api::ListImagesParams {
        name: Some("ubuntu-24.04".to_owned()),
        architecture: Some("x86".to_owned()),
        r#type: Some(vec!["system".to_owned()]),
        ..Default::default()
    };
    let images = images_api::list_images(&client, params).await.map_err(told)?.images;
    same!(images.len(), 1);
    let locations = locations_api::list_locations(&client, Default::default())
        .await
        .map_err(told)?
        .locations;
    holds!(
        locations.iter().any(|location| location.name == "nbg1"),
        "{locations:?}"
    );
    let pricing = pricing_api::list_prices(&client).await.map_err(told)?.pricing;
    same!(&pricing.currency, "EUR");
    holds!(
        !pricing.primary_ips.is_empty() && !pricing.server_types.is_empty(),
        "{pricing:?}"
    );
    Ok(())
}

pub(super) async fn firewalls(world: World) -> Outcome {
    let client = client(&world);
    let rule = models::Rule {
        source_ips: Some(vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()]),
        port: Some(Some("443".to_owned())),
        ..models::Rule::new(models::rule::Direction::In, models::rule::Protocol::Tcp)
    };
    let request = models::CreateFirewallRequest {
        rules: Some(vec![rule]),
        ..models::CreateFirewallRequest::new("web".to_owned())
    };
    let params = firewalls_api::CreateFirewallParams {
        create_firewall_request: request,
    };
    let made = firewalls_api::create_firewall(&client, params).await.map_err(told)?;
    let firewall = made.firewall.ok_or("no firewall")?;
    same!(firewall.rules.len(), 1);
    let with = CreateServerRequest {
        firewalls: Some(vec![models::CreateServerRequestFirewalls::new(firewall.id)]),
        ..self::request("web-1")
    };
    let id = make(&client, with).await?.server.id;
    let listed = firewalls_api::list_firewalls(&client, Default::default())
        .await
        .map_err(told)?
        .firewalls;
    same!(listed.len(), 1);
    same!(listed.first().map(|firewall| firewall.applied_to.len()), Some(1));
    // One that is applied stays.
    let delete = firewalls_api::DeleteFirewallParams { id: firewall.id };
    let refused = refusal(firewalls_api::delete_firewall(&client, delete.clone()).await)?;
    same!(refused.1, "resource_in_use".to_owned());
    world.boot();
    delete_server(&client, DeleteServerParams { id }).await.map_err(told)?;
    firewalls_api::delete_firewall(&client, delete).await.map_err(told)?;
    same!(world.items("firewall"), vec![]);
    Ok(())
}

pub(super) async fn keys(world: World) -> Outcome {
    let client = client(&world);
    let public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbc0AZ3Bf3Y8PtYbS1vj7m0c0WZxT0dQZ0S6s1m9v9x someone@example.com";
    let request = models::CreateSshKeyRequest::new("laptop".to_owned(), public.to_owned());
    let params = ssh_keys_api::CreateSshKeyParams {
        create_ssh_key_request: request,
    };
    let made = ssh_keys_api::create_ssh_key(&client, params).await.map_err(told)?;
    same!(&made.ssh_key.public_key, public);
    let with = CreateServerRequest {
        ssh_keys: Some(vec!["laptop".to_owned()]),
        ..self::request("web-1")
    };
    let server = make(&client, with).await?;
    same!(server.root_password, None);
    same!(world.items("ssh-key").len(), 1);
    Ok(())
}

pub(super) async fn actions(world: World) -> Outcome {
    let client = client(&world);
    let made = make(&client, request("web-1")).await?;
    let id = made.action.id;
    let get = async || {
        let answer = actions_api::get_action(&client, actions_api::GetActionParams { id })
            .await
            .map_err(told)?;
        Ok::<_, String>(*answer.action)
    };
    same!(get().await?.status, models::action::Status::Running);
    world.boot();
    let action = get().await?;
    same!(action.status, models::action::Status::Success);
    same!(action.progress, 100);
    holds!(action.finished.is_some() && action.error.is_none(), "{action:?}");
    let next = made.next_actions.first().ok_or("no next action")?.id;
    let params = actions_api::GetMultipleActionsParams { id: vec![id, next] };
    let several = actions_api::get_multiple_actions(&client, params).await.map_err(told)?;
    same!(several.actions.len(), 2);
    Ok(())
}

pub(super) async fn switches(world: World) -> Outcome {
    let client = client(&world);
    let id = make(&client, request("web-1")).await?.server.id;
    world.boot();
    let get = async || {
        let answer = get_server(&client, GetServerParams { id }).await.map_err(told)?;
        answer.server.ok_or_else(|| "no server".to_owned())
    };
    let off = servers_api::power_off_server(&client, servers_api::PowerOffServerParams { id });
    off.await.map_err(told)?;
    same!(get().await?.status, models::server::Status::Off);
    let on = servers_api::power_on_server(&client, servers_api::PowerOnServerParams { id });
    on.await.map_err(told)?;
    same!(get().await?.status, models::server::Status::Running);
    let replace_server_request = models::ReplaceServerRequest {
        name: Some("web-2".to_owned()),
        labels: Some([("team".to_owned(), "x".to_owned())].into()),
    };
    let replace = servers_api::ReplaceServerParams {
        id,
        replace_server_request,
    };
    servers_api::replace_server(&client, replace).await.map_err(told)?;
    let server = get().await?;
    same!((server.name.as_str(), server.labels.len()), ("web-2", 1));
    let change_server_protection_request = models::ChangeServerProtectionRequest {
        delete: Some(true),
        rebuild: Some(true),
    };
    let protect = servers_api::ChangeServerProtectionParams {
        id,
        change_server_protection_request,
    };
    servers_api::change_server_protection(&client, protect)
        .await
        .map_err(told)?;
    holds!(get().await?.protection.delete, "not protected");
    let refused = refusal(delete_server(&client, DeleteServerParams { id }).await)?;
    same!(refused, (423, "protected".to_owned()));
    Ok(())
}

pub(super) async fn loses_an_answer(world: World) -> Outcome {
    world.fault("POST", Effect::ResetAfter);
    let lost = make(&client(&world), request("web-1")).await;
    holds!(lost.is_err(), "an answer came: {lost:?}");
    // The client did not send it again.
    same!(world.requests("POST"), 1);
    let id = world.host()?.id;
    let params = ListServersParams {
        name: Some("web-1".to_owned()),
        ..Default::default()
    };
    let found = list_servers(&client(&world), params).await.map_err(told)?.servers;
    same!(
        found.iter().map(|server| server.id.to_string()).collect::<Vec<_>>(),
        [id]
    );
    Ok(())
}
