//! Reading resources, regions, sizes and providers; switching and deleting single resources.

use serde_json::{Value, json};

use super::{
    SUBSCRIPTION, TENANT, at, catalog, error, no_group, no_route, page, put,
    state::{ADDRESS, DISK, Group, INTERFACE, MACHINE, Resource, State, TYPES, group_id},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, life::Stage, text::rfc3339},
};

const NAMESPACES: [&str; 3] = ["Microsoft.Compute", "Microsoft.Network", "Microsoft.Resources"];

pub(super) fn subscriptions(call: &Call<'_>) -> Handled {
    page(call, vec![subscription()])
}

fn subscription() -> Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}"), "subscriptionId": SUBSCRIPTION, "displayName": "Simulated",
        "state": "Enabled", "tenantId": TENANT,
    })
}

/// Reads below the subscription; `path` is in lower case.
pub(super) fn handle(call: &Call<'_>, state: &State, path: &[&str]) -> Handled {
    match path {
        [] => Ok(Answer::json(200, &subscription())),
        ["locations"] => page(call, catalog::locations(SUBSCRIPTION)),
        ["resources"] => {
            let all = state
                .groups
                .iter()
                .flat_map(|group| group.resources.iter().map(|resource| brief(resource, group)));
            page(call, all.collect())
        }
        ["providers"] => page(call, NAMESPACES.iter().map(|name| provider(state, name)).collect()),
        ["providers", name] => {
            let known = NAMESPACES.iter().find(|known| known.eq_ignore_ascii_case(name));
            known
                .map(|name| Answer::json(200, &provider(state, name)))
                .ok_or_else(|| no_provider(name))
        }
        ["providers", "microsoft.compute", "locations", region, rest @ ..] => of_location(call, region, rest),
        ["providers", "microsoft.compute", "skus"] => {
            let wanted = call.query.get("$filter").unwrap_or_default();
            let region = wanted.split('\'').nth(1).and_then(catalog::region).unwrap_or("eastus");
            let sold = catalog::SIZES.iter().filter(|size| size.offered_in(region));
            page(call, sold.map(|size| size.sku(region)).collect())
        }
        ["providers", namespace, kind] => list(call, state, namespace, kind, None),
        _ => Err(no_route(call)),
    }
}

fn of_location(call: &Call<'_>, region: &str, rest: &[&str]) -> Handled {
    let Some(known) = catalog::region(region) else {
        let message = format!(
            "No registered resource provider found for location '{region}' and API version '{}' for type 'locations/{}'. The supported locations are '{}'.",
            call.query.get("api-version").unwrap_or_default(),
            rest.first().unwrap_or(&"vmSizes"),
            catalog::region_list()
        );
        return Err(error(400, "NoRegisteredProviderFound", &message));
    };
    match rest {
        ["vmsizes"] => {
            let sold = catalog::SIZES.iter().filter(|size| size.offered_in(known));
            Ok(Answer::json(
                200,
                &json!({ "value": sold.map(catalog::Size::show).collect::<Vec<_>>() }),
            ))
        }
        [
            "publishers",
            publisher,
            "artifacttypes",
            "vmimage",
            "offers",
            offer,
            "skus",
            sku,
            "versions",
        ] => {
            let versions = catalog::image_versions(publisher, offer, sku, known);
            let missing = || error(404, "NotFound", "Artifact: VMImage was not found.");
            Ok(Answer::json(200, &json!(versions.ok_or_else(missing)?)))
        }
        _ => Err(no_route(call)),
    }
}

fn provider(state: &State, name: &str) -> Value {
    let registered = !state.unregistered.iter().any(|known| known.eq_ignore_ascii_case(name));
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/providers/{name}"), "namespace": name,
        "registrationState": if registered { "Registered" } else { "NotRegistered" }, "resourceTypes": [],
    })
}

fn no_provider(name: &str) -> Answer {
    error(
        404,
        "InvalidResourceNamespace",
        &format!("The resource namespace '{name}' is invalid."),
    )
}

/// `POST providers/{namespace}/register` and `unregister`.
pub(super) fn register(call: &Call<'_>, state: &mut State, path: &[&str]) -> Handled {
    let [_, wanted, verb] = path else {
        return Err(no_route(call));
    };
    let known = NAMESPACES.iter().find(|known| known.eq_ignore_ascii_case(wanted));
    let name = known.ok_or_else(|| no_provider(wanted))?;
    state.unregistered.retain(|known| known != wanted);
    if *verb == "unregister" {
        state.unregistered.push((*wanted).to_owned());
    }
    Ok(Answer::json(200, &provider(state, name)))
}

/// All resources of a type, of the subscription or of one group.
pub(super) fn list(call: &Call<'_>, state: &State, namespace: &str, kind: &str, group: Option<&str>) -> Handled {
    let wanted = format!("{namespace}/{kind}");
    let Some(kind) = TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(&wanted)) else {
        let message = format!("The resource type '{kind}' could not be found in the namespace '{namespace}'.");
        return Err(error(404, "InvalidResourceType", &message));
    };
    let status_only = call
        .query
        .get("statusOnly")
        .is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
    if kind == MACHINE && group.is_none() && call.query.get("$expand").is_some() && call.query.get("$filter").is_none()
    {
        let message = "$expand can only be specified together with a valid $filter.";
        return Err(error(400, "InvalidParameter", message));
    }
    let mut shown = Vec::new();
    let inside = |known: &&Group| group.is_none_or(|name| known.name.eq_ignore_ascii_case(name));
    for holder in state.groups.iter().filter(inside) {
        let listed = holder
            .resources
            .iter()
            .filter(|known| known.kind == kind && known.life.listed(call.now));
        for resource in listed {
            let mut value = resource.show(holder, call.now);
            if kind == MACHINE && group.is_none() {
                // Lists of machines spell groups in capitals.
                let id = resource
                    .id(holder)
                    .replace(&group_id(&holder.name), &group_id(&holder.name.to_uppercase()));
                put(&mut value, "/id", json!(id));
            }
            if kind == MACHINE && status_only {
                // UNCONFIRMED what else is in it: as little as can be.
                let (id, view) = (
                    at(&value, "/properties/vmId").clone(),
                    resource.instance_view(holder, call.now),
                );
                put(&mut value, "/properties", json!({ "vmId": id, "instanceView": view }));
            }
            shown.push(value);
        }
    }
    page(call, shown)
}

