//! Blocks whose facts come from the code: the README's table of clouds and the table in each provider's README. Read
//! from the JSON of `provision providers -o json`, so that prose and constants cannot drift apart.

use serde_json::Value;

use super::Block;
use crate::Result;
use crate::manifest::Provider;

/// The README blocks, from the command line tool's JSON.
pub(super) fn blocks(json: &str, providers: &[Provider]) -> Result<Vec<Block>> {
    let infos: Value =
        serde_json::from_str(json).map_err(|error| format!("`providers -o json` printed no JSON: {error}"))?;
    let infos = infos.as_array().ok_or("`providers -o json` printed no array")?;
    // The marks are HTML comments, which Markdown wants apart from a table.
    let mut table = vec![
        String::new(),
        "| cloud | id, aliases | default plan | default image | default region | monthly cost | maintainer |"
            .to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    let mut blocks = Vec::new();
    for provider in providers {
        let info = infos
            .iter()
            .find(|info| info.get("id").and_then(Value::as_str) == Some(&provider.id));
        let info = info.ok_or_else(|| format!("`providers -o json` does not list `{}`", provider.id))?;
        let info = Info {
            id: &provider.id,
            value: info,
        };
        table.push(summary(&info, provider)?);
        let file = format!("{}/README.md", provider.folder());
        blocks.push(Block {
            file,
            name: "facts",
            lines: facts(&info, provider)?,
        });
    }
    table.push(String::new());
    blocks.push(Block {
        file: "README.md".to_owned(),
        name: "providers",
        lines: table,
    });
    Ok(blocks)
}

fn summary(info: &Info<'_>, provider: &Provider) -> Result<String> {
    Ok(format!(
        "| [{}]({}/README.md) | {} | {} | {} | {} | {} | {} |",
        info.text("title")?,
        provider.folder(),
        info.names()?,
        code(&info.text("default_plan")?),
        code(&info.text("default_image")?),
        code(&info.text("default_region")?),
        info.monthly_cost()?.unwrap_or_else(|| "not published".to_owned()),
        provider.maintainer
    ))
}

fn facts(info: &Info<'_>, provider: &Provider) -> Result<Vec<String>> {
    let mut lines = vec!["| | |".to_owned(), "|---|---|".to_owned()];
    let mut row = |name: &str, value: String| lines.push(format!("| {name} | {value} |"));
    row("id, aliases", info.names()?);
    row("default plan", code(&info.text("default_plan")?));
    row("default image", code(&info.text("default_image")?));
    row("default region", code(&info.text("default_region")?));
    let includes = info
        .included()?
        .map(|text| format!(", includes {}", cell(&text)))
        .unwrap_or_default();
    row(
        "monthly cost",
        info.monthly_cost()?
            .map_or_else(|| "not published".to_owned(), |cost| cost + &includes),
    );
    row("user data", info.user_data()?);
    if let Some(retired) = info.retired() {
        row("service", retired);
    }
    row("maintainer", provider.maintainer.clone());
    lines.extend(table(
        &["setting", "environment", "needed", "what it is"],
        info.entries("settings")?
            .iter()
            .map(setting)
            .collect::<Result<Vec<_>>>()?,
    ));
    lines.extend(table(
        &["additional", "what it is"],
        info.entries("additional")?
            .iter()
            .map(|entry| Ok(vec![code(&entry.text("key")?), cell(&entry.text("help")?)]))
            .collect::<Result<Vec<_>>>()?,
    ));
    lines.insert(0, String::new());
    lines.push(String::new());
    Ok(lines)
}

fn setting(entry: &Info<'_>) -> Result<Vec<String>> {
    let variables = entry
        .texts("env")?
        .iter()
        .map(|name| code(name))
        .collect::<Vec<_>>()
        .join(", ");
    let needed = if entry.flag("required")? { "yes" } else { "no" };
    let secret = if entry.flag("secret")? { ", secret" } else { "" };
    Ok(vec![
        code(&entry.text("name")?),
        variables,
        format!("{needed}{secret}"),
        cell(&entry.text("help")?),
    ])
}

/// A Markdown table behind an empty line, or nothing when it would have no rows.
fn table(header: &[&str], rows: Vec<Vec<String>>) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![
        String::new(),
        format!("| {} |", header.join(" | ")),
        format!("|{}", "---|".repeat(header.len())),
    ];
    lines.extend(rows.into_iter().map(|cells| format!("| {} |", cells.join(" | "))));
    lines
}

/// One JSON object, with the id of the provider it belongs to for errors.
struct Info<'a> {
    id: &'a str,
    value: &'a Value,
}

