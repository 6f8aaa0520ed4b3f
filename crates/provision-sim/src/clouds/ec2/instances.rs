//! Instances and their volumes after launch.

use super::{
    ID_DIGITS, OWNER,
    catalog::{find_type, no_such_filter},
    groups,
    params::{Filter, Params},
    state::{Instance, State, Tags, Volume},
    xml::{answer, bad, done, list, some, tags, text, wrap},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, life::Stage, text::rfc3339},
};

fn not_found(call: &Call<'_>, id: &str) -> Answer {
    bad(
        call,
        "InvalidInstanceID.NotFound",
        format!("The instance ID '{id}' does not exist"),
    )
}

/// The id must look like one, and name an instance that is visible.
fn check_id(call: &Call<'_>, state: &State, region: &str, id: &str) -> Result<(), Answer> {
    let hex = id.strip_prefix("i-").unwrap_or_default();
    if !ID_DIGITS.contains(&hex.len()) || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        let message = format!("Invalid id: \"{id}\" (expecting \"i-...\")");
        return Err(bad(call, "InvalidInstanceID.Malformed", message));
    }
    let visible = |instance: &Instance| instance.id == id && instance.region == region && instance.is_visible(call.now);
    if state.instances.iter().any(visible) {
        Ok(())
    } else {
        Err(not_found(call, id))
    }
}

pub(super) fn describe(call: &Call<'_>, state: &State, params: &Params, region: &str) -> Handled {
    let (filters, ids) = (params.filters(call)?, params.list("InstanceId"));
    check_names(call, &filters, FILTERS)?;
    if !ids.is_empty() && params.get("MaxResults").is_some() {
        let message = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(bad(call, "InvalidParameterCombination", message));
    }
    for id in &ids {
        check_id(call, state, region, id)?;
    }
    let mut found = Vec::new();
    for instance in state.instances.iter().filter(|instance| instance.region == region) {
        let mut passes = instance.is_visible(call.now) && (ids.is_empty() || ids.contains(&instance.id.as_str()));
        for filter in &filters {
            passes &= allows(filter, instance, call.now).ok_or_else(|| no_such_filter(call, filter))?;
        }
        if passes {
            found.push(instance);
        }
    }
    let (page, next) = params.page(call, found, 1_000)?;
    params.finish(call)?;
    let shown = page
        .into_iter()
        .map(|instance| show_reservation(state, &[instance], call.now));
    Ok(answer(
        call,
        "DescribeInstances",
        &(list("reservationSet", shown) + &next),
    ))
}

/// Running instances only, unless all are asked for. Checks pass at once.
pub(super) fn describe_status(call: &Call<'_>, state: &State, params: &Params, region: &str) -> Handled {
    let (filters, ids) = (params.filters(call)?, params.list("InstanceId"));
    check_names(
        call,
        &filters,
        &["availability-zone", "instance-state-code", "instance-state-name"],
    )?;
    let all = params.flag(call, "IncludeAllInstances")?.unwrap_or(false);
    for id in &ids {
        check_id(call, state, region, id)?;
    }
    let wanted = |instance: &&Instance| {
        instance.region == region
            && instance.is_visible(call.now)
            && (all || instance.state(call.now).1 == "running")
            && (ids.is_empty() || ids.contains(&instance.id.as_str()))
            && filters
                .iter()
                .all(|filter| allows(filter, instance, call.now) == Some(true))
    };
    let (page, next) = params.page(call, state.instances.iter().filter(wanted).collect(), 1_000)?;
    params.finish(call)?;
    let shown = page.into_iter().map(|instance| {
        let (code, name) = instance.state(call.now);
        let status = text("status", if name == "running" { "ok" } else { "not-applicable" });
        text("instanceId", &instance.id)
            + &text("availabilityZone", &instance.zone)
            + &wrap("instanceState", &(text("code", code) + &text("name", name)))
            + &wrap("systemStatus", &status)
            + &wrap("instanceStatus", &status)
    });
    Ok(answer(
        call,
        "DescribeInstanceStatus",
        &(list("instanceStatusSet", shown) + &next),
    ))
}

