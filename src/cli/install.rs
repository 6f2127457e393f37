//! `loadline install`: prints the manifests.

mod conditions;
mod constraints;
mod manifests;
mod yaml;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;

use super::ExitStatus;
use super::bundle::BundleArgs;
use crate::admission::Pipeline;
use manifests::{Address, Settings};

const ABOUT: &str = "\
Prints manifests for `kubectl apply -f -`. Nothing is sent to a cluster.

Loadline in the cluster: access, the server with its Service, and the webhook configurations. The serving certificate \
comes from cert-manager, or from the Secret `loadline-tls` when --ca-file says whom the API server should trust.

Loadline elsewhere (--url): the webhook configurations alone, and with --rbac what it may do in the cluster.

The API server asks Loadline only about pods that can reach a virtual node, which it tells by conditions made from the \
profiles: pods with a toleration other than for a node's passing states, a node name, another scheduler, a node selector \
or affinity that a profile's nodes are known by, or one of Loadline's own labels or annotations; and all pods of a \
namespace with the label `loadline.dev/profile`. (A label and not an annotation: the API server selects namespaces by \
labels.) Where virtual nodes carry no taint, as with the manifests that elotl-kip ships, any pod can reach them and \
nothing in it tells: use --match-all there.";

/// The image unless another is named.
const IMAGE: &str = concat!("loadline:", env!("CARGO_PKG_VERSION"));

/// Print the manifests that install Loadline in a cluster
#[derive(Args, Debug)]
#[command(long_about = ABOUT)]
pub struct InstallArgs {
    #[command(flatten)]
    bundle: BundleArgs,
    /// Where Loadline serves outside of the cluster, as the API server reaches it: `https://HOST:PORT`
    #[arg(long, value_name = "URL", requires = "ca_file", conflicts_with_all = ["image", "replicas"])]
    url: Option<String>,
    /// Certificates (PEM) that the API server trusts to sign for Loadline; without it cert-manager sees to that
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Namespace of the server, or of its service account
    #[arg(long, value_name = "NAME", default_value = "loadline")]
    namespace: String,
    /// Image of the server, with `loadline` as its entry point
    #[arg(long, value_name = "IMAGE", default_value = IMAGE)]
    image: String,
    /// How many servers
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    replicas: u16,
    /// With --url: print the namespace, service account and rights as well
    #[arg(long, requires = "url")]
    rbac: bool,
    /// What becomes of a pod headed for a virtual node when Loadline does not answer
    #[arg(long, value_name = "POLICY", value_enum, ignore_case = true, default_value_t = FailurePolicy::Ignore)]
    failure_policy: FailurePolicy,
    /// How many seconds the API server waits for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=30))]
    timeout: u8,
    /// A namespace that is never looked at, as `kube-system` and Loadline's own; may be given more than once
    #[arg(long, value_name = "NAME")]
    exclude_namespace: Vec<String>,
    /// Ask about every pod and workload: needed where virtual nodes carry no taint
    #[arg(long)]
    match_all: bool,
    /// Form of the output
    #[arg(long, short, value_name = "FORM", value_enum, default_value_t = Output::Yaml)]
    output: Output,
}

/// What the API server does without an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum FailurePolicy {
    /// It is let through, unmarked
    #[value(name = "Ignore")]
    Ignore,
    /// It is refused
    #[value(name = "Fail")]
    Fail,
}

impl FailurePolicy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "Ignore",
            Self::Fail => "Fail",
        }
    }
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Output {
    /// One List
    Json,
    /// A stream of documents
    Yaml,
}

/// Prints the manifests.
///
/// Fails when the bundle does not compile, when a file cannot be read, and on settings that would do harm.
pub fn run(args: &InstallArgs) -> anyhow::Result<ExitStatus> {
    let sources = args.bundle.sources()?;
    let pipeline = Pipeline::compile(&sources)?;
    let documents = manifests::render(&settings(args)?, &pipeline, &sources)?;
    if args.url.is_none() && args.image == IMAGE {
        anstream::eprintln!(
            "note: no public registry has the image `{IMAGE}`; the nodes must have it, or name yours with --image"
        );
    }
    if !args.match_all {
        for profile in conditions::open_to_all(&pipeline) {
            anstream::eprintln!(
                "warning: nodes of `{}` carry no taint, so any pod can reach them and most will not be looked at; use --match-all",
                profile.name
            );
        }
    }
    let text = match args.output {
        Output::Json => {
            let list = json!({ "apiVersion": "v1", "kind": "List", "items": documents });
            format!("{}\n", serde_json::to_string_pretty(&list)?)
        }
        Output::Yaml => yaml::write(&documents),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(ExitStatus::Clean)
}

fn settings(args: &InstallArgs) -> anyhow::Result<Settings> {
    for namespace in std::iter::once(&args.namespace).chain(&args.exclude_namespace) {
        check_name(namespace)?;
    }
    let address = match &args.url {
        Some(url) => Address::Url { url: check_url(url)?.to_owned(), with_access: args.rbac },
        None => Address::Service { image: args.image.clone(), replicas: args.replicas },
    };
    if let (FailurePolicy::Fail, Address::Service { replicas: 1, .. }) =
        (args.failure_policy, &address)
    {
        bail!(
            "--failure-policy Fail with one replica: whenever that one is replaced, as in every update and drain, no pod \
             headed for a virtual node can be created; use --replicas 2 or more"
        );
    }
    Ok(Settings {
        namespace: args.namespace.clone(),
        excluded: args.exclude_namespace.clone(),
        failure_policy: args.failure_policy.as_str(),
        timeout: args.timeout,
        match_all: args.match_all,
        authority: args.ca_file.as_deref().map(authority).transpose()?,
        address,
    })
}

/// Names of namespaces are labels of DNS. What is wrong here would be refused by the API server, after half was applied.
fn check_name(name: &str) -> anyhow::Result<()> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.len() > 63
        || !name.starts_with(is_inner)
        || !name.ends_with(is_inner)
        || !name.chars().all(|c| is_inner(c) || c == '-')
    {
        bail!(
            "`{name}` is no name of a namespace: use lower-case letters, digits and `-`, at most 63"
        );
    }
    Ok(())
}

/// The URL without its last slash, if the API server would take it.
fn check_url(url: &str) -> anyhow::Result<&str> {
    let Some(rest) = url.strip_prefix("https://") else {
        bail!("the API server calls webhooks by https only, not `{url}`");
    };
    if rest.is_empty() || rest.contains(['@', '?', '#', ' ']) {
        bail!(
            "`{url}` must be a host, with a port and a path if need be: no user, query or fragment"
        );
    }
    Ok(url.trim_end_matches('/'))
}

/// Reads the certificates; a private key among them must not end up in a webhook configuration that many can read.
fn authority(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("read certificates `{}`", path.display()))?;
    if text.contains("PRIVATE KEY") {
        bail!("`{}` holds a private key; give a file with certificates alone", path.display());
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let certificates =
        certificates.with_context(|| format!("read certificates `{}`", path.display()))?;
    if certificates.is_empty() {
        bail!(
            "`{}` holds no certificate in PEM form (`-----BEGIN CERTIFICATE-----`)",
            path.display()
        );
    }
    Ok(text)
}
