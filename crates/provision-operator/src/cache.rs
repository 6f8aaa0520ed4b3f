//! What watches show of a kind of resource, so that reconciles need not ask the cluster.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::StreamExt as _;
use kube::{
    Api, Resource, ResourceExt as _,
    runtime::{WatchStreamExt as _, watcher},
};
use serde::de::DeserializeOwned;

use crate::causes::with_causes;

/// By namespace and name.
type Objects<K> = BTreeMap<(String, String), Arc<K>>;

/// Resources of a kind, as a watch shows them: what others did a moment ago may be missing. Clones share it.
#[derive(Debug)]
pub struct Cache<K> {
    /// `None` until all of them are known.
    objects: Arc<Mutex<Option<Objects<K>>>>,
}

/// What a cache knows of a resource.
#[derive(Debug)]
pub enum Cached<K> {
    /// Nothing: no watch has shown everything yet.
    Unknown,
    /// There was none.
    Absent,
    /// It was like this.
    Seen(Arc<K>),
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            objects: Arc::default(),
        }
    }
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self {
            objects: self.objects.clone(),
        }
    }
}

impl<K> Cache<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    /// What is known of a resource.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Cached<K> {
        match &*self.lock() {
            None => Cached::Unknown,
            Some(objects) => objects
                .get(&(namespace.to_owned(), name.to_owned()))
                .map_or(Cached::Absent, |object| Cached::Seen(object.clone())),
        }
    }

    /// Takes up what the cluster answered to a write, ahead of the watch.
    pub fn put(&self, object: K) {
        if let Some(objects) = &mut *self.lock() {
            objects.insert(key(&object), Arc::new(object));
        }
    }

    /// Follows a watch for ever, and tells of every change after it is known here.
    pub(crate) async fn follow(self, api: Api<K>, mut tell: impl FnMut(&K)) {
        let stream = watcher(api, watcher::Config::default()).default_backoff();
        let mut stream = pin!(stream);
        let mut listed = Objects::new();
        while let Some(event) = stream.next().await {
            match event {
                Ok(watcher::Event::Init) => listed.clear(),
                Ok(watcher::Event::InitApply(object)) => {
                    listed.insert(key(&object), Arc::new(slim(object)));
                }
                Ok(watcher::Event::InitDone) => {
                    let listed = std::mem::take(&mut listed);
                    let told: Vec<Arc<K>> = listed.values().cloned().collect();
                    *self.lock() = Some(listed);
                    told.iter().for_each(|object| tell(object));
                }
                Ok(watcher::Event::Apply(object)) => {
                    let object = slim(object);
                    self.put(object.clone());
                    tell(&object);
                }
                Ok(watcher::Event::Delete(object)) => {
                    if let Some(objects) = &mut *self.lock() {
                        objects.remove(&key(&object));
                    }
                    tell(&object);
                }
                Err(error) => tracing::debug!(error = with_causes(&error), "a watch failed and begins again"),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Objects<K>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key<K: Resource<DynamicType = ()>>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Who wrote which field is half of many resources, and of no use here.
fn slim<K: Resource<DynamicType = ()>>(mut object: K) -> K {
    object.managed_fields_mut().clear();
    object
}
