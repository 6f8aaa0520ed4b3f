use std::fmt;

use provision_core::{Error, HostId, Invalid, Labels, Result};
use serde::Deserialize;

use crate::info::ZONES;

/// A zone such as `fr-par-1`: two letters, three letters and a digit, so that zones to come work as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(String);

impl Zone {
    /// Checks and wraps a zone.
    ///
    /// # Errors
    /// `InvalidRequest` that lists the known zones when the text does not have the form of one.
    pub fn new(text: &str) -> Result<Self> {
        let letters = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_lowercase());
        let parts: Vec<&str> = text.split('-').collect();
        match parts.as_slice() {
            [country, city, number]
                if letters(country, 2)
                    && letters(city, 3)
                    && number.len() == 1
                    && number.bytes().all(|byte| (b'1'..=b'9').contains(&byte)) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Error::unknown_region(text, &ZONES.map(|(zone, _)| zone))),
        }
    }

    /// The zone as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The id of a thing at Scaleway, in lower case; checked, because it goes into URLs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Uuid(String);

impl Uuid {
    pub(crate) fn new(text: &str) -> Result<Self, Invalid> {
        Ok(Self(HostId::check_uuid(text)?.to_ascii_lowercase()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Uuid {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(&text)
    }
}

/// The parts of a host's id, `<uuid>|<zone>`: a server is only found in its own zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerId {
    pub(crate) zone: Zone,
    pub(crate) server: Uuid,
}

impl ServerId {
    pub(crate) fn parse(id: &HostId) -> Result<Self> {
        let mut parts = id.parts();
        let (server, zone, more) = (parts.next(), parts.next(), parts.next());
        match (server.map(Uuid::new), zone, more) {
            (Some(Ok(server)), Some(zone), None) => Ok(Self {
                zone: Zone::new(zone)?,
                server,
            }),
            _ => Err(Error::invalid(format!(
                "`{}` is not a host id of Scaleway: a whole one is `scaleway/<uuid>/<zone>`, as `create` and `list` print it",
                id.to_text()
            ))),
        }
    }

    pub(crate) fn host_id(&self) -> Result<HostId, Invalid> {
        HostId::from_parts([self.server.as_str(), self.zone.as_str()])
    }
}

/// The tag of a server with the id of the security group that was made for it, so that whoever has the host has the group.
pub(crate) const GROUP_TAG: &str = "provision-group";

/// The security group that was made for the server with these labels.
pub(crate) fn group_of(labels: &Labels) -> Option<Uuid> {
    let id = labels.get(GROUP_TAG).filter(|_| labels.is_managed())?;
    Uuid::new(id).ok()
}

#[cfg(test)]
mod tests {
    use provision_core::ErrorKind;

    use super::*;

    const SERVER: &str = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";

    #[test]
    fn an_id_has_a_server_and_its_zone_and_neither_is_guessed() {
        let parsed = |text: &str| ServerId::parse(&HostId::from_text(text).unwrap());
        let whole = parsed(&format!("{}/fr-par-1", SERVER.to_uppercase())).unwrap();
        assert_eq!(whole.host_id().unwrap().as_str(), format!("{SERVER}|fr-par-1"));
        for bad in [
            "512",
            "fr-par-1",
            SERVER,
            &format!("{SERVER}/fr-par-1/x"),
            &format!("fr-par-1/{SERVER}"),
        ] {
            let error = parsed(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{bad}");
            let text = error.to_string();
            assert!(
                text.contains("`scaleway/<uuid>/<zone>`") && text.contains(bad),
                "{text}"
            );
        }
        let elsewhere = parsed(&format!("{SERVER}/paris")).unwrap_err().to_string();
        assert!(elsewhere.contains("fr-par-1"), "{elsewhere}");
    }

    #[test]
    fn zones_are_checked_by_their_form() {
        for good in ZONES.map(|(zone, _)| zone).into_iter().chain(["de-ber-1"]) {
            assert!(Zone::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "fr-par",
            "fr-par-0",
            "fr-par-10",
            "FR-PAR-1",
            "fr-par-1-1",
            "fr/par-1",
            "nowhere-9",
        ] {
            let error = Zone::new(bad).unwrap_err().to_string();
            assert!(error.contains("it-mil-1"), "{error}");
        }
    }
}
