//! A cluster's API in memory: stores what it is given, with finalizers, ownership, status subresources, optimistic locks and
//! watches, so that controllers run against it unchanged.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower_test::mock;

use super::gate::{Fate, Gate};

/// Collection, namespace and name: `apps/deployments`, `shop`, `web`.
type Key = (String, String, String);
type Answer = UnsyncBoxBody<Bytes, std::io::Error>;
type Now = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What is stored. Clones share it.
#[derive(Clone)]
pub(crate) struct FakeCluster {
    inner: Arc<Mutex<Store>>,
    now: Now,
}

#[derive(Default)]
struct Store {
    objects: BTreeMap<Key, Value>,
    /// What each object owned when it was created.
    owned: BTreeMap<String, Vec<Key>>,
    version: u64,
    history: Vec<(u64, String, Value)>,
    watchers: Vec<(String, mpsc::UnboundedSender<Value>)>,
    writes: BTreeMap<String, u64>,
    reads: u64,
    /// Everything but watches: reads, writes and events.
    requests: BTreeMap<String, u64>,
    /// The reasons of all events.
    events: Vec<String>,
}

impl FakeCluster {
    pub(crate) fn new(now: Now) -> Self {
        Self {
            inner: Arc::default(),
            now,
        }
    }

    /// A client of this cluster whose writes go through the gate.
    pub(crate) fn client(&self, gate: Arc<Gate>) -> kube::Client {
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Answer>>();
        let cluster = self.clone();
        tokio::spawn(async move {
            while let Some((request, answer)) = handle.next_request().await {
                let writes = *request.method() != Method::GET && !request.uri().path().contains("/events");
                let label = format!("{} {}", request.method(), request.uri().path());
                let fate = if writes { gate.pass(&label) } else { gate.look() };
                if fate == Fate::DieBefore {
                    answer.send_error("the process is dead");
                    continue;
                }
                let response = cluster.answer(request).await;
                match fate {
                    Fate::Go => answer.send_response(response),
                    _ => answer.send_error("the process died before it heard the answer"),
                }
            }
        });
        kube::Client::new(service, "default")
    }

    /// Stores an object as a user would.
    pub(crate) fn create(&self, collection: &str, object: Value) -> Value {
        let mut store = self.inner.lock().unwrap();
        store.create(collection, object, (self.now)()).unwrap()
    }

    pub(crate) fn get(&self, collection: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = (collection.to_owned(), namespace.to_owned(), name.to_owned());
        self.inner.lock().unwrap().objects.get(&key).cloned()
    }

    pub(crate) fn list(&self, collection: &str) -> Vec<Value> {
        let store = self.inner.lock().unwrap();
        let inside = store.objects.iter().filter(|((kind, _, _), _)| kind == collection);
        inside.map(|(_, object)| object.clone()).collect()
    }

    /// Changes an object as a user would.
    pub(crate) fn patch(&self, collection: &str, namespace: &str, name: &str, patch: &Value) {
        let key = (collection.to_owned(), namespace.to_owned(), name.to_owned());
        self.inner.lock().unwrap().patch(&key, patch, false).unwrap();
    }

    /// Changes an object's status, as an operator would that was here before.
    pub(crate) fn patch_status(&self, collection: &str, namespace: &str, name: &str, patch: &Value) {
        let key = (collection.to_owned(), namespace.to_owned(), name.to_owned());
        self.inner.lock().unwrap().patch(&key, patch, true).unwrap();
    }

    /// Deletes an object as a user would; what it owns goes with it.
    pub(crate) fn delete(&self, collection: &str, namespace: &str, name: &str) {
        let key = (collection.to_owned(), namespace.to_owned(), name.to_owned());
        self.inner.lock().unwrap().delete(&key, (self.now)());
    }

    /// Writes of each kind so far, such as `PATCH tunnels/status`.
    pub(crate) fn writes(&self) -> BTreeMap<String, u64> {
        self.inner.lock().unwrap().writes.clone()
    }

    /// Requests of each kind so far, events among them, watches not.
    pub(crate) fn requests(&self) -> BTreeMap<String, u64> {
        self.inner.lock().unwrap().requests.clone()
    }

    pub(crate) fn reads(&self) -> u64 {
        self.inner.lock().unwrap().reads
    }

    /// How many events of a reason there were.
    pub(crate) fn events(&self, reason: &str) -> usize {
        let store = self.inner.lock().unwrap();
        store.events.iter().filter(|event| *event == reason).count()
    }