const FILTERS: &[&str] = &[
    "instance-id",
    "instance-state-name",
    "instance-state-code",
    "instance-type",
    "image-id",
    "client-token",
    "key-name",
    "availability-zone",
    "private-ip-address",
    "ip-address",
    "network-interface.ipv6-addresses.ipv6-address",
    "vpc-id",
    "subnet-id",
    "instance.group-id",
];

/// Names are checked also where there is nothing to filter.
fn check_names(call: &Call<'_>, filters: &[Filter], known: &[&str]) -> Result<(), Answer> {
    let is_known = |filter: &&Filter| known.contains(&filter.name.as_str()) || filter.allows_tags(&[]).is_some();
    match filters.iter().find(|filter| !is_known(filter)) {
        Some(unknown) => Err(no_such_filter(call, unknown)),
        None => Ok(()),
    }
}

fn allows(filter: &Filter, instance: &Instance, now: u64) -> Option<bool> {
    let (code, state) = instance.state(now);
    Some(match filter.name.as_str() {
        "instance-id" => filter.allows(&instance.id),
        "instance-state-name" => filter.allows(state),
        "instance-state-code" => filter.allows(code),
        "instance-type" => filter.allows(&instance.kind),
        "image-id" => filter.allows(&instance.image),
        "client-token" => filter.allows_some(instance.token.as_deref()),
        "key-name" => filter.allows_some(instance.key_name.as_deref()),
        "availability-zone" => filter.allows(&instance.zone),
        "private-ip-address" => filter.allows(&instance.private_ip),
        "ip-address" => filter.allows_some(instance.shown_ip(now)),
        "network-interface.ipv6-addresses.ipv6-address" => false,
        "vpc-id" => !instance.terminated && filter.allows(&instance.vpc),
        "subnet-id" => !instance.terminated && filter.allows(&instance.subnet),
        "instance.group-id" => instance.groups.iter().any(|id| filter.allows(id)),
        _ => return filter.allows_tags(&instance.tags),
    })
}

/// Instances that one call made.
pub(super) fn show_reservation(state: &State, instances: &[&Instance], now: u64) -> String {
    let id = instances.first().map_or("", |instance| instance.reservation.as_str());
    let shown = instances.iter().map(|instance| show(state, instance, now));
    text("reservationId", id) + &text("ownerId", OWNER) + "<groupSet/>" + &list("instancesSet", shown)
}

fn show(state: &State, instance: &Instance, now: u64) -> String {
    let (code, name) = instance.state(now);
    let stage = instance.life.stage(now);
    let ip = instance.shown_ip(now);
    let ended = matches!(stage, Stage::Ending | Stage::Gone);
    let reason = "Client.UserInitiatedShutdown";
    let mut shown = text("instanceId", &instance.id)
        + &text("imageId", &instance.image)
        + &wrap("instanceState", &(text("code", code) + &text("name", name)))
        + &text("privateDnsName", if ended { "" } else { "ip-172-31-0-1.ec2.internal" })
        + &text(
            "dnsName",
            ip.map(|ip| format!("ec2-{}.compute-1.amazonaws.com", ip.replace('.', "-")))
                .unwrap_or_default(),
        )
        + &text("reason", if ended { "User initiated" } else { "" })
        + &some("keyName", instance.key_name.as_deref())
        + &text("amiLaunchIndex", "0")
        + "<productCodes/>"
        + &text("instanceType", &instance.kind)
        + &text("launchTime", rfc3339(instance.life.born).replace('Z', ".000Z"))
        + &wrap(
            "placement",
            &(text("availabilityZone", &instance.zone) + "<groupName/>" + &text("tenancy", "default")),
        )
        + &wrap("monitoring", &text("state", "disabled"));
    if !instance.terminated {
        let groups = instance
            .groups
            .iter()
            .filter_map(|id| groups::find(state, &instance.region, id));
        let groups = groups.map(|group| text("groupId", &group.id) + &text("groupName", &group.name));
        let volumes = state
            .volumes
            .iter()
            .filter(|volume| volume.instance == instance.id && volume.attached);
        let volumes = volumes.map(|volume| text("deviceName", &volume.device) + &wrap("ebs", &attachment(volume)));
        let profile = instance.profile.as_ref().map(|profile| {
            wrap(
                "iamInstanceProfile",
                &text("arn", format!("arn:aws:iam::{OWNER}:instance-profile/{profile}")),
            )
        });
        shown += &(text("subnetId", &instance.subnet)
            + &text("vpcId", &instance.vpc)
            + &text("privateIpAddress", &instance.private_ip)
            + &some("ipAddress", ip)
            + &list("groupSet", groups)
            + &list("blockDeviceMapping", volumes)
            + &profile.unwrap_or_default());
    }
    if ended {
        let message = format!("{reason}: User initiated shutdown");
        shown += &wrap("stateReason", &(text("code", reason) + &text("message", message)));
    }
    shown
        + &text(
            "architecture",
            find_type(&instance.kind).map_or("x86_64", |kind| kind.architecture),
        )
        + &text("rootDeviceType", "ebs")
        + &text("rootDeviceName", "/dev/sda1")
        + &text("virtualizationType", "hvm")
        + &text("clientToken", instance.token.as_deref().unwrap_or_default())
        + &tags(&instance.tags)
        + &text("hypervisor", "xen")
        + &text("ebsOptimized", "false")
        + &wrap(
            "metadataOptions",
            &(text("state", "applied") + &text("httpTokens", "required") + &text("httpEndpoint", "enabled")),
        )
}

