//! Tokens of Keystone's, with the catalog that says where everything else is:
//! <https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management> (read 2026-11-28).

use std::{fmt, sync::Arc, time::Duration};

use provision_core::{Clock, Error, ErrorKind, ExposeSecret, Result, SecretString, async_trait, parse_rfc3339};
use provision_http::{Authorize, Client, Endpoint, Kept, Request, Retry, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::{Config, Credentials, Domain, Named};

/// What the request for a token is called in errors: a rejection of it is one of the credentials.
pub(crate) const OPERATION: &str = "get token";

/// A token and what Keystone said with it.
pub(crate) struct Access {
    token: SecretString,
    /// The id of the project that it is for.
    pub(crate) project: String,
    pub(crate) catalog: Vec<Service>,
}

/// A kind of service, such as `compute`.
#[derive(Deserialize)]
pub(crate) struct Service {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) endpoints: Vec<ServiceEndpoint>,
}

#[derive(Deserialize)]
pub(crate) struct ServiceEndpoint {
    pub(crate) interface: String,
    region_id: Option<String>,
    /// The same, by its old name.
    region: Option<String>,
    pub(crate) url: String,
}

impl ServiceEndpoint {
    pub(crate) fn region(&self) -> Option<&str> {
        self.region_id.as_deref().or(self.region.as_deref())
    }
}

/// Fetches tokens and keeps one until a minute before it expires.
pub(crate) struct Tokens {
    client: Client,
    request: Request,
    kept: Kept<Access>,
}

impl Tokens {
    /// How long before its end a token is no longer used.
    const MARGIN: Duration = Duration::from_secs(60);

    pub(crate) fn new(client: Client, request: Request, clock: Clock) -> Self {
        Self {
            client,
            request,
            kept: Kept::new(clock),
        }
    }

    /// The token in use, fetched if there is none.
    pub(crate) async fn access(&self) -> Result<Arc<Access>> {
        self.kept.get_or(fetch(self.client.clone(), self.request.clone())).await
    }

    pub(crate) fn current(&self) -> Option<Arc<Access>> {
        self.kept.current()
    }

    /// Drops a token that a service no longer accepts, unless another took its place meanwhile.
    pub(crate) fn forget(&self, used: &Arc<Access>) {
        self.kept.forget(used);
    }

    /// Has another take its place.
    pub(crate) async fn renew(&self, used: &Arc<Access>) -> Result<Arc<Access>> {
        self.kept
            .renew(used, fetch(self.client.clone(), self.request.clone()))
            .await
    }
}

async fn fetch(client: Client, request: Request) -> Result<(Access, Duration)> {
    let answer = client.send(request).await?;
    let Some(token) = answer.header("x-subject-token").map(SecretString::from) else {
        return Err(answer.unexpected("the identity service gave no token: is `endpoint` its version 3?"));
    };
    let body = answer.json::<TokenAnswer>()?.token;
    let Some(project) = body.project else {
        return Err(Error::new(
            ErrorKind::Unauthorized,
            "the token is for no project: set `project` (environment: OS_PROJECT_NAME)",
        ));
    };
    // The difference of two times of the server's: its clock need not be ours.
    let (issued, expires) = (parse_rfc3339(&body.issued_at), parse_rfc3339(&body.expires_at));
    let lasts = issued.zip(expires).and_then(|(from, to)| to.duration_since(from).ok());
    let access = Access {
        token,
        project: project.id,
        catalog: body.catalog,
    };
    Ok((access, lasts.unwrap_or_default().saturating_sub(Tokens::MARGIN)))
}

#[async_trait]
impl Authorize for Tokens {
    async fn authorize(&self, request: &mut Request) -> Result<()> {
        let access = self.access().await?;
        request.set_secret_header("x-auth-token", access.token.expose_secret())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("url", &self.request.url().as_str())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: TokenBody,
}

#[derive(Deserialize)]
struct TokenBody {
    issued_at: String,
    expires_at: String,
    project: Option<Project>,
    #[serde(default)]
    catalog: Vec<Service>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
}

#[derive(Serialize)]
struct TokenRequest {
    auth: Value,
}

/// The request for a token. Asking twice changes nothing.
///
/// # Errors
/// None that can happen: the body always has a JSON form.
pub(crate) fn token_request(config: &Config) -> Result<Request> {
    let (auth, secret) = match &config.credentials {
        Credentials::Password {
            user,
            password,
            project,
        } => {
            let mut who = named(user);
            who.insert("password".to_owned(), json!(password.expose_secret()));
            let identity = json!({ "methods": ["password"], "password": { "user": who } });
            let scope = json!({ "project": named(project) });
            (json!({ "identity": identity, "scope": scope }), password)
        }
        // It belongs to a project, so that a scope is refused.
        Credentials::ApplicationCredential { id, user, secret } => {
            let mut which = named(id);
            which.insert("secret".to_owned(), json!(secret.expose_secret()));
            if let Some(user) = user {
                which.insert("user".to_owned(), Value::Object(named(user)));
            }
            let identity = json!({ "methods": ["application_credential"], "application_credential": which });
            (json!({ "identity": identity }), secret)
        }
    };
    let request = Request::post(OPERATION, url(&config.identity)).about(Subject::Other);
    let request = request.redact(secret.expose_secret()).retry(Retry::Safe);
    request.json(&TokenRequest { auth })
}

fn url(identity: &Endpoint) -> provision_http::url::Url {
    identity.join(["auth", "tokens"])
}

fn named(what: &Named) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut add = |field: &str, value: Value| drop(fields.insert(field.to_owned(), value));
    match what {
        Named::Id(id) => add("id", json!(id)),
        Named::Name(name, domain) => {
            add("name", json!(name));
            match domain {
                None => {}
                Some(Domain::Id(id)) => add("domain", json!({ "id": id })),
                Some(Domain::Name(name)) => add("domain", json!({ "name": name })),
            }
        }
    }
    fields
}
