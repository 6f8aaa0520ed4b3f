use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Subject, Vendor, VendorError, kind_of_status};

use crate::response;

/// How EC2 reports errors.
pub(crate) const VENDOR: Vendor = Vendor::new("ec2", "AWS", classify).with_request_id_headers(&["x-amzn-requestid"]);

/// EC2 names no wait. Its buckets refill by 2 to 20 requests a second:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
const THROTTLED_WAIT: Duration = Duration::from_secs(2);

/// The code decides, not the status, which is documented as 4xx or 5xx only:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html>.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some((code, message)) = response::error(failure.body) else {
        return failure.by_status();
    };
    let kind = kind_of_code(&code, failure);
    let message = match hint(&code) {
        Some(hint) => format!("{}; {hint}", message.trim_end_matches('.')),
        None => message,
    };
    let wait = (kind == ErrorKind::RateLimited).then_some(THROTTLED_WAIT);
    let error = VendorError::new(kind, message).code(code).retry_after(wait);
    match kind {
        ErrorKind::UnexpectedResponse => error.not_about_it(),
        _ => error,
    }
}

fn kind_of_code(code: &str, failure: &Failure<'_>) -> ErrorKind {
    match code {
        "AuthFailure"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "RequestExpired"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "OptInRequired"
        | "PendingVerification"
        | "Blocked"
        | "UnrecognizedClientException"
        | "InvalidSignatureException" => ErrorKind::Unauthorized,
        "UnauthorizedOperation" | "AccessDeniedException" | "AccessDenied" | "OperationNotPermitted" => {
            ErrorKind::Forbidden
        }
        "InvalidInstanceID.NotFound" if failure.subject == Subject::Host => ErrorKind::NotFound,
        "InvalidGroup.NotFound" if failure.subject == Subject::Part => ErrorKind::NotFound,
        "VcpuLimitExceeded"
        | "InstanceLimitExceeded"
        | "VolumeLimitExceeded"
        | "MaxIOPSLimitExceeded"
        | "SecurityGroupLimitExceeded"
        | "RulesPerSecurityGroupLimitExceeded"
        | "ResourceLimitExceeded"
        | "InsufficientFreeAddressesInSubnet" => ErrorKind::Quota,
        "InsufficientInstanceCapacity" | "InsufficientAddressCapacity" | "InsufficientVolumeCapacity" => {
            ErrorKind::Capacity
        }
        "RequestLimitExceeded" | "EC2ThrottledException" => ErrorKind::RateLimited,
        throttled if throttled.starts_with("Throttling") => ErrorKind::RateLimited,
        "InternalError" | "InternalFailure" | "ServerInternal" | "ServiceUnavailable" | "Unavailable" => {
            ErrorKind::Unavailable
        }
        "InvalidGroup.Duplicate" | "InvalidPermission.Duplicate" => ErrorKind::AlreadyExists,
        "IdempotentParameterMismatch"
        | "IncorrectInstanceState"
        | "IncorrectState"
        | "DependencyViolation"
        | "InvalidGroup.InUse" => ErrorKind::Conflict,
        _ => match kind_of_status(failure.status) {
            ErrorKind::Conflict => ErrorKind::InvalidRequest,
            // EC2 says so by its code; this comes from something else that listens there.
            ErrorKind::NotFound => ErrorKind::UnexpectedResponse,
            kind => kind,
        },
    }
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "VPCIdNotSpecified" | "DefaultVpcDoesNotExist" | "MissingInput" => {
            "the account has no default VPC in this region: name a subnet with the additional setting `subnet-id`, or a VPC with `vpc-id`"
        }
        "IdempotentInstanceTerminated" => "the host that was made with this client token is terminated",
        "IdempotentParameterMismatch" => "another host was just made with this key and is not visible yet",
        "RequestExpired" | "ExpiredToken" | "ExpiredTokenException" => {
            "the credentials have expired: renew the session token, or set the clock of this machine right"
        }
        "OperationNotPermitted" => "switch off the instance's termination protection",
        "Unsupported" | "InvalidInstanceType" => "choose another plan, or a subnet in another zone with `subnet-id`",
        "UnsupportedOperation" => "check that image and plan have the same processor architecture",
        "InvalidAMIID.NotFound" | "InvalidAMIID.Malformed" | "InvalidAMIID.Unavailable" => {
            "an image is an AMI id of the host's region, or a public SSM parameter"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use provision_http::http::Method;
    use provision_testkit::tables::{classify, errors, errors_of};

    use super::*;

    fn body(code: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>why &amp; how</Message></Error></Errors><RequestID>7c5b8f2e</RequestID></Response>"
        )
    }

    /// The codes of EC2's page of errors, with the statuses that are usual.
    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        use ErrorKind::*;
        let table: [(u16, ErrorKind, &[&str]); 11] = [
            (
                401,
                Unauthorized,
                &[
                    "AuthFailure",
                    "InvalidClientTokenId",
                    "SignatureDoesNotMatch",
                    "IncompleteSignature",
                    "MissingAuthenticationToken",
                    "OptInRequired",
                    "PendingVerification",
                    "Blocked",
                ],
            ),
            (
                400,
                Unauthorized,
                &["RequestExpired", "ExpiredToken", "ExpiredTokenException"],
            ),
            (403, Forbidden, &["UnauthorizedOperation", "AccessDeniedException"]),
            (400, Forbidden, &["OperationNotPermitted"]),
            (
                400,
                InvalidRequest,
                &[
                    "InvalidInstanceID.Malformed",
                    "InvalidGroup.NotFound",
                    "InvalidKeyPair.NotFound",
                    "InvalidSubnetID.NotFound",
                    "InvalidVpcID.NotFound",
                    "InvalidAMIID.NotFound",
                    "InvalidAMIID.Malformed",
                    "InvalidAMIID.Unavailable",
                    "InvalidParameterValue",
                    "Unsupported",
                    "UnsupportedOperation",
                    "InvalidZone.NotFound",
                    "InvalidAvailabilityZone",
                    "VPCIdNotSpecified",
                    "DefaultVpcDoesNotExist",
                    "MissingParameter",
                    "InvalidParameterCombination",
                    "UnknownParameter",
                    "InvalidUserData.Malformed",
                    "TagLimitExceeded",
                    "InvalidTagKey.Malformed",
                    "FilterLimitExceeded",
                    "IdempotentInstanceTerminated",
                    "SomethingNew",
                ],
            ),
            (
                400,
                Quota,
                &[
                    "VcpuLimitExceeded",
                    "InstanceLimitExceeded",
                    "VolumeLimitExceeded",
                    "MaxIOPSLimitExceeded",
                    "SecurityGroupLimitExceeded",
                    "RulesPerSecurityGroupLimitExceeded",
                    "ResourceLimitExceeded",
                    "InsufficientFreeAddressesInSubnet",
                ],
            ),
            (
                500,
                Capacity,
                &[
                    "InsufficientInstanceCapacity",
                    "InsufficientAddressCapacity",
                    "InsufficientVolumeCapacity",
                ],
            ),
            (
                503,
                RateLimited,
                &[
                    "RequestLimitExceeded",
                    "EC2ThrottledException",
                    "Throttling",
                    "ThrottlingException",
                ],
            ),
            (
                500,
                Unavailable,
                &[
                    "InternalError",
                    "InternalFailure",
                    "ServerInternal",
                    "ServiceUnavailable",
                    "Unavailable",
                ],
            ),
            (
                400,
                AlreadyExists,
                &["InvalidGroup.Duplicate", "InvalidPermission.Duplicate"],
            ),
            (
                400,
                Conflict,
                &[
                    "IdempotentParameterMismatch",
                    "IncorrectInstanceState",
                    "DependencyViolation",
                    "InvalidGroup.InUse",
                ],
            ),
        ];
        for (status, kind, codes) in table {
            for code in codes {
                let error = classify(&VENDOR, &Method::POST, Subject::Host, status, &body(code));
                assert_eq!(error.kind, kind, "{code}");
                assert_eq!(error.code.as_deref(), Some(*code));
                assert!(error.message.starts_with("why & how"), "{}", error.message);
                assert_eq!(error.retry_after.is_some(), kind == RateLimited, "{code}");
            }
        }
    }

    #[test]
    fn gone_is_only_what_the_request_names() {
        let (host, group) = (&*body("InvalidInstanceID.NotFound"), &*body("InvalidGroup.NotFound"));
        for (subject, of_host, of_group) in [
            (Subject::Host, ErrorKind::NotFound, ErrorKind::InvalidRequest),
            (Subject::Part, ErrorKind::InvalidRequest, ErrorKind::NotFound),
            (Subject::NewHost, ErrorKind::InvalidRequest, ErrorKind::InvalidRequest),
            (Subject::Other, ErrorKind::InvalidRequest, ErrorKind::InvalidRequest),
        ] {
            errors_of(
                &VENDOR,
                &Method::POST,
                subject,
                &[(400, host, of_host), (400, group, of_group)],
            );
        }
    }

    #[test]
    fn without_a_code_the_status_decides_but_never_for_gone() {
        errors(
            &VENDOR,
            &[
                (503, "<html>gateway</html>", ErrorKind::Unavailable),
                (502, "", ErrorKind::Unavailable),
                (401, "", ErrorKind::Unauthorized),
                (404, "<html>no such page</html>", ErrorKind::UnexpectedResponse),
                (404, "", ErrorKind::UnexpectedResponse),
                (404, r#"{"message":"not found"}"#, ErrorKind::UnexpectedResponse),
                (
                    404,
                    "<Error><Code>NoSuchBucket</Code></Error>",
                    ErrorKind::UnexpectedResponse,
                ),
                (410, "", ErrorKind::UnexpectedResponse),
            ],
        );
    }

    #[test]
    fn what_helps_is_named() {
        for (code, help) in [
            ("VPCIdNotSpecified", ["`subnet-id`", "`vpc-id`"]),
            ("ExpiredToken", ["expired", "renew the session token"]),
            ("RequestExpired", ["renew the session token", "clock"]),
        ] {
            let message = classify(&VENDOR, &Method::POST, Subject::Other, 400, &body(code)).message;
            assert!(help.iter().all(|word| message.contains(word)), "{message}");
        }
    }
}
