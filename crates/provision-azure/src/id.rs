use provision_core::{Error, HostId, Result};

/// What the name of a host's resource group starts with.
const PREFIX: &str = "provision-";

/// What the names of inlets-operator's resource groups and deployments start with. The machine in its group has the group's
/// name without that:
/// <https://github.com/inlets/cloud-provision/blob/5786ca1/provision/azure.go>.
const INLETS_GROUP: &str = "inlets-";
const INLETS_DEPLOYMENT: &str = "deployment-";

/// Where a host is: its group, its deployment and its machine, whose name is the deployment's where we made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) deployment: String,
    pub(crate) name: String,
}

impl Target {
    /// Where the host of this name is, or will be.
    pub(crate) fn of_host(name: &str) -> Self {
        Self {
            group: format!("{PREFIX}{name}"),
            deployment: name.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The host of a group: called like the group, or like the machine in a group that somebody else named.
    pub(crate) fn of_group(group: &str, machine: Option<&str>) -> Self {
        let name = group.strip_prefix(PREFIX).or(machine).unwrap_or(group);
        Self {
            group: group.to_owned(),
            deployment: name.to_owned(),
            name: name.to_owned(),
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
            (Some(group), Some(deployment), None) if valid(group, 90) && valid(deployment, 64) => Ok(Self {
                group: group.to_owned(),
                deployment: deployment.to_owned(),
                name: machine_of_inlets(group, deployment).unwrap_or(deployment).to_owned(),
            }),
            _ => Err(Error::invalid(format!(
                "`{}` is not a host id of Azure: it has a resource group and a deployment, such as `azure/provision-web-1/web-1`",
                id.to_text()
            ))),
        }
    }

    pub(crate) fn id(&self) -> Result<HostId> {
        Ok(HostId::from_parts([self.group.as_str(), self.deployment.as_str()])?)
    }

    /// Whether the names are those that inlets-operator gives.
    pub(crate) fn is_of_inlets(&self) -> bool {
        machine_of_inlets(&self.group, &self.deployment).is_some()
    }
}

fn machine_of_inlets<'a>(group: &'a str, deployment: &str) -> Option<&'a str> {
    let machine = group.strip_prefix(INLETS_GROUP)?;
    (!machine.is_empty() && deployment.starts_with(INLETS_DEPLOYMENT)).then_some(machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_inlets_operator_names_its_deployment_and_its_group_the_machine() {
        let read = |text: &str| {
            let target = Target::of_id(&text.parse().unwrap()).unwrap();
            assert_eq!(target.id().unwrap().as_str(), text);
            (target.is_of_inlets(), target.name, target.deployment)
        };
        let text = |text: &str| text.to_owned();
        assert_eq!(
            read("inlets-web-tunnel|deployment-1"),
            (true, text("web-tunnel"), text("deployment-1"))
        );
        for ours in ["provision-web-1|web-1", "inlets-web-1|web-1", "inlets-|web-1"] {
            assert_eq!(read(ours), (false, text("web-1"), text("web-1")));
        }
    }
}
