use provision_core::{Error, HostId, Result};

/// The parts of a host's id: `ovh/<uuid>/<project>` as a person writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InstanceId<'a> {
    pub(crate) instance: &'a str,
    pub(crate) project: &'a str,
}

impl<'a> InstanceId<'a> {
    /// A project that is missing is not taken from the settings: the instance may be in another one, and a 404 there would say
    /// nothing about it.
    pub(crate) fn read(id: &'a HostId) -> Result<Self> {
        let parts: Vec<&str> = id.parts().collect();
        match parts.as_slice() {
            [instance, project] if HostId::check_uuid(instance).is_ok() && is_project(project) => {
                Ok(Self { instance, project })
            }
            _ => Err(Error::invalid(format!(
                "`{}` is not the whole id of an OVHcloud instance: write `ovh/<uuid>/<project>`, as `create` and `list` print it",
                id.to_text()
            ))),
        }
    }
}

/// Projects have 32 hexadecimal digits; other letters and digits are let through, because that is UNCONFIRMED for every
/// endpoint.
pub(crate) fn is_project(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "0123456789abcdef0123456789abcdef";
    const UUID: &str = "b3a8c1de-7a2f-4b21-9d0a-3e5d5c1f0001";

    #[test]
    fn an_id_names_its_instance_and_its_project() {
        let id = HostId::from_text(&format!("{UUID}/{PROJECT}")).unwrap();
        let read = InstanceId::read(&id).unwrap();
        assert_eq!((read.instance, read.project), (UUID, PROJECT));
    }

    #[test]
    fn what_is_missing_is_never_guessed() {
        for bad in [
            UUID,
            "512345678",
            "b3a8c1de/ff00",
            &format!("{UUID}/{PROJECT}/x"),
            &format!("{UUID}/a-b"),
            &format!("{PROJECT}/{UUID}"),
        ] {
            let error = InstanceId::read(&HostId::from_text(bad).unwrap()).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(&format!("`{bad}`")) && text.contains("`ovh/<uuid>/<project>`"),
                "{text}"
            );
        }
    }
}
