//! A cloud-config against the table of its keys.

use provision_core::nearest;

use super::{
    Finding,
    keys::{Keys, Rule},
    yaml::{self, Entry, Node, Value},
};

pub(super) fn look_at(text: &str, findings: &mut Vec<Finding>) {
    let root = match yaml::read(text) {
        Ok(root) => root,
        Err(finding) => return findings.push(finding),
    };
    let entries = match root.map(|root| (root.line, root.value)) {
        Some((_, Value::Map(entries))) => entries,
        None | Some((_, Value::Null)) => {
            return findings.push(Finding::warning(
                None,
                "the cloud-config is empty: nothing is done at first boot",
            ));
        }
        Some((line, _)) => {
            return findings.push(Finding::error(
                Some(line),
                "a cloud-config is a map of keys such as `packages:`, and this is none: cloud-init ignores the whole text",
            ));
        }
    };
    let keys = Keys::load();
    Walk { keys: &keys, findings }.map("", &Rule::TOP, &entries);
}

struct Walk<'a> {
    keys: &'a Keys,
    findings: &'a mut Vec<Finding>,
}

impl Walk<'_> {
    fn warn(&mut self, line: usize, message: impl Into<String>) {
        self.findings.push(Finding::warning(Some(line), message));
    }

    fn map(&mut self, path: &str, rule: &Rule, entries: &[Entry]) {
        for (entry, before) in yaml::repeated(entries) {
            let shown = shown(entry.key.as_deref());
            self.warn(
                entry.line,
                format!("{shown} stands here and in line {before}: only the last one counts"),
            );
        }
        let merged = entries.iter().any(|entry| entry.key.as_deref() == Some("<<"));
        for entry in entries {
            let Some(key) = entry.key.as_deref().filter(|key| *key != "<<") else {
                continue;
            };
            let below = if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            };
            match self.keys.rule(&below).filter(|_| !key.contains(['.', '['])) {
                Some(rule) => {
                    if !rule.deprecated.is_empty() {
                        let instead = rule.deprecated.replace("**", "`");
                        self.warn(entry.line, format!("`{key}` is deprecated: {}", sentence(&instead)));
                    }
                    self.value(&below, &rule, &entry.value, key);
                }
                None if rule.open => {}
                None => self.unknown(path, entry.line, key),
            }
        }
        for needed in rule.needs() {
            if !merged && !entries.iter().any(|entry| entry.key.as_deref() == Some(needed)) {
                let line = entries.first().map_or(1, |entry| entry.line);
                self.warn(line, format!("{} has no `{needed}`, which it needs", place(path)));
            }
        }
    }

    fn unknown(&mut self, path: &str, line: usize, key: &str) {
        let wanted = key.to_lowercase().replace('-', "_");
        let closest = nearest(&wanted, self.keys.below(path));
        let owner = if path.is_empty() {
            "cloud-init".to_owned()
        } else {
            place(path)
        };
        let what = shown(Some(key));
        let what = if what == "a key" {
            "key of this name".to_owned()
        } else {
            format!("key {what}")
        };
        match closest {
            Some(known) => self.warn(line, format!("{owner} has no {what}: did you mean `{known}`?")),
            None => self.warn(line, format!("{owner} has no {what}, and ignores it")),
        }
    }

    fn value(&mut self, path: &str, rule: &Rule, node: &Node, key: &str) {
        let (name, kinds): (&str, &[&str]) = match &node.value {
            Value::Unknown => return,
            Value::Null => ("nothing", &["null"]),
            Value::Bool => ("a yes or no", &["bool"]),
            Value::Int => ("a number", &["int", "number"]),
            Value::Float => ("a number", &["number"]),
            Value::Text(_) => ("a text", &["text"]),
            Value::List(_) => ("a list", &["list"]),
            Value::Map(_) => ("a map", &["map"]),
        };
        if !kinds.iter().any(|kind| rule.allows(kind)) {
            let what = if path.ends_with("[]") {
                format!("an entry of `{key}`")
            } else {
                format!("`{key}`")
            };
            let advice = match (&node.value, rule) {
                // YAML reads words such as 0644, 22.04 and yes as something else than the text that was meant.
                (Value::Bool | Value::Int | Value::Float, rule) if rule.allows("text") => ": put it in quotes",
                (Value::Text(_), rule) if rule.allows("list") => ": write each entry on a line of its own, behind `- `",
                _ => "",
            };
            return self.warn(
                node.line,
                format!("{what} is {name}, where {} belongs{advice}", one_of(rule)),
            );
        }
        match &node.value {
            Value::Map(entries) if !rule.is_any() => self.map(path, rule, entries),
            Value::List(nodes) => {
                let entry = format!("{path}[]");
                let Some(rule) = self.keys.rule(&entry) else { return };
                for node in nodes {
                    self.value(&entry, &rule, node, key);
                }
            }
            _ => {}
        }
    }
}

/// A key as it may be shown: what looks like a secret that ended up there is not.
fn shown(key: Option<&str>) -> String {
    match key {
        Some(key)
            if key.len() <= 40
                && key
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte)) =>
        {
            format!("`{key}`")
        }
        _ => "a key".to_owned(),
    }
}

/// A path for people: `write_files[]` is an entry of `write_files`.
fn place(path: &str) -> String {
    let path = path.replace("[][]", "[]");
    match path.strip_suffix("[]") {
        Some(list) => format!("an entry of `{}`", list.replace("[]", "")),
        None => format!("`{}`", path.replace("[]", "")),
    }
}

fn one_of(rule: &Rule) -> String {
    let names: Vec<&str> = rule
        .types()
        .into_iter()
        .filter(|name| *name != "null")
        .map(|name| match name {
            "text" => "a text",
            "list" => "a list",
            "map" => "a map",
            "bool" => "true or false",
            "int" => "a whole number",
            other => other,
        })
        .collect();
    names.join(" or ")
}

/// A sentence of the schema as the end of one of ours.
fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => "leave it out".to_owned(),
    }
}
