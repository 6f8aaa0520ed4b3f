//! `providers.toml`, parsed and validated: the one list of clouds.

use std::path::Path;

use toml::{Table, Value};

use crate::{Result, read};

pub(crate) const FILE: &str = "providers.toml";
const KEYS: [&str; 5] = ["id", "type", "maintainer", "requests", "skip"];

/// One row of the manifest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Provider {
    /// Feature of the umbrella and last part of the crate's name.
    pub(crate) id: String,
    /// The type in that crate which implements `Provisioner`.
    pub(crate) type_name: String,
    /// A GitHub user or team, with its `@`.
    pub(crate) maintainer: String,
}

impl Provider {
    /// Name of the provider's package, `provision-<id>`.
    pub(crate) fn package(&self) -> String {
        format!("provision-{}", self.id)
    }

    /// Folder of the provider's crate, relative to the workspace's root.
    pub(crate) fn folder(&self) -> String {
        format!("crates/{}", self.package())
    }
}

/// The manifest's rows in the order of their ids, whatever order they are written in.
pub(crate) fn load(root: &Path) -> Result<Vec<Provider>> {
    parse(&read(root, FILE)?)
}

/// Parses the manifest. An error names every row and key that is wrong.
pub(crate) fn parse(text: &str) -> Result<Vec<Provider>> {
    let manifest: Table = text.parse().map_err(|error| format!("{FILE}: {error}"))?;
    if let Some(key) = manifest.keys().find(|key| *key != "provider") {
        return Err(format!("{FILE}: unknown key `{key}`; known: provider"));
    }
    let rows = manifest
        .get("provider")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let mut problems = Vec::new();
    let mut providers: Vec<Provider> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match row
            .as_table()
            .ok_or_else(|| vec!["is not a table".to_owned()])
            .and_then(provider)
        {
            Ok(provider) if providers.iter().any(|other| other.id == provider.id) => {
                problems.push(format!("{FILE}: provider `{}` is listed twice", provider.id));
            }
            Ok(provider) => providers.push(provider),
            Err(found) => problems.extend(found.iter().map(|what| format!("{FILE}: row {}: {what}", index + 1))),
        }
    }
    if providers.is_empty() && problems.is_empty() {
        problems.push(format!("{FILE}: holds no [[provider]]"));
    }
    providers.sort_by(|a, b| a.id.cmp(&b.id));
    if problems.is_empty() {
        Ok(providers)
    } else {
        Err(problems.join("\n"))
    }
}

/// Says what is wrong with a provider's id, for the manifest and for `new-provider`.
pub(crate) fn check_id(id: &str) -> Result<()> {
    let letter_first = id.starts_with(|c: char| c.is_ascii_lowercase());
    if !letter_first || id.len() > 30 || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return Err(format!(
            "id `{id}` must be a lower-case letter followed by lower-case letters and digits"
        ));
    }
    let taken = [
        "core", "http", "sim", "testkit", "cli", "operator", "tests", "full", "default",
    ];
    if taken.contains(&id) {
        Err(format!("id `{id}` is taken by a crate or feature of the workspace"))
    } else {
        Ok(())
    }
}

/// Says what is wrong with the name of a provider's type.
pub(crate) fn check_type(name: &str) -> Result<()> {
    if name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(format!("type `{name}` must be PascalCase, like `DigitalOcean`"))
}

/// Says what is wrong with a maintainer: CODEOWNERS takes `@user` and `@organisation/team`.
pub(crate) fn check_maintainer(name: &str) -> Result<()> {
    let user = name.strip_prefix('@').unwrap_or_default();
    if !user.is_empty() && user.chars().all(|c| c.is_ascii_alphanumeric() || "-/_".contains(c)) {
        return Ok(());
    }
    Err(format!(
        "maintainer `{name}` must be a GitHub user or team, like `@alexellis`"
    ))
}

fn provider(row: &Table) -> std::result::Result<Provider, Vec<String>> {
    let mut problems: Vec<String> = row
        .keys()
        .filter(|key| !KEYS.contains(&key.as_str()))
        .map(|key| format!("unknown key `{key}`; known: {}", KEYS.join(", ")))
        .collect();
    let mut text = |key: &str, check: fn(&str) -> Result<()>| {
        let value = row.get(key).and_then(Value::as_str).unwrap_or_default();
        let checked = if row.contains_key(key) {
            check(value)
        } else {
            Err(format!("key `{key}` is missing"))
        };
        problems.extend(checked.err());
        value.to_owned()
    };
    let provider = Provider {
        id: text("id", check_id),
        type_name: text("type", check_type),
        maintainer: text("maintainer", check_maintainer),
    };
    problems.extend(check_requests(row.get("requests")).err());
    problems.extend(check_skip(row.get("skip")).err());
    if problems.is_empty() {
        Ok(provider)
    } else {
        Err(problems)
    }
}

fn check_requests(value: Option<&Value>) -> Result<()> {
    let Some(table) = value.and_then(Value::as_table) else {
        return Err("key `requests` must be a table of operation = number of requests".to_owned());
    };
    match table
        .iter()
        .find(|(_, count)| count.as_integer().is_none_or(|count| count < 0))
    {
        Some((operation, _)) => Err(format!("requests: `{operation}` must be a whole number")),
        None => Ok(()),
    }
}

fn check_skip(value: Option<&Value>) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    let Some(table) = value.as_table() else {
        return Err("key `skip` must be a table of case = reason".to_owned());
    };
    match table
        .iter()
        .find(|(_, reason)| reason.as_str().is_none_or(|reason| reason.trim().is_empty()))
    {
        Some((case, _)) => Err(format!("skip: `{case}` must have its reason as text")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[provider]]
        id = "vultr"
        type = "Vultr"
        maintainer = "@jsiebens"
        requests = { provision = 1 }
        skip = { create-with-ports = "the API has no firewall" }
        [[provider]]
        id = "ec2"
        type = "Ec2"
        maintainer = "@inlets/aws-team"
        requests = { provision = 2 }
    "#;

    #[test]
    fn rows_come_in_the_order_of_their_ids() {
        let ids: Vec<String> = parse(GOOD).unwrap().into_iter().map(|provider| provider.id).collect();
        assert_eq!(ids, ["ec2", "vultr"]);
    }

    #[test]
    fn each_wrong_row_is_refused_with_its_reason() {
        let cases = [
            (r#"type = "Ec2""#, r#"type = "ec2""#, "must be PascalCase"),
            (r#"id = "ec2""#, r#"id = "EC2""#, "must be a lower-case letter"),
            (r#"id = "ec2""#, r#"id = "sim""#, "is taken"),
            (r#"id = "ec2""#, r#"id = "vultr""#, "listed twice"),
            ("@inlets/aws-team", "aws-team", "must be a GitHub user"),
            (r#"id = "ec2""#, "", "key `id` is missing"),
            (r#"id = "ec2""#, "id = \"ec2\"\nowner = \"@x\"", "unknown key `owner`"),
            ("provision = 2", "provision = -2", "must be a whole number"),
            ("\"the API has no firewall\"", "\"\"", "must have its reason"),
            ("[[provider]]", "[[cloud]]", "unknown key `cloud`"),
        ];
        for (from, to, expected) in cases {
            let error = parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.contains(expected), "{from} -> {to}: {error}");
        }
        assert!(parse("").unwrap_err().contains("no [[provider]]"));
    }
}
