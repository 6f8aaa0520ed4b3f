use provision_core::ErrorKind;
use provision_http::{Failure, Subject, Vendor, VendorError, http::Method, kind_of_status};
use serde::Deserialize;

/// How the Resource Manager reports errors:
/// <https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors>.
pub(crate) const VENDOR: Vendor = Vendor::new("azure", "Azure", classify)
    .with_request_id_headers(&["x-ms-request-id", "x-ms-correlation-request-id"]);

/// The deployment runs already: what it makes is what was asked for.
pub(crate) const DEPLOYMENT_ACTIVE: &str = "DeploymentActive";
/// The group goes already. UNCONFIRMED: a second deletion may be answered with this instead of 202.
pub(crate) const BEING_DELETED: &str = "ResourceGroupBeingDeleted";
/// The token ran out although it should not have.
pub(crate) const TOKEN_EXPIRED: &str = "ExpiredAuthenticationToken";

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

/// An error, which may wrap others.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Detail {
    code: Option<String>,
    message: Option<String>,
    details: Option<Vec<Detail>>,
}

impl Detail {
    /// The innermost error, which is the cause: the others only say that something failed. An inner message may itself be
    /// an error in JSON.
    fn deepest(&self) -> Self {
        if let Some(inner) = self.details.iter().flatten().find(|inner| inner.code.is_some()) {
            return inner.deepest();
        }
        let message = self.message.as_deref().unwrap_or_default();
        match serde_json::from_str::<Body>(message) {
            Ok(Body { error }) if error.code.is_some() => error.deepest(),
            _ => self.clone(),
        }
    }

    /// Code and message of the cause, for people.
    pub(crate) fn cause(&self) -> String {
        let cause = self.deepest();
        let code = cause.code.unwrap_or_default();
        format!("{code}: {}", cause.message.unwrap_or_default())
    }
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(Body { error }) = failure.json::<Body>() else {
        return failure.by_status();
    };
    let Detail { code, message, .. } = error.deepest();
    let (Some(code), message) = (code, message.unwrap_or_default()) else {
        return failure.by_status();
    };
    let kind = kind(failure, &code, &message);
    let message = match code.as_str() {
        "MissingSubscriptionRegistration" => format!(
            "{message}; register it once: az provider register --namespace Microsoft.Compute, and the same for Microsoft.Network"
        ),
        "ScopeLocked" => format!("{message}; remove the lock first"),
        "SubscriptionNotFound" | "InvalidSubscriptionId" => {
            format!("{message}; check the setting `subscription-id` and the tenant")
        }
        _ => message,
    };
    let error = VendorError::new(kind, message).code(code);
    match kind {
        ErrorKind::UnexpectedResponse => error.not_about_it(),
        _ => error,
    }
}

/// Codes with no source named in Microsoft's reference are general knowledge (UNCONFIRMED); unknown ones go by status.
fn kind(failure: &Failure<'_>, code: &str, message: &str) -> ErrorKind {
    match code {
        "AuthenticationFailed"
        | "InvalidAuthenticationToken"
        | "InvalidAuthenticationTokenTenant"
        | "InvalidAuthenticationTokenAudience"
        | TOKEN_EXPIRED => ErrorKind::Unauthorized,
        "AuthorizationFailed"
        | "LinkedAuthorizationFailed"
        | "RequestDisallowedByPolicy"
        | "MissingSubscriptionRegistration"
        | "ReadOnlyDisabledSubscription"
        | "ScopeLocked" => ErrorKind::Forbidden,
        // Comes with 404, but a wrong subscription says nothing about a host.
        "SubscriptionNotFound" | "InvalidSubscriptionId" => ErrorKind::Forbidden,
        "SkuNotAvailable"
        | "AllocationFailed"
        | "ZonalAllocationFailed"
        | "OverconstrainedAllocationRequest"
        | "OverconstrainedZonalAllocationRequest" => ErrorKind::Capacity,
        "QuotaExceeded"
        | "ResourceQuotaExceeded"
        // Such as 980 groups in a subscription:
        // https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/azure-subscription-service-limits
        | "ResourceCountExceedsLimit"
        | "ResourceGroupQuotaExceeded"
        | "PublicIPCountLimitReached"
        | "IPv4BasicSkuPublicIpCountLimitReached" => ErrorKind::Quota,
        "OperationNotAllowed" if message.to_ascii_lowercase().contains("quota") => ErrorKind::Quota,
        // Answered with 429, but it is a lock.
        "RetryableErrorDueToAnotherOperation" => ErrorKind::Conflict,
        _ if failure.status == 429 => ErrorKind::RateLimited,
        DEPLOYMENT_ACTIVE | BEING_DELETED | "AnotherOperationInProgress" => ErrorKind::Conflict,
        "InvalidResourceGroupLocation" | "ResourceExistsInAnotherLocation" => ErrorKind::AlreadyExists,
        "PlatformImageNotFound" | "ImageNotFound" | "PropertyChangeNotAllowed" => ErrorKind::InvalidRequest,
        _ if matches!(failure.status, 404 | 410) => missing(failure, code),
        _ => kind_of_status(failure.status),
    }
}