fn attachment(volume: &Volume) -> String {
    text("volumeId", &volume.id)
        + &text("status", "attached")
        + &text("attachTime", rfc3339(volume.created))
        + &text("deleteOnTermination", volume.goes_with_instance.to_string())
}

pub(super) fn terminate(call: &Call<'_>, state: &mut State, params: &Params, region: &str) -> Handled {
    let ids: Vec<String> = params.list("InstanceId").into_iter().map(str::to_owned).collect();
    params.ignore(&["Force", "SkipOsShutdown"]);
    params.finish(call)?;
    if ids.is_empty() {
        return Err(bad(
            call,
            "MissingParameter",
            "The request must contain the parameter InstanceId",
        ));
    }
    for id in &ids {
        check_id(call, state, region, id)?;
    }
    let mut shown = Vec::new();
    for id in &ids {
        state.end_token(id, call.now);
        let Some(instance) = state.instances.iter_mut().find(|instance| instance.id == *id) else {
            continue;
        };
        let before = instance.state(call.now);
        call.end_life(&mut instance.life);
        let show = |(code, name): (&str, &str)| text("code", code) + &text("name", name);
        shown.push(
            text("instanceId", id)
                + &wrap("currentState", &show(instance.state(call.now)))
                + &wrap("previousState", &show(before)),
        );
    }
    Ok(answer(call, "TerminateInstances", &list("instancesSet", shown)))
}

/// Only the change of groups is simulated.
pub(super) fn modify(call: &Call<'_>, state: &mut State, params: &Params, region: &str) -> Handled {
    let id = params.require(call, "InstanceId")?.to_owned();
    let new: Vec<String> = params.list("GroupId").into_iter().map(str::to_owned).collect();
    params.finish(call)?;
    check_id(call, state, region, &id)?;
    if new.is_empty() {
        return Err(bad(call, "InvalidParameterCombination", "No attributes specified."));
    }
    let now = call.now;
    let vpc = state
        .instances
        .iter()
        .find(|instance| instance.id == id)
        .map(|instance| instance.vpc.clone());
    for group in &new {
        let found = groups::find(state, region, group).ok_or_else(|| groups::not_found(call, group))?;
        if Some(&found.vpc) != vpc.as_ref() {
            let message = format!("You have specified two resources that belong to different networks: {group}");
            return Err(bad(call, "InvalidGroup.NotFound", message));
        }
    }
    let instance = state.instances.iter_mut().find(|instance| instance.id == id);
    let instance = instance.ok_or_else(|| not_found(call, &id))?;
    if matches!(instance.life.stage(now), Stage::Ending | Stage::Gone) {
        let message = format!("The instance '{id}' is not in a state from which it can be modified.");
        return Err(bad(call, "IncorrectInstanceState", message));
    }
    instance.groups = new;
    Ok(done(call, "ModifyInstanceAttribute"))
}

