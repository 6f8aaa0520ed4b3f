//! JSON bodies, read strictly: a field of the wrong type is an error that names the field.

use serde_json::{Map, Value};

/// Why a body is not a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// There is none.
    Empty,
    /// It is not JSON; the parser's words.
    Malformed(String),
    /// It is JSON, but not an object.
    NotAnObject,
}

/// A field whose value is of the wrong type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// Name of the field.
    pub(crate) field: String,
    /// What it has to be, such as `string`.
    pub(crate) expected: &'static str,
}

/// What a field holds, for those that are only checked.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Flag,
    Number,
    Decimal,
    List,
    Object,
}

type Read<T> = Result<T, FieldError>;

/// A JSON object. Every reader takes `null` for absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, BodyError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(BodyError::Empty);
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(BodyError::NotAnObject),
            Err(error) => Err(BodyError::Malformed(error.to_string())),
        }
    }

    /// The object that `value` is; `field` names it in the error.
    pub(crate) fn of(value: &Value, field: &str) -> Read<Self> {
        match value {
            Value::Object(map) => Ok(Self(map.clone())),
            _ => Err(wrong(field, "object")),
        }
    }

    /// The value of a field, unless it is absent or null.
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    /// A string.
    pub(crate) fn text(&self, field: &str) -> Read<Option<&str>> {
        self.read(field, "string", Value::as_str)
    }

    /// A boolean.
    pub(crate) fn flag(&self, field: &str) -> Read<Option<bool>> {
        self.read(field, "boolean", Value::as_bool)
    }

    /// A whole number, zero or more.
    pub(crate) fn number(&self, field: &str) -> Read<Option<u64>> {
        self.read(field, "integer", Value::as_u64)
    }

    /// A number, whole or not.
    pub(crate) fn decimal(&self, field: &str) -> Read<Option<f64>> {
        self.read(field, "number", Value::as_f64)
    }

    /// An array.
    pub(crate) fn list(&self, field: &str) -> Read<Option<&Vec<Value>>> {
        self.read(field, "array", Value::as_array)
    }

    /// An array of strings; empty when absent.
    pub(crate) fn texts(&self, field: &str) -> Read<Vec<String>> {
        let text = |value: &Value| {
            value
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| wrong(field, "array of strings"))
        };
        self.list(field)?.into_iter().flatten().map(text).collect()
    }

    /// An array of whole numbers; empty when absent.
    pub(crate) fn numbers(&self, field: &str) -> Read<Vec<u64>> {
        let number = |value: &Value| value.as_u64().ok_or_else(|| wrong(field, "array of integers"));
        self.list(field)?.into_iter().flatten().map(number).collect()
    }

    /// An object.
    pub(crate) fn object(&self, field: &str) -> Read<Option<Fields>> {
        self.get(field).map(|value| Self::of(value, field)).transpose()
    }

    /// An array of objects; empty when absent.
    pub(crate) fn objects(&self, field: &str) -> Read<Vec<Fields>> {
        self.list(field)?
            .into_iter()
            .flatten()
            .map(|value| Self::of(value, field))
            .collect()
    }

    /// Checks the types of fields that change nothing here.
    pub(crate) fn check(&self, kinds: &[(&str, Kind)]) -> Read<()> {
        for (field, kind) in kinds {
            match kind {
                Kind::Text => self.text(field).map(drop)?,
                Kind::Flag => self.flag(field).map(drop)?,
                Kind::Number => self.number(field).map(drop)?,
                Kind::Decimal => self.decimal(field).map(drop)?,
                Kind::List => self.list(field).map(drop)?,
                Kind::Object => self.object(field).map(drop)?,
            }
        }
        Ok(())
    }

    /// All fields with their values, in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(field, value)| (field.as_str(), value))
    }

    /// The first field that is not among the known ones.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0.keys().map(String::as_str).find(|field| !known.contains(field))
    }

    fn read<'a, T>(
        &'a self,
        field: &str,
        expected: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Read<Option<T>> {
        match self.get(field) {
            Some(value) => read(value).map(Some).ok_or_else(|| wrong(field, expected)),
            None => Ok(None),
        }
    }
}

fn wrong(field: &str, expected: &'static str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_are_no_objects_are_told_apart() {
        assert_eq!(Fields::parse(b" "), Err(BodyError::Empty));
        assert_eq!(Fields::parse(b"[]"), Err(BodyError::NotAnObject));
        assert!(matches!(Fields::parse(b"{"), Err(BodyError::Malformed(_))));
        assert!(matches!(Fields::parse(b"\xff"), Err(BodyError::Malformed(_))));
    }

    #[test]
    fn readers_name_the_field_that_is_wrong() {
        let fields = Fields::parse(br#"{"a":"x","b":true,"c":3,"d":["x"],"e":{"f":1},"n":null}"#).unwrap();
        assert_eq!(fields.text("a"), Ok(Some("x")));
        assert_eq!(fields.text("n"), Ok(None));
        assert_eq!(fields.flag("b"), Ok(Some(true)));
        assert_eq!(fields.number("c"), Ok(Some(3)));
        assert_eq!(fields.texts("d"), Ok(vec!["x".to_owned()]));
        assert_eq!(fields.object("e").unwrap().unwrap().number("f"), Ok(Some(1)));
        assert_eq!(fields.text("c"), Err(wrong("c", "string")));
        assert_eq!(fields.numbers("d"), Err(wrong("d", "array of integers")));
        assert_eq!(fields.unknown(&["a", "b", "c", "d", "e"]), Some("n"));
    }
}
