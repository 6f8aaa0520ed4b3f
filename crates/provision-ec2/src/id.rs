use provision_core::{Error, HostId, Result};

/// The parts of a host's id: an instance is only known in its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InstanceId<'a> {
    pub(crate) instance: &'a str,
    pub(crate) region: &'a str,
}

impl<'a> InstanceId<'a> {
    /// Reads an id. A region that is missing is not guessed: elsewhere the instance does not exist, which would look like gone.
    pub(crate) fn parse(id: &'a HostId) -> Result<Self> {
        let parts: Vec<&str> = id.parts().collect();
        let (instance, region) = match *parts.as_slice() {
            [instance, region] if is_instance(instance) => (instance, region),
            [instance] if is_instance(instance) => return Err(malformed(id, "lacks its region")),
            _ => return Err(malformed(id, "is not a host id of EC2")),
        };
        check_region(region)?;
        Ok(Self { instance, region })
    }
}

fn malformed(id: &HostId, what: &str) -> Error {
    Error::invalid(format!(
        "`{}` {what}: a whole one looks like `ec2/i-0a1b2c3d4e5f60718/eu-west-1`",
        id.to_text()
    ))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>
fn is_instance(text: &str) -> bool {
    let hex = text.strip_prefix("i-").unwrap_or_default();
    matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Checks that a text has the form of a region, such as `eu-west-1` or `us-gov-east-1`, as it becomes part of a host name.
pub(crate) fn check_region(region: &str) -> Result<()> {
    let parts: Vec<&str> = region.split('-').collect();
    let is_region = match parts.as_slice() {
        [area, names @ .., number] => {
            area.len() >= 2
                && !names.is_empty()
                && [*area]
                    .iter()
                    .chain(names)
                    .all(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()))
                && (1..=2).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    };
    if is_region && region.len() <= 32 {
        return Ok(());
    }
    let shown: String = region.chars().take(40).collect();
    Err(Error::invalid(format!(
        "region {shown:?} does not exist: AWS's are written like `us-east-1` (a zone such as `us-east-1a` is chosen by `subnet-id`)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_an_instance_and_its_region() {
        let read = |text: &str| {
            InstanceId::parse(&text.parse().unwrap()).map(|id| (id.instance.to_owned(), id.region.to_owned()))
        };
        let expected = ("i-0a1b2c3d4e5f60718".to_owned(), "eu-west-1".to_owned());
        assert_eq!(read("i-0a1b2c3d4e5f60718|eu-west-1").unwrap(), expected);
        assert!(read("i-0a1b2c3d|us-gov-east-1").is_ok());
        for bad in [
            "i-0a1b2c3d4e5f60718",
            "web-1|eu-west-1",
            "i-0A1B2C3D|eu-west-1",
            "i-0a1b2c3d|eu-west-1|x",
        ] {
            let error = read(bad).unwrap_err();
            assert_eq!(error.kind(), provision_core::ErrorKind::InvalidRequest, "{bad}");
            let text = error.to_string();
            assert!(
                text.contains("`ec2/i-0a1b2c3d4e5f60718/eu-west-1`") && !text.contains('|'),
                "{text}"
            );
        }
        assert!(read("i-0a1b2c3d|nowhere").is_err());
    }

    #[test]
    fn regions_have_a_form_that_fits_a_host_name() {
        for good in [
            "us-east-1",
            "ap-southeast-7",
            "us-gov-west-1",
            "cn-north-1",
            "us-iso-east-1",
        ] {
            assert!(check_region(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "nowhere-9",
            "us-east-1a",
            "us-east-1.evil.example",
            "us_east_1",
            "US-EAST-1",
            "us--1",
            "-a-1",
        ] {
            assert!(check_region(bad).is_err(), "{bad}");
        }
    }
}
