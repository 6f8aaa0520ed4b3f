//! Template deployments: <https://learn.microsoft.com/en-us/rest/api/resources/deployments>.

use serde_json::{Map, Value, json};

use super::{
    at, body, catalog, error, group_is_ending, invalid_content, machines, networks, no_group, no_route, page,
    put as set,
    state::{ADDRESS, DISK, Deployment, MACHINE, Resource, State, Tags},
    tags,
    template::{Place, Refusal, Template, Wanted},
    unknown_member, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, life::Life, text::rfc3339},
};

/// Requests below `deployments` of a group; `path` is in lower case.
pub(super) fn handle(call: &mut Call<'_>, state: &mut State, group: &str, path: &[&str]) -> Handled {
    let method = call.method().to_owned();
    let segments = call.segments.clone();
    let at = segments
        .iter()
        .position(|part| part.eq_ignore_ascii_case("deployments"));
    let name = at.and_then(|at| segments.get(at + 1)).copied().unwrap_or_default();
    if method == "PUT" && path.len() == 1 {
        return put(call, state, group, name);
    }
    let now = call.now;
    let group = state.group(group).ok_or_else(|| no_group(group))?;
    if path.is_empty() && method == "GET" {
        let list = group
            .deployments
            .iter()
            .map(|deployment| deployment.show(group, now))
            .collect();
        return page(call, list);
    }
    let Some(at) = group
        .deployments
        .iter()
        .position(|known| known.name.eq_ignore_ascii_case(name))
    else {
        return Err(error(
            404,
            "DeploymentNotFound",
            &format!("Deployment '{name}' could not be found."),
        ));
    };
    let Some(deployment) = group.deployments.get(at).cloned() else {
        return Err(no_route(call));
    };
    match (method.as_str(), path) {
        ("GET", [_]) => Ok(Answer::json(200, &deployment.show(group, now))),
        ("HEAD", [_]) => Ok(Answer::empty(204)),
        ("GET", [_, "operationstatuses", operation]) if *operation == deployment.operation => {
            let mut status = json!({ "status": deployment.state(now) });
            if let (Some(why), "Failed") = (&deployment.error, deployment.state(now)) {
                set(&mut status, "/error", why.clone());
            }
            Ok(Answer::json(200, &status))
        }
        ("GET", [_, "operations"]) => page(call, deployment.operations(group, now)),
        ("POST", [_, "cancel"]) => {
            if !deployment.is_running(now) {
                let message = format!("The deployment '{name}' is not running and cannot be cancelled.");
                return Err(error(409, "DeploymentCannotBeCancelled", &message));
            }
            group
                .deployments
                .iter_mut()
                .filter(|known| known.name == deployment.name)
                .for_each(|known| known.canceled = true);
            Ok(Answer::empty(204))
        }
        ("DELETE", [_]) => {
            if deployment.is_running(now) {
                return Err(active(&deployment));
            }
            group.deployments.remove(at);
            Ok(Answer::empty(204))
        }
        _ => Err(no_route(call)),
    }
}

fn active(deployment: &Deployment) -> Answer {
    let message = format!(
        "Unable to edit or replace deployment '{}': previous deployment from '{}' is still active. Please see https://aka.ms/arm-deploy for usage details.",
        deployment.name,
        rfc3339(deployment.life.born)
    );
    error(409, "DeploymentActive", &message)
}

