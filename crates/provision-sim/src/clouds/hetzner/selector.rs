//! Label selectors: `k=v`, `k==v`, `k!=v`, `k`, `!k`, `k in (a,b)`, `k notin (a,b)`, joined by commas, all of which have
//! to hold.

use std::collections::BTreeMap;

use super::labels::{is_key, is_value};

/// A parsed selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    /// The label is there and has one of the values.
    In(String, Vec<String>),
    /// The label is not there, or has none of the values.
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

impl Selector {
    /// Reads a selector; an empty one selects everything. The error says which term is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self(Vec::new()));
        }
        split(text)
            .into_iter()
            .map(|term| read(term.trim()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|term| match term {
            Term::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Term::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Term::Exists(key) => labels.contains_key(key),
            Term::Missing(key) => !labels.contains_key(key),
        })
    }
}

/// Splits at the commas that are not inside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.split(|character| {
        match character {
            '(' => inside = true,
            ')' => inside = false,
            _ => {}
        }
        character == ',' && !inside
    })
    .collect()
}

fn read(term: &str) -> Result<Term, String> {
    let bad = || format!("invalid label selector term '{term}'");
    let key = |key: &str| Some(key.trim().to_owned()).filter(|key| is_key(key)).ok_or_else(bad);
    let value = |value: &str| {
        Some(value.trim().to_owned())
            .filter(|value| is_value(value))
            .ok_or_else(bad)
    };
    if let Some(set) = term.strip_suffix(')') {
        let (head, values) = set.split_once('(').ok_or_else(bad)?;
        let (name, word) = head.trim_end().rsplit_once(char::is_whitespace).ok_or_else(bad)?;
        let values = values.split(',').map(value).collect::<Result<_, _>>()?;
        return match word {
            "in" => Ok(Term::In(key(name)?, values)),
            "notin" => Ok(Term::NotIn(key(name)?, values)),
            _ => Err(bad()),
        };
    }
    if let Some((name, wanted)) = term.split_once("!=") {
        return Ok(Term::NotIn(key(name)?, vec![value(wanted)?]));
    }
    if let Some((name, wanted)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Term::In(key(name)?, vec![value(wanted)?]));
    }
    match term.strip_prefix('!') {
        Some(name) => Ok(Term::Missing(key(name)?)),
        None => Ok(Term::Exists(key(term)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Selector::parse(selector).unwrap().selects(&labels)
    }

    #[test]
    fn every_form_selects_what_it_says() {
        let labels = [("env", "prod"), ("tier", ""), ("example.com/owner", "me")];
        for yes in [
            "",
            "env=prod",
            "env==prod",
            "env = prod",
            "env!=test",
            "none!=x",
            "env",
            "tier",
            "tier=",
            "!none",
            "env in (test, prod)",
            "env in (prod)",
            "env notin (test,dev)",
            "none notin (a)",
            "env=prod,!none,env in (a,prod),tier",
            "example.com/owner=me",
        ] {
            assert!(selects(yes, &labels), "{yes}");
        }
        for no in [
            "env=test",
            "env!=prod",
            "none",
            "!env",
            "env in (a,b)",
            "none in (a)",
            "env notin (prod)",
            "env=prod,none",
            "none=",
        ] {
            assert!(!selects(no, &labels), "{no}");
        }
    }

    #[test]
    fn broken_selectors_are_refused() {
        for bad in [
            "=x",
            "a=b=c",
            "a b",
            "a in b",
            "a in (b",
            "a of (b)",
            "env=prod,",
            "!",
            "a=ü",
            "in (a)",
            "a=(b)",
        ] {
            assert!(Selector::parse(bad).is_err(), "{bad}");
        }
    }
}