/// What it means that something is missing. Only that its group is gone can be said of a host, and only in these words: the
/// Resource Manager answers a path that it does not know with 404 as well.
fn missing(failure: &Failure<'_>, code: &str) -> ErrorKind {
    let gone = match failure.subject {
        Subject::Host => code == "ResourceGroupNotFound",
        Subject::Part => matches!(
            code,
            "ResourceGroupNotFound" | "ResourceNotFound" | "DeploymentNotFound"
        ),
        // Something that the request names, which is for the client to say.
        Subject::NewHost | Subject::Other => true,
    };
    match (gone, failure.method == Method::PUT, failure.subject) {
        // The group that was made a moment ago is not known everywhere yet, or was removed in between.
        (true, true, Subject::Host) => ErrorKind::Conflict,
        (false, true, Subject::Host) => ErrorKind::InvalidRequest,
        (true, ..) => ErrorKind::NotFound,
        (false, ..) => ErrorKind::UnexpectedResponse,
    }
}

#[cfg(test)]
mod tests {
    use provision_testkit::tables::{self, classify};
    use serde_json::json;

    use super::*;

    fn body(code: &str) -> String {
        json!({"error": {"code": code, "message": "why"}}).to_string()
    }

    /// Checks the answers with these codes to a request.
    fn check(method: &Method, subject: Subject, table: &[(u16, &str, ErrorKind)]) {
        let bodies: Vec<String> = table.iter().map(|(_, code, _)| body(code)).collect();
        let rows = table.iter().zip(&bodies);
        let rows: Vec<_> = rows
            .map(|((status, _, kind), body)| (*status, body.as_str(), *kind))
            .collect();
        tables::errors_of(&VENDOR, method, subject, &rows);
    }

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        check(
            &Method::GET,
            Subject::Host,
            &[
                (401, "AuthenticationFailed", ErrorKind::Unauthorized),
                (401, "InvalidAuthenticationToken", ErrorKind::Unauthorized),
                (401, "ExpiredAuthenticationToken", ErrorKind::Unauthorized),
                (401, "InvalidAuthenticationTokenTenant", ErrorKind::Unauthorized),
                (403, "AuthorizationFailed", ErrorKind::Forbidden),
                (403, "LinkedAuthorizationFailed", ErrorKind::Forbidden),
                (403, "RequestDisallowedByPolicy", ErrorKind::Forbidden),
                (409, "MissingSubscriptionRegistration", ErrorKind::Forbidden),
                (409, "ReadOnlyDisabledSubscription", ErrorKind::Forbidden),
                (409, "ScopeLocked", ErrorKind::Forbidden),
                (400, "InvalidParameter", ErrorKind::InvalidRequest),
                (409, "SkuNotAvailable", ErrorKind::Capacity),
                (404, "PlatformImageNotFound", ErrorKind::InvalidRequest),
                (404, "ImageNotFound", ErrorKind::InvalidRequest),
                (400, "LocationNotAvailableForResourceGroup", ErrorKind::InvalidRequest),
                (400, "LocationNotAvailableForResourceType", ErrorKind::InvalidRequest),
                (400, "NoRegisteredProviderFound", ErrorKind::InvalidRequest),
                (400, "QuotaExceeded", ErrorKind::Quota),
                (409, "ResourceCountExceedsLimit", ErrorKind::Quota),
                (400, "PublicIPCountLimitReached", ErrorKind::Quota),
                (400, "IPv4BasicSkuPublicIpCountLimitReached", ErrorKind::Quota),
                (409, "AllocationFailed", ErrorKind::Capacity),
                (409, "ZonalAllocationFailed", ErrorKind::Capacity),
                (409, "OverconstrainedAllocationRequest", ErrorKind::Capacity),
                (429, "TooManyRequests", ErrorKind::RateLimited),
                (429, "SubscriptionRequestsThrottled", ErrorKind::RateLimited),
                (429, "RetryableErrorDueToAnotherOperation", ErrorKind::Conflict),
                (409, "DeploymentActive", ErrorKind::Conflict),
                (409, "ResourceGroupBeingDeleted", ErrorKind::Conflict),
                (409, "AnotherOperationInProgress", ErrorKind::Conflict),
                (409, "InvalidResourceGroupLocation", ErrorKind::AlreadyExists),
                (409, "ResourceExistsInAnotherLocation", ErrorKind::AlreadyExists),
                (409, "PropertyChangeNotAllowed", ErrorKind::InvalidRequest),
                (400, "InvalidTemplate", ErrorKind::InvalidRequest),
                (400, "MissingApiVersionParameter", ErrorKind::InvalidRequest),
                (409, "SomethingNew", ErrorKind::Conflict),
                (503, "ServiceUnavailable", ErrorKind::Unavailable),
            ],
        );
        let cores =
            r#"{"error":{"code":"OperationNotAllowed","message":"exceeding approved Total Regional Cores quota"}}"#;
        tables::errors(&VENDOR, &[(409, cores, ErrorKind::Quota)]);
    }

    #[test]
    fn a_host_is_gone_when_its_group_is_and_in_these_words_only() {
        for method in [Method::GET, Method::DELETE] {
            check(
                &method,
                Subject::Host,
                &[
                    (404, "ResourceGroupNotFound", ErrorKind::NotFound),
                    (404, "ResourceNotFound", ErrorKind::UnexpectedResponse),
                    (404, "DeploymentNotFound", ErrorKind::UnexpectedResponse),
                    (404, "NotFound", ErrorKind::UnexpectedResponse),
                    (404, "InvalidResourceType", ErrorKind::UnexpectedResponse),
                    (410, "Gone", ErrorKind::UnexpectedResponse),
                    (404, "SubscriptionNotFound", ErrorKind::Forbidden),
                ],
            );
        }
        check(
            &Method::GET,
            Subject::Part,
            &[
                (404, "ResourceGroupNotFound", ErrorKind::NotFound),
                (404, "ResourceNotFound", ErrorKind::NotFound),
                (404, "DeploymentNotFound", ErrorKind::NotFound),
                (404, "NotFound", ErrorKind::UnexpectedResponse),
                (404, "SubscriptionNotFound", ErrorKind::Forbidden),
            ],
        );
        // A deployment into a group that is not known everywhere yet; and one that names what does not exist.
        check(
            &Method::PUT,
            Subject::Host,
            &[
                (404, "ResourceGroupNotFound", ErrorKind::Conflict),
                (404, "ResourceNotFound", ErrorKind::InvalidRequest),
                (404, "GalleryImageNotFound", ErrorKind::InvalidRequest),
            ],
        );
    }

    #[test]
    fn a_404_that_is_not_the_resource_manager_s_says_nothing_about_a_host() {
        for body in [
            "<html>not found</html>",
            "",
            r#"{"error":"invalid_request","error_description":"AADSTS900561: the endpoint only accepts POST requests"}"#,
            r#"{"error":{"message":"no route"}}"#,
            r#"{"message":"no route"}"#,
        ] {
            for subject in [Subject::Host, Subject::Part, Subject::NewHost, Subject::Other] {
                let error = classify(&VENDOR, &Method::GET, subject, 404, body);
                assert!(error.foreign && error.kind == ErrorKind::UnexpectedResponse, "{body}");
            }
        }
        tables::errors(&VENDOR, &[(502, "<html>", ErrorKind::Unavailable)]);
    }

    #[test]
    fn the_deepest_error_counts() {
        let body = json!({"error": {
            "code": "InvalidTemplateDeployment", "message": "not valid",
            "details": [{"code": "QuotaExceeded", "message": "Operation results in exceeding quota limits of Core."}],
        }});
        let error = classify(&VENDOR, &Method::PUT, Subject::Host, 400, &body.to_string());
        assert_eq!(
            (error.kind, error.code.as_deref()),
            (ErrorKind::Quota, Some("QuotaExceeded"))
        );
        let inner = json!({"error": {"code": "SkuNotAvailable", "message": "not in eastus", "details": []}});
        let failed: Detail = serde_json::from_value(json!({
            "code": "DeploymentFailed", "message": "At least one resource deployment operation failed.",
            "details": [{"code": "Conflict", "message": inner.to_string()}],
        }))
        .unwrap();
        assert_eq!(failed.cause(), "SkuNotAvailable: not in eastus");
    }
}
