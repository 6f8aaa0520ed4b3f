//! What of the cluster an installation works on, where there are several in one cluster.

use std::{collections::BTreeMap, str::FromStr};

use kube::{
    Api, Client, Resource, ResourceExt,
    api::ListParams,
    core::{Expression, NamespaceResourceScope, Selector, SelectorExt as _},
    runtime::watcher,
};

/// What of the cluster an installation works on. The default: everything.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The only namespace.
    pub namespace: Option<String>,
    /// What the labels of Tunnels, Hosts and Services have to be.
    pub labels: Option<Labelled>,
}

impl Scope {
    /// Whether it is the whole cluster.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.namespace.is_none() && self.labels.is_none()
    }

    /// The API that the objects of this scope are found with.
    pub fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    /// How they are listed.
    #[must_use]
    pub fn list(&self) -> ListParams {
        match &self.labels {
            Some(labels) => ListParams::default().labels(&labels.0.to_string()),
            None => ListParams::default(),
        }
    }

    /// How they are watched.
    #[must_use]
    pub fn watch(&self) -> watcher::Config {
        match &self.labels {
            Some(labels) => watcher::Config::default().labels(&labels.0.to_string()),
            None => watcher::Config::default(),
        }
    }

    /// Whether an object is in it.
    pub fn has<K: ResourceExt>(&self, object: &K) -> bool {
        let here = self.namespace.is_none() || self.namespace == object.namespace();
        here && self
            .labels
            .as_ref()
            .is_none_or(|labels| labels.0.matches(object.labels()))
    }

    /// Labels that a Tunnel needs to be in the scope of its Service: the Service's own, where labels decide.
    #[must_use]
    pub fn labels_of(&self, service: &impl ResourceExt) -> Option<BTreeMap<String, String>> {
        let labels = service.labels();
        (self.labels.is_some() && !labels.is_empty()).then(|| labels.clone())
    }
}

/// A label selector as `kubectl -l` takes it: `team=web,stage!=test,tier in (a,b),gpu,!legacy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled(Selector);

impl FromStr for Labelled {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expressions: Vec<Expression> = requirements(text)
            .into_iter()
            .map(|part| {
                expression(part.trim()).ok_or_else(|| {
                    format!("{part:?} is no label requirement: write `team=web`, `team!=web`, `team in (a,b)`, `team` or `!team`")
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self(expressions.into_iter().collect()))
    }
}

/// Splits at commas outside of parentheses.
fn requirements(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn expression(text: &str) -> Option<Expression> {
    let key = |text: &str| is_key(text.trim()).then(|| text.trim().to_owned());
    let value = |text: &str| is_value(text.trim()).then(|| text.trim().to_owned());
    if let Some(list) = text.strip_suffix(')') {
        let (head, list) = list.split_once('(')?;
        let values = list.split(',').map(value).collect::<Option<_>>()?;
        let (name, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => Some(Expression::In(key(name)?, values)),
            "notin" => Some(Expression::NotIn(key(name)?, values)),
            _ => None,
        };
    }
    if let Some((name, wanted)) = text.split_once("!=") {
        return Some(Expression::NotEqual(key(name)?, value(wanted)?));
    }
    if let Some((name, wanted)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Expression::Equal(key(name)?, value(wanted)?));
    }
    match text.strip_prefix('!') {
        Some(name) => Some(Expression::DoesNotExist(key(name)?)),
        None => Some(Expression::Exists(key(text)?)),
    }
}

/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>
fn is_key(text: &str) -> bool {
    let (prefix, name) = text
        .split_once('/')
        .map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let prefixed = prefix.is_none_or(|prefix| !prefix.is_empty() && prefix.len() <= 253 && is_word(prefix));
    prefixed && !name.is_empty() && is_value(name)
}

fn is_value(text: &str) -> bool {
    text.is_empty() || text.len() <= 63 && is_word(text)
}

fn is_word(text: &str) -> bool {
    let outer = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(outer) && text.ends_with(outer) && text.chars().all(|c| outer(c) || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{Tunnel, TunnelSpec};

    fn tunnel(namespace: &str, labels: &[(&str, &str)]) -> Tunnel {
        let mut tunnel = Tunnel::new("web-tunnel", TunnelSpec::default());
        tunnel.metadata.namespace = Some(namespace.to_owned());
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        tunnel.metadata.labels = Some(labels.collect());
        tunnel
    }

    fn scope(namespace: Option<&str>, selector: Option<&str>) -> Scope {
        Scope {
            namespace: namespace.map(str::to_owned),
            labels: selector.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn a_scope_is_a_namespace_a_selector_both_or_everything() {
        assert!(Scope::default().is_everything() && Scope::default().has(&tunnel("a", &[])));
        let one = scope(Some("a"), None);
        assert!(one.has(&tunnel("a", &[])) && !one.has(&tunnel("b", &[])) && !one.is_everything());
        let both = scope(Some("a"), Some("team=web,tier notin (test, old),!legacy"));
        assert!(both.has(&tunnel("a", &[("team", "web"), ("tier", "front")])));
        assert!(!both.has(&tunnel("b", &[("team", "web")])));
        assert!(!both.has(&tunnel("a", &[("team", "web"), ("tier", "old")])));
        assert!(!both.has(&tunnel("a", &[("team", "web"), ("legacy", "")])));
        let labels = both.list().label_selector.unwrap();
        assert_eq!(labels, "team=web,tier notin (old,test),!legacy");
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for good in ["a", "a=b", "a == b", "a!=b", "x.io/a in (b,c)", "!a", "a="] {
            assert!(good.parse::<Labelled>().is_ok(), "{good}");
        }
        for bad in [
            "", "a,", "a b", "a in b", "in (a)", "a=b=c", "=b", "a(b)", "-a", "a/b/c", "a=ü",
        ] {
            assert!(
                bad.parse::<Labelled>().unwrap_err().contains("is no label requirement"),
                "{bad}"
            );
        }
    }
}
