//! Template expressions: `[concat(parameters('name'),'-nsg')]`. Functions as in
//! <https://learn.microsoft.com/en-us/azure/azure-resource-manager/templates/template-functions>, those that templates of
//! virtual machines use.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{SUBSCRIPTION, state::group_id};
use crate::kit::text::sha256;

/// How deep variables may refer to each other.
const DEEPEST: usize = 32;

/// What expressions can refer to.
pub(super) struct Scope<'a> {
    pub(super) group: &'a str,
    pub(super) location: &'a str,
    pub(super) deployment: &'a str,
    pub(super) parameters: &'a Map<String, Value>,
    /// As written: evaluated when used.
    pub(super) variables: &'a Map<String, Value>,
    /// Properties of the resources that exist by now, by their id in lower case; `None` where resources must not be
    /// referred to.
    pub(super) resources: Option<&'a Map<String, Value>>,
}

type Evaluated = Result<Value, String>;

impl Scope<'_> {
    /// A value with every expression in it evaluated.
    pub(super) fn evaluate(&self, value: &Value) -> Evaluated {
        self.evaluate_at(value, 0)
    }

    fn evaluate_at(&self, value: &Value, depth: usize) -> Evaluated {
        if depth > DEEPEST {
            return Err("The template variables refer to each other in a circle.".to_owned());
        }
        match value {
            Value::String(text) => match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
                Some(literal) if literal.starts_with('[') => Ok(json!(text.get(1..))),
                Some(expression) => Parser::new(self, expression, depth).whole(),
                None => Ok(value.clone()),
            },
            Value::Array(items) => items.iter().map(|item| self.evaluate_at(item, depth)).collect(),
            Value::Object(fields) => {
                let evaluated = fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.evaluate_at(value, depth)?)));
                evaluated.collect::<Result<Map<_, _>, String>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    fn call(&self, function: &str, arguments: &[Value], depth: usize) -> Evaluated {
        let count = arguments.len();
        let wrong = || {
            format!(
                "Unable to evaluate template language function '{function}': the number or type of its {count} argument(s) is not valid."
            )
        };
        let first = || arguments.first().ok_or_else(wrong);
        let text = |at: usize| arguments.get(at).and_then(Value::as_str).ok_or_else(wrong);
        Ok(match function.to_ascii_lowercase().as_str() {
            "parameters" => {
                let name = text(0)?;
                find(self.parameters, name)
                    .cloned()
                    .ok_or_else(|| format!("The template parameter '{name}' is not found."))?
            }
            "variables" => {
                let name = text(0)?;
                let variable = find(self.variables, name)
                    .ok_or_else(|| format!("The template variable '{name}' is not found."))?;
                self.evaluate_at(variable, depth + 1)?
            }
            "concat" if arguments.iter().all(Value::is_array) && count > 0 => arguments
                .iter()
                .filter_map(Value::as_array)
                .flatten()
                .cloned()
                .collect(),
            "concat" if count > 0 => {
                let texts: Option<Vec<String>> = arguments.iter().map(plain).collect();
                json!(texts.ok_or_else(wrong)?.concat())
            }
            "format" => {
                let mut result = text(0)?.to_owned();
                for (at, argument) in arguments.iter().skip(1).enumerate() {
                    result = result.replace(&format!("{{{at}}}"), &plain(argument).ok_or_else(wrong)?);
                }
                json!(result)
            }
            "resourceid" => json!(self.resource_id(arguments).ok_or_else(wrong)?),
            "reference" => {
                let id = text(0)?;
                let resources = self
                    .resources
                    .ok_or("The template function 'reference' is not expected at this location.".to_owned())?;
                let known = resources.iter().find(|(known, _)| {
                    let (known, id) = (known.as_str(), id.to_ascii_lowercase());
                    *known == id || known.ends_with(&format!("/{id}"))
                });
                let missing = || {
                    format!(
                        "The resource '{id}' is not defined in the template, or is not in the list of dependencies."
                    )
                };
                let properties = known.map(|(_, properties)| properties.clone()).ok_or_else(missing)?;
                let whole = arguments.get(2).and_then(Value::as_str);
                match whole.is_some_and(|whole| whole.eq_ignore_ascii_case("Full")) {
                    true => json!({ "properties": properties }),
                    false => properties,
                }
            }
            "resourcegroup" => json!({
                "id": group_id(self.group), "name": self.group, "location": self.location,
                "type": "Microsoft.Resources/resourceGroups", "properties": { "provisioningState": "Succeeded" },
            }),
            "subscription" => json!({
                "id": format!("/subscriptions/{SUBSCRIPTION}"), "subscriptionId": SUBSCRIPTION,
                "displayName": "Simulated", "tenantId": super::TENANT,
            }),
            "deployment" => json!({ "name": self.deployment }),
            "uniquestring" => {
                let seed: Option<Vec<String>> = arguments.iter().map(plain).collect();
                json!(
                    sha256(seed.ok_or_else(wrong)?.join("-"))
                        .chars()
                        .take(13)
                        .collect::<String>()
                )
            }
            "tolower" => json!(text(0)?.to_lowercase()),
            "toupper" => json!(text(0)?.to_uppercase()),
            "string" => json!(plain(first()?).unwrap_or(first()?.to_string())),
            "int" => match first()? {
                Value::String(text) => json!(text.parse::<i64>().map_err(|_| wrong())?),
                number if number.is_number() => number.clone(),
                _ => return Err(wrong()),
            },
            "base64" => {
                json!(STANDARD.encode(text(0)?))
            }
            "length" => json!(match first()? {
                Value::String(text) => text.chars().count(),
                Value::Array(items) => items.len(),
                Value::Object(fields) => fields.len(),
                _ => return Err(wrong()),
            }),
            "empty" => json!(match first()? {
                Value::Null => true,
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(fields) => fields.is_empty(),
                _ => return Err(wrong()),
            }),
            "createarray" => json!(arguments),
            "equals" if count == 2 => json!(arguments.first() == arguments.get(1)),
            "not" => json!(!first()?.as_bool().ok_or_else(wrong)?),
            "and" => json!(arguments.iter().all(|argument| argument == &json!(true))),
            "or" => json!(arguments.iter().any(|argument| argument == &json!(true))),
            "true" if count == 0 => json!(true),
            "false" if count == 0 => json!(false),
            "null" if count == 0 => Value::Null,
            "if" if count == 3 => {
                let chosen = if first()?.as_bool().ok_or_else(wrong)? { 1 } else { 2 };
                arguments.get(chosen).cloned().unwrap_or_default()
            }
            _ => return Err(format!("The template function '{function}' is not valid.")),
        })
    }

    /// `resourceId([subscriptionId], [resourceGroupName], 'Namespace/type[/subtype]', name, [name])`.
    fn resource_id(&self, arguments: &[Value]) -> Option<String> {
        let texts: Option<Vec<&str>> = arguments.iter().map(Value::as_str).collect();
        let texts = texts?;
        let at = texts.iter().position(|text| text.contains('/'))?;
        let (scope, rest) = texts.split_at(at);
        let (subscription, group) = match scope {
            [] => (SUBSCRIPTION, self.group),
            [group] => (SUBSCRIPTION, *group),
            [subscription, group] => (*subscription, *group),
            _ => return None,
        };
        let (kind, names) = rest.split_first()?;
        let (namespace, types) = kind.split_once('/')?;
        let types: Vec<&str> = types.split('/').collect();
        if types.len() != names.len() {
            return None;
        }
        let path: String = types
            .iter()
            .zip(names)
            .map(|(kind, name)| format!("/{kind}/{name}"))
            .collect();
        Some(format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}{path}"
        ))
    }
}