impl<'a> Info<'a> {
    fn key(&self, key: &str) -> Result<&'a Value> {
        self.value
            .get(key)
            .ok_or_else(|| format!("`providers -o json`: key `{key}` is missing for {}", self.id))
    }

    fn wrong(&self, key: &str, expected: &str) -> String {
        format!("`providers -o json`: key `{key}` of {} is not {expected}", self.id)
    }

    fn text(&self, key: &str) -> Result<String> {
        self.key(key)?
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| self.wrong(key, "text"))
    }

    fn flag(&self, key: &str) -> Result<bool> {
        self.key(key)?.as_bool().ok_or_else(|| self.wrong(key, "true or false"))
    }

    fn texts(&self, key: &str) -> Result<Vec<String>> {
        let values = self.key(key)?.as_array().ok_or_else(|| self.wrong(key, "an array"))?;
        let texts = values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<_>>();
        texts.ok_or_else(|| self.wrong(key, "an array of text"))
    }

    fn entries(&self, key: &str) -> Result<Vec<Info<'a>>> {
        let values = self.key(key)?.as_array().ok_or_else(|| self.wrong(key, "an array"))?;
        Ok(values.iter().map(|value| Info { id: self.id, value }).collect())
    }

    fn names(&self) -> Result<String> {
        let names = [vec![self.text("id")?], self.texts("aliases")?].concat();
        Ok(names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", "))
    }

    /// That the service is closed or closing; most are not.
    fn retired(&self) -> Option<String> {
        self.value.get("retired").and_then(Value::as_str).map(cell)
    }

    fn cost(&self) -> Result<Option<Info<'a>>> {
        let value = self.key("monthly_cost")?;
        Ok(if value.is_null() {
            None
        } else {
            Some(Info { id: self.id, value })
        })
    }

    fn monthly_cost(&self) -> Result<Option<String>> {
        let Some(cost) = self.cost()? else { return Ok(None) };
        let amount = match cost.key("amount")? {
            Value::Null => return Ok(None),
            Value::String(amount) => amount.clone(),
            amount => format!(
                "{:.2}",
                amount.as_f64().ok_or_else(|| cost.wrong("amount", "a number"))?
            ),
        };
        Ok(Some(format!(
            "{amount} {} ({})",
            cost.text("currency")?,
            cost.text("as_of")?
        )))
    }

    fn included(&self) -> Result<Option<String>> {
        let Some(cost) = self.cost()? else { return Ok(None) };
        let text = if cost.key("includes")?.is_null() {
            String::new()
        } else {
            cost.text("includes")?
        };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn user_data(&self) -> Result<String> {
        let rules = Info {
            id: self.id,
            value: self.key("user_data")?,
        };
        let bytes = rules
            .key("max_bytes")?
            .as_u64()
            .ok_or_else(|| rules.wrong("max_bytes", "a whole number"))?;
        let gzip = if rules.flag("gzip")? { ", gzip when larger" } else { "" };
        Ok(format!("up to {} bytes{gzip}", grouped(bytes)))
    }
}

/// Text as code in a table cell.
fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// Text that cannot end a table cell or row.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// A number with a comma between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let comma = |at: usize| if at > 0 && at % 3 == first { "," } else { "" };
    digits
        .chars()
        .enumerate()
        .map(|(at, digit)| format!("{}{digit}", comma(at)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"[{"id": "digitalocean", "aliases": ["do"], "title": "DigitalOcean", "default_region": "lon1",
        "default_plan": "s-1vcpu-512mb-10gb", "default_image": "ubuntu-24-04-x64", "user_data": {"max_bytes": 65536, "gzip": false}, "retired": null,
        "monthly_cost": {"amount": 4.0, "currency": "USD", "as_of": "2026-11-01", "includes": "500 GiB traffic"},
        "settings": [{"name": "token", "env": ["A", "B"], "required": true, "secret": true, "help": "a|b"}],
        "additional": [{"key": "vpc-uuid", "help": "the network"}]}]"#;

    fn providers() -> Vec<Provider> {
        vec![Provider {
            id: "digitalocean".to_owned(),
            type_name: "DigitalOcean".to_owned(),
            maintainer: "@alexellis".to_owned(),
        }]
    }

    #[test]
    fn tables_hold_the_facts() {
        let blocks = blocks(JSON, &providers()).unwrap();
        assert_eq!(
            blocks[1].lines[3],
            "| [DigitalOcean](crates/provision-digitalocean/README.md) | `digitalocean`, `do` | `s-1vcpu-512mb-10gb` | \
             `ubuntu-24-04-x64` | `lon1` | 4.00 USD (2026-11-01) | @alexellis |"
        );
        let facts = blocks[0].lines.join("\n");
        for line in [
            "| monthly cost | 4.00 USD (2026-11-01), includes 500 GiB traffic |",
            "| user data | up to 65,536 bytes |",
            "| `token` | `A`, `B` | yes, secret | a\\|b |",
            "| `vpc-uuid` | the network |",
        ] {
            assert!(facts.contains(line), "{line} is not in\n{facts}");
        }
    }

    #[test]
    fn a_missing_key_or_provider_is_named() {
        let missing = blocks(&JSON.replace("as_of", "date"), &providers()).unwrap_err();
        assert!(missing.contains("key `as_of` is missing for digitalocean"), "{missing}");
        assert!(
            blocks("[]", &providers())
                .unwrap_err()
                .contains("does not list `digitalocean`")
        );
        assert!(blocks("oops", &providers()).unwrap_err().contains("no JSON"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 65_536, 1_048_576].map(grouped),
            ["0", "999", "1,000", "65,536", "1,048,576"]
        );
    }
}