pub(super) fn list_of_group(call: &Call<'_>, group: &Group) -> Handled {
    page(
        call,
        group.resources.iter().map(|resource| brief(resource, group)).collect(),
    )
}

fn brief(resource: &Resource, group: &Group) -> Value {
    json!({
        "id": resource.id(group), "name": resource.name, "type": resource.kind, "location": resource.location,
        "tags": resource.tags,
    })
}

/// One resource of a group; `rest` is what follows its name, in lower case.
pub(super) fn resource(call: &Call<'_>, state: &mut State, group: &str, kind: &str, rest: &[&str]) -> Handled {
    let name = call.segments.get(7).copied().unwrap_or_default().to_owned();
    let missing = || {
        let message = format!(
            "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        );
        error(404, "ResourceNotFound", &message)
    };
    let holder = state.group(group).ok_or_else(|| no_group(group))?;
    let view = holder.clone();
    let found = |known: &&mut Resource| known.kind.eq_ignore_ascii_case(kind) && known.name.eq_ignore_ascii_case(&name);
    let resource = holder.resources.iter_mut().find(found).ok_or_else(missing)?;
    let is_machine = resource.kind == MACHINE;
    match (call.method(), rest) {
        ("GET", []) => {
            let mut shown = resource.show(&view, call.now);
            if is_machine
                && call
                    .query
                    .get("$expand")
                    .is_some_and(|expand| expand.eq_ignore_ascii_case("instanceView"))
            {
                put(
                    &mut shown,
                    "/properties/instanceView",
                    resource.instance_view(&view, call.now),
                );
            }
            Ok(Answer::json(200, &shown))
        }
        ("GET", ["instanceview"]) if is_machine => Ok(Answer::json(200, &resource.instance_view(&view, call.now))),
        ("POST", [verb @ ("start" | "restart" | "poweroff" | "deallocate")]) if is_machine => {
            resource.off = match *verb {
                "poweroff" => Some("stopped".to_owned()),
                "deallocate" => Some("deallocated".to_owned()),
                _ => None,
            };
            Ok(Answer::empty(202).header("retry-after", "0"))
        }
        ("DELETE", []) if is_machine => {
            // Disk, interface and address follow by their `deleteOption`.
            let follow = [MACHINE, DISK, INTERFACE, ADDRESS];
            for part in holder
                .resources
                .iter_mut()
                .filter(|part| follow.contains(&part.kind.as_str()))
            {
                call.end_life(&mut part.life);
            }
            Ok(Answer::empty(202).header("retry-after", "0"))
        }
        _ => Err(no_route(call)),
    }
}

impl Resource {
    fn state(&self, group: &Group, now: u64) -> &'static str {
        let percent = self.life.booted_percent(now);
        match self.kind.as_str() {
            _ if group.is_ending() || self.life.stage(now) == Stage::Ending => "Deleting",
            MACHINE if self.failed.is_some() && percent >= 50 => "Failed",
            MACHINE if percent < 100 => "Creating",
            MACHINE => "Succeeded",
            _ if percent < 15 => "Updating",
            _ => "Succeeded",
        }
    }

    fn show(&self, group: &Group, now: u64) -> Value {
        let mut properties = self.properties.clone();
        let state = self.state(group, now);
        put(&mut properties, "/provisioningState", json!(state));
        if let Some(ip) = self.ip.as_ref().filter(|_| state != "Updating") {
            put(&mut properties, "/ipAddress", json!(ip));
        }
        if self.kind == MACHINE {
            put(&mut properties, "/timeCreated", json!(rfc3339(self.life.born)));
        }
        let mut shown = brief(self, group);
        put(&mut shown, "/properties", properties);
        if let Some(sku) = &self.sku {
            put(&mut shown, "/sku", sku.clone());
        }
        shown
    }

    fn instance_view(&self, group: &Group, now: u64) -> Value {
        let state = self.state(group, now);
        let provisioning = match (&self.failed, state) {
            (Some(why), "Failed") => json!({
                "code": "ProvisioningState/failed/AllocationFailed", "level": "Error", "displayStatus": "Provisioning failed",
                "message": why,
            }),
            _ => json!({
                "code": format!("ProvisioningState/{}", state.to_ascii_lowercase()), "level": "Info",
                "displayStatus": format!("Provisioning {}", state.to_ascii_lowercase()),
            }),
        };
        let power = match (state, self.off.as_deref(), self.life.booted_percent(now)) {
            ("Failed", ..) | ("Creating", _, 0..60) => None,
            ("Creating", ..) => Some("starting"),
            (_, Some(off), _) => Some(off),
            _ => Some("running"),
        };
        let power = power.map(|word| {
            json!({ "code": format!("PowerState/{word}"), "level": "Info", "displayStatus": format!("VM {word}") })
        });
        let statuses: Vec<Value> = [provisioning].into_iter().chain(power).collect();
        json!({ "statuses": statuses })
    }
}
