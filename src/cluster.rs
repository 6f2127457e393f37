//! The cluster: [`connect`] builds the one client, [`watch`] turns its nodes and namespaces into [`Facts`].
//!
//! Nothing else in the program builds a client; the controllers are handed theirs. Nothing on the way of a request waits
//! for the cluster: requests read the last snapshot, and when the watches fail it stays in force.

pub mod inventory;
pub(crate) mod object;
mod pause;
pub(crate) mod table;

use std::convert::Infallible;
use std::fmt::Debug;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use kube::config::{Config, InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::admission::Pipeline;
use crate::facts::{Cluster, Facts, NamespaceFact};
use crate::node::NodeFact;
use object::{Namespace, Node};
use pause::Pause;
use table::Table;

/// How long a watch may run before it is begun anew. A connection that died without a word is noticed after this.
const WATCH_SECONDS: u32 = 60;

/// How long the API server may be silent. Longer than a watch runs, so that only dead connections are cut.
const READ_TIMEOUT: Duration = Duration::from_secs(75);

/// How many objects a list brings at once; a Node can be twenty kilobytes.
const PAGE: u32 = 250;

/// How long changes of nodes are gathered before the facts are built anew.
const NODE_DELAY: Duration = Duration::from_millis(100);

/// The same for namespaces. Shorter: pods often follow right after the namespace that asks for a profile.
const NAMESPACE_DELAY: Duration = Duration::from_millis(10);

/// After building, rest for this many times as long as it took: in a cluster of thousands of nodes that come and go,
/// building takes a tenth of one core and no more.
const REST_FACTOR: u32 = 9;

/// How often to look whether the pipeline was exchanged.
const PIPELINE_CHECK: Duration = Duration::from_secs(1);

/// Why there is no client, or no more news of the cluster.
///
/// The messages of `kube` tell their causes themselves, so they are part of ours and not chained to them.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The kubeconfig cannot be read or does not say what is needed.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(KubeconfigError),
    /// There is a cluster around us, but its service account cannot be used.
    #[error("the service account of this pod cannot be used: {0}")]
    ServiceAccount(InClusterError),
    /// The client cannot be built, as when a certificate is broken.
    #[error("no client can be made of the cluster's configuration: {0}")]
    Client(kube::Error),
    /// A watch ended, which it never should.
    #[error("the watch of {0} has ended")]
    Ended(&'static str),
}

/// Makes the client.
///
/// With `kubeconfig`, that file says where the cluster is; with `context` alone, the file that `kubectl` would read. With
/// neither, the service account of the pod that we run in. None when there is neither a file nor a pod around us: that is
/// no error, as the profiles alone are enough to serve.
///
/// Nothing is sent yet: a cluster that cannot be reached shows in [`watch`].
pub async fn connect(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<Option<Client>, ClusterError> {
    let options = KubeConfigOptions {
        context: context.map(ToOwned::to_owned),
        ..KubeConfigOptions::default()
    };
    let config = match (kubeconfig, context) {
        (Some(path), _) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(ClusterError::Kubeconfig)?;
            Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(ClusterError::Kubeconfig)?
        }
        (None, Some(_)) => {
            Config::from_kubeconfig(&options).await.map_err(ClusterError::Kubeconfig)?
        }
        (None, None) => match Config::incluster() {
            Ok(config) => config,
            Err(InClusterError::ReadEnvironmentVariable(_)) => return Ok(None),
            Err(error) => return Err(ClusterError::ServiceAccount(error)),
        },
    };
    client(config).map(Some)
}

fn client(mut config: Config) -> Result<Client, ClusterError> {
    // Lists have no other limit, and would wait for ever on a connection that died.
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    Client::try_from(config).map_err(ClusterError::Client)
}

/// The events of all objects of a kind, or of those with a label. After a failure the watch is begun anew in a while.
pub(crate) fn events<K>(
    client: &Client,
    label: Option<&str>,
) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut config = watcher::Config::default().timeout(WATCH_SECONDS).page_size(PAGE);
    if let Some(label) = label {
        config = config.labels(label);
    }
    watcher(Api::<K>::all(client.clone()), config).backoff(Pause::default())
}

