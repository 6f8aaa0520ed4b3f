//! Whether everything is there that an installation needs: for `helm test`, and before the first Service waits in vain.

use std::fmt;

use futures_util::{StreamExt as _, stream};
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    coordination::v1::Lease,
};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};
use provision::{ListFilter, Provisioner};

use crate::{
    causes::with_causes,
    crd::{Host, Tunnel},
    managed::Managed,
    permissions::{PERMISSIONS, Permission, Scope},
};

/// Questions to the cluster that are under way at a time.
const CONCURRENCY: usize = 8;

/// What was looked at, and what was seen: `Err` says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// What was seen.
    pub seen: Result<String, String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, text) = match &self.seen {
            Ok(text) => ("ok", text),
            Err(text) => ("FAILED", text),
        };
        write!(f, "{word:<7}{:<12} {text}", self.subject)
    }
}

/// What may be done in the cluster, as it answers for whoever asks.
pub async fn permissions(client: &Client, own_namespace: &str, watched: Option<&str>, knows_cluster: bool) -> Finding {
    let wanted = PERMISSIONS
        .iter()
        .filter(|permission| !(knows_cluster && permission.resource == "namespaces"));
    let questions: Vec<(&Permission, &str)> = wanted
        .flat_map(|permission| permission.verbs.iter().map(move |verb| (permission, *verb)))
        .collect();
    let count = questions.len();
    let answers: Vec<Option<String>> = stream::iter(questions)
        .map(|(permission, verb)| {
            let namespace = match permission.scope {
                Scope::Everywhere => watched.filter(|_| permission.resource != "namespaces"),
                Scope::Own => Some(own_namespace),
            };
            refusal(client, namespace, permission, verb)
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let refused: Vec<String> = answers.into_iter().flatten().collect();
    Finding {
        subject: "permissions",
        seen: if refused.is_empty() {
            Ok(format!("all {count} are granted"))
        } else {
            let advice = "apply the roles of deploy/operator.yaml, or upgrade the chart";
            Err(format!("{}: {advice}", refused.join("; ")))
        },
    }
}

/// `None` when it is allowed.
async fn refusal(client: &Client, namespace: Option<&str>, permission: &Permission, verb: &str) -> Option<String> {
    let (resource, subresource) = match permission.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource)),
        None => (permission.resource, None),
    };
    let question = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(permission.group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource: subresource.map(str::to_owned),
                verb: Some(verb.to_owned()),
                name: permission.name.map(str::to_owned),
                namespace: namespace.map(str::to_owned),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews = Api::<SelfSubjectAccessReview>::all(client.clone());
    match reviews.create(&PostParams::default(), &question).await {
        Ok(answer) if answer.status.as_ref().is_some_and(|status| status.allowed) => None,
        Ok(_) => Some(format!(
            "may not {verb} {} ({})",
            permission.resource, permission.purpose
        )),
        Err(error) => Some(format!(
            "{verb} {} is not known: {}",
            permission.resource,
            with_causes(&error)
        )),
    }
}

/// Whether the cluster has the definitions.
pub async fn definitions(client: &Client) -> Finding {
    let advice = "apply deploy/crds, or what `provision-operator crds` prints";
    let missing: Vec<String> = [is_defined::<Tunnel>(client).await, is_defined::<Host>(client).await]
        .into_iter()
        .flatten()
        .collect();
    Finding {
        subject: "definitions",
        seen: if missing.is_empty() {
            Ok("Tunnel and Host are there".to_owned())
        } else {
            Err(format!("{}: {advice}", missing.join("; ")))
        },
    }
}

/// `None` when it is.
async fn is_defined<K: Managed>(client: &Client) -> Option<String> {
    let one = ListParams::default().limit(1);
    match Api::<K>::all(client.clone()).list_metadata(&one).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) if status.code == 404 => Some(format!("{} is not defined", K::KIND)),
        Err(error) => Some(format!("{} cannot be listed: {}", K::KIND, with_causes(&error))),
    }
}

/// Whether a replica works.
pub async fn leader(client: &Client, namespace: &str, lease: &str) -> Finding {
    let found = Api::<Lease>::namespaced(client.clone(), namespace).get_opt(lease).await;
    let holder = found.map(|lease| lease.and_then(|lease| lease.spec?.holder_identity));
    Finding {
        subject: "leader",
        seen: match holder {
            Ok(Some(holder)) if !holder.is_empty() => Ok(holder),
            Ok(_) => Err(format!(
                "no replica works in namespace {namespace}: look at the pods of the operator and their logs"
            )),
            Err(error) => Err(format!("the lease cannot be read: {}", with_causes(&error))),
        },
    }
}

