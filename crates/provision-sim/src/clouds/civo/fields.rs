//! What a request carries. Newer clients post JSON, the documentation forms, and the Python client puts everything into
//! the query; Civo reads all three.

use serde_json::Value;

use super::error;
use crate::{
    call::Call,
    kit::{
        answer::Answer,
        fields::{FieldError, Fields},
        query::Query,
    },
};

/// The fields of a request, wherever they stand: the JSON body first, then the form, then the query.
pub(super) struct Input {
    json: Fields,
    form: Query,
    query: Query,
}

impl Input {
    /// Reads the body. A `Content-Encoding: gzip` is not looked at: Civo's own client sends it with every plain body.
    pub(super) fn read(call: &Call<'_>) -> Result<Self, Answer> {
        let is_form = call
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let empty = call.request.body.iter().all(u8::is_ascii_whitespace);
        let json = if is_form || empty {
            Fields::default()
        } else {
            // Code and status UNCONFIRMED.
            call.json()
                .map_err(|_| error(400, "parameter_invalid_json", "The request body is not a JSON object"))?
        };
        Ok(Self {
            json,
            form: if is_form { call.form() } else { Query::default() },
            query: call.query.clone(),
        })
    }

    /// A text; numbers and booleans count as their text, and an empty one as absent.
    pub(super) fn text(&self, field: &str) -> Result<Option<String>, Answer> {
        let text = match self.json.get(field) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(Value::Bool(flag)) => Some(flag.to_string()),
            Some(_) => return Err(wrong(field, "string")),
            None => {
                let (form, query) = (self.form.get(field), self.query.get(field));
                form.or(query).map(str::to_owned)
            }
        };
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// An array of objects, in JSON only.
    pub(super) fn objects(&self, field: &str) -> Result<Vec<Fields>, Answer> {
        self.json.objects(field).map_err(refused)
    }

    /// Refuses fields of the body that the API does not know. Stricter than Civo, to find misspelled ones.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Answer> {
        let in_form = self
            .form
            .pairs()
            .map(|(name, _)| name)
            .find(|name| !known.contains(name));
        match self.json.unknown(known).or(in_form) {
            Some(field) => Err(error(
                400,
                "parameter_unknown",
                &format!("The parameter {field} is not known"),
            )),
            None => Ok(()),
        }
    }
}

/// A field of the wrong type; code and status UNCONFIRMED.
pub(super) fn refused(problem: FieldError) -> Answer {
    wrong(&problem.field, problem.expected)
}

fn wrong(field: &str, expected: &str) -> Answer {
    error(
        400,
        "parameter_invalid",
        &format!("The parameter {field} must be of type {expected}"),
    )
}
