//! Values for `${NAME}` in user data.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use provision_core::{ExposeSecret as _, Invalid, SecretString};

/// What marks the line of a text that declares its variables, behind a `#`.
const DECLARATION: &str = "provision-variables:";

/// Values that take the place of `${NAME}` in user data. Every value counts as a secret.
///
/// Shells write their own variables in the same way, so that only what is declared is replaced. A text declares its variables
/// in a comment of a line, `# provision-variables: TOKEN, DOMAIN`: each of them must have a value, and nothing else is replaced
/// in it. In a text without such a line, the variables that have a value count as declared.
///
/// A value goes into the text as it is. Where it can hold a character that means something there, such as a colon in YAML, the
/// text has to quote it.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, SecretString>,
    used: BTreeSet<String>,
}

impl Variables {
    /// No variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a variable its value.
    ///
    /// # Errors
    /// [`Invalid`] when the name is not made of letters, digits and `_`, or has a value already.
    pub fn insert(&mut self, name: &str, value: impl Into<String>) -> Result<(), Invalid> {
        if !is_name(name) {
            return Err(Invalid::new(
                "the name of a variable has letters, digits and `_` only, and no digit first",
            ));
        }
        if self
            .values
            .insert(name.to_owned(), SecretString::from(value.into()))
            .is_some()
        {
            return Err(Invalid::new(format!("variable `{name}` has two values: keep one")));
        }
        Ok(())
    }

    /// Puts the values into a text.
    ///
    /// # Errors
    /// [`Invalid`] that names all variables which the text declares and which have no value.
    pub fn fill(&mut self, text: &str) -> Result<String, Invalid> {
        let declared = declared(text)?;
        if let Some(declared) = &declared {
            let missing: Vec<&str> = declared
                .iter()
                .filter(|name| !self.values.contains_key(**name))
                .copied()
                .collect();
            if !missing.is_empty() {
                return Err(Invalid::new(format!("no value was given for {}", missing.join(", "))));
            }
        }
        let is_declared = |name: &str| declared.as_ref().is_none_or(|declared| declared.contains(name));
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            filled.push_str(before);
            let found = behind.split_once('}').and_then(|(name, behind)| {
                let value = self.values.get(name).filter(|_| is_declared(name))?;
                Some((name, value, behind))
            });
            match found {
                Some((name, value, behind)) => {
                    filled.push_str(value.expose_secret());
                    self.used.insert(name.to_owned());
                    rest = behind;
                }
                None => {
                    filled.push_str("${");
                    rest = behind;
                }
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Refuses variables that no text had a place for: after the last text.
    ///
    /// # Errors
    /// [`Invalid`] that names them.
    pub fn finish(&self) -> Result<(), Invalid> {
        let unused: Vec<&str> = self
            .values
            .keys()
            .filter(|name| !self.used.contains(*name))
            .map(String::as_str)
            .collect();
        let Some(first) = unused.first() else { return Ok(()) };
        Err(Invalid::new(format!(
            "nothing was replaced by {}: write `${{{first}}}` where the value belongs, and name it where the text declares its variables",
            unused.join(", ")
        )))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// The variables that a text declares; `None` when it says nothing about them.
fn declared(text: &str) -> Result<Option<BTreeSet<&str>>, Invalid> {
    let mut declared: Option<BTreeSet<&str>> = None;
    for (line, number) in text.lines().zip(1..) {
        let comment = line.trim_start().strip_prefix('#').map(str::trim_start);
        let Some(names) = comment.and_then(|comment| comment.strip_prefix(DECLARATION)) else {
            continue;
        };
        for name in names.split([',', ' ', '\t', '\r']).filter(|name| !name.is_empty()) {
            if !is_name(name) {
                return Err(Invalid::new(format!(
                    "line {number}: after `{DECLARATION}` follow names of letters, digits and `_`, between commas"
                )));
            }
            declared.get_or_insert_default().insert(name);
        }
    }
    Ok(declared)
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(values: &[(&str, &str)]) -> Variables {
        let mut variables = Variables::new();
        for (name, value) in values {
            variables.insert(name, *value).unwrap();
        }
        variables
    }

    #[test]
    fn only_what_is_declared_is_replaced() {
        let mut given = variables(&[("TOKEN", "hush"), ("DOMAIN", "${TOKEN}")]);
        let text = "#!/bin/sh\necho ${TOKEN} ${HOME} $TOKEN ${DOMAIN} ${TOKEN:-x} ${\n";
        assert_eq!(
            given.fill(text).unwrap(),
            "#!/bin/sh\necho hush ${HOME} $TOKEN ${TOKEN} ${TOKEN:-x} ${\n",
            "a value is not looked at again"
        );
        given.finish().unwrap();

        let text = "#!/bin/sh\n# provision-variables: TOKEN\necho ${TOKEN} ${DOMAIN}\n";
        let mut given = variables(&[("TOKEN", "hush"), ("DOMAIN", "x")]);
        assert!(given.fill(text).unwrap().contains("echo hush ${DOMAIN}\n"));
        assert!(
            given
                .finish()
                .unwrap_err()
                .to_string()
                .contains("by DOMAIN: write `${DOMAIN}`")
        );
    }

    #[test]
    fn what_is_missing_or_unused_is_an_error_without_values() {
        let text = "#cloud-config\n#provision-variables: TOKEN, DOMAIN MAIL\nfqdn: ${DOMAIN}\n";
        let error = variables(&[("DOMAIN", "hush")]).fill(text).unwrap_err().to_string();
        assert_eq!(
            error,
            "no value was given for TOKEN, MAIL".replace("TOKEN, MAIL", "MAIL, TOKEN")
        );
        let mut given = variables(&[("TOKEN", "hush")]);
        given.fill("#!/bin/sh\n").unwrap();
        let error = given.finish().unwrap_err().to_string();
        assert!(error.contains("by TOKEN") && !error.contains("hush"), "{error}");
        assert!(variables(&[]).fill("# provision-variables: a-b\n").is_err());
        assert_eq!(format!("{given:?}"), "{\"TOKEN\"}");
    }

    #[test]
    fn names_are_checked() {
        for name in ["", "1A", "A-B", "A B", "Ä"] {
            assert!(Variables::new().insert(name, "x").is_err(), "{name}");
        }
        assert!(
            variables(&[("A", "hush")])
                .insert("A", "hush")
                .unwrap_err()
                .to_string()
                .contains("two values")
        );
    }
}
