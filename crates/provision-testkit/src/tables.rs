//! Tables that every provider has, and one way to check them.

use provision_core::ErrorKind;
use provision_http::{
    Failure, Subject, Vendor, VendorError,
    http::{HeaderMap, Method},
};

/// What a vendor's classification makes of an error answer to a request.
#[must_use]
pub fn classify(vendor: &Vendor, method: &Method, subject: Subject, status: u16, body: &str) -> VendorError {
    let headers = HeaderMap::new();
    (vendor.classify)(&Failure::new(subject, method, status, &headers, body.as_bytes()))
}

/// Checks that every error answer to the read of a host, given as status and body, has its kind.
///
/// # Panics
/// When one has another kind.
pub fn errors(vendor: &Vendor, rows: &[(u16, &str, ErrorKind)]) {
    errors_of(vendor, &Method::GET, Subject::Host, rows);
}

/// As [`errors`], for another request.
///
/// # Panics
/// When one has another kind.
pub fn errors_of(vendor: &Vendor, method: &Method, subject: Subject, rows: &[(u16, &str, ErrorKind)]) {
    for (status, body, kind) in rows {
        let found = classify(vendor, method, subject, *status, body).kind;
        assert_eq!(found, *kind, "{method} {subject:?} {status} {body}");
    }
}