    async fn answer(&self, request: Request<Body>) -> Response<Answer> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let target = Target::parse(&path);
        let mut store = self.inner.lock().unwrap();
        let short = target.collection.rsplit('/').next().unwrap_or_default();
        let part = if target.status { "/status" } else { "" };
        let label = format!("{} {short}{part}", parts.method);
        if !query.contains("watch=true") {
            *store.requests.entry(label.clone()).or_default() += 1;
        }
        if target.collection.ends_with("events") {
            let event = serde_json::from_slice(&body).unwrap_or(Value::Null);
            store
                .events
                .push(event["reason"].as_str().unwrap_or_default().to_owned());
            return json_response(StatusCode::CREATED, &event);
        }
        if parts.method == Method::GET && query.contains("watch=true") {
            return store.watch(&target.collection, &query);
        }
        if parts.method == Method::GET {
            store.reads += 1;
        } else {
            *store.writes.entry(label).or_default() += 1;
        }
        let key = (
            target.collection.clone(),
            target.namespace.clone(),
            target.name.clone().unwrap_or_default(),
        );
        let json = |body: &Bytes| serde_json::from_slice::<Value>(body).unwrap_or(Value::Null);
        let result = match (&parts.method, &target.name) {
            (&Method::GET, Some(_)) => store.objects.get(&key).cloned().ok_or(StatusCode::NOT_FOUND),
            (&Method::GET, None) => Ok(store.list(&target)),
            (&Method::POST, None) => {
                let mut object = json(&body);
                object["metadata"]["namespace"] = json!(target.namespace);
                store.create(&target.collection, object, (self.now)())
            }
            (&Method::PATCH, Some(name)) => {
                let applies = parts.headers["content-type"].to_str().unwrap().contains("apply-patch");
                let patch = json(&body);
                if applies && !store.objects.contains_key(&key) {
                    let mut object = patch;
                    object["metadata"]["namespace"] = json!(target.namespace);
                    object["metadata"]["name"] = json!(name);
                    store.create(&target.collection, object, (self.now)())
                } else {
                    store.patch(&key, &patch, target.status)
                }
            }
            (&Method::PUT, Some(_)) => store.patch(&key, &json(&body), target.status),
            (&Method::DELETE, Some(_)) => {
                let wanted = json(&body)["preconditions"]["uid"].as_str().map(str::to_owned);
                match store.objects.get(&key).cloned() {
                    None => Err(StatusCode::NOT_FOUND),
                    Some(object) if wanted.is_some_and(|uid| object["metadata"]["uid"] != uid) => {
                        Err(StatusCode::CONFLICT)
                    }
                    Some(object) => {
                        store.delete(&key, (self.now)());
                        Ok(object)
                    }
                }
            }
            _ => Err(StatusCode::METHOD_NOT_ALLOWED),
        };
        match result {
            Ok(object) => json_response(StatusCode::OK, &object),
            Err(status) => {
                let reason = match status {
                    StatusCode::NOT_FOUND => "NotFound",
                    StatusCode::CONFLICT => "Conflict",
                    _ => "Invalid",
                };
                let text = format!("{} {path}: {reason}", parts.method);
                json_response(
                    status,
                    &json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": text, "reason": reason, "code": status.as_u16() }),
                )
            }
        }
    }
}

fn json_response(status: StatusCode, value: &Value) -> Response<Answer> {
    Response::builder()
        .status(status)
        .body(
            Full::new(Bytes::from(serde_json::to_vec(value).unwrap()))
                .map_err(|never| match never {})
                .boxed_unsync(),
        )
        .unwrap()
}

/// What a path leads to.
struct Target {
    collection: String,
    namespace: String,
    name: Option<String>,
    status: bool,
}

impl Target {
    fn parse(path: &str) -> Self {
        let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let group = if parts.remove(0) == "api" {
            String::new()
        } else {
            format!("{}/", parts.remove(0))
        };
        parts.remove(0);
        let namespace = if parts.first() == Some(&"namespaces") && parts.len() > 2 {
            parts.remove(0);
            parts.remove(0).to_owned()
        } else {
            String::new()
        };
        Self {
            collection: format!("{group}{}", parts[0]),
            namespace,
            name: parts.get(1).map(|name| (*name).to_owned()),
            status: parts.get(2) == Some(&"status"),
        }
    }
}

