//! Tables that every provider has, and one way to check them.

use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, http::HeaderMap};

/// What a vendor's classification makes of an error answer.
#[must_use]
pub fn classify(vendor: &Vendor, operation: &'static str, status: u16, body: &str) -> VendorError {
    (vendor.classify)(&Failure {
        operation,
        status,
        headers: &HeaderMap::new(),
        body: body.as_bytes(),
    })
}

/// Checks that every error answer, given as status and body, has its kind.
///
/// # Panics
/// When one has another kind.
pub fn errors(vendor: &Vendor, rows: &[(u16, &str, ErrorKind)]) {
    for (status, body, kind) in rows {
        let found = classify(vendor, "test", *status, body).kind;
        assert_eq!(found, *kind, "{status} {body}");
    }
}
