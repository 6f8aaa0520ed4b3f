//! Resource groups, and everything below one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    SUBSCRIPTION, body, catalog, deployments, error, group_is_ending, invalid_content, no_group, no_route, page, reads,
    state::{Group, State, group_id},
    tags, unknown_member, wrong_type,
};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

/// Requests below `resourcegroups`; `path` is in lower case.
pub(super) fn handle(call: &mut Call<'_>, state: &mut State, path: &[&str]) -> Handled {
    let method = call.method().to_owned();
    let name = call.segments.get(3).copied().unwrap_or_default().to_owned();
    match (method.as_str(), path) {
        ("GET", []) => list(call, state),
        ("PUT", [_]) => put(call, state, &name),
        ("PATCH", [_]) => patch(call, state, &name),
        ("GET", [_]) => Ok(Answer::json(200, &find(state, &name)?.show())),
        ("HEAD", [_]) => Ok(Answer::empty(if state.find(&name).is_some() { 204 } else { 404 })),
        ("DELETE", [_]) => delete(call, state, &name),
        (_, [_, "providers", "microsoft.resources", "deployments", rest @ ..]) => {
            deployments::handle(call, state, &name, rest)
        }
        // These paths have no `providers` in them.
        ("GET", [_, "deployments", rest @ ..]) if matches!(rest, [] | [_] | [_, "operations"]) => {
            deployments::handle(call, state, &name, rest)
        }
        ("GET", [_, "resources"]) => reads::list_of_group(call, find(state, &name)?),
        ("GET", [_, "providers", namespace, kind]) => {
            find(state, &name)?;
            reads::list(call, state, namespace, kind, Some(&name))
        }
        (_, [_, "providers", namespace, kind, _, rest @ ..]) => {
            find(state, &name)?;
            reads::resource(call, state, &name, &format!("{namespace}/{kind}"), rest)
        }
        _ => Err(no_route(call)),
    }
}

fn find<'a>(state: &'a State, name: &str) -> Result<&'a Group, Answer> {
    state.find(name).ok_or_else(|| no_group(name))
}

impl Group {
    pub(super) fn show(&self) -> Value {
        let state = if self.is_ending() { "Deleting" } else { "Succeeded" };
        json!({
            "id": group_id(&self.name), "name": self.name, "type": "Microsoft.Resources/resourceGroups",
            "location": self.location, "tags": self.tags, "properties": { "provisioningState": state },
        })
    }
}

fn list(call: &Call<'_>, state: &State) -> Handled {
    let wanted = read_filter(call)?;
    let listed = state.groups.iter().filter(|group| group.life.listed(call.now));
    let listed = listed.filter(|group| {
        let has = |(name, value): &(String, Option<String>)| {
            group
                .tags
                .iter()
                .any(|(known, has)| known.eq_ignore_ascii_case(name) && value.as_ref().is_none_or(|value| has == value))
        };
        wanted.as_ref().is_none_or(has)
    });
    page(call, listed.map(Group::show).collect())
}

/// `tagName eq 'a'`, or `tagName eq 'a' and tagValue eq 'b'`.
fn read_filter(call: &Call<'_>) -> Result<Option<(String, Option<String>)>, Answer> {
    let Some(filter) = call.query.filled("$filter") else {
        return Ok(None);
    };
    let refused = || {
        let message = format!("Invalid $filter '{filter}' specified in the query string.");
        error(400, "InvalidFilterInQueryString", &message)
    };
    let value = |part: &str, field: &str| -> Option<String> {
        let quoted = part
            .trim()
            .strip_prefix(field)?
            .trim_start()
            .strip_prefix("eq ")?
            .trim();
        let inner = quoted.strip_prefix('\'')?.strip_suffix('\'')?;
        (!inner.replace("''", "").contains('\'')).then(|| inner.replace("''", "'"))
    };
    let wanted = match filter.split_once(" and ") {
        Some((name, tag)) => value(name, "tagName").zip(value(tag, "tagValue").map(Some)),
        None => value(filter, "tagName").map(|name| (name, None)),
    };
    wanted.map(Some).ok_or_else(refused)
}