impl Store {
    fn create(&mut self, collection: &str, mut object: Value, now: SystemTime) -> Result<Value, StatusCode> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = (
            collection.to_owned(),
            text(&object["metadata"]["namespace"]),
            text(&object["metadata"]["name"]),
        );
        if self.objects.contains_key(&key) {
            return Err(StatusCode::CONFLICT);
        }
        if collection.ends_with("tunnels") || collection.ends_with("hosts") {
            object.as_object_mut().unwrap().remove("status");
        }
        self.version += 1;
        let metadata = &mut object["metadata"];
        metadata["uid"] = json!(format!("00000000-0000-4000-8000-{:012}", self.version));
        metadata["resourceVersion"] = json!(self.version.to_string());
        metadata["generation"] = json!(1);
        metadata["creationTimestamp"] = json!(rfc3339(now));
        for owner in object["metadata"]["ownerReferences"].as_array().into_iter().flatten() {
            let uid = owner["uid"].as_str().unwrap_or_default().to_owned();
            self.owned.entry(uid).or_default().push(key.clone());
        }
        self.objects.insert(key.clone(), object.clone());
        self.announce("ADDED", &key, &object);
        Ok(object)
    }

    fn patch(&mut self, key: &Key, patch: &Value, status: bool) -> Result<Value, StatusCode> {
        let old = self.objects.get(key).cloned().ok_or(StatusCode::NOT_FOUND)?;
        for field in ["uid", "resourceVersion"] {
            let wanted = &patch["metadata"][field];
            if wanted.is_string() && *wanted != old["metadata"][field] {
                return Err(StatusCode::CONFLICT);
            }
        }
        let mut new = old.clone();
        if status {
            merge(&mut new["status"], &patch["status"]);
        } else {
            merge(&mut new, patch);
            new["status"] = old["status"].clone();
            if new["status"].is_null() {
                new.as_object_mut().unwrap().remove("status");
            }
        }
        if new == old {
            return Ok(old);
        }
        if new["spec"] != old["spec"] {
            new["metadata"]["generation"] = json!(old["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        }
        self.version += 1;
        new["metadata"]["resourceVersion"] = json!(self.version.to_string());
        if !new["metadata"]["deletionTimestamp"].is_null() && is_free(&new) {
            // A cluster never stores this: who watches sees the object as it was, with its finalizer.
            let mut last = old;
            last["metadata"]["resourceVersion"] = new["metadata"]["resourceVersion"].clone();
            self.remove(key, &last);
        } else {
            self.objects.insert(key.clone(), new.clone());
            self.announce("MODIFIED", key, &new);
        }
        Ok(new)
    }

    fn delete(&mut self, key: &Key, now: SystemTime) {
        let Some(mut object) = self.objects.get(key).cloned() else {
            return;
        };
        if is_free(&object) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.remove(key, &object);
        } else if object["metadata"]["deletionTimestamp"].is_null() {
            self.version += 1;
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            object["metadata"]["deletionTimestamp"] = json!(rfc3339(now));
            self.objects.insert(key.clone(), object.clone());
            self.announce("MODIFIED", key, &object);
        }
        // The garbage collector of the cluster follows the owner.
        let uid = object["metadata"]["uid"].clone();
        if !self.objects.contains_key(key) {
            let owned = self.owned_by(&uid);
            for child in owned {
                self.delete(&child, now);
            }
        }
    }

    fn remove(&mut self, key: &Key, object: &Value) {
        self.objects.remove(key);
        self.announce("DELETED", key, object);
        let uid = object["metadata"]["uid"].clone();
        let owned = self.owned_by(&uid);
        for child in owned {
            self.delete(&child, SystemTime::UNIX_EPOCH);
        }
    }

    fn owned_by(&mut self, uid: &Value) -> Vec<Key> {
        let keys = self.owned.remove(uid.as_str().unwrap_or_default()).unwrap_or_default();
        keys.into_iter()
            .filter(|key| self.objects.get(key).is_some_and(|child| is_owned(child, uid)))
            .collect()
    }

    fn list(&self, target: &Target) -> Value {
        let items: Vec<&Value> = self
            .objects
            .iter()
            .filter(|((kind, namespace, _), _)| {
                *kind == target.collection && (target.namespace.is_empty() || *namespace == target.namespace)
            })
            .map(|(_, object)| object)
            .collect();
        json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": self.version.to_string() }, "items": items })
    }

    fn announce(&mut self, kind: &str, key: &Key, object: &Value) {
        let event = json!({ "type": kind, "object": object });
        self.history.push((self.version, key.0.clone(), event.clone()));
        self.watchers
            .retain(|(collection, sender)| *collection != key.0 || sender.send(event.clone()).is_ok());
    }

    fn watch(&mut self, collection: &str, query: &str) -> Response<Answer> {
        let since: u64 = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("resourceVersion="))
            .and_then(|version| version.parse().ok())
            .unwrap_or(0);
        let (sender, receiver) = mpsc::unbounded_channel();
        for (version, kind, event) in &self.history {
            if *version > since && kind == collection {
                let _ = sender.send(event.clone());
            }
        }
        self.watchers.push((collection.to_owned(), sender));
        let lines = stream::unfold(receiver, |mut receiver| async move {
            let event: Value = receiver.recv().await?;
            let mut line = serde_json::to_vec(&event).unwrap();
            line.push(b'\n');
            Some((Ok::<_, std::io::Error>(Frame::data(Bytes::from(line))), receiver))
        });
        Response::new(StreamBody::new(lines).boxed_unsync())
    }
}

fn is_free(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty)
}

fn is_owned(child: &Value, uid: &Value) -> bool {
    child["metadata"]["ownerReferences"]
        .as_array()
        .is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == *uid))
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

fn rfc3339(time: SystemTime) -> String {
    let time = k8s_openapi::jiff::Timestamp::try_from(time).unwrap();
    k8s_openapi::jiff::Timestamp::from_second(time.as_second())
        .unwrap()
        .to_string()
}
