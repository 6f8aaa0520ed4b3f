//! Templates: parameters, order of the resources, and what they evaluate to.

use serde_json::{Map, Value, json};

use super::{
    at,
    expression::Scope,
    members::canonical,
    put,
    state::{TYPES, Tags, group_id},
    unknown_member,
};
use crate::kit::fields::Fields;

/// Why a template is refused: code and message.
pub(super) type Refusal = (&'static str, String);

/// A resource of a template, evaluated.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) location: String,
    pub(super) tags: Tags,
    pub(super) sku: Option<Value>,
    pub(super) properties: Value,
    /// Ids of what has to be there before, lower-case, indirect ones included.
    pub(super) needs: Vec<String>,
}

/// A template with its parameters' values.
pub(super) struct Template {
    pub(super) parameters: Map<String, Value>,
    /// As the deployment shows them.
    pub(super) shown: Value,
    variables: Map<String, Value>,
    resources: Vec<Value>,
    outputs: Map<String, Value>,
}

fn invalid(message: impl AsRef<str>) -> Refusal {
    let message = format!("Deployment template validation failed: '{}'.", message.as_ref());
    ("InvalidTemplate", message)
}

impl Template {
    pub(super) fn read(template: &Value, given: &Value) -> Result<Self, Refusal> {
        let fields = Fields::of(template, "template").map_err(|_| invalid("The template is not an object"))?;
        let known = [
            "$schema",
            "contentVersion",
            "apiProfile",
            "languageVersion",
            "metadata",
            "parameters",
            "variables",
            "functions",
            "resources",
            "outputs",
        ];
        if let Some(member) = fields.unknown(&known) {
            return Err(invalid(unknown_member(member, "Template")));
        }
        for required in ["$schema", "contentVersion", "resources"] {
            if fields.get(required).is_none() {
                return Err(invalid(format!("Required property '{required}' not found in JSON")));
            }
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        if !text("$schema")
            .trim_end_matches('#')
            .ends_with("/deploymentTemplate.json")
        {
            return Err(invalid(format!(
                "The template schema '{}' is not supported",
                text("$schema")
            )));
        }
        let version: Vec<&str> = text("contentVersion").split('.').collect();
        if version.len() != 4 || !version.iter().all(|part| part.parse::<u32>().is_ok()) {
            return Err(invalid(
                "Required property 'contentVersion' must be a version such as '1.0.0.0'",
            ));
        }
        if fields.get("functions").is_some() {
            return Err(invalid("User-defined functions are not simulated"));
        }
        let object = |name: &str| -> Result<Map<String, Value>, Refusal> {
            let value = fields.get(name).cloned().unwrap_or(json!({}));
            value
                .as_object()
                .cloned()
                .ok_or_else(|| invalid(format!("'{name}' is not an object")))
        };
        let (parameters, shown) = read_parameters(&object("parameters")?, given)?;
        let resources = fields.list("resources").ok().flatten().cloned();
        Ok(Self {
            parameters,
            shown,
            variables: object("variables")?,
            resources: resources.ok_or_else(|| invalid("'resources' is not an array"))?,
            outputs: object("outputs")?,
        })
    }

    fn scope<'a>(&'a self, place: &'a Place<'a>, resources: Option<&'a Map<String, Value>>) -> Scope<'a> {
        Scope {
            group: place.group,
            location: place.location,
            deployment: place.deployment,
            parameters: &self.parameters,
            variables: &self.variables,
            resources,
        }
    }

    /// The resources in an order in which each comes after what it depends on.
    pub(super) fn resources(&self, place: &Place<'_>) -> Result<Vec<Wanted>, Refusal> {
        let scope = self.scope(place, None);
        let mut waiting = Vec::new();
        for resource in &self.resources {
            if let Some(wanted) = read_resource(resource, &scope)? {
                waiting.push(wanted);
            }
        }
        let ids: Vec<String> = waiting.iter().map(|wanted| wanted.id.to_ascii_lowercase()).collect();
        for wanted in &mut waiting {
            for need in &mut wanted.needs {
                // A bare name will do where only one resource has it.
                let full = ids.iter().find(|id| **id == *need || id.ends_with(&format!("/{need}")));
                *need = full.cloned().ok_or_else(|| {
                    invalid(format!(
                        "The resource '{need}' is not defined in the template. Please see https://aka.ms/arm-syntax for usage details"
                    ))
                })?;
            }
        }
        let mut ordered: Vec<Wanted> = Vec::new();
        while !waiting.is_empty() {
            let is_made = |need: &String| ordered.iter().any(|made| made.id.eq_ignore_ascii_case(need));
            let Some(at) = waiting.iter().position(|wanted| wanted.needs.iter().all(is_made)) else {
                let ids: Vec<&str> = waiting.iter().map(|wanted| wanted.id.as_str()).collect();
                return Err(invalid(format!(
                    "Circular dependency detected on resources: '{}'",
                    ids.join(", ")
                )));
            };
            let mut next = waiting.remove(at);
            let indirect: Vec<String> = ordered
                .iter()
                .filter(|made| next.needs.iter().any(|need| made.id.eq_ignore_ascii_case(need)))
                .flat_map(|made| made.needs.clone())
                .collect();
            next.needs.extend(indirect);
            ordered.push(next);
        }
        Ok(ordered)
    }

    /// The outputs as a deployment shows them, once its resources have these properties.
    pub(super) fn outputs(&self, place: &Place<'_>, resources: &Map<String, Value>) -> Result<Value, Refusal> {
        let scope = self.scope(place, Some(resources));
        let mut shown = Map::new();
        for (name, output) in &self.outputs {
            let kind = at(output, "/type")
                .as_str()
                .ok_or_else(|| invalid(format!("Output '{name}' has no type")))?;
            let value = scope.evaluate(&output["value"]).map_err(invalid)?;
            if !fits(kind, &value) {
                return Err(invalid(format!("The value of output '{name}' is not of type '{kind}'")));
            }
            // The type comes back capitalised.
            let mut letters = kind.chars();
            let capital: String = letters
                .next()
                .map(|c| c.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect();
            shown.insert(name.clone(), json!({ "type": capital, "value": value }));
        }
        Ok(Value::Object(shown))
    }
}

/// Where a template is deployed.
pub(super) struct Place<'a> {
    pub(super) group: &'a str,
    pub(super) location: &'a str,
    pub(super) deployment: &'a str,
}

type Parameters = (Map<String, Value>, Value);

fn read_parameters(declared: &Map<String, Value>, given: &Value) -> Result<Parameters, Refusal> {
    let empty = Map::new();
    let given = match given {
        Value::Null => &empty,
        Value::Object(given) => given,
        _ => return Err(invalid("'parameters' is not an object")),
    };
    let named = |name: &str| declared.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let extra: Vec<&str> = given
        .keys()
        .map(String::as_str)
        .filter(|name| named(name).is_none())
        .collect();
    if !extra.is_empty() {
        return Err(invalid(format!(
            "The following parameters were supplied, but do not correspond to any parameters defined in the template: '{}'. The parameters defined in the template are: '{}'",
            extra.join(", "),
            declared.keys().cloned().collect::<Vec<_>>().join(", ")
        )));
    }
    let (mut values, mut shown) = (Map::new(), Map::new());
    for (name, declaration) in declared {
        let kind = at(declaration, "/type").as_str().unwrap_or_default();
        let types = [
            "string",
            "securestring",
            "int",
            "bool",
            "object",
            "secureobject",
            "array",
        ];
        if !types.contains(&kind.to_ascii_lowercase().as_str()) {
            return Err(invalid(format!(
                "The type '{kind}' of template parameter '{name}' is not valid"
            )));
        }
        let wrapped = given
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value);
        let value = match wrapped {
            Some(wrapped) => wrapped.get("value").cloned().ok_or_else(|| {
                invalid(format!(
                    "The value of deployment parameter '{name}' is null; it must be wrapped in 'value'"
                ))
            })?,
            None => declaration
                .get("defaultValue")
                .cloned()
                .ok_or_else(|| invalid(format!("The value for the template parameter '{name}' is not provided")))?,
        };
        if !fits(kind, &value) {
            return Err(invalid(format!(
                "Template parameter '{name}' was provided an invalid value; its type should be '{kind}'"
            )));
        }
        if let Some(allowed) = at(declaration, "/allowedValues")
            .as_array()
            .filter(|allowed| !allowed.contains(&value))
        {
            return Err(invalid(format!(
                "The value of parameter '{name}' is not part of the allowed value(s): {allowed:?}"
            )));
        }
        let secure = kind.to_ascii_lowercase().starts_with("secure");
        let mut view = json!({ "type": kind });
        if !secure {
            put(&mut view, "/value", value.clone());
        }
        shown.insert(name.clone(), view);
        values.insert(name.clone(), value);
    }
    Ok((values, Value::Object(shown)))
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind.to_ascii_lowercase().as_str() {
        "string" | "securestring" => value.is_string(),
        "int" => value.is_i64(),
        "bool" => value.is_boolean(),
        "object" | "secureobject" => value.is_object(),
        "array" => value.is_array(),
        _ => false,
    }
}