fn check_name(name: &str) -> Result<(), Answer> {
    let valid = (1..=90).contains(&name.len())
        && !name.ends_with('.')
        && name.chars().all(|c| c.is_alphanumeric() || "._()-".contains(c));
    if valid {
        return Ok(());
    }
    let message = format!(
        "The provided resource group name '{name}' has these invalid characters or is too long. The name can only be a letter, digit, '-', '.', '(', ')' or '_'."
    );
    Err(error(400, "InvalidResourceGroup", &message))
}

fn put(call: &mut Call<'_>, state: &mut State, name: &str) -> Handled {
    check_name(name)?;
    let fields = body(call)?;
    if let Some(member) = fields.unknown(&["id", "name", "type", "location", "tags", "managedBy", "properties"]) {
        return Err(invalid_content(&unknown_member(member, "ResourceGroupDefinition")));
    }
    let tags = tags::read(&fields)?;
    let Some(written) = fields.text("location").map_err(wrong_type)? else {
        return Err(error(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
        ));
    };
    let Some(location) = catalog::region(written) else {
        let message = format!(
            "The provided location '{written}' is not available for resource group. List of available regions is '{}'.",
            catalog::region_list()
        );
        return Err(error(400, "LocationNotAvailableForResourceGroup", &message));
    };
    if let Some(group) = state.group(name) {
        if group.is_ending() {
            return Err(group_is_ending(name));
        }
        if group.location != location {
            let message = format!(
                "Invalid resource group location '{location}'. The Resource group already exists in location '{}'.",
                group.location
            );
            return Err(error(409, "InvalidResourceGroupLocation", &message));
        }
        group.tags = tags;
        return Ok(Answer::json(200, &group.show()));
    }
    let group = Group {
        name: name.to_owned(),
        location: location.to_owned(),
        tags,
        life: call.new_life(),
        deployments: Vec::new(),
        resources: Vec::new(),
    };
    let answer = Answer::json(201, &group.show());
    state.groups.push(group);
    Ok(answer)
}

fn patch(call: &Call<'_>, state: &mut State, name: &str) -> Handled {
    let fields = body(call)?;
    let tags = tags::read(&fields)?;
    let group = state.group(name).ok_or_else(|| no_group(name))?;
    if group.is_ending() {
        return Err(group_is_ending(name));
    }
    group.tags = tags;
    Ok(Answer::json(200, &group.show()))
}

/// A second deletion is accepted like the first (UNCONFIRMED). An empty group is gone at once.
fn delete(call: &Call<'_>, state: &mut State, name: &str) -> Handled {
    let group = state.group(name).ok_or_else(|| no_group(name))?;
    let mut life = group.life.clone();
    if group.resources.is_empty() {
        life.end(call.now, 0);
    } else {
        call.end_life(&mut life);
    }
    group.life = life;
    Ok(accepted(call, &group.name))
}

/// The answer to a deletion: look there for its end.
pub(super) fn accepted(call: &Call<'_>, group: &str) -> Answer {
    let opaque = URL_SAFE_NO_PAD.encode(group);
    let location = format!(
        "{}/subscriptions/{}/operationresults/{opaque}?api-version={}",
        call.base_url(),
        SUBSCRIPTION,
        call.query.get("api-version").unwrap_or_default()
    );
    Answer::empty(202)
        .header("location", location)
        .header("retry-after", "0")
}

/// Where `Location` of a deletion leads.
pub(super) fn operation_result(call: &Call<'_>, state: &State) -> Handled {
    // Not the segment in lower case.
    let opaque = call.segments.last().copied().unwrap_or_default();
    let name = URL_SAFE_NO_PAD.decode(opaque).ok();
    let Some(name) = name.and_then(|name| String::from_utf8(name).ok()) else {
        return Err(no_route(call));
    };
    Ok(match state.find(&name) {
        Some(group) if group.is_ending() => accepted(call, &name),
        _ => Answer::empty(200),
    })
}