/// Watches nodes and namespaces and publishes a snapshot whenever they, or the pipeline's profiles, have changed.
///
/// `publish` is called for the first time when both have been listed in full: from then on the facts can be relied upon,
/// which is what `/readyz` wants to know. `on_error` is told the resource whose watch failed; the watch is begun anew
/// after a growing pause, and the last snapshot stays in force meanwhile.
///
/// Never returns but with an error, and then the program should end: it would decide on facts that grow old.
pub async fn watch(
    client: Client,
    pipeline: impl Fn() -> Arc<Pipeline>,
    publish: impl Fn(Facts),
    on_error: impl Fn(&'static str),
) -> Result<Infallible, ClusterError> {
    let mut node_events = pin!(events::<Node>(&client, None));
    let mut namespace_events = pin!(events::<Namespace>(&client, None));
    let mut check = tokio::time::interval(PIPELINE_CHECK);
    check.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);

    let mut nodes = Table::<String, NodeFact>::default();
    let mut namespaces = Table::<String, NamespaceFact>::default();
    let mut built_with: Option<Arc<Pipeline>> = None;
    let mut due: Option<Instant> = None;
    let mut rested = Instant::now();
    loop {
        let wait = tokio::select! {
            event = node_events.next() => take_in("nodes", event, &on_error, |event| {
                nodes.take_in(event, |node| Some(node.into_fact()))
            })?.then_some(NODE_DELAY),
            event = namespace_events.next() => take_in("namespaces", event, &on_error, |event| {
                namespaces.take_in(event, |namespace| Some(namespace.into_fact()))
            })?.then_some(NAMESPACE_DELAY),
            _ = check.tick() => {
                let is_exchanged = built_with.as_ref().is_some_and(|built| !Arc::ptr_eq(built, &pipeline()));
                is_exchanged.then_some(Duration::ZERO)
            }
            () = until(due) => {
                due = None;
                let start = Instant::now();
                let pipeline = pipeline();
                publish(build(&nodes, &namespaces, &pipeline));
                built_with = Some(pipeline);
                let now = Instant::now();
                rested = now + (now - start) * REST_FACTOR;
                None
            }
        };
        let Some(wait) = wait.filter(|_| nodes.is_complete() && namespaces.is_complete()) else {
            continue;
        };
        // Whoever waits for the first snapshot has nothing to gain from a pause.
        let wait = if built_with.is_none() { Duration::ZERO } else { wait };
        let next = (Instant::now() + wait).max(rested);
        due = Some(due.map_or(next, |due| due.min(next)));
    }
}

/// Takes in what a watch has to say, and says whether that was news.
pub(crate) fn take_in<O>(
    resource: &'static str,
    event: Option<watcher::Result<watcher::Event<O>>>,
    on_error: &impl Fn(&'static str),
    take_in: impl FnOnce(watcher::Event<O>) -> bool,
) -> Result<bool, ClusterError> {
    match event {
        Some(Ok(event)) => Ok(take_in(event)),
        Some(Err(error)) => {
            tracing::warn!(
                resource,
                error = complaint(&error),
                "watch failed, it is tried again; what is known stays in force"
            );
            on_error(resource);
            Ok(false)
        }
        None => Err(ClusterError::Ended(resource)),
    }
}

/// Waits until `due`, and for ever when there is nothing to wait for.
pub(crate) async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn build(
    nodes: &Table<String, NodeFact>,
    namespaces: &Table<String, NamespaceFact>,
    pipeline: &Pipeline,
) -> Facts {
    let cluster = Cluster::new(nodes.rows().values().cloned(), &pipeline.profiles);
    Facts::of_cluster(cluster, namespaces.rows().clone())
}

/// What a watch complains of, on one line.
fn complaint(error: &watcher::Error) -> String {
    use watcher::Error::{
        InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed,
    };
    match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => reason(error),
        WatchError(status) => status.message.clone(),
        NoResourceVersion => error.to_string(),
    }
}

/// What went wrong with a request, on one line: what the API server has said where it has said something. The client's own
/// words would give that twice, and its whole status behind it.
pub(crate) fn reason(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return status.message.clone();
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