/// One entry of `resources`; `None` when its condition is false.
fn read_resource(resource: &Value, scope: &Scope<'_>) -> Result<Option<Wanted>, Refusal> {
    let fields = Fields::of(resource, "resource").map_err(|_| invalid("A resource is not an object"))?;
    let known = [
        "type",
        "apiVersion",
        "name",
        "location",
        "tags",
        "dependsOn",
        "properties",
        "sku",
        "zones",
        "identity",
        "plan",
        "condition",
        "comments",
    ];
    if let Some(member) = fields.unknown(&known) {
        return Err(invalid(unknown_member(member, "TemplateResource")));
    }
    let evaluate = |name: &str| -> Result<Value, Refusal> {
        let value = fields.get(name).cloned().unwrap_or_default();
        scope.evaluate(&value).map_err(invalid)
    };
    let text = |name: &str| -> Result<String, Refusal> {
        let value = evaluate(name)?;
        let missing = || {
            invalid(format!(
                "The template resource property '{name}' is required and must be a text"
            ))
        };
        value.as_str().map(str::to_owned).ok_or_else(missing)
    };
    if evaluate("condition")? == json!(false) {
        return Ok(None);
    }
    text("apiVersion")?;
    let (written, name) = (text("type")?, text("name")?);
    let kind = TYPES
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(&written))
        .ok_or_else(|| {
            let message = format!("The resource type '{written}' could not be found, or is not simulated.");
            ("InvalidResourceType", message)
        })?;
    let location = text("location").map_err(|_| {
        (
            "LocationRequired",
            "The location property is required for this definition.".to_owned(),
        )
    })?;
    let tags = match evaluate("tags")? {
        Value::Null => Tags::new(),
        tags => serde_json::from_value(tags)
            .map_err(|_| ("InvalidTagValueDataType", "The tag values must be strings.".to_owned()))?,
    };
    let needs = match evaluate("dependsOn")? {
        Value::Null => Vec::new(),
        Value::Array(needs) => {
            let texts = needs.iter().map(|need| need.as_str().map(str::to_ascii_lowercase));
            texts
                .collect::<Option<_>>()
                .ok_or_else(|| invalid("'dependsOn' holds something other than texts"))?
        }
        _ => return Err(invalid("'dependsOn' is not an array")),
    };
    let id = format!("{}/providers/{kind}/{name}", group_id(scope.group));
    Ok(Some(Wanted {
        kind,
        name,
        id,
        location,
        tags,
        sku: Some(evaluate("sku")?).filter(|sku| !sku.is_null()),
        properties: canonical(evaluate("properties")?),
        needs,
    }))
}
