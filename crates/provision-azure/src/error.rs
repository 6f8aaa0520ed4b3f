use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How the Resource Manager reports errors:
/// <https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors>.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "azure",
    title: "Azure",
    request_id_headers: &["x-ms-request-id", "x-ms-correlation-request-id"],
    rate_limit_reset_header: None,
    classify,
};

/// The deployment runs already: what it makes is what was asked for.
pub(crate) const DEPLOYMENT_ACTIVE: &str = "DeploymentActive";
/// The token ran out although it should not have.
pub(crate) const TOKEN_EXPIRED: &str = "ExpiredAuthenticationToken";
/// The operations after which "not found" is about what the request names, not about the host.
pub(crate) const CREATE_GROUP: &str = "create resource group";
pub(crate) const CREATE_DEPLOYMENT: &str = "create deployment";

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

/// An error, which may wrap others.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Detail {
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
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
        return match failure.status {
            // Not the words of the Resource Manager: nothing is known to be gone.
            404 => VendorError::new(
                ErrorKind::UnexpectedResponse,
                "this is not the Resource Manager: check the setting `endpoint`",
            ),
            _ => failure.by_status(),
        };
    };
    let Detail { code, message, .. } = error.deepest();
    let (code, message) = (code.unwrap_or_default(), message.unwrap_or_default());
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
    VendorError::new(kind, message).code(code)
}

/// Codes with no source named in Microsoft's reference are general knowledge (UNCONFIRMED); unknown ones go by status.
fn kind(failure: &Failure<'_>, code: &str, message: &str) -> ErrorKind {
    let creates = matches!(failure.operation, CREATE_GROUP | CREATE_DEPLOYMENT);
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
        | "PublicIPCountLimitReached"
        | "IPv4BasicSkuPublicIpCountLimitReached"
        | "ResourceGroupQuotaExceeded" => ErrorKind::Quota,
        "OperationNotAllowed" if message.to_ascii_lowercase().contains("quota") => ErrorKind::Quota,
        // Answered with 429, but it is a lock.
        "RetryableErrorDueToAnotherOperation" => ErrorKind::Conflict,
        _ if failure.status == 429 => ErrorKind::RateLimited,
        DEPLOYMENT_ACTIVE | "ResourceGroupBeingDeleted" | "AnotherOperationInProgress" => ErrorKind::Conflict,
        "InvalidResourceGroupLocation" | "ResourceExistsInAnotherLocation" => ErrorKind::AlreadyExists,
        "PlatformImageNotFound" | "ImageNotFound" => ErrorKind::InvalidRequest,
        "PropertyChangeNotAllowed" => ErrorKind::InvalidRequest,
        // The group that was made a moment ago is not known everywhere yet, or was removed in between.
        "ResourceGroupNotFound" | "ResourceNotFound" | "NotFound" if creates => ErrorKind::Conflict,
        "ResourceGroupNotFound" | "ResourceNotFound" | "DeploymentNotFound" | "NotFound" => ErrorKind::NotFound,
        _ if failure.status == 404 && creates => ErrorKind::InvalidRequest,
        // Only the codes above say that a host is gone.
        _ if failure.status == 404 => ErrorKind::UnexpectedResponse,
        _ => kind_of_status(failure.status),
    }
}

#[cfg(test)]
mod tests {
    use provision_http::http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn classified(operation: &'static str, status: u16, body: &str) -> VendorError {
        classify(&Failure {
            operation,
            subject: provision_http::Subject::Host,
            method: &provision_http::http::Method::GET,
            status,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
        })
    }

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        let table = [
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
            (404, "SubscriptionNotFound", ErrorKind::Forbidden),
            (404, "ResourceGroupNotFound", ErrorKind::NotFound),
            (404, "ResourceNotFound", ErrorKind::NotFound),
            (404, "DeploymentNotFound", ErrorKind::NotFound),
            (404, "InvalidResourceType", ErrorKind::UnexpectedResponse),
            (400, "InvalidParameter", ErrorKind::InvalidRequest),
            (409, "SkuNotAvailable", ErrorKind::Capacity),
            (404, "PlatformImageNotFound", ErrorKind::InvalidRequest),
            (404, "ImageNotFound", ErrorKind::InvalidRequest),
            (400, "LocationNotAvailableForResourceGroup", ErrorKind::InvalidRequest),
            (400, "LocationNotAvailableForResourceType", ErrorKind::InvalidRequest),
            (400, "NoRegisteredProviderFound", ErrorKind::InvalidRequest),
            (400, "QuotaExceeded", ErrorKind::Quota),
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
        ];
        for (status, code, kind) in table {
            let body = json!({"error": {"code": code, "message": "why"}}).to_string();
            assert_eq!(
                classified("get resource group", status, &body).kind,
                kind,
                "{status} {code}"
            );
        }
        let cores =
            r#"{"error":{"code":"OperationNotAllowed","message":"exceeding approved Total Regional Cores quota"}}"#;
        assert_eq!(classified(CREATE_DEPLOYMENT, 409, cores).kind, ErrorKind::Quota);
    }

    #[test]
    fn a_404_that_is_not_the_resource_manager_s_says_nothing_about_a_host() {
        assert_eq!(classified("get vm", 404, "<html>").kind, ErrorKind::UnexpectedResponse);
        assert_eq!(classified("get vm", 502, "<html>").kind, ErrorKind::Unavailable);
        let gone = r#"{"error":{"code":"ResourceGroupNotFound","message":"gone"}}"#;
        assert_eq!(classified(CREATE_DEPLOYMENT, 404, gone).kind, ErrorKind::Conflict);
    }

    #[test]
    fn the_deepest_error_counts() {
        let body = json!({"error": {
            "code": "InvalidTemplateDeployment", "message": "not valid",
            "details": [{"code": "QuotaExceeded", "message": "Operation results in exceeding quota limits of Core."}],
        }});
        let error = classified(CREATE_DEPLOYMENT, 400, &body.to_string());
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
