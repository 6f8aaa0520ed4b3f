//! The filter language of lists: comparisons (`labels.a=b`, `(status=RUNNING) AND (name!=x)`, `labels.a:*`), or regular
//! expressions on whole fields (`name eq web.*`); the two cannot be mixed.
//! <https://cloud.google.com/compute/docs/reference/rest/v1/instances/list>

use regex_lite::Regex;
use serde_json::Value;

/// A filter that was understood: all conditions have to hold.
#[derive(Debug)]
pub(super) struct Filter(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    field: String,
    negated: bool,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Equals(String),
    /// `:*`, the field is there; `:text`, the text is in it.
    Has(Option<String>),
    Matches(Regex),
}

impl Filter {
    /// `None` for a filter that the language does not have. `OR`, `NOT` and numeric comparisons are not simulated.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let terms = terms(text)?;
        let conditions: Vec<Condition> = terms.iter().map(|term| condition(term)).collect::<Option<_>>()?;
        let regular = conditions
            .iter()
            .filter(|one| matches!(one.test, Test::Matches(_)))
            .count();
        // One style only; several regular expressions have to stand in parentheses, which `terms` has seen to.
        (!conditions.is_empty() && (regular == 0 || regular == conditions.len())).then_some(Self(conditions))
    }

    pub(super) fn passes(&self, item: &Value) -> bool {
        self.0.iter().all(|condition| condition.holds(item))
    }
}

impl Condition {
    fn holds(&self, item: &Value) -> bool {
        let value = self.field.split('.').try_fold(item, |value, name| value.get(name));
        let text = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let holds = match (&self.test, &text) {
            (Test::Equals(wanted), Some(text)) => wanted == text,
            (Test::Has(None), Some(_)) => true,
            (Test::Has(Some(part)), Some(text)) => text.contains(part),
            (Test::Matches(regex), Some(text)) => regex.is_match(text),
            (_, None) => false,
        };
        holds != self.negated
    }
}

/// The terms between parentheses, `AND`s and, for comparisons, spaces.
fn terms(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    if !text.starts_with('(') {
        if [" eq ", " ne "].iter().any(|word| text.contains(word)) {
            return Some(vec![text.to_owned()]);
        }
        return split_comparisons(text);
    }
    let mut terms = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let inner = rest.strip_prefix('(')?;
        let end = closing(inner)?;
        terms.push(inner.get(..end)?.trim().to_owned());
        rest = inner.get(end + 1..)?.trim_start();
        rest = rest.strip_prefix("AND ").unwrap_or(rest).trim_start();
    }
    Some(terms)
}

/// Where the parenthesis closes that was opened before the text. Those inside quotes do not count.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, c) in text.char_indices() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('(', None) => depth += 1,
            (')', None) if depth == 0 => return Some(at),
            (')', None) => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `a=b AND c = "d e"`: terms without parentheses.
fn split_comparisons(text: &str) -> Option<Vec<String>> {
    let mut terms: Vec<String> = Vec::new();
    let mut joined = String::new();
    let mut quoted = false;
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let quotes = word.matches('"').count();
        if quoted {
            joined.push(' ');
        }
        joined.push_str(word);
        quoted ^= quotes % 2 == 1;
        if !quoted {
            words.push(std::mem::take(&mut joined));
        }
    }
    if quoted {
        return None;
    }
    let mut open = false;
    for word in words {
        let starts_with_operator = word.starts_with(['=', ':']) || word.starts_with("!=");
        let ends_with_operator = word.ends_with(['=', ':']);
        match terms.last_mut() {
            _ if word == "AND" => open = false,
            Some(last) if open || starts_with_operator => {
                last.push_str(&word);
                open = ends_with_operator;
            }
            _ => {
                terms.push(word);
                open = ends_with_operator;
            }
        }
    }
    Some(terms)
}

fn condition(term: &str) -> Option<Condition> {
    let mut words = term.splitn(3, ' ');
    if let (Some(field), Some(word @ ("eq" | "ne")), Some(pattern)) = (words.next(), words.next(), words.next()) {
        let pattern = unquoted(pattern.trim());
        return Some(Condition {
            field: checked(field)?,
            negated: word == "ne",
            test: Test::Matches(Regex::new(&format!("^(?:{pattern})$")).ok()?),
        });
    }
    let at = term.find(['=', ':', '!'])?;
    let (field, rest) = term.split_at(at);
    let field = checked(field.trim())?;
    let (negated, test) = if let Some(value) = rest.strip_prefix("!=") {
        (true, Test::Equals(value_of(value)?))
    } else if let Some(value) = rest.strip_prefix('=') {
        (false, Test::Equals(value_of(value)?))
    } else {
        let value = value_of(rest.strip_prefix(':')?)?;
        (false, Test::Has((value != "*").then_some(value)))
    };
    Some(Condition { field, negated, test })
}

fn checked(field: &str) -> Option<String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (!field.is_empty() && field.bytes().all(known)).then(|| field.to_owned())
}

fn value_of(text: &str) -> Option<String> {
    let text = text.trim();
    let value = unquoted(text);
    let bare_nonsense = value == text && text.contains(['(', ')', ' ', '=', '<', '>']);
    (!value.is_empty() && !bare_nonsense).then(|| value.to_owned())
}

fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(filter: &str) -> Option<bool> {
        let item = json!({
            "name": "web1", "status": "RUNNING", "labels": { "managed-by": "x", "team": "" },
            "targetLink": "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/web1", "operationType": "insert",
        });
        Filter::parse(filter).map(|filter| filter.passes(&item))
    }

    #[test]
    fn both_styles_are_understood() {
        let table = [
            ("labels.managed-by=x", Some(true)),
            ("labels.managed-by = x", Some(true)),
            ("labels.managed-by=y", Some(false)),
            ("labels.managed-by!=y", Some(true)),
            ("labels.team:*", Some(true)),
            ("labels.none:*", Some(false)),
            ("(labels.managed-by=x) (status=RUNNING)", Some(true)),
            ("(labels.managed-by=x) AND (status=STOPPED)", Some(false)),
            ("labels.managed-by=x AND status = \"RUNNING\"", Some(true)),
            ("name eq web.*", Some(true)),
            ("name eq we", Some(false)),
            ("name ne we", Some(true)),
            ("name eq \"web(1|2)\"", Some(true)),
            ("(name eq \"web(1|2)\") (status eq RUN.*)", Some(true)),
            ("targetLink eq \".*/instances/web1\"", Some(true)),
            (
                "targetLink = \"https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/web1\" AND operationType = \"insert\"",
                Some(true),
            ),
            ("(name eq web.*) (status=RUNNING)", None),
            ("name eq web(", None),
            ("name", None),
            ("", None),
            ("(name=web1", None),
        ];
        for (filter, expected) in table {
            assert_eq!(passes(filter), expected, "{filter}");
        }
    }
}
