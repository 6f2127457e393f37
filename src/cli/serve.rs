//! `loadline serve`: the webhook server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use clap::{Args, ValueEnum};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::ExitStatus;
use super::bundle::BundleArgs;
use crate::admission::Pipeline;
use crate::bundle::Sources;
use crate::cluster::{self, ClusterError};
use crate::controllers::network_policy;

use crate::facts::{Cluster, Facts, Inventory};
use crate::governance;
use crate::server::tls::{Certificate, RELOAD_INTERVAL, SelfSigned};
use crate::server::{self, Shared, listen, reload};
use crate::telemetry::{self, LogFormat};

/// The client's own words on failing watches repeat ours.
const DEFAULT_LOG: &str = "info,kube_client=error,kube_runtime=error";

/// Run the admission webhook server
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Address of the webhook, over TLS
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443", env = "LOADLINE_LISTEN")]
    listen: SocketAddr,
    /// Address of /metrics, without TLS
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8080",
        env = "LOADLINE_METRICS_LISTEN"
    )]
    metrics_listen: SocketAddr,
    /// Certificate chain, PEM; read again when its content changes
    #[arg(long, value_name = "FILE", requires = "key", env = "LOADLINE_CERT")]
    cert: Option<PathBuf>,
    /// Private key of the certificate, PEM; read again when its content changes
    #[arg(long, value_name = "FILE", requires = "cert", env = "LOADLINE_KEY")]
    key: Option<PathBuf>,
    /// Make a certificate for loopback at start, for trying things out, and print it
    #[arg(long, conflicts_with_all = ["cert", "key"])]
    self_signed: bool,
    /// Follow nodes and namespaces of the cluster in this file (without it, in the file that KUBECONFIG names); inside a
    /// cluster its own is followed without either
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig, instead of its current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    #[command(flatten)]
    bundle: BundleArgs,
    /// Folder that outlives the process, to note there which policy is being evaluated: a policy that ends the process twice
    /// is not evaluated any more, until its text changes or the folder is emptied
    #[arg(long, value_name = "DIR", env = "LOADLINE_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// How log lines are written
    #[arg(long, value_name = "FORMAT", default_value = "json", env = "LOADLINE_LOG_FORMAT")]
    log_format: Format,
    /// Level of logging, or a list of target=level
    #[arg(long, value_name = "FILTER", default_value = DEFAULT_LOG, env = "LOADLINE_LOG")]
    log: String,
    /// How long to go on accepting after being told to stop, so that the endpoints can be updated first
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    shutdown_delay: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Json,
    Text,
}

