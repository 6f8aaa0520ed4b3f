//! Where a host is asked for and as what, in the order in which that is tried.

use std::collections::BTreeMap;

use provision::{Error, ErrorKind, HostId};
use serde_json::{Value, json};

use crate::crd::{ATTEMPT_ANNOTATION, REPLACES_ANNOTATION};

/// How many hosts are made for a resource, one after the other, if they all fail.
const MOST_HOSTS: usize = 5;

/// A region and a plan; what is not named is the cloud's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The region or zone.
    pub region: Option<String>,
    /// The plan.
    pub plan: Option<String>,
}

impl Choice {
    /// Every choice: region by region, in each the plans in their order.
    #[must_use]
    pub fn all(regions: &[String], plans: &[String]) -> Vec<Self> {
        let words = |given: &[String]| match given {
            [] => vec![None],
            given => given.iter().cloned().map(Some).collect(),
        };
        let plans = words(plans);
        let of_region = |region: Option<String>| {
            plans.iter().map(move |plan| Self {
                region: region.clone(),
                plan: plan.clone(),
            })
        };
        words(regions).into_iter().flat_map(of_region).collect()
    }

    /// The choice in words.
    #[must_use]
    pub fn shown(&self) -> String {
        let region = self.region.iter().map(|region| format!("region {region}"));
        let plan = self.plan.iter().map(|plan| format!("plan {plan}"));
        let words: Vec<String> = region.chain(plan).collect();
        match words.is_empty() {
            true => "the default region and plan".to_owned(),
            false => words.join(" and "),
        }
    }
}

/// Whether it is worth asking elsewhere after a refusal. Never while a host may exist that nobody has seen.
#[must_use]
pub fn is_shortage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Capacity | ErrorKind::Quota) && !error.may_exist()
}

/// How far the attempts at a resource's host have come: kept in its annotations, so that a successor goes on with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempt {
    /// Which of the choices is tried.
    pub choice: usize,
    /// How many hosts were given up because they failed. Each costs something, so that there is an end to it.
    pub given_up: usize,
    /// The host that was given up last: it is deleted before another one is asked for.
    pub replaces: Option<HostId>,
}

impl Attempt {
    /// The attempt that annotations tell of. What they do not say is as in the beginning.
    #[must_use]
    pub fn of(annotations: &BTreeMap<String, String>) -> Self {
        let numbers = annotations
            .get(ATTEMPT_ANNOTATION)
            .and_then(|text| text.split_once('/'))
            .and_then(|(choice, given_up)| Some((choice.parse().ok()?, given_up.parse().ok()?)));
        let (choice, given_up) = numbers.unwrap_or_default();
        let replaces = annotations.get(REPLACES_ANNOTATION);
        Self {
            choice,
            given_up,
            replaces: replaces.and_then(|id| HostId::new(id.as_str()).ok()),
        }
    }

    /// The annotations that tell of it.
    #[must_use]
    pub fn annotations(&self) -> Value {
        json!({
            ATTEMPT_ANNOTATION: format!("{}/{}", self.choice, self.given_up),
            REPLACES_ANNOTATION: self.replaces.as_ref().map(HostId::as_str),
        })
    }

    /// The attempt after a refusal, and whether it is another round through all of the choices; `None` with one choice only.
    #[must_use]
    pub fn after_refusal(&self, choices: usize) -> Option<(Self, bool)> {
        let next = self.choice.saturating_add(1);
        let is_over = next >= choices;
        let attempt = Self {
            choice: if is_over { 0 } else { next },
            ..self.clone()
        };
        (choices > 1).then_some((attempt, is_over))
    }

    /// The attempt that gives up a host that failed; `None` when nothing else is left to try.
    #[must_use]
    pub fn after_failure(&self, host: &HostId, choices: usize) -> Option<Self> {
        let given_up = self.given_up.saturating_add(1);
        (given_up < choices.min(MOST_HOSTS)).then(|| Self {
            choice: self.choice.saturating_add(1) % choices,
            given_up,
            replaces: Some(host.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn id(text: &str) -> HostId {
        HostId::new(text).unwrap()
    }

    #[test]
    fn choices_go_region_by_region() {
        let all = Choice::all(&words(&["a", "b"]), &words(&["small", "big"]));
        let shown: Vec<String> = all.iter().map(Choice::shown).collect();
        assert_eq!(
            shown,
            [
                "region a and plan small",
                "region a and plan big",
                "region b and plan small",
                "region b and plan big"
            ]
        );
        assert_eq!(Choice::all(&[], &[]), [Choice::default()]);
        assert_eq!(Choice::default().shown(), "the default region and plan");
        assert_eq!(Choice::all(&[], &words(&["big"])).len(), 1);
    }

    #[test]
    fn attempts_come_back_from_their_annotations() {
        let attempt = Attempt {
            choice: 2,
            given_up: 1,
            replaces: Some(id("7|eu")),
        };
        let written = |attempt: &Attempt| -> BTreeMap<String, String> {
            let all: BTreeMap<String, Option<String>> = serde_json::from_value(attempt.annotations()).unwrap();
            all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
        };
        assert_eq!(Attempt::of(&written(&attempt)), attempt);
        assert_eq!(Attempt::of(&written(&Attempt::default())), Attempt::default());
        // Whoever may change the resource may write anything.
        for odd in ["", "1", "-1/0", "x/y", "1/99999999999999999999999"] {
            let annotations = [(ATTEMPT_ANNOTATION.to_owned(), odd.to_owned())].into();
            assert_eq!(Attempt::of(&annotations), Attempt::default(), "{odd}");
        }
    }

    #[test]
    fn refusals_go_round_and_failures_come_to_an_end() {
        let first = Attempt::default();
        assert_eq!(first.after_refusal(1), None);
        let (second, is_over) = first.after_refusal(2).unwrap();
        assert_eq!((second.choice, is_over), (1, false));
        let (third, is_over) = second.after_refusal(2).unwrap();
        assert_eq!((third.choice, is_over), (0, true));

        assert_eq!(first.after_failure(&id("1"), 1), None);
        let second = first.after_failure(&id("1"), 3).unwrap();
        let third = second.after_failure(&id("2"), 3).unwrap();
        assert_eq!(
            (third.choice, third.given_up, third.replaces.clone()),
            (2, 2, Some(id("2")))
        );
        assert_eq!(third.after_failure(&id("3"), 3), None);
        let far = Attempt {
            choice: usize::MAX,
            ..Attempt::default()
        };
        assert!(far.after_failure(&id("1"), 2).is_some_and(|next| next.choice < 2));
    }
}
