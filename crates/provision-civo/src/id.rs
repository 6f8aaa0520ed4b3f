//! A host's id has two parts, Civo's own id and the region: an instance that is asked for in another region is "not found".

use provision_core::{Error, HostId, Result};

/// Civo's id of an instance, and its region.
///
/// # Errors
/// `InvalidRequest` for any other form. A region that is missing is never guessed.
pub(crate) fn parse(id: &HostId) -> Result<(&str, String)> {
    let mut parts = id.parts();
    if let (Some(uuid), Some(code), None) = (parts.next(), parts.next(), parts.next())
        && let (Ok(uuid), Ok(region)) = (HostId::check_uuid(uuid), region(code))
    {
        return Ok((uuid, region));
    }
    Err(Error::invalid(format!(
        "`{}` is not a host id of Civo, which looks like `civo/<uuid>/<REGION>`: list the hosts to see theirs",
        id.to_text()
    )))
}

/// A region's code in the upper case in which the API answers it.
///
/// # Errors
/// `InvalidRequest` for what cannot be one.
pub(crate) fn region(code: &str) -> Result<String> {
    let good = (1..=32).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if good {
        return Ok(code.to_ascii_uppercase());
    }
    let shown: String = code.chars().take(40).collect();
    Err(Error::invalid(format!(
        "region {shown:?} is not a region of Civo: it must be a code such as LON1"
    )))
}
