use provision_core::{Error, HostId, Result};

/// What a host id names: a device, and the project that it belongs to where the id says so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeviceId<'a> {
    pub(crate) device: &'a str,
    pub(crate) project: Option<&'a str>,
}

impl<'a> DeviceId<'a> {
    /// Takes `device|project` apart; a device alone will do.
    pub(crate) fn parse(id: &'a HostId) -> Result<Self> {
        let mut parts = id.parts().map(|part| HostId::check_uuid(part).ok());
        match (parts.next().flatten(), parts.next(), parts.next()) {
            (Some(device), None, None) => Ok(Self { device, project: None }),
            (Some(device), Some(Some(project)), None) => Ok(Self {
                device,
                project: Some(project),
            }),
            _ => Err(Error::invalid(format!(
                "`{}` is not a host id of Packet: it must be {WHOLE}",
                id.to_text()
            ))),
        }
    }
}

/// How a whole id looks in text, where it stands behind the provider's name.
pub(crate) const WHOLE: &str = "`packet/<device>/<project>` with two UUIDs, as `list` prints it";

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "f3f131c8-f302-49ef-8c44-9405022dc6dd";
    const DEVICE: &str = "9f7eafab-6f6b-4ae4-988d-c2a686367791";

    #[test]
    fn an_id_is_one_uuid_or_two() {
        let read = |text: &str| {
            let id = HostId::new(text).unwrap();
            DeviceId::parse(&id).map(|id| (id.device.to_owned(), id.project.map(str::to_owned)))
        };
        assert_eq!(read(DEVICE).unwrap(), (DEVICE.to_owned(), None));
        let both = format!("{DEVICE}|{PROJECT}");
        assert_eq!(read(&both).unwrap(), (DEVICE.to_owned(), Some(PROJECT.to_owned())));
        for bad in ["9f7eafab", "12", &format!("{DEVICE}|x"), &format!("{both}|x")] {
            let error = read(bad).unwrap_err().to_string();
            assert!(
                error.contains("packet/<device>/<project>") && !error.contains('|'),
                "{error}"
            );
        }
    }
}
