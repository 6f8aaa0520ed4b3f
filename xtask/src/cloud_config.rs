//! `cargo xtask cloud-config SCHEMA VERSION DATE`: the table of a cloud-config's keys and types, from cloud-init's own JSON schema.
//!
//! The table says less than the schema, never more: where the schema offers alternatives, the table allows what any of them
//! allows. So what it refuses, the schema refuses as well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Map, Value};

use crate::{Result, write};

const TABLE: &str = "crates/provision/src/user_data/keys.txt";
/// References and alternatives inside each other; the schema has far fewer.
const DEEPEST: usize = 24;

pub(crate) fn run(root: &Path, schema: &str, version: &str, date: &str) -> Result<ExitCode> {
    let text = std::fs::read_to_string(schema).map_err(|error| format!("{schema}: cannot be read: {error}"))?;
    let lines = table(&text)?;
    let head = format!(
        "# The keys of a cloud-config and their types; written by `cargo xtask cloud-config`, see xtask/src/cloud_config.rs.\n\
         # Source: https://github.com/canonical/cloud-init/blob/{version}/cloudinit/config/schemas/schema-cloud-config-v1.json, of {date}\n\
         # PATH TYPE|TYPE [open] [needs KEY,KEY] [deprecated: WHY]\n\
         # `[]` is an entry of a list; `open` allows keys that are not listed.\n"
    );
    write(root, TABLE, &format!("{head}{}\n", lines.join("\n")))?;
    println!("{TABLE}: written, {} lines", lines.len());
    Ok(ExitCode::SUCCESS)
}

fn table(text: &str) -> Result<Vec<String>> {
    let schema: Value = serde_json::from_str(text).map_err(|error| format!("the schema is not JSON: {error}"))?;
    let reader = Reader {
        definitions: schema
            .get("$defs")
            .and_then(Value::as_object)
            .ok_or("the schema has no $defs")?,
    };
    let mut keys: BTreeMap<String, Shape> = BTreeMap::new();
    for part in array(schema.get("allOf")) {
        for (key, shape) in reader.shape(part, 0).keys {
            keys.entry(key).or_insert(shape);
        }
    }
    // Keys that other programs read out of a cloud-config: of any type here.
    let names = schema.get("properties").and_then(Value::as_object);
    for name in names.ok_or("the schema has no properties")?.keys() {
        keys.entry(name.clone()).or_insert_with(Shape::any);
    }
    let mut lines = Vec::new();
    for (key, shape) in &keys {
        print(key, shape, &mut lines);
    }
    Ok(lines)
}

/// What may stand in a place.
#[derive(Debug, Clone, Default)]
struct Shape {
    /// None: anything.
    types: BTreeSet<&'static str>,
    keys: BTreeMap<String, Shape>,
    needs: BTreeSet<String>,
    open: bool,
    entry: Option<Box<Shape>>,
    deprecated: Option<String>,
}

impl Shape {
    fn any() -> Self {
        Self::default()
    }

    fn is_any(&self) -> bool {
        self.types.is_empty()
    }

    /// What one of several allows.
    fn one_of(shapes: Vec<Self>) -> Self {
        let mut shapes = shapes.into_iter();
        let Some(mut all) = shapes.next() else {
            return Self::any();
        };
        for shape in shapes {
            if all.is_any() || shape.is_any() {
                return Self::any();
            }
            let both_maps = all.types.contains("map") && shape.types.contains("map");
            let both_lists = all.types.contains("list") && shape.types.contains("list");
            if both_maps {
                all.needs.retain(|key| shape.needs.contains(key));
            } else {
                all.needs.extend(shape.needs);
            }
            all.entry = match (all.entry, shape.entry) {
                (Some(one), Some(other)) => Some(Box::new(Self::one_of(vec![*one, *other]))),
                _ if both_lists => None,
                (one, other) => one.or(other),
            };
            for (key, value) in shape.keys {
                let merged = match all.keys.remove(&key) {
                    Some(known) => Self::one_of(vec![known, value]),
                    None => value,
                };
                all.keys.insert(key, merged);
            }
            all.types.extend(shape.types);
            all.open |= shape.open;
            all.deprecated = all.deprecated.filter(|_| shape.deprecated.is_some());
        }
        all
    }
}

struct Reader<'a> {
    definitions: &'a Map<String, Value>,
}

