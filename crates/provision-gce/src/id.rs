use provision_core::{Error, HostId, MANAGED_BY, MANAGED_BY_LABEL, Result};

/// Which instance: names are unique in a zone of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) project: String,
    /// In ids of the Go package: the region of a reserved address that has the host's name.
    pub(crate) address_region: Option<String>,
}

impl Target {
    pub(crate) fn new(name: impl Into<String>, zone: impl Into<String>, project: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            zone: zone.into(),
            project: project.into(),
            address_region: None,
        }
    }

    /// Reads `name|zone|project`, or the Go package's `name|zone|project|region`. What is missing is not guessed: a host of
    /// that name in another zone or project is another host.
    pub(crate) fn parse(id: &HostId) -> Result<Self> {
        let mut parts = id.parts();
        let mut next = || parts.next();
        if let (Some(name), Some(zone), Some(project), region) = (next(), next(), next(), next()) {
            let mut target = Self::new(name, zone, project);
            target.address_region = region.map(str::to_owned);
            if is_name(name)
                && check_zone(zone).is_ok()
                && is_project(project)
                && region.is_none_or(|region| region == region_of(zone))
            {
                return Ok(target);
            }
        }
        Err(Error::invalid(format!(
            "`{}` is not the whole id of a host of Google Compute Engine: it has a name, a zone and a project, as in `gce/web-1/us-central1-a/my-project`",
            id.to_text()
        )))
    }

    pub(crate) fn id(&self) -> Result<HostId> {
        let parts = [&self.name, &self.zone, &self.project].map(String::as_str);
        Ok(HostId::from_parts(
            parts.into_iter().chain(self.address_region.as_deref()),
        )?)
    }

    /// The name of the rule that lets ports in, and the network tag that ties rules to the host.
    pub(crate) fn allow_rule(&self) -> String {
        format!("{}-fw", self.name)
    }

    /// The name of the rule that closes everything else.
    pub(crate) fn deny_rule(&self) -> String {
        format!("{}-no", self.name)
    }

    /// What marks a rule as the host's, in its description: rules have no labels, and their names belong to the whole project.
    pub(crate) fn rule_mark(&self) -> String {
        format!("{MANAGED_BY_LABEL}={MANAGED_BY} host={}/{}", self.zone, self.name)
    }
}

/// An id such as `my-project`, or `example.com:my-project` in an old organisation.
pub(crate) fn is_project(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".:-".contains(&b))
}

/// A name of the API: a lower-case letter, then lower-case letters, digits and hyphens.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A zone such as `us-central1-a`: its region is what stands before the last hyphen.
pub(crate) fn check_zone(text: &str) -> Result<()> {
    let ends_with_letter = text.ends_with(|c: char| c.is_ascii_lowercase());
    if is_name(text) && ends_with_letter && text.matches('-').count() >= 2 {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "region {text:?} is not a zone: hosts are made in zones such as us-central1-a, list them with `regions`"
    )))
}

/// The region of a zone: `us-central1` of `us-central1-a`.
pub(crate) fn region_of(zone: &str) -> &str {
    zone.rsplit_once('-').map_or(zone, |(region, _)| region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_not_a_zone() {
        for good in ["us-central1-a", "europe-west10-c", "us-central1-ai1a"] {
            assert!(check_zone(good).is_ok(), "{good}");
        }
        for bad in ["us-central1", "nowhere-9", "b", "us-central1-A", "", "us-central1-"] {
            assert!(check_zone(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_is_read_whole_or_not_at_all() {
        for whole in ["web-1|us-central1-a|p1", "web-1|us-central1-a|p1|us-central1"] {
            let id: HostId = whole.parse().unwrap();
            assert_eq!(Target::parse(&id).unwrap().id().unwrap(), id);
        }
        for bad in [
            "web-1",
            "web-1|us-central1-a",
            "web-1|p1",
            "web-1|us-central1|p1",
            "Web|us-central1-a|p1",
            "web-1|us-central1-a|p1|europe-west1",
        ] {
            let error = Target::parse(&bad.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains("`gce/web-1/us-central1-a/my-project`"), "{bad}: {error}");
            assert!(!error.contains('|'), "{error}");
        }
    }
}
