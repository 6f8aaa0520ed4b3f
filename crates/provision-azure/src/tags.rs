//! What groups, deployments and all that they make are tagged with: the labels, and facts that lists need and that the
//! Resource Manager does not show.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use provision_core::{Labels, Order, unix_seconds};

const CREATED: &str = "provision-created";
const PLAN: &str = "provision-plan";
const IMAGE: &str = "provision-image";

/// The longest value of a tag.
const MAX_LEN: usize = 256;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Tags(BTreeMap<String, Option<String>>);

/// The tags of a host that is made at this time.
pub(crate) fn of_order(order: &Order, created: SystemTime) -> BTreeMap<String, String> {
    let labels = order.labels.iter();
    let mut tags: BTreeMap<String, String> = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    tags.insert(CREATED.to_owned(), unix_seconds(created).to_string());
    tags.insert(PLAN.to_owned(), order.plan.clone());
    if order.image.len() <= MAX_LEN {
        tags.insert(IMAGE.to_owned(), order.image.clone());
    }
    tags
}

impl Tags {
    /// The labels among them.
    pub(crate) fn labels(&self) -> Labels {
        let tags = self.0.iter();
        let tags = tags.filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_deref()?)));
        let tags: Vec<(String, &str)> = tags
            .filter(|(name, _)| ![CREATED, PLAN, IMAGE].contains(&name.as_str()))
            .collect();
        Labels::from_vendor(tags.iter().map(|(name, value)| (name.as_str(), *value)))
    }

    pub(crate) fn created(&self) -> Option<SystemTime> {
        let seconds = self.get(CREATED)?.parse().ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }

    pub(crate) fn plan(&self) -> Option<&str> {
        self.get(PLAN)
    }

    pub(crate) fn image(&self) -> Option<&str> {
        self.get(IMAGE)
    }

    /// Names of tags compare without case.
    fn get(&self, name: &str) -> Option<&str> {
        let mut tags = self.0.iter();
        let (_, value) = tags.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        value.as_deref()
    }
}