impl Reader<'_> {
    fn shape(&self, node: &Value, depth: usize) -> Shape {
        let Some(node) = node.as_object().filter(|_| depth < DEEPEST) else {
            return Shape::any();
        };
        let mut shape = self.undeprecated(node, depth);
        if node.get("deprecated") == Some(&Value::Bool(true)) {
            let why = node.get("deprecated_description").and_then(Value::as_str);
            shape.deprecated = Some(why.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "));
        }
        shape
    }

    fn undeprecated(&self, node: &Map<String, Value>, depth: usize) -> Shape {
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or_default();
            let referred = self
                .definitions
                .get(name)
                .map_or_else(Shape::any, |found| self.shape(found, depth + 1));
            let own = without(node, "$ref");
            return match self.own(&own, depth) {
                own if own.is_any() => referred,
                own => Shape::one_of(vec![own, referred]),
            };
        }
        if let Some(parts) = node.get("allOf").and_then(Value::as_array) {
            let shapes: Vec<Shape> = parts.iter().map(|part| self.shape(part, depth + 1)).collect();
            let deprecated = shapes.iter().find_map(|shape| shape.deprecated.clone());
            let mut said = shapes.into_iter().filter(|shape| !shape.is_any());
            // Several that say something would have to be intersected; the schema has none.
            let mut shape = match (said.next(), said.next()) {
                (Some(only), None) => only,
                _ => Shape::any(),
            };
            shape.deprecated = deprecated;
            return shape;
        }
        for word in ["oneOf", "anyOf"] {
            let Some(alternatives) = node.get(word).and_then(Value::as_array) else {
                continue;
            };
            let rest = without(node, word);
            // Alternatives of which keys are needed are no alternatives of what may stand there.
            if alternatives
                .iter()
                .all(|one| one.get("required").is_some() && one.get("type").is_none())
            {
                return self.undeprecated(&rest, depth + 1);
            }
            let mut shapes: Vec<Shape> = alternatives.iter().map(|one| self.shape(one, depth + 1)).collect();
            let own = self.own(&rest, depth);
            if !own.is_any() {
                shapes.push(own);
            }
            return Shape::one_of(shapes);
        }
        self.own(node, depth)
    }

    /// What a node says itself, without references and alternatives.
    fn own(&self, node: &Map<String, Value>, depth: usize) -> Shape {
        let mut shape = Shape {
            types: types(node),
            ..Shape::default()
        };
        if shape.types.contains("map") {
            let keys = node.get("properties").and_then(Value::as_object);
            shape.keys = keys
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), self.shape(value, depth + 1)))
                .collect();
            shape.open =
                node.get("additionalProperties") != Some(&Value::Bool(false)) || node.contains_key("patternProperties");
            let needs = array(node.get("required"));
            shape.needs = needs.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect();
        }
        if shape.types.contains("list")
            && let Some(entry) = node.get("items").filter(|items| items.is_object())
        {
            shape.entry = Some(Box::new(self.shape(entry, depth + 1)));
        }
        shape
    }
}

fn types(node: &Map<String, Value>) -> BTreeSet<&'static str> {
    let named: Vec<&str> = match node.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ if node.contains_key("properties") || node.contains_key("patternProperties") => vec!["object"],
        _ => array(node.get("enum"))
            .iter()
            .map(|value| match value {
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                _ => "string",
            })
            .collect(),
    };
    named
        .into_iter()
        .filter_map(|name| match name {
            "string" => Some("text"),
            "array" => Some("list"),
            "object" => Some("map"),
            "boolean" => Some("bool"),
            "integer" => Some("int"),
            "number" => Some("number"),
            "null" => Some("null"),
            _ => None,
        })
        .collect()
}

fn print(path: &str, shape: &Shape, lines: &mut Vec<String>) {
    let mut line = format!("{path} ");
    if shape.is_any() {
        line.push_str("any");
    } else {
        line.push_str(&shape.types.iter().copied().collect::<Vec<_>>().join("|"));
    }
    if shape.open && shape.types.contains("map") {
        line.push_str(" open");
    }
    if !shape.needs.is_empty() {
        let needs: Vec<&str> = shape.needs.iter().map(String::as_str).collect();
        line.push_str(&format!(" needs {}", needs.join(",")));
    }
    if let Some(why) = &shape.deprecated {
        line.push_str(&format!(" deprecated: {why}"));
    }
    lines.push(line);
    if let Some(entry) = shape.entry.as_deref().filter(|entry| !entry.is_any()) {
        print(&format!("{path}[]"), entry, lines);
    }
    for (key, value) in &shape.keys {
        print(&format!("{path}.{key}"), value, lines);
    }
}

fn without(node: &Map<String, Value>, word: &str) -> Map<String, Value> {
    node.iter()
        .filter(|(key, _)| *key != word)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_allow_what_any_of_them_allows_and_need_what_all_need() {
        let schema = r##"{
            "$defs": {
                "one": {"type": "object", "properties": {
                    "files": {"type": "array", "items": {"type": "object", "required": ["path"], "additionalProperties": false,
                        "properties": {"path": {"type": "string"}, "mode": {"oneOf": [{"type": "string"}, {"type": "integer"}]}}}},
                    "either": {"oneOf": [
                        {"type": "object", "required": ["a", "b"], "additionalProperties": false, "properties": {"a": {"type": "string"}}},
                        {"type": "object", "required": ["a"], "additionalProperties": false, "properties": {"b": {"type": "boolean"}}},
                        {"type": "array", "items": {"type": "string"}}]},
                    "user": {"$ref": "#/$defs/user"},
                    "old": {"allOf": [{"$ref": "#/$defs/text"}, {"deprecated": true, "deprecated_description": "Use **new**\n instead."}]},
                    "size": {"enum": [true, "noblock"]}
                }},
                "user": {"oneOf": [{"required": ["name"]}, {"required": ["other"]}], "properties": {"name": {"type": "string"}}},
                "text": {"type": "string"}
            },
            "allOf": [{"$ref": "#/$defs/one"}],
            "properties": {"files": {}, "foreign": {}}
        }"##;
        assert_eq!(
            table(schema).unwrap(),
            [
                "either list|map needs a",
                "either[] text",
                "either.a text",
                "either.b bool",
                "files list",
                "files[] map needs path",
                "files[].mode int|text",
                "files[].path text",
                "foreign any",
                "old text deprecated: Use **new** instead.",
                "size bool|text",
                "user map open",
                "user.name text",
            ]
        );
        assert!(table("{}").is_err() && table("x").is_err());
    }
}
