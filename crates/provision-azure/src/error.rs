use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How Azure reports errors. FILL-IN: its headers.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "azure",
    request_id_headers: &[],
    rate_limit_reset_header: None,
    classify,
};

#[derive(Deserialize)]
struct Body {
    code: String,
    #[serde(default)]
    message: String,
}

/// FILL-IN: the codes that mean more than their HTTP status, with the vendor's page: sold out, quota, name taken, busy.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(Body { code, message }) = failure.json::<Body>() else {
        return failure.by_status();
    };
    VendorError::new(kind_of_status(failure.status), message).code(code)
}

#[cfg(test)]
mod tests {
    use provision_core::ErrorKind;
    use provision_http::http::HeaderMap;

    use super::*;

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        let table = [
            (
                404,
                r#"{"code":"not_found","message":"no such instance"}"#,
                ErrorKind::NotFound,
            ),
            (503, "<html>gateway</html>", ErrorKind::Unavailable),
            (429, "", ErrorKind::RateLimited),
        ];
        for (status, body, kind) in table {
            let headers = HeaderMap::new();
            let failure = Failure {
                operation: "test",
                status,
                headers: &headers,
                body: body.as_bytes(),
            };
            assert_eq!(classify(&failure).kind, kind, "{status} {body}");
        }
    }
}