/// Whether the operator's own cloud takes the credentials, by listing the hosts that are ours.
pub async fn cloud(cloud: provision::Result<Option<Box<dyn Provisioner>>>) -> Finding {
    let listed = async {
        let Some(cloud) = cloud? else {
            return Ok(
                "none: Services get no tunnels, and Hosts need spec.provider and spec.credentialsRef".to_owned(),
            );
        };
        let hosts = cloud.list(&ListFilter::all()).await?;
        Ok(format!("{} lists {} hosts of ours", cloud.info().title, hosts.len()))
    };
    Finding {
        subject: "cloud",
        seen: listed.await.map_err(|error: provision::Error| with_causes(&error)),
    }
}

/// Whether there is a license to give to tunnels.
#[must_use]
pub fn license(license: provision::Result<Option<String>>) -> Finding {
    Finding {
        subject: "license",
        seen: match license {
            Ok(Some(_)) => Ok("given".to_owned()),
            Ok(None) => Ok("none: each namespace with tunnels needs a secret inlets-license".to_owned()),
            Err(error) => Err(with_causes(&error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use http_body_util::BodyExt as _;
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower_test::mock;

    use super::*;

    /// A cluster that answers every request by this function: with an object, or with the code of an error.
    fn cluster(answer: impl Fn(&str, &Value) -> Result<Value, u16> + Send + 'static) -> Client {
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((request, respond)) = handle.next_request().await {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let (code, body) = match answer(head.uri.path(), &body) {
                    Ok(object) => (200, object),
                    Err(code) => (
                        code,
                        json!({ "kind": "Status", "code": code, "message": "no", "reason": "NotFound" }),
                    ),
                };
                let response = Response::builder()
                    .status(code)
                    .body(body.to_string().into_bytes().into());
                respond.send_response(response.unwrap());
            }
        });
        Client::new(service, "inlets")
    }

    #[tokio::test]
    async fn each_permission_that_is_missing_is_named_with_what_it_is_for() {
        let client = cluster(|path, question| {
            assert_eq!(path, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
            let about = &question["spec"]["resourceAttributes"];
            let own = (about["resource"] == "leases").then_some("inlets");
            assert_eq!(about["namespace"].as_str(), own, "{about}");
            let is_status = about["resource"] == "hosts" && about["subresource"] == "status";
            let refused = is_status || about["resource"] == "secrets" && about["verb"] == "get";
            Ok(json!({ "spec": {}, "status": { "allowed": !refused } }))
        });
        let Finding { seen, .. } = permissions(&client, "inlets", None, false).await;
        let text = seen.unwrap_err();
        assert!(text.contains("may not patch hosts/status (ids and addresses"), "{text}");
        assert!(text.contains("may not get secrets (tokens and licenses"), "{text}");
        assert_eq!(text.matches("may not").count(), 2, "{text}");
    }

    #[tokio::test]
    async fn a_role_of_the_watched_namespace_is_enough() {
        let client = cluster(|_, question| {
            let about = &question["spec"]["resourceAttributes"];
            let expected = match about["resource"].as_str() {
                Some("namespaces") => None,
                Some("leases") => Some("inlets"),
                _ => Some("shop"),
            };
            Ok(json!({ "spec": {}, "status": { "allowed": about["namespace"].as_str() == expected } }))
        });
        let found = permissions(&client, "inlets", Some("shop"), false).await;
        assert!(found.seen.is_ok(), "{found}");
    }

    #[tokio::test]
    async fn the_clusters_own_id_is_not_needed_where_one_was_given() {
        let client = || {
            cluster(|_, question| {
                let allowed = question["spec"]["resourceAttributes"]["resource"] != "namespaces";
                Ok(json!({ "spec": {}, "status": { "allowed": allowed } }))
            })
        };
        assert!(permissions(&client(), "inlets", None, true).await.seen.is_ok());
        assert!(permissions(&client(), "inlets", None, false).await.seen.is_err());
    }

    #[tokio::test]
    async fn definitions_and_leader_are_looked_for() {
        let client = cluster(|path, _| match path {
            "/apis/operator.inlets.dev/v1alpha1/tunnels" => {
                let kind = "PartialObjectMetadataList";
                Ok(json!({ "apiVersion": "meta.k8s.io/v1", "kind": kind, "metadata": {}, "items": [] }))
            }
            "/apis/coordination.k8s.io/v1/namespaces/inlets/leases/held" => {
                Ok(json!({ "metadata": {}, "spec": { "holderIdentity": "pod-1" } }))
            }
            "/apis/coordination.k8s.io/v1/namespaces/inlets/leases/free" => {
                Ok(json!({ "metadata": {}, "spec": { "holderIdentity": "" } }))
            }
            _ => Err(404),
        });
        let missing = definitions(&client).await.seen.unwrap_err();
        assert!(missing.starts_with("Host is not defined: apply"), "{missing}");
        assert_eq!(leader(&client, "inlets", "held").await.seen, Ok("pod-1".to_owned()));
        for lease in ["free", "none"] {
            let refused = leader(&client, "inlets", lease).await.seen.unwrap_err();
            assert!(refused.contains("no replica works in namespace inlets"), "{refused}");
        }
    }
}
