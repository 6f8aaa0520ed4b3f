//! YAML as PyYAML reads it, which is what cloud-init uses: YAML 1.1, where `yes` is a boolean and `0644` is octal.
//!
//! Our parser follows YAML 1.2. So that nothing changes its meaning, a scalar without quotes that the two could read
//! differently is refused: with quotes there is no doubt.

use std::fmt;

use provision_core::{Error, Result};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{
    Spanned,
    options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy},
};

/// A value of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// A whole number in the one form that every YAML reads alike, as it is written.
    Number(String),
    /// A number, time or other word that YAML 1.1 and 1.2 could read differently, as it is written without quotes.
    Doubtful(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the document.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Reads a document.
    ///
    /// # Errors
    /// `InvalidRequest` that tells the place of what is wrong, never its content.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: 32 },
            duplicate_keys: DuplicateKeyPolicy::Error,
            merge_keys: MergeKeyPolicy::Error,
            reject_unsupported_tags: true,
            non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
            with_snippet: false,
        };
        let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let place = error.location().map_or_else(String::new, |at| {
                format!(" at line {}, column {}", at.line(), at.column())
            });
            Error::invalid(format!(
                "the cloud-config cannot be read as YAML{place}: check it with `cloud-init schema --config-file`"
            ))
        })?;
        resolve(text, raw)
    }
}

/// A value as the parser gives it, before the source was looked at for quotes.
enum Raw {
    /// Something like `null`, or nothing at all.
    Null,
    Text(String),
    /// A boolean or number; its text is in the source.
    Typed,
    List(Vec<Spanned<Raw>>),
    Map(Vec<(String, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

fn resolve(source: &str, raw: Spanned<Raw>) -> Result<Node> {
    let (line, span) = (raw.referenced.line(), raw.referenced.span());
    let start = span.byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let length = span.byte_len().and_then(|length| usize::try_from(length).ok());
    let written = start
        .zip(length)
        .and_then(|(start, length)| source.get(start..start.checked_add(length)?))
        .unwrap_or_default();
    let before = start.and_then(|start| source.get(..start)).unwrap_or_default();
    if raw.referenced != raw.defined
        || written.starts_with('*')
        || has_properties(before)
        || written.starts_with(['!', '&'])
    {
        return Err(Error::invalid(format!(
            "the cloud-config uses an anchor, alias or tag at line {line}, which is not translated for Civo: write the value out"
        )));
    }
    Ok(match raw.value {
        Raw::Text(text) if written.starts_with(['"', '\'', '|', '>']) => Node::Text(text),
        Raw::Text(text) => plain(&text),
        Raw::Null | Raw::Typed => plain(written.trim()),
        Raw::List(items) => Node::List(
            items
                .into_iter()
                .map(|item| resolve(source, item))
                .collect::<Result<_>>()?,
        ),
        Raw::Map(entries) => Node::Map(
            entries
                .into_iter()
                .map(|(key, value)| Ok((key, resolve(source, value)?)))
                .collect::<Result<_>>()?,
        ),
    })
}

/// Whether the last word before a value is a tag or an anchor of it.
fn has_properties(before: &str) -> bool {
    let word = before.split_whitespace().next_back().unwrap_or_default();
    word.starts_with(['!', '&']) && !word.ends_with([':', ','])
}

/// What PyYAML makes of a scalar without quotes (`yaml/resolver.py`, read 2026-11-20).
fn plain(text: &str) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Node::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Node::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits && text != "-0" && (digits == "0" || !digits.starts_with('0')) && digits.len() <= 18 {
        return Node::Number(text.to_owned());
    }
    if is_doubtful(text) {
        Node::Doubtful(text.to_owned())
    } else {
        Node::Text(text.to_owned())
    }
}

/// Whether a plain scalar may be something other than a text in either version: it starts like a number, holds only what
/// numbers, times and their bases are written with, and has at most one point (an IPv4 address is a text in both).
fn is_doubtful(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let like_a_number = unsigned.starts_with(|c: char| c.is_ascii_digit())
        || unsigned
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let word = unsigned.to_ascii_lowercase();
    matches!(text, "=" | "<<")
        || matches!(word.as_str(), ".inf" | ".nan" | "y" | "n")
        || like_a_number
            && text.matches('.').count() < 2
            && text
                .chars()
                .all(|c| c.is_ascii_hexdigit() || "_.:+-xXoOtTzZ \t".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(yaml: &str) -> Result<Node> {
        match Node::parse(&format!("#cloud-config\nkey: {yaml}\n"))? {
            Node::Map(entries) => Ok(entries.into_iter().next().unwrap().1),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn scalars_are_what_cloud_init_reads() {
        let text = |text: &str| Node::Text(text.to_owned());
        let table = [
            ("plain words", text("plain words")),
            ("'yes'", text("yes")),
            ("\"0644\"", text("0644")),
            ("|\n  a\n  b\n", text("a\nb\n")),
            (">-\n  a\n  b\n", text("a b")),
            ("'it''s'", text("it's")),
            ("8.8.8.8", text("8.8.8.8")),
            ("7zip", text("7zip")),
            ("nULL", text("nULL")),
            ("-d", text("-d")),
            ("http://x:80/", text("http://x:80/")),
            ("yes", Node::Bool(true)),
            ("Off", Node::Bool(false)),
            ("true", Node::Bool(true)),
            ("~", Node::Null),
            ("", Node::Null),
            ("''", text("")),
            ("80", Node::Number("80".to_owned())),
            ("-1", Node::Number("-1".to_owned())),
        ];
        for (yaml, expected) in table {
            assert_eq!(value(yaml).unwrap(), expected, "{yaml}");
        }
        for doubtful in [
            "0644",
            "0o644",
            "0x1f",
            "1_000",
            "1.50",
            "1:30",
            "1e3",
            "+1",
            ".5",
            ".inf",
            "2026-11-20",
            "=",
            "y",
            "1e999",
            "99999999999999999999",
        ] {
            assert_eq!(
                value(doubtful).unwrap(),
                Node::Doubtful(doubtful.to_owned()),
                "{doubtful}"
            );
        }
    }

    #[test]
    fn what_could_change_the_meaning_is_refused() {
        for yaml in [
            "!!binary aGk=",
            "!!str 5",
            "!own x",
            "&a x",
            "\n  - &a x\n  - *a",
            "[a, !!str b]",
            "{<<: {a: b}}",
            "&m\n  a: b",
            "!!seq [a]",
            "\n  a: 1\n  a: 2",
            "[",
            "x\n---\ny: z",
        ] {
            assert!(value(yaml).is_err(), "{yaml} is {:?}", value(yaml));
        }
        let secret = value("{hush: [}").unwrap_err();
        assert!(
            secret.to_string().contains("line 2") && !secret.to_string().contains("hush"),
            "{secret}"
        );
    }
}