fn put(call: &mut Call<'_>, state: &mut State, group: &str, name: &str) -> Handled {
    let Some(holder) = state.find(group) else {
        return Err(no_group(group));
    };
    if holder.is_ending() {
        return Err(group_is_ending(group));
    }
    let valid =
        (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "._()-".contains(c));
    if !valid {
        return Err(error(
            400,
            "InvalidDeploymentName",
            &format!("The deployment name '{name}' is not valid."),
        ));
    }
    let (group, location) = (holder.name.clone(), holder.location.clone());
    let earlier = holder
        .deployments
        .iter()
        .find(|known| known.name.eq_ignore_ascii_case(name))
        .cloned();
    if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.is_running(call.now)) {
        return Err(active(earlier));
    }
    // What such a deployment would delete is not simulated: into an empty group it is as an incremental one.
    let empties = !holder.resources.is_empty();
    let (template, tags, complete) = read_request(call)?;
    if complete && empties {
        let message = "Mode 'Complete' is simulated for empty resource groups only.";
        return Err(error(400, "InvalidDeployment", message));
    }
    let refuse = |(code, message): Refusal| error(400, code, &message);
    let place = Place {
        group: &group,
        location: &location,
        deployment: name,
    };
    let mut wanted = template.resources(&place).map_err(refuse)?;
    check_registered(state, &wanted)?;
    let mut checked = Vec::new();
    for resource in &mut wanted {
        checked.push(check(state, resource).map_err(|refusal| invalid_deployment(call, name, refusal))?);
    }
    let is_new = |resource: &&Wanted| {
        let known = state
            .find(&group)
            .and_then(|group| group.resource(resource.kind, &resource.name));
        resource.kind == MACHINE && known.is_none()
    };
    if let Some(machine) = wanted.iter().find(is_new).cloned() {
        if call.over_quota() {
            let message = "Operation results in exceeding quota limits of Core. Maximum allowed: 10, Current in use: 10, Additional requested: 2. Please read more about quota increase at https://aka.ms/corequotaincrease.";
            return Err(invalid_deployment(call, name, ("QuotaExceeded", message.to_owned())));
        }
        if call.sold_out() {
            let size = at(&machine.properties, "/hardwareProfile/vmSize")
                .as_str()
                .unwrap_or_default();
            return Err(invalid_deployment(
                call,
                name,
                machines::not_available(size, &machine.location),
            ));
        }
    }
    let life = call.new_life();
    let mut made = Vec::new();
    let mut values = Map::new();
    let mut why = None;
    for (resource, machine) in wanted.iter().zip(checked) {
        let earlier = state
            .find(&group)
            .and_then(|group| group.resource(resource.kind, &resource.name))
            .cloned();
        let (parts, failure) = make(call, resource, machine, earlier, &life);
        if let Some((code, message)) = failure {
            why = Some(failed(&resource.id, code, &message));
        }
        for part in parts {
            let mut properties = part.properties.clone();
            if let Some(ip) = &part.ip {
                set(&mut properties, "/ipAddress", json!(ip));
            }
            values.insert(resource.id.to_ascii_lowercase(), properties);
            made.push(part);
        }
    }
    let outputs = template.outputs(&place, &values).map_err(refuse)?;
    let deployment = Deployment {
        name: name.to_owned(),
        operation: call.uuid(),
        life,
        tags,
        parameters: template.shown,
        outputs,
        resources: wanted.iter().map(|resource| resource.id.clone()).collect(),
        error: why,
        canceled: false,
    };
    let Some(holder) = state.group(&group) else {
        return Err(no_group(&group));
    };
    for part in made {
        holder
            .resources
            .retain(|known| !(known.kind == part.kind && known.name.eq_ignore_ascii_case(&part.name)));
        holder.resources.push(part);
    }
    holder
        .deployments
        .retain(|known| !known.name.eq_ignore_ascii_case(name));
    holder.deployments.push(deployment.clone());
    let status = format!(
        "{}{}/operationStatuses/{}?api-version={}",
        call.base_url(),
        deployment.id(holder),
        deployment.operation,
        call.query.get("api-version").unwrap_or_default()
    );
    let code = if earlier.is_some() { 200 } else { 201 };
    let answer = Answer::json(code, &deployment.show_as(holder, call.now, "Accepted"));
    Ok(answer.header("azure-asyncoperation", status).header("retry-after", "0"))
}

/// The template, the tags, and whether the mode is `Complete`.
fn read_request(call: &Call<'_>) -> Result<(Template, Tags, bool), Answer> {
    let fields = body(call)?;
    if let Some(member) = fields.unknown(&["properties", "tags", "location"]) {
        return Err(invalid_content(&unknown_member(member, "Deployment")));
    }
    let tags = tags::read(&fields)?;
    let missing = || {
        error(
            400,
            "InvalidDeployment",
            "The 'properties' of a deployment are missing.",
        )
    };
    let properties = fields.object("properties").map_err(wrong_type)?.ok_or_else(missing)?;
    let known = [
        "mode",
        "template",
        "parameters",
        "debugSetting",
        "expressionEvaluationOptions",
    ];
    if let Some(member) = properties.unknown(&known) {
        return Err(invalid_content(&unknown_member(member, "DeploymentProperties")));
    }
    let complete = match properties.text("mode").map_err(wrong_type)? {
        Some("Incremental") => false,
        Some("Complete") => true,
        _ => {
            return Err(error(
                400,
                "InvalidDeployment",
                "The deployment mode must be 'Incremental' or 'Complete'.",
            ));
        }
    };
    let no_template = || error(400, "InvalidTemplate", "Deployment template is null.");
    let template = properties.get("template").ok_or_else(no_template)?;
    let parameters = properties.get("parameters").cloned().unwrap_or_default();
    let template = Template::read(template, &parameters).map_err(|(code, message)| error(400, code, &message))?;
    Ok((template, tags, complete))
}