/// Serves until told to stop.
pub fn run(args: ServeArgs) -> anyhow::Result<ExitStatus> {
    // Every field is named, so that a new flag that is not wired does not compile.
    let ServeArgs {
        listen: address,
        metrics_listen,
        cert,
        key,
        self_signed,
        kubeconfig,
        context,
        bundle,
        state_dir,
        log_format,
        log,
        shutdown_delay,
    } = args;
    // An empty variable is no file, as for kubectl.
    let kubeconfig = kubeconfig.or_else(|| {
        std::env::var_os("KUBECONFIG").filter(|file| !file.is_empty()).map(PathBuf::from)
    });
    let format = match log_format {
        Format::Json => LogFormat::Json,
        Format::Text => LogFormat::Text,
    };
    telemetry::init(format, &log)
        .map_err(|error| anyhow::anyhow!("set up logging with filter `{log}`: {error}"))?;
    if let Some(folder) = state_dir.filter(|folder| !folder.as_os_str().is_empty()) {
        let (journal, quarantine) = server::journal::open(&folder)
            .with_context(|| format!("open the journal in `{}`", folder.display()))?;
        for origin in quarantine.values() {
            tracing::error!(
                origin,
                "a policy is in quarantine: two processes ended while it was evaluated"
            );
        }
        governance::journal::install(Box::new(journal), quarantine);
    }
    let sources = bundle.sources().context("load the bundle")?;
    let pipeline = Pipeline::compile(&sources).context("load the bundle")?;
    for notice in &pipeline.notices {
        tracing::warn!(notice, "the bundle holds something odd");
    }
    let certificate = Arc::new(match (cert, key, self_signed) {
        (Some(cert), Some(key), _) => Certificate::from_files(&cert, &key)?,
        (_, _, true) => {
            let made = SelfSigned::generate(loopback_names())?;
            // The only thing a client needs to trust us; it is no secret.
            anstream::print!("{}", made.certificate);
            Certificate::self_signed(&made)?
        }
        _ => {
            bail!("no certificate: give `--cert` and `--key`, or `--self-signed` to try things out")
        }
    });
    let shared = Arc::new(Shared::new(pipeline, Facts::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let served = runtime.block_on(serve(Serve {
        address,
        metrics_listen,
        certificate,
        shared,
        bundle,
        sources,
        kubeconfig,
        context,
        shutdown_delay: Duration::from_secs(shutdown_delay),
    }));
    // Everything that was accepted is answered; a thread that a policy holds is not waited for.
    runtime.shutdown_background();
    served?;
    Ok(ExitStatus::Clean)
}

/// The names under which a self-signed certificate is valid.
pub(super) fn loopback_names() -> Vec<String> {
    ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec()
}

struct Serve {
    address: SocketAddr,
    metrics_listen: SocketAddr,
    certificate: Arc<Certificate>,
    shared: Arc<Shared>,
    /// Where the bundle's files are, and what they held at the start.
    bundle: BundleArgs,
    sources: Sources,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    shutdown_delay: Duration,
}

async fn serve(serve: Serve) -> anyhow::Result<()> {
    let Serve {
        address,
        metrics_listen,
        certificate,
        shared,
        bundle,
        sources,
        kubeconfig,
        context,
        shutdown_delay,
    } = serve;
    let client = cluster::connect(kubeconfig.as_deref(), context.as_deref()).await?;
    if client.is_none() {
        shared.facts.store(Arc::new(Facts::default().without_controller()));
        tracing::warn!(
            "no cluster is followed: pods are judged by the profiles alone, and nobody puts up the fences they ask for"
        );
    }
    shared.awaits_facts.store(client.is_some(), Ordering::Relaxed);
    shared.awaits_inventory.store(client.is_some(), Ordering::Relaxed);
    let listener = listen::bind(address).await.with_context(|| format!("listen on {address}"))?;
    let metrics_listener = listen::bind(metrics_listen)
        .await
        .with_context(|| format!("listen on {metrics_listen}"))?;
    // With port 0 the system has chosen; whoever reads the log learns which.
    let (address, metrics_address) = (listener.local_addr()?, metrics_listener.local_addr()?);
    let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config()?));
    let (stop, stopped) = watch::channel(false);
    let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is a stop as well.
        let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
    };
    let mut tasks = tokio::task::JoinSet::new();
    let webhook = server::router(Arc::clone(&shared));
    let metrics = server::metrics_router(Arc::clone(&shared));
    tasks.spawn(listen::serve(listener, webhook, Some(acceptor), until_stopped(stopped.clone())));
    tasks.spawn(listen::serve(metrics_listener, metrics, None, until_stopped(stopped.clone())));
    let fresh = {
        let (certificate, shared) = (Arc::clone(&certificate), Arc::clone(&shared));
        async move {
            certificate.keep_fresh(&shared.metrics, RELOAD_INTERVAL).await;
        }
    };
    let bundle = {
        let read = move || bundle.sources().map_err(|error| format!("{error:#}"));
        reload::follow(Arc::clone(&shared), Arc::new(read), sources)
    };
    let cluster = {
        let shared = Arc::clone(&shared);
        async move {
            match client {
                Some(client) => follow(client, shared).await,
                None => std::future::pending().await,
            }
        }
    };
    tracing::info!(
        address = %address,
        metrics = %metrics_address,
        bundle = shared.pipeline.load().digest,
        profiles = shared.pipeline.load().profiles.len(),
        policies = shared.pipeline.load().policies.len(),
        "serving"
    );
    tokio::select! {
        signal = signalled() => {
            tracing::info!(signal = signal?, "stopping");
            shared.is_stopping.store(true, Ordering::Relaxed);
            tokio::time::sleep(shutdown_delay).await;
        }
        () = fresh => bail!("the certificate loop has ended"),
        () = bundle => bail!("the bundle loop has ended"),
        ended = cluster => {
            let Err(error) = ended;
            return Err(error).context("follow the cluster");
        }
        Some(ended) = tasks.join_next() => {
            ended.context("a listener has failed")?;
            bail!("a listener has ended by itself");
        }
    }
    let _ = stop.send(true);
    while let Some(ended) = tasks.join_next().await {
        ended.context("a listener has failed")?;
    }
    tracing::info!("stopped; everything that was accepted is answered");
    Ok(())
}

/// Keeps the facts fresh and the fences in place. Ends only with an error.
async fn follow(client: kube::Client, shared: Arc<Shared>) -> Result<Infallible, ClusterError> {
    // What the facts hold of both is published whole, whichever of them has changed.
    let inventory = ArcSwap::from_pointee(Inventory::default());
    let facts = cluster::watch(
        client.clone(),
        || shared.pipeline.load_full(),
        |facts| {
            let counts = facts.cluster().into_iter().flat_map(Cluster::virtual_node_counts);
            shared.metrics.count_nodes(counts);
            shared.facts.store(Arc::new(facts.with_inventory(Inventory::clone(&inventory.load()))));
            if shared.awaits_facts.swap(false, Ordering::Relaxed) {
                tracing::info!("the cluster's nodes and namespaces are known");
            }
        },
        |resource| shared.metrics.loop_failed(resource),
    );
    let objects = cluster::inventory::follow(
        client.clone(),
        || shared.pipeline.load().synced(),
        |objects| {
            shared.metrics.count_inventory(objects.len());
            inventory.store(Arc::new(objects.clone()));
            shared.facts.rcu(|facts| Facts::clone(facts).with_inventory(objects.clone()));
            if shared.awaits_inventory.swap(false, Ordering::Relaxed) && !objects.is_empty() {
                tracing::info!(
                    objects = objects.len(),
                    "the objects that policies look at are known"
                );
            }
        },
        |resource| shared.metrics.loop_failed(resource),
    );
    let fences = network_policy::run(client, |outcome| shared.metrics.fence(outcome.as_str()));
    tokio::select! {
        ended = facts => ended,
        ended = objects => ended,
        ended = fences => ended,
    }
}

/// Waits for the signal to stop, and names it.
async fn signalled() -> anyhow::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("wait for SIGINT")?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