/// Names in templates compare without case.
fn find<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        _ => None,
    }
}

struct Parser<'a> {
    scope: &'a Scope<'a>,
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(scope: &'a Scope<'a>, text: &'a str, depth: usize) -> Self {
        Self {
            scope,
            text,
            rest: text,
            depth,
        }
    }

    fn whole(mut self) -> Evaluated {
        let value = self.value()?;
        self.skip_spaces();
        if self.rest.is_empty() {
            Ok(value)
        } else {
            Err(self.broken())
        }
    }

    fn broken(&self) -> String {
        let at = self.text.len() - self.rest.len();
        format!(
            "Unable to parse language expression '{}': unexpected text at position {at}.",
            self.text
        )
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_spaces();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn value(&mut self) -> Evaluated {
        self.skip_spaces();
        let mut value = match self.rest.chars().next() {
            Some('\'') => json!(self.quoted()?),
            Some(c) if c.is_ascii_digit() || c == '-' => {
                let number = self.take_while(|c| c.is_ascii_digit() || c == '-');
                json!(number.parse::<i64>().map_err(|_| self.broken())?)
            }
            Some(c) if c.is_ascii_alphabetic() => self.function()?,
            _ => return Err(self.broken()),
        };
        loop {
            if self.take('.') {
                let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
                let fields = value.as_object();
                value = fields.and_then(|fields| find(fields, name)).cloned().ok_or_else(|| {
                    format!(
                        "The language expression property '{name}' doesn't exist in '{}'.",
                        self.text
                    )
                })?;
            } else if self.take('[') {
                let index = self.value()?;
                if !self.take(']') {
                    return Err(self.broken());
                }
                let found = match &index {
                    Value::String(name) => value.as_object().and_then(|fields| find(fields, name)),
                    index => index.as_u64().and_then(|at| value.get(usize::try_from(at).ok()?)),
                };
                value = found
                    .cloned()
                    .ok_or_else(|| format!("The language expression index '{index}' is out of bounds."))?;
            } else {
                return Ok(value);
            }
        }
    }

    /// A text in single quotes, in which two stand for one.
    fn quoted(&mut self) -> Result<String, String> {
        let mut text = String::new();
        self.take('\'');
        loop {
            let Some(end) = self.rest.find('\'') else {
                return Err(self.broken());
            };
            text.push_str(self.rest.get(..end).unwrap_or_default());
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            match self.rest.strip_prefix('\'') {
                Some(rest) => {
                    text.push('\'');
                    self.rest = rest;
                }
                None => return Ok(text),
            }
        }
    }

    fn function(&mut self) -> Evaluated {
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if !self.take('(') {
            return Err(self.broken());
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("The language expression is nested too deeply.".to_owned());
        }
        let mut arguments = Vec::new();
        if !self.take(')') {
            loop {
                arguments.push(self.value()?);
                if self.take(')') {
                    break;
                }
                if !self.take(',') {
                    return Err(self.broken());
                }
            }
        }
        self.depth -= 1;
        self.scope.call(name, &arguments, self.depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(text: &str) -> Evaluated {
        let parameters = json!({ "name": "web", "list": [1, 2], "object": { "a": { "b": "deep" } } });
        let variables = json!({ "nsg": "[concat(parameters('name'),'-nsg')]", "loop": "[variables('loop')]" });
        let resources = json!({ "/subscriptions/x/ip": { "ipAddress": "203.0.113.7" } });
        let scope = Scope {
            group: "rg",
            location: "eastus",
            deployment: "d",
            parameters: parameters.as_object().unwrap(),
            variables: variables.as_object().unwrap(),
            resources: resources.as_object(),
        };
        scope.evaluate(&json!(text))
    }

    #[test]
    fn expressions_are_evaluated() {
        let id = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers");
        let table = [
            ("plain", json!("plain")),
            ("[[literal]", json!("[literal]")),
            ("[parameters('NAME')]", json!("web")),
            ("[variables('nsg')]", json!("web-nsg")),
            ("[ concat( 'it''s ', parameters('list')[1] ) ]", json!("it's 2")),
            ("[parameters('object').a['b']]", json!("deep")),
            ("[concat(parameters('list'), createArray(3))]", json!([1, 2, 3])),
            (
                "[if(equals(length(parameters('list')), 2), 'two', 'more')]",
                json!("two"),
            ),
            ("[resourceGroup().location]", json!("eastus")),
            ("[reference('/subscriptions/X/ip').ipAddress]", json!("203.0.113.7")),
            (
                "[reference('/subscriptions/X/ip', '2019-02-01', 'Full').properties.ipAddress]",
                json!("203.0.113.7"),
            ),
            ("[resourceId('A.B/nets', 'n')]", json!(format!("{id}/A.B/nets/n"))),
            (
                "[resourceId('A.B/nets/subs', 'n', 's')]",
                json!(format!("{id}/A.B/nets/n/subs/s")),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(evaluated(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for text in [
            "[parameters('none')]",
            "[variables('loop')]",
            "[nothing('x')]",
            "[concat('x']",
            "[concat('x') y]",
            "['open]",
            "[resourceId('A.B/nets/subs', 'n')]",
            "[parameters('list')[7]]",
            "[]",
        ] {
            assert!(evaluated(text).is_err(), "{text}");
        }
        let deep = format!("[{}'x'{}]", "string(".repeat(500), ")".repeat(500));
        assert!(evaluated(&deep).is_err());
    }
}
