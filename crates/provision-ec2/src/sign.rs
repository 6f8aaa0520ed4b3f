use std::{sync::Arc, time::SystemTime};

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use provision_core::{Error, ErrorKind, ExposeSecret, Result, async_trait};
use provision_http::{Authorize, Request, http::header};

use crate::{
    auth::{Keys, Source},
    info::INFO,
};

/// Signs the requests to one region with
/// [Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) source: Arc<Source>,
    pub(crate) region: String,
}

#[async_trait]
impl Authorize for Signer {
    async fn authorize(&self, request: &mut Request) -> Result<()> {
        let keys = self.source.keys(&self.region).await?;
        sign_request(request, &keys, &self.region, "ec2", SystemTime::now())
    }
}

/// Adds date, session token and signature. Signed are `content-type`, `host` and what is added here: other headers may be
/// changed on their way.
fn sign_request(request: &mut Request, keys: &Keys, region: &str, service: &str, time: SystemTime) -> Result<()> {
    let failed = || {
        Error::new(
            ErrorKind::InvalidRequest,
            "the request cannot be signed: report this as a bug",
        )
    };
    let token = keys
        .session_token
        .as_ref()
        .map(|token| token.expose_secret().to_owned());
    let identity = aws_credential_types::Credentials::new(
        keys.access_key_id.clone(),
        keys.secret_access_key.expose_secret(),
        token,
        None,
        INFO.id,
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| failed())?
        .into();
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| ("content-type", value));
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.url().as_str(),
        content_type.into_iter(),
        SignableBody::Bytes(request.body_bytes()),
    )
    .map_err(|_| failed())?;
    let (instructions, _) = sign(signable, &parameters).map_err(|_| failed())?.into_parts();
    for header in instructions.into_parts().0 {
        if header.sensitive() || header.name() == "authorization" {
            request.set_secret_header(header.name(), header.value())?;
        } else {
            request.set_header(header.name(), header.value())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use provision_core::{SecretString, parse_rfc3339};

    use super::*;

    fn keys(token: Option<&str>) -> Keys {
        Keys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: SecretString::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: token.map(SecretString::from),
        }
    }

    fn authorization(url: &str, body: (&'static str, &'static str), token: Option<&str>, signed: [&str; 3]) -> String {
        let mut request = Request::post("test", url.parse().unwrap()).body(body.0, body.1);
        let [time, region, service] = signed;
        sign_request(
            &mut request,
            &keys(token),
            region,
            service,
            parse_rfc3339(time).unwrap(),
        )
        .unwrap();
        request.headers()["authorization"].to_str().unwrap().to_owned()
    }

    /// Computed with botocore 1.44.5 and by hand.
    #[test]
    fn signatures_are_those_of_botocore() {
        let body = (
            "application/x-www-form-urlencoded; charset=utf-8",
            "Action=DescribeInstances&Version=2016-11-15&MaxResults=5",
        );
        let url = "https://ec2.eu-west-1.amazonaws.com/";
        let signed = ["2025-01-02T03:04:05Z", "eu-west-1", "ec2"];
        assert_eq!(
            authorization(url, body, None, signed),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250102/eu-west-1/ec2/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=879ecc44662766a76a49a01b4bf5c04e896f141145e3422548345cca5fc29de7"
        );
        assert_eq!(
            authorization(url, body, Some("TOKENEXAMPLE"), signed),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250102/eu-west-1/ec2/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
             Signature=1f57300b2161254d7132ded2dff85d55b5e8f0c6114635d14c9e015645324c58"
        );
    }

    /// `post-x-www-form-urlencoded` of the suite that AWS published with its description of the algorithm (2015): see
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-test-suite.html>.
    #[test]
    fn signatures_are_those_of_the_published_suite() {
        let signed = ["2015-08-30T12:36:00Z", "us-east-1", "service"];
        let body = ("application/x-www-form-urlencoded", "Param1=value1");
        let found = authorization("https://example.amazonaws.com/", body, None, signed);
        assert!(
            found.ends_with("Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
            "{found}"
        );
    }

    #[test]
    fn neither_signature_nor_token_is_shown() {
        let mut request = Request::post("test", "https://ec2.eu-west-1.amazonaws.com/".parse().unwrap());
        sign_request(
            &mut request,
            &keys(Some("TOKENEXAMPLE")),
            "eu-west-1",
            "ec2",
            SystemTime::now(),
        )
        .unwrap();
        let shown = format!("{request:?} {:?}", keys(Some("TOKENEXAMPLE")));
        assert!(
            !shown.contains("TOKENEXAMPLE") && !shown.contains("Signature") && !shown.contains("wJalr"),
            "{shown}"
        );
    }
}
