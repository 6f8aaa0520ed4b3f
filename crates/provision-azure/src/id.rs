use provision_core::{Error, HostId, Result};

/// What the name of a host's resource group starts with.
const PREFIX: &str = "provision-";

/// Where a host is: its group, and its deployment with the machine of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) name: String,
}

impl Target {
    /// Where the host of this name is, or will be.
    pub(crate) fn of_host(name: &str) -> Self {
        Self {
            group: format!("{PREFIX}{name}"),
            name: name.to_owned(),
        }
    }

    /// The host of a group: called like the group, or like the machine in a group that somebody else named.
    pub(crate) fn of_group(group: &str, machine: Option<&str>) -> Self {
        Self {
            group: group.to_owned(),
            name: group.strip_prefix(PREFIX).or(machine).unwrap_or(group).to_owned(),
        }
    }

    /// Reads `group|deployment`. Both are checked before they become parts of a URL:
    /// <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules>.
    pub(crate) fn of_id(id: &HostId) -> Result<Self> {
        let valid = |name: &str, most: usize| {
            (1..=most).contains(&name.len())
                && !name.ends_with('.')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "._()-".contains(c))
        };
        let mut parts = id.parts();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(group), Some(name), None) if valid(group, 90) && valid(name, 64) => Ok(Self {
                group: group.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(Error::invalid(format!(
                "`{}` is not a host id of Azure: it has a resource group and a deployment, such as `azure/provision-web-1/web-1`",
                id.to_text()
            ))),
        }
    }

    pub(crate) fn id(&self) -> Result<HostId> {
        Ok(HostId::from_parts([self.group.as_str(), self.name.as_str()])?)
    }
}
