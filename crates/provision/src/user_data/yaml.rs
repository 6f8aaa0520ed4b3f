//! YAML as cloud-init reads it: the structure with its lines, and the types that PyYAML (YAML 1.1) gives to plain words.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span};

use super::Finding;

/// Deeper than any cloud-config.
const DEEPEST: usize = 100;

/// A value and the line that it begins in.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// A tag or an alias: it may be anything.
    Unknown,
    Null,
    Bool,
    Int,
    Float,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) line: usize,
    /// `None` for a key that is no text.
    pub(super) key: Option<String>,
    pub(super) value: Node,
}

/// Reads the one document of a text; `None` when there is none in it.
pub(super) fn read(text: &str) -> Result<Option<Node>, Finding> {
    if let Some(line) = forbidden(text) {
        return Err(Finding::error(
            Some(line),
            "there is a control character, which YAML does not allow: remove it",
        ));
    }
    let mut options = Options::default();
    options.emit_comments = false;
    let mut reader = Reader::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| broken(text, &error))?;
        reader.take(event, span)?;
    }
    Ok(reader.root)
}

/// Only what and where: the text may hold secrets.
fn broken(text: &str, error: &ScanError) -> Finding {
    let mut why = match error.kind() {
        ErrorKind::Custom(_) => String::new(),
        kind => format!(": {kind}"),
    };
    // What is missing is missed behind its place, at the latest behind the last line.
    if why.contains("quote") {
        why.push_str("; is a quote above not closed?");
    }
    let marker = error.marker();
    let line = marker.line().min(text.lines().count().max(1));
    Finding::error(
        Some(line),
        format!("this is not YAML, so that cloud-init ignores the whole text{why}"),
    )
}

/// The line of a character that PyYAML refuses.
fn forbidden(text: &str) -> Option<usize> {
    let bad = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    text.split('\n').position(|line| line.contains(bad)).map(|at| at + 1)
}

/// A list or map that is being read.
enum Open {
    List(usize, Vec<Node>),
    Map(usize, Vec<Entry>, Option<(usize, Option<String>)>),
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Finding> {
        let line = span.start.line();
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Finding::error(
                        Some(line),
                        "a second document begins, where cloud-init wants one: give it as a part of its own",
                    ));
                }
            }
            Event::Scalar(text, style, _, tag) => {
                let value = match tag {
                    Some(_) => Value::Unknown,
                    None if style == ScalarStyle::Plain => plain(&text),
                    None => Value::Text(text.into_owned()),
                };
                self.add(Node { line, value });
            }
            Event::Alias(_) => self.add(Node {
                line,
                value: Value::Unknown,
            }),
            Event::SequenceStart(..) => self.descend(line, Open::List(line, Vec::new()))?,
            Event::MappingStart(..) => self.descend(line, Open::Map(line, Vec::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(line, nodes)) => self.add(Node {
                    line,
                    value: Value::List(nodes),
                }),
                Some(Open::Map(line, entries, _)) => self.add(Node {
                    line,
                    value: Value::Map(entries),
                }),
                None => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn descend(&mut self, line: usize, open: Open) -> Result<(), Finding> {
        if self.open.len() >= DEEPEST {
            return Err(Finding::error(Some(line), "lists and maps are nested too deeply"));
        }
        self.open.push(open);
        Ok(())
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, nodes)) => nodes.push(node),
            Some(Open::Map(_, entries, waiting)) => match waiting.take() {
                Some((line, key)) => entries.push(Entry { line, key, value: node }),
                None => {
                    let key = match node.value {
                        Value::Text(text) => Some(text),
                        _ => None,
                    };
                    *waiting = Some((node.line, key));
                }
            },
        }
    }
}

/// Keys that stand twice in a map: the line of the later one, and that of the one before.
pub(super) fn repeated(entries: &[Entry]) -> Vec<(&Entry, usize)> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut repeated = Vec::new();
    for entry in entries {
        let Some(key) = entry.key.as_deref().filter(|key| *key != "<<") else {
            continue;
        };
        if let Some(before) = seen.insert(key, entry.line) {
            repeated.push((entry, before));
        }
    }
    repeated
}

/// A word without quotes. See PyYAML's
/// [resolver](https://github.com/yaml/pyyaml/blob/6.0.3/lib/yaml/resolver.py); dates stay texts.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE" | "on"
        | "On" | "ON" | "off" | "Off" | "OFF" => Value::Bool,
        text if is_int(text) => Value::Int,
        text if is_float(text) => Value::Float,
        text => Value::Text(text.to_owned()),
    }
}

