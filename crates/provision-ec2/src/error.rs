use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};

use crate::response;

/// How EC2 reports errors.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "ec2",
    title: "AWS",
    request_id_headers: &["x-amzn-requestid"],
    rate_limit_reset_header: None,
    classify,
};

/// EC2 names no wait. Its buckets refill by 2 to 20 requests a second:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
const THROTTLED_WAIT: Duration = Duration::from_secs(2);

/// The code decides, not the status, which is documented as 4xx or 5xx only:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html>.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some((code, message)) = response::error(failure.body) else {
        return match failure.status {
            // EC2 never says so: this comes from something else that listens there.
            404 | 410 => VendorError::new(ErrorKind::UnexpectedResponse, "the endpoint is not EC2's: check it"),
            _ => failure.by_status(),
        };
    };
    let kind = kind_of_code(&code, failure.status);
    let message = match hint(&code) {
        Some(hint) => format!("{}; {hint}", message.trim_end_matches('.')),
        None => message,
    };
    let mut error = VendorError::new(kind, message).code(code);
    error.retry_after = (kind == ErrorKind::RateLimited).then_some(THROTTLED_WAIT);
    error
}

fn kind_of_code(code: &str, status: u16) -> ErrorKind {
    match code {
        "AuthFailure"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "RequestExpired"
        | "OptInRequired"
        | "PendingVerification"
        | "Blocked"
        | "UnrecognizedClientException"
        | "InvalidSignatureException" => ErrorKind::Unauthorized,
        "UnauthorizedOperation" | "AccessDeniedException" | "AccessDenied" | "OperationNotPermitted" => {
            ErrorKind::Forbidden
        }
        "InvalidInstanceID.NotFound" | "InvalidInstanceID.Malformed" => ErrorKind::NotFound,
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
        // Calling again cannot help.
        "IdempotentInstanceTerminated" => ErrorKind::InvalidRequest,
        _ => match kind_of_status(status) {
            ErrorKind::NotFound | ErrorKind::Conflict => ErrorKind::InvalidRequest,
            kind => kind,
        },
    }
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "VPCIdNotSpecified" | "DefaultVpcDoesNotExist" | "MissingInput" => {
            "the account has no default VPC in this region: name a subnet with the additional setting `subnet-id`, or a VPC with `vpc-id`"
        }
        "IdempotentInstanceTerminated" => "the hosts made with this key were terminated: use a new key",
        "IdempotentParameterMismatch" => "a host made with this key and other wishes is about to become visible",
        "RequestExpired" => "check the clock of this machine",
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
    use provision_http::http::HeaderMap;

    use super::*;

    fn classified(status: u16, body: &str) -> VendorError {
        let headers = HeaderMap::new();
        classify(&Failure {
            operation: "test",
            subject: provision_http::Subject::Host,
            method: &provision_http::http::Method::GET,
            status,
            headers: &headers,
            body: body.as_bytes(),
        })
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
                    "RequestExpired",
                    "OptInRequired",
                    "PendingVerification",
                    "Blocked",
                ],
            ),
            (403, Forbidden, &["UnauthorizedOperation", "AccessDeniedException"]),
            (400, Forbidden, &["OperationNotPermitted"]),
            (
                400,
                NotFound,
                &["InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"],
            ),
            (
                400,
                InvalidRequest,
                &[
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
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>why &amp; how</Message></Error></Errors><RequestID>7c5b8f2e</RequestID></Response>"
                );
                let error = classified(status, &body);
                assert_eq!(error.kind, kind, "{code}");
                assert_eq!(error.code.as_deref(), Some(*code));
                assert!(error.message.starts_with("why & how"), "{}", error.message);
                assert_eq!(error.retry_after.is_some(), kind == RateLimited, "{code}");
            }
        }
    }

    #[test]
    fn without_a_code_the_status_decides_but_never_for_gone() {
        let table = [
            (503, "<html>gateway</html>", ErrorKind::Unavailable),
            (502, "", ErrorKind::Unavailable),
            (401, "", ErrorKind::Unauthorized),
            (404, "<html>no such page</html>", ErrorKind::UnexpectedResponse),
            (410, "", ErrorKind::UnexpectedResponse),
        ];
        for (status, body, kind) in table {
            assert_eq!(classified(status, body).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn without_a_default_vpc_the_settings_that_help_are_named() {
        let body = "<Response><Errors><Error><Code>VPCIdNotSpecified</Code><Message>No default VPC for this user.</Message></Error></Errors></Response>";
        let message = classified(400, body).message;
        assert!(
            message.contains("`subnet-id`") && message.contains("`vpc-id`"),
            "{message}"
        );
    }
}
