//! Parameters of the Query API: flat names with numbers, of which none may be unknown.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::xml::{bad, error, some};
use crate::{
    call::Call,
    kit::{answer::Answer, page::cut_at_cursor, text::sha256},
};

/// Most values of one filter.
const FILTER_VALUES: usize = 200;

/// The parameters of a call. Those that were never asked for are unknown to the action.
pub(super) struct Params {
    all: BTreeMap<String, String>,
    known: RefCell<BTreeSet<String>>,
}

/// A condition on what is listed: any of the values, in which `*` and `?` are wildcards.
pub(super) struct Filter {
    pub(super) name: String,
    values: Vec<String>,
}

impl Filter {
    pub(super) fn allows(&self, value: &str) -> bool {
        self.values
            .iter()
            .any(|pattern| fits(pattern.as_bytes(), value.as_bytes()))
    }

    pub(super) fn allows_some(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| self.allows(value))
    }

    /// Whether the tags pass; `None` when the filter is not about tags.
    pub(super) fn allows_tags(&self, tags: &[(String, String)]) -> Option<bool> {
        if self.name == "tag-key" {
            return Some(tags.iter().any(|(key, _)| self.allows(key)));
        }
        let wanted = self.name.strip_prefix("tag:")?;
        Some(tags.iter().any(|(key, value)| key == wanted && self.allows(value)))
    }
}

/// Whether a text fits a pattern. Goes back to the last star only, so that no pattern takes long.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read, mut star) = (0, 0, None);
    while let Some(found) = text.get(read) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == found => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((place, from)) = star else { return false };
                star = Some((place, from + 1));
                (at, read) = (place + 1, from + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|left| *left == b'*')
}