fn is_int(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let all = |text: &str, fits: fn(char) -> bool| !text.is_empty() && text.chars().all(|c| c == '_' || fits(c));
    if let Some(binary) = text.strip_prefix("0b") {
        return all(binary, |c| matches!(c, '0' | '1'));
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return all(hexadecimal, |c| c.is_ascii_hexdigit());
    }
    match text.strip_prefix('0') {
        Some("") => true,
        Some(octal) => all(octal, |c| matches!(c, '0'..='7')),
        None => {
            let mut fields = text.split(':');
            let first = fields.next().unwrap_or_default();
            let starts = first.starts_with(|c: char| c.is_ascii_digit()) && all(first, |c| c.is_ascii_digit());
            starts && fields.all(|field| field.len() <= 2 && field.parse::<u8>().is_ok_and(|field| field < 60))
        }
    }
}

fn is_float(text: &str) -> bool {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(bare, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    // PyYAML wants a point, and a sign in the exponent.
    let (mantissa, exponent) = bare.split_once(['e', 'E']).map_or((bare, None), |(m, e)| (m, Some(e)));
    let digits = |text: &str| text.chars().all(|c| c == '_' || c.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        exponent
            .strip_prefix(['+', '-'])
            .is_some_and(|exponent| !exponent.is_empty() && digits(exponent))
    });
    mantissa.split_once('.').is_some_and(|(whole, part)| {
        let begins = mantissa.starts_with(|c: char| c.is_ascii_digit()) || (whole.is_empty() && !part.is_empty());
        begins && digits(whole) && digits(part)
    }) && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_have_the_types_that_pyyaml_gives_them() {
        // As `yaml.safe_load` of PyYAML 6.0.3 read them.
        for (text, expected) in [
            ("yes", "Bool"),
            ("Off", "Bool"),
            ("y", "Text"),
            ("tRue", "Text"),
            ("~", "Null"),
            ("", "Null"),
            ("0644", "Int"),
            ("0o644", "Text"),
            ("0899", "Text"),
            ("1_000", "Int"),
            ("0x1F", "Int"),
            ("0b10", "Int"),
            ("-1", "Int"),
            ("12:30", "Int"),
            ("12:70", "Text"),
            ("1e3", "Text"),
            ("1.0e+3", "Float"),
            ("1.5", "Float"),
            (".5", "Float"),
            ("1.", "Float"),
            (".", "Text"),
            (".inf", "Float"),
            ("22.04", "Float"),
            ("1.2.3", "Text"),
            ("nginx", "Text"),
            ("0", "Int"),
            ("_1", "Text"),
        ] {
            let value = format!("{:?}", plain(text));
            assert!(value.starts_with(expected), "{text}: {value}");
        }
    }

    #[test]
    fn every_value_knows_its_line() {
        let root = read("# x\na: 1\nb:\n  - x\n  - {c: [y]}\nd: |\n  text\n")
            .unwrap()
            .unwrap();
        let Value::Map(entries) = &root.value else {
            panic!("{root:?}")
        };
        let lines: Vec<usize> = entries.iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [2, 3, 6]);
        let Value::List(nodes) = &entries[1].value.value else {
            panic!("{root:?}")
        };
        assert_eq!((nodes[0].line, nodes[1].line), (4, 5));
        assert!(
            read("# nothing\n")
                .unwrap()
                .is_none_or(|node| matches!(node.value, Value::Null))
        );
    }

    #[test]
    fn what_is_no_yaml_is_told_by_its_line_alone() {
        for (text, line) in [
            ("a: 1\nb: [hush\n", 3),
            ("a: 1\n\tb: hush\n", 2),
            ("a: 'hush\n", 2),
            ("a: hush: 1\n", 1),
            ("a: 1\n---\nb: hush\n", 2),
            ("a: *hush\n", 1),
            ("a: 1\nb: \u{1}hush\n", 2),
            ("a: @hush\n", 1),
        ] {
            let finding = read(text).unwrap_err();
            assert!(!finding.message.contains("hush"), "{finding}");
            assert!(
                finding.line.is_some_and(|at| at.abs_diff(line) <= 1),
                "{text:?}: {finding}"
            );
        }
        let deep = format!("a: {}", "[".repeat(10_000));
        assert!(read(&deep).is_err());
    }
}
