//! A host's id has two parts, Nova's id and the region: each region has servers of its own.

use provision_core::{Error, HostId, Result};

/// Nova's id of a server, and its region.
///
/// # Errors
/// `InvalidRequest` for any other form. A region that is missing is never guessed.
pub(crate) fn parse(id: &HostId) -> Result<(&str, &str)> {
    let mut parts = id.parts();
    if let (Some(uuid), Some(name), None) = (parts.next(), parts.next(), parts.next())
        && let (Ok(uuid), Ok(name)) = (HostId::check_uuid(uuid), region(name))
    {
        return Ok((uuid, name));
    }
    Err(Error::invalid(format!(
        "`{}` is not a host id of OpenStack, which looks like `openstack/<uuid>/<region>`: list the hosts to see theirs",
        id.to_text()
    )))
}

/// A region's name, as the service catalog spells it: a part of an id.
///
/// # Errors
/// `InvalidRequest` for what cannot be one.
pub(crate) fn region(name: &str) -> Result<&str> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let dots = name.bytes().all(|byte| byte == b'.');
    if (1..=100).contains(&name.len()) && name.bytes().all(good) && !dots {
        return Ok(name);
    }
    let shown: String = name.chars().take(40).collect();
    Err(Error::invalid(format!(
        "region {shown:?} is not a region of OpenStack: it must be a name such as RegionOne"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_needed() {
        let uuid = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";
        let id = |text: &str| HostId::new(text).unwrap();
        assert_eq!(parse(&id(&format!("{uuid}|GRA9"))).unwrap(), (uuid, "GRA9"));
        for bad in [
            uuid.to_owned(),
            format!("{uuid}|GRA9|x"),
            format!("{uuid}|(x)"),
            "1|GRA9".to_owned(),
        ] {
            parse(&id(&bad)).unwrap_err();
        }
        region("a b").unwrap_err();
        region("..").unwrap_err();
    }
}
