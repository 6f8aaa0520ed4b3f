//! What hosts a list shows.

use std::str::FromStr;

use provision::{HostName, Labels, ListFilter, ProvisionedHost};
use wildmatch::WildMatch;

use crate::{args::ListArgs, failure::Outcome};

/// A condition on the labels of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LabelFilter {
    /// `KEY`: whatever its value is.
    Has(String),
    /// `KEY=VALUE`
    Is(String, String),
    /// `KEY!=VALUE`: another value, or none.
    IsNot(String, String),
}

impl FromStr for LabelFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let filter = match (text.split_once("!="), text.split_once('=')) {
            (Some((key, value)), _) => Self::IsNot(key.to_owned(), value.to_owned()),
            (None, Some((key, value))) => Self::Is(key.to_owned(), value.to_owned()),
            (None, None) => Self::Has(text.to_owned()),
        };
        match &filter {
            Self::Has(key) | Self::Is(key, _) | Self::IsNot(key, _) if key.is_empty() => {
                Err("write KEY, KEY=VALUE or KEY!=VALUE".to_owned())
            }
            _ => Ok(filter),
        }
    }
}

/// What a list shows: a part of it the library filters, where the cloud may do it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) filter: ListFilter,
    labels: Vec<LabelFilter>,
    names: Vec<WildMatch>,
}

impl Shown {
    pub(crate) fn new(args: &ListArgs) -> Outcome<Self> {
        let mut filter = ListFilter::all();
        let mut labels = Labels::new();
        let mut others = Vec::new();
        for label in &args.labels {
            match label {
                // A user's label; our own cannot be set, but they can be looked for.
                LabelFilter::Is(key, value) if labels.get(key).is_none() && labels.insert(key, value).is_ok() => {}
                other => others.push(other.clone()),
            }
        }
        filter.labels = labels;
        let names: Vec<&str> = args.names.iter().chain(&args.name).map(String::as_str).collect();
        if let [name] = names.as_slice()
            && !name.contains(['*', '?'])
        {
            filter.name = Some(HostName::new(*name)?);
        }
        Ok(Self {
            filter,
            labels: others,
            names: names.into_iter().map(WildMatch::new).collect(),
        })
    }

    pub(crate) fn matches(&self, host: &ProvisionedHost) -> bool {
        let named = self.names.is_empty() || self.names.iter().any(|name| name.matches(&host.name));
        named
            && self.labels.iter().all(|label| match label {
                LabelFilter::Has(key) => host.labels.get(key).is_some(),
                LabelFilter::Is(key, value) => host.labels.get(key) == Some(value),
                LabelFilter::IsNot(key, value) => host.labels.get(key) != Some(value),
            })
    }

    /// Whether anything is left out.
    pub(crate) fn is_narrow(&self) -> bool {
        !self.names.is_empty() || !self.labels.is_empty() || !self.filter.labels.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read() {
        let read = |text: &str| text.parse::<LabelFilter>();
        assert_eq!(read("keep"), Ok(LabelFilter::Has("keep".into())));
        assert_eq!(read("a=b=c"), Ok(LabelFilter::Is("a".into(), "b=c".into())));
        assert_eq!(read("a!=b"), Ok(LabelFilter::IsNot("a".into(), "b".into())));
        assert_eq!(read("a="), Ok(LabelFilter::Is("a".into(), String::new())));
        for text in ["", "=b", "!=b"] {
            read(text).unwrap_err();
        }
    }
}