pub(super) fn describe_volumes(call: &Call<'_>, state: &State, params: &Params, region: &str) -> Handled {
    let (filters, ids) = (params.filters(call)?, params.list("VolumeId"));
    check_names(call, &filters, &["attachment.instance-id", "volume-id", "status"])?;
    let in_region = || state.volumes.iter().filter(|volume| volume.region == region);
    if let Some(unknown) = ids.iter().find(|id| !in_region().any(|volume| volume.id == **id)) {
        return Err(bad(
            call,
            "InvalidVolume.NotFound",
            format!("The volume '{unknown}' does not exist."),
        ));
    }
    let mut shown = Vec::new();
    for volume in in_region() {
        let mut passes = ids.is_empty() || ids.contains(&volume.id.as_str());
        for filter in &filters {
            passes &= match filter.name.as_str() {
                "attachment.instance-id" => volume.attached && filter.allows(&volume.instance),
                "volume-id" => filter.allows(&volume.id),
                "status" => filter.allows(if volume.attached { "in-use" } else { "available" }),
                _ => filter
                    .allows_tags(&volume.tags)
                    .ok_or_else(|| no_such_filter(call, filter))?,
            };
        }
        if passes {
            let attached = volume
                .attached
                .then(|| text("instanceId", &volume.instance) + &text("device", &volume.device) + &attachment(volume));
            shown.push(
                text("volumeId", &volume.id)
                    + &text("size", volume.size.to_string())
                    + &text("availabilityZone", &volume.zone)
                    + &text("status", if volume.attached { "in-use" } else { "available" })
                    + &text("createTime", rfc3339(volume.created))
                    + &list("attachmentSet", attached)
                    + &tags(&volume.tags)
                    + &text("volumeType", &volume.kind),
            );
        }
    }
    let (page, next) = params.page(call, shown, 1_000)?;
    params.finish(call)?;
    Ok(answer(call, "DescribeVolumes", &(list("volumeSet", page) + &next)))
}

/// Sets tags on instances, volumes and groups; a key that is there gets the new value.
pub(super) fn create_tags(call: &Call<'_>, state: &mut State, params: &Params, region: &str) -> Handled {
    let ids: Vec<String> = params.list("ResourceId").into_iter().map(str::to_owned).collect();
    let new = params.tags(call, "")?;
    params.finish(call)?;
    if ids.is_empty() || new.is_empty() {
        return Err(bad(
            call,
            "MissingParameter",
            "The request must contain the parameters ResourceId and Tag",
        ));
    }
    for id in &ids {
        let now = call.now;
        let instance =
            |instance: &&mut Instance| instance.id == *id && instance.region == region && instance.is_visible(now);
        let found: Option<&mut Tags> = if id.starts_with("i-") {
            state.instances.iter_mut().find(instance).map(|found| &mut found.tags)
        } else if id.starts_with("vol-") {
            let mut volumes = state.volumes.iter_mut();
            volumes
                .find(|volume| volume.id == *id && volume.region == region)
                .map(|found| &mut found.tags)
        } else {
            let mut groups = state.groups.iter_mut();
            groups
                .find(|group| group.id == *id && group.region == region)
                .map(|found| &mut found.tags)
        };
        let Some(tags) = found else {
            return Err(match id.split('-').next() {
                Some("i") => not_found(call, id),
                Some("sg") => groups::not_found(call, id),
                _ => bad(call, "InvalidID", format!("The ID '{id}' is not valid")),
            });
        };
        tags.retain(|(key, _)| !new.iter().any(|(other, _)| other == key));
        tags.extend(new.iter().cloned());
        if tags.len() > 50 {
            return Err(bad(
                call,
                "TagLimitExceeded",
                "The maximum number of Tags for a resource has been reached.",
            ));
        }
    }
    Ok(done(call, "CreateTags"))
}