fn check_registered(state: &State, wanted: &[Wanted]) -> Result<(), Answer> {
    for resource in wanted {
        let namespace = resource.kind.split('/').next().unwrap_or_default();
        if state
            .unregistered
            .iter()
            .any(|known| known.eq_ignore_ascii_case(namespace))
        {
            let message = format!(
                "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions."
            );
            return Err(error(409, "MissingSubscriptionRegistration", &message));
        }
    }
    Ok(())
}

/// Checks a resource and brings its location into its proper spelling.
fn check(state: &State, resource: &mut Wanted) -> Result<Option<machines::Checked>, Refusal> {
    let Some(location) = catalog::region(&resource.location) else {
        let message = format!(
            "The provided location '{}' is not available for resource type '{}'. List of available regions for the resource type is '{}'.",
            resource.location,
            resource.kind,
            catalog::region_list()
        );
        return Err(("LocationNotAvailableForResourceType", message));
    };
    location.clone_into(&mut resource.location);
    let exists = |id: &str| {
        let is_made = || {
            let ids = state
                .groups
                .iter()
                .flat_map(|group| group.resources.iter().map(|made| made.id(group)));
            ids.into_iter().any(|known| known.eq_ignore_ascii_case(id))
        };
        resource.needs.iter().any(|need| need == id) || is_made()
    };
    match resource.kind {
        MACHINE => machines::check(resource, &exists).map(Some),
        _ => networks::check(resource, &exists).map(|()| None),
    }
}

/// The resource, and for a machine its disk, with the reason why it will fail.
fn make(
    call: &mut Call<'_>,
    wanted: &Wanted,
    machine: Option<machines::Checked>,
    earlier: Option<Resource>,
    life: &Life,
) -> (Vec<Resource>, Option<(&'static str, String)>) {
    let mut resource = Resource {
        kind: wanted.kind.to_owned(),
        name: wanted.name.clone(),
        location: wanted.location.clone(),
        tags: wanted.tags.clone(),
        sku: wanted.sku.clone(),
        properties: wanted.properties.clone(),
        // What is there already is not made again.
        life: earlier
            .as_ref()
            .map_or_else(|| life.clone(), |earlier| earlier.life.clone()),
        ip: None,
        user_data_sha256: None,
        frozen: String::new(),
        off: None,
        failed: None,
    };
    if wanted.kind == ADDRESS {
        resource.ip = earlier
            .as_ref()
            .and_then(|earlier| earlier.ip.clone())
            .or_else(|| Some(call.ipv4().to_string()));
    }
    let Some(machine) = machine else {
        return (vec![resource], None);
    };
    if let Some(earlier) = earlier {
        let changed = earlier.frozen != machine.frozen;
        let why = changed.then(|| {
            (
                "PropertyChangeNotAllowed",
                "Changing property 'osProfile' is not allowed.".to_owned(),
            )
        });
        return (vec![earlier], why);
    }
    resource.user_data_sha256 = machine.user_data_sha256;
    resource.frozen = machine.frozen;
    resource.properties = machine.shown;
    set(&mut resource.properties, "/vmId", json!(call.uuid()));
    resource.failed.clone_from(&machine.fails);
    let disk = Resource {
        kind: DISK.to_owned(),
        name: at(&resource.properties, "/storageProfile/osDisk/name")
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        properties: json!({
            "diskSizeGB": 30, "diskState": "Attached", "osType": "Linux", "creationData": { "createOption": "FromImage" },
        }),
        sku: Some(json!({ "name": at(&resource.properties, "/storageProfile/osDisk/managedDisk/storageAccountType") })),
        user_data_sha256: None,
        frozen: String::new(),
        failed: None,
        ..resource.clone()
    };
    let why = machine.fails.map(|message| ("AllocationFailed", message));
    (vec![disk, resource], why)
}

/// Refused by the validation inside the PUT.
fn invalid_deployment(call: &Call<'_>, name: &str, (code, message): Refusal) -> Answer {
    let outer = format!(
        "The template deployment '{name}' is not valid according to the validation procedure. The tracking id is '{}'. See inner errors for details.",
        call.request_id
    );
    let inner = json!({ "code": code, "message": message });
    let answer = json!({ "error": { "code": "InvalidTemplateDeployment", "message": outer, "details": [inner] } });
    Answer::json(400, &answer)
}

/// The error of a deployment that was accepted and failed later: the inner message is JSON in itself.
fn failed(target: &str, code: &str, message: &str) -> Value {
    let inner = json!({ "error": { "code": code, "message": message } });
    json!({
        "code": "DeploymentFailed", "target": target,
        "message": "At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.",
        "details": [{ "code": "Conflict", "message": inner.to_string() }],
    })
}