impl Params {
    pub(super) fn read(call: &Call<'_>) -> Result<Self, Answer> {
        let mut all = BTreeMap::new();
        let form = call.form();
        for (name, value) in call.query.pairs().chain(form.pairs()) {
            if all.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(bad(
                    call,
                    "InvalidParameterValue",
                    format!("The parameter {name} is given twice"),
                ));
            }
        }
        let params = Self {
            all,
            known: RefCell::default(),
        };
        for common in ["Action", "Version", "DryRun"] {
            params.get(common);
        }
        Ok(params)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.known.borrow_mut().insert(name.to_owned());
        self.all.get(name).map(String::as_str)
    }

    /// The values of `name.1`, `name.2`, ...
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        (1..)
            .map_while(|number| self.get(&format!("{name}.{number}")))
            .collect()
    }

    /// How many structures `name.1.`, `name.2.`, ... there are.
    pub(super) fn count(&self, name: &str) -> usize {
        let is_there = |number: &usize| {
            let prefix = format!("{name}.{number}.");
            self.all
                .range(prefix.clone()..)
                .next()
                .is_some_and(|(key, _)| key.starts_with(&prefix))
        };
        (1..).take_while(is_there).count()
    }

    /// Lets every parameter with this start pass: known to EC2, of no effect here.
    pub(super) fn ignore(&self, starts: &[&str]) {
        let mut known = self.known.borrow_mut();
        let ignored = self
            .all
            .keys()
            .filter(|name| starts.iter().any(|start| name.starts_with(start)));
        known.extend(ignored.cloned());
    }

    /// Refuses what was not asked for, and ends a dry run.
    pub(super) fn finish(&self, call: &Call<'_>) -> Result<(), Answer> {
        let known = self.known.borrow();
        if let Some(unknown) = self.all.keys().find(|name| !known.contains(*name)) {
            return Err(bad(
                call,
                "UnknownParameter",
                format!("The parameter {unknown} is not recognized"),
            ));
        }
        if self.all.get("DryRun").is_some_and(|dry| dry == "true") {
            let message = "Request would have succeeded, but DryRun flag is set.";
            return Err(error(call, 412, "DryRunOperation", message));
        }
        Ok(())
    }

    pub(super) fn require(&self, call: &Call<'_>, name: &str) -> Result<&str, Answer> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            bad(
                call,
                "MissingParameter",
                format!("The request must contain the parameter {name}"),
            )
        })
    }

    pub(super) fn number(&self, call: &Call<'_>, name: &str) -> Result<Option<u64>, Answer> {
        let invalid = |value: &str| {
            let message = format!("Value ({value}) for parameter {name} is invalid. Invalid integer");
            bad(call, "InvalidParameterValue", message)
        };
        self.get(name)
            .map(|value| value.parse().map_err(|_| invalid(value)))
            .transpose()
    }

    pub(super) fn flag(&self, call: &Call<'_>, name: &str) -> Result<Option<bool>, Answer> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => {
                let message = format!("Value ({other}) for parameter {name} is invalid. Invalid boolean");
                Err(bad(call, "InvalidParameterValue", message))
            }
        }
    }

    pub(super) fn filters(&self, call: &Call<'_>) -> Result<Vec<Filter>, Answer> {
        (1..=self.count("Filter"))
            .map(|number| {
                let name = self.require(call, &format!("Filter.{number}.Name"))?.to_owned();
                let values: Vec<String> = self
                    .list(&format!("Filter.{number}.Value"))
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                if values.is_empty() {
                    return Err(bad(
                        call,
                        "InvalidParameterValue",
                        format!("The filter '{name}' has no value"),
                    ));
                }
                if values.len() > FILTER_VALUES {
                    return Err(bad(
                        call,
                        "FilterLimitExceeded",
                        "The maximum number of filter values is 200",
                    ));
                }
                Ok(Filter { name, values })
            })
            .collect()
    }

    /// Tags `prefix.Tag.N.Key` and `.Value`, checked.
    pub(super) fn tags(&self, call: &Call<'_>, prefix: &str) -> Result<Vec<(String, String)>, Answer> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for number in 1..=self.count(&format!("{prefix}Tag")) {
            let key = self.require(call, &format!("{prefix}Tag.{number}.Key"))?.to_owned();
            let value = self
                .get(&format!("{prefix}Tag.{number}.Value"))
                .unwrap_or_default()
                .to_owned();
            if key.chars().count() > 127 || key.starts_with("aws:") {
                return Err(bad(
                    call,
                    "InvalidTagKey.Malformed",
                    format!("Tag key {key} is too long or reserved"),
                ));
            }
            if value.chars().count() > 256 {
                let message = "Tag value exceeds the maximum length of 256 characters";
                return Err(bad(call, "InvalidParameterValue", message));
            }
            if tags.iter().any(|(known, _)| *known == key) {
                return Err(bad(
                    call,
                    "InvalidParameterValue",
                    format!("Duplicate tag key '{key}' specified."),
                ));
            }
            tags.push((key, value));
        }
        if tags.len() > 50 {
            return Err(bad(
                call,
                "TagLimitExceeded",
                "The maximum number of Tags for a resource has been reached.",
            ));
        }
        Ok(tags)
    }

    /// The tags for each type of resource: `TagSpecification.N`.
    pub(super) fn tag_specifications(
        &self,
        call: &Call<'_>,
        allowed: &[&str],
    ) -> Result<BTreeMap<String, Vec<(String, String)>>, Answer> {
        let mut found = BTreeMap::new();
        for number in 1..=self.count("TagSpecification") {
            let prefix = format!("TagSpecification.{number}.");
            let kind = self.require(call, &format!("{prefix}ResourceType"))?;
            if !allowed.contains(&kind) {
                let message = format!("'{kind}' is not a valid taggable resource type for this operation.");
                return Err(bad(call, "InvalidParameterValue", message));
            }
            found.insert(kind.to_owned(), self.tags(call, &prefix)?);
        }
        Ok(found)
    }

    /// One page of a list, and the token of the next one.
    pub(super) fn page<T>(&self, call: &Call<'_>, list: Vec<T>, most: u64) -> Result<(Vec<T>, String), Answer> {
        let size = self.number(call, "MaxResults")?;
        if size.is_some_and(|size| !(5..=most).contains(&size)) {
            let message = format!("Value for parameter maxResults is invalid. Expecting a value between 5 and {most}.");
            return Err(bad(call, "InvalidParameterValue", message));
        }
        let size = usize::try_from(size.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let (page, next) = cut_at_cursor(list, self.get("NextToken").filter(|token| !token.is_empty()), size)
            .ok_or_else(|| bad(call, "InvalidParameterValue", "Unable to parse the nextToken"))?;
        Ok((page, some("nextToken", next.as_deref())))
    }

    /// Everything that makes two requests the same, apart from the client token.
    pub(super) fn fingerprint(&self) -> String {
        let parts: Vec<String> = self
            .all
            .iter()
            .filter(|(name, _)| *name != "ClientToken")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        sha256(parts.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_know_wildcards() {
        let filter = |value: &str| Filter {
            name: "tag:a".to_owned(),
            values: vec!["other".to_owned(), value.to_owned()],
        };
        assert!(filter("ubuntu-*-server-*").allows("ubuntu-noble-server-1"));
        assert!(filter("i-?b").allows("i-ab") && !filter("i-?b").allows("i-b"));
        assert!(!filter("plain").allows("plainer") && filter("*").allows(""));
        assert!(filter("a*b*c").allows("a-b-b-c") && !filter("a*b*c").allows("a-b-b"));
        // Neither the stack nor the time that this takes grows with the number of stars.
        assert!(!filter(&"*x".repeat(100_000)).allows(&"x".repeat(1_000)));
        let tags = [("a".to_owned(), "x".to_owned())];
        assert_eq!(filter("x").allows_tags(&tags), Some(true));
        assert_eq!(filter("y").allows_tags(&tags), Some(false));
    }
}
