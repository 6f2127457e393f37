//! The objects that policies want to know, followed in the cluster: [`follow`].

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use futures::stream::{BoxStream, SelectAll};
use futures::{Stream, StreamExt as _, stream};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, discovery};
use serde_json::Value;
use tokio::time::Instant;

use super::pause::Pause;
use super::{ClusterError, PAGE, PIPELINE_CHECK, WATCH_SECONDS, complaint, reason, until};
use crate::facts::{Inventory, Key};
use crate::governance::gatekeeper::Synced;

/// What the watches are called in logs and metrics.
const RESOURCE: &str = "inventory";

/// How long changes are gathered before a new snapshot is published.
const DELAY: Duration = Duration::from_millis(100);

/// How often to ask again for a kind that the API server does not know. Its definition may come any time.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Follows all objects of the kinds that are `wanted`, and publishes a snapshot whenever they change.
///
/// A snapshot is published first when every kind has been listed in full, or has failed once: one that may not be read, or of
/// which there is no definition, must not keep the policies that look at others waiting. It is asked for again and again,
/// and `on_error` is told each time. When the wanted kinds change, the last snapshot stays in force until the new one is whole.
pub async fn follow(
    client: Client,
    wanted: impl Fn() -> Vec<Synced>,
    publish: impl Fn(Inventory),
    on_error: impl Fn(&'static str),
) -> Result<Infallible, ClusterError> {
    loop {
        let kinds = wanted();
        let mut changed = std::pin::pin!(wait_for_change(&wanted, &kinds));
        if kinds.is_empty() {
            publish(Inventory::default());
            changed.await;
            continue;
        }
        let mut followed = Followed::new(&kinds);
        let streams = kinds.iter().enumerate().map(|(number, kind)| {
            news(client.clone(), kind.clone()).map(move |news| (number, news)).boxed()
        });
        let mut streams: SelectAll<BoxStream<'_, (usize, News)>> = stream::select_all(streams);
        let mut due: Option<Instant> = None;
        loop {
            tokio::select! {
                () = &mut changed => break,
                news = streams.next() => {
                    let Some((number, news)) = news else {
                        return Err(ClusterError::Ended(RESOURCE));
                    };
                    if let News::Failed(error) = &news {
                        let kind = kinds.get(number).map(|kind| kind.kind.as_str());
                        tracing::warn!(kind, error, "objects that policies look at cannot be followed; it is tried again");
                        on_error(RESOURCE);
                    }
                    if followed.take_in(number, news) && followed.is_settled() {
                        due = due.or_else(|| Some(Instant::now() + DELAY));
                    }
                }
                () = until(due) => {
                    due = None;
                    publish(followed.snapshot());
                }
            }
        }
    }
}

/// Ends when other kinds are wanted.
async fn wait_for_change(wanted: &impl Fn() -> Vec<Synced>, kinds: &[Synced]) {
    loop {
        tokio::time::sleep(PIPELINE_CHECK).await;
        if wanted() != kinds {
            return;
        }
    }
}

/// What there is to hear of a kind.
enum News {
    Event(Box<watcher::Event<DynamicObject>>),
    Failed(String),
}

/// Asks what the kind's resource is called, until the API server knows, and then watches it.
fn news(client: Client, kind: Synced) -> impl Stream<Item = News> {
    enum Asking {
        Ask,
        Rest,
    }
    let asked = client.clone();
    let discovered = stream::unfold(Some(Asking::Ask), move |asking| {
        let (client, kind) = (asked.clone(), kind.clone());
        async move {
            if matches!(asking?, Asking::Rest) {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            let wanted = GroupVersionKind::gvk(&kind.group, &kind.version, &kind.kind);
            Some(match discovery::pinned_kind(&client, &wanted).await {
                Ok((resource, _)) => (Ok(resource), None),
                Err(error) => (Err(reason(&error)), Some(Asking::Rest)),
            })
        }
    });
    discovered.flat_map(move |found| match found {
        Ok(resource) => watched(&client, &resource).boxed(),
        Err(problem) => stream::once(std::future::ready(News::Failed(problem))).boxed(),
    })
}

fn watched(client: &Client, resource: &ApiResource) -> impl Stream<Item = News> + use<> {
    let config = watcher::Config::default().timeout(WATCH_SECONDS).page_size(PAGE);
    watcher(Api::<DynamicObject>::all_with(client.clone(), resource), config)
        .backoff(Pause::default())
        .map(|event| match event {
            Ok(event) => News::Event(Box::new(event)),
            Err(error) => News::Failed(complaint(&error)),
        })
}

/// What is known of the kinds, and what has changed since the last snapshot.
struct Followed {
    kinds: Vec<Kind>,
    current: Inventory,
    /// Objects that are new or changed, and nothing for those that are gone.
    pending: BTreeMap<Key, Option<Value>>,
}

struct Kind {
    api_version: String,
    kind: String,
    /// The list that is being read.
    listed: BTreeMap<Key, Value>,
    is_listed: bool,
    has_failed: bool,
}

impl Followed {
    fn new(kinds: &[Synced]) -> Self {
        let kinds = kinds.iter().map(|kind| Kind {
            api_version: if kind.group.is_empty() {
                kind.version.clone()
            } else {
                format!("{}/{}", kind.group, kind.version)
            },
            kind: kind.kind.clone(),
            listed: BTreeMap::new(),
            is_listed: false,
            has_failed: false,
        });
        Self { kinds: kinds.collect(), current: Inventory::default(), pending: BTreeMap::new() }
    }

    fn is_settled(&self) -> bool {
        self.kinds.iter().all(|kind| kind.is_listed || kind.has_failed)
    }

    /// Takes news in, and says whether a snapshot would now be another one.
    fn take_in(&mut self, number: usize, news: News) -> bool {
        let Some(kind) = self.kinds.get_mut(number) else {
            return false;
        };
        let event = match news {
            News::Event(event) => *event,
            News::Failed(_) => return !std::mem::replace(&mut kind.has_failed, true),
        };
        match event {
            watcher::Event::Init => kind.listed.clear(),
            watcher::Event::InitApply(object) => kind.listed.extend(kind.read(object)),
            watcher::Event::InitDone => {
                let is_first = !std::mem::replace(&mut kind.is_listed, true);
                let listed = std::mem::take(&mut kind.listed);
                let is_of_kind =
                    |key: &&Key| key.api_version == kind.api_version && key.kind == kind.kind;
                let known = self.current.iter().map(|(key, _)| key).chain(self.pending.keys());
                let gone: Vec<Key> = known
                    .filter(is_of_kind)
                    .filter(|key| !listed.contains_key(key))
                    .cloned()
                    .collect();
                let mut is_news = is_first;
                for key in gone {
                    is_news |= self.note(key, None);
                }
                for (key, object) in listed {
                    is_news |= self.note(key, Some(object));
                }
                return is_news;
            }
            watcher::Event::Apply(object) => {
                if let Some((key, object)) = kind.read(object) {
                    return self.note(key, Some(object));
                }
            }
            watcher::Event::Delete(object) => {
                if let Some((key, _)) = kind.read(object) {
                    return self.note(key, None);
                }
            }
        }
        false
    }

    fn note(&mut self, key: Key, object: Option<Value>) -> bool {
        if self.current.get(&key) == object.as_ref() {
            return self.pending.remove(&key).is_some();
        }
        self.pending.insert(key, object);
        true
    }

    fn snapshot(&mut self) -> Inventory {
        let mut objects = Vec::new();
        let mut gone = Vec::new();
        for (key, object) in std::mem::take(&mut self.pending) {
            match object {
                Some(object) => objects.push(object),
                None => gone.push(key),
            }
        }
        self.current = self.current.with(objects, gone);
        self.current.clone()
    }
}

impl Kind {
    /// An object as policies see it. The elements of a list do not say what kind they are.
    fn read(&self, object: DynamicObject) -> Option<(Key, Value)> {
        let DynamicObject { types: _, mut metadata, data } = object;
        metadata.managed_fields = None;
        let Value::Object(mut members) = data else {
            return None;
        };
        members.insert("apiVersion".to_owned(), Value::from(self.api_version.as_str()));
        members.insert("kind".to_owned(), Value::from(self.kind.as_str()));
        members.insert("metadata".to_owned(), serde_json::to_value(metadata).ok()?);
        let object = Value::Object(members);
        Some((Key::of(&object)?, object))
    }
}
