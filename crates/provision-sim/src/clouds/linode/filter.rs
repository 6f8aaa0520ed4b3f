//! The header `X-Filter`: <https://techdocs.akamai.com/linode-api/reference/filtering-and-sorting>

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::invalid;
use crate::kit::answer::Answer;

/// How deep `+and` and `+or` may be nested.
const DEPTH: usize = 10;

/// A checked filter; the default lets everything through.
#[derive(Default)]
pub(super) struct Filter {
    conditions: Map<String, Value>,
    order_by: Option<String>,
    descending: bool,
}

impl Filter {
    /// Reads the header, if there is one. Only the named fields may be asked for.
    pub(super) fn parse(header: Option<&str>, filterable: &[&str]) -> Result<Self, Answer> {
        let Some(header) = header else {
            return Ok(Self::default());
        };
        let refuse = |reason: &str| invalid("X-Filter", reason);
        let Ok(Value::Object(mut conditions)) = serde_json::from_str::<Value>(header) else {
            return Err(refuse("Filter not valid JSON"));
        };
        let order_by = match conditions.remove("+order_by") {
            None => None,
            Some(Value::String(field)) if filterable.contains(&field.as_str()) => Some(field),
            Some(field) => return Err(refuse(&format!("Cannot order by {field}"))),
        };
        let descending = match conditions.remove("+order").as_ref().map(Value::as_str) {
            None | Some(Some("asc")) => false,
            Some(Some("desc")) => true,
            Some(_) => return Err(refuse("Order must be asc or desc")),
        };
        check(&conditions, filterable, DEPTH).map_err(|reason| refuse(&reason))?;
        Ok(Self {
            conditions,
            order_by,
            descending,
        })
    }

    pub(super) fn apply(&self, mut list: Vec<Value>) -> Vec<Value> {
        list.retain(|entry| holds(&self.conditions, entry));
        if let Some(field) = &self.order_by {
            list.sort_by(|one, other| {
                let order = compare(one.get(field), other.get(field)).unwrap_or(Ordering::Equal);
                if self.descending { order.reverse() } else { order }
            });
        }
        list
    }
}

fn check(conditions: &Map<String, Value>, filterable: &[&str], depth: usize) -> Result<(), String> {
    for (field, wanted) in conditions {
        match (field.as_str(), wanted) {
            ("+and" | "+or", Value::Array(parts)) if depth > 0 => {
                for part in parts {
                    let part = part.as_object().ok_or("Filter parts must be objects")?;
                    check(part, filterable, depth - 1)?;
                }
            }
            (operator, _) if operator.starts_with('+') => return Err(format!("Invalid operator {operator}")),
            (field, _) if !filterable.contains(&field) => return Err(format!("Cannot filter on {field}")),
            (_, Value::Object(operators)) => {
                let known = ["+gt", "+gte", "+lt", "+lte", "+contains", "+neq"];
                if let Some(unknown) = operators.keys().find(|operator| !known.contains(&operator.as_str())) {
                    return Err(format!("Invalid operator {unknown}"));
                }
            }
            (field, Value::Array(_)) => return Err(format!("Invalid value for {field}")),
            _ => {}
        }
    }
    Ok(())
}

fn holds(conditions: &Map<String, Value>, entry: &Value) -> bool {
    let part_holds = |part: &Value| part.as_object().is_some_and(|part| holds(part, entry));
    conditions.iter().all(|(field, wanted)| match (field.as_str(), wanted) {
        ("+and", Value::Array(parts)) => parts.iter().all(part_holds),
        ("+or", Value::Array(parts)) => parts.iter().any(part_holds),
        (field, Value::Object(operators)) => operators
            .iter()
            .all(|(operator, wanted)| operate(operator, entry.get(field), wanted)),
        (field, wanted) => equals(entry.get(field), wanted),
    })
}

/// A list (`tags`, `ipv4`) equals each of its elements.
fn equals(found: Option<&Value>, wanted: &Value) -> bool {
    match found {
        Some(Value::Array(elements)) => elements.contains(wanted),
        Some(found) => found == wanted,
        None => wanted.is_null(),
    }
}

fn operate(operator: &str, found: Option<&Value>, wanted: &Value) -> bool {
    let order = compare(found, Some(wanted));
    match operator {
        "+gt" => order == Some(Ordering::Greater),
        "+gte" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        "+lt" => order == Some(Ordering::Less),
        "+lte" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        "+neq" => !equals(found, wanted),
        "+contains" => contains(found, wanted),
        _ => false,
    }
}

fn contains(found: Option<&Value>, wanted: &Value) -> bool {
    let part = wanted.as_str().unwrap_or_default();
    match found {
        Some(Value::String(text)) => text.contains(part),
        Some(Value::Array(elements)) => elements.iter().any(|element| contains(Some(element), wanted)),
        _ => false,
    }
}

fn compare(one: Option<&Value>, other: Option<&Value>) -> Option<Ordering> {
    match (one?, other?) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selected(filter: &str) -> Vec<u64> {
        let list = vec![
            json!({ "id": 1, "label": "a-1", "tags": ["x", "managed"] }),
            json!({ "id": 2, "label": "b-2", "tags": [] }),
            json!({ "id": 3, "label": "b-3", "tags": ["x"] }),
        ];
        let filter = Filter::parse(Some(filter), &["id", "label", "tags"]).ok().unwrap();
        let found = filter.apply(list);
        found.iter().map(|entry| entry["id"].as_u64().unwrap()).collect()
    }

    #[test]
    fn conditions_are_joined_nested_and_ordered() {
        assert_eq!(selected("{}"), [1, 2, 3]);
        assert_eq!(selected(r#"{"tags":"x"}"#), [1, 3]);
        assert_eq!(selected(r#"{"tags":"x","label":"b-3"}"#), [3]);
        assert_eq!(selected(r#"{"tags":{"+contains":"mana"}}"#), [1]);
        assert_eq!(selected(r#"{"+or":[{"label":"a-1"},{"label":"b-2"}]}"#), [1, 2]);
        assert_eq!(selected(r#"{"+and":[{"tags":"x"},{"id":{"+gt":1}}]}"#), [3]);
        assert_eq!(
            selected(r#"{"label":{"+neq":"a-1"},"+order_by":"id","+order":"desc"}"#),
            [3, 2]
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for (filter, reason) in [
            ("tags=x", "Filter not valid JSON"),
            ("[]", "Filter not valid JSON"),
            (r#"{"foo":1}"#, "Cannot filter on foo"),
            (r#"{"+and":[{"foo":1}]}"#, "Cannot filter on foo"),
            (r#"{"id":{"+near":1}}"#, "Invalid operator +near"),
        ] {
            let refused = Filter::parse(Some(filter), &["id"]).err().unwrap();
            let text = String::from_utf8(refused.body.to_vec()).unwrap();
            assert!(refused.status == 400 && text.contains(reason), "{filter}: {text}");
        }
    }
}
