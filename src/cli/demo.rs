//! `loadline demo`: the real server on loopback, with a fresh certificate, answering built-in pods over TLS.
//!
//! What is printed is read off the server's answers: nothing here decides anything.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use clap::Args;
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use json_patch::PatchOperation;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::ExitStatus;
use super::render::{self, Renderer};
use crate::admission::Pipeline;
use crate::bundle::{Sources, Text};
use crate::document::Document;
use crate::facts::Facts;
use crate::mutation;
use crate::server::tls::{Certificate, SelfSigned, provider};
use crate::server::{self, Shared, listen};

/// The pods, one review each.
const PODS: &str = include_str!("demo/pods.yaml");

/// Where a pod says what it shows.
const STORY_KEY: &str = "demo.loadline.dev/story";

/// One policy of the library, so that governance has something to say.
const CONFIG: &str = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  policies: [{name: no-mutable-tags}]\n";

/// Show what Loadline does: start the real server on loopback and send it some pods
#[derive(Args, Debug)]
pub struct DemoArgs {}

/// Runs the demonstration.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitStatus> {
    let DemoArgs {} = args;
    let config = Text { origin: "demo".to_owned(), text: CONFIG.to_owned() };
    let pipeline = Pipeline::compile(&Sources { config: Some(config), ..Sources::default() })?;
    let pods = Document::parse_all(PODS).context("read the built-in pods")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(demo(pipeline, pods))?;
    Ok(ExitStatus::Clean)
}

async fn demo(pipeline: Pipeline, pods: Vec<Document>) -> anyhow::Result<()> {
    let listener = listen::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .context("listen on loopback")?;
    let address = listener.local_addr().context("find out which port is listened on")?;
    let made = SelfSigned::generate(super::serve::loopback_names())?;
    let certificate = Arc::new(Certificate::self_signed(&made)?);
    let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config()?));
    anstream::println!(
        "{}\n  https://{address}, with a certificate made just now; bundle {}, {}, {}\n",
        render::paint(render::BOLD, "Loadline is serving"),
        pipeline.digest,
        render::count(pipeline.profiles.len(), "profile"),
        render::count(pipeline.catalogue.len(), "feature"),
    );
    let shared = Arc::new(Shared::new(pipeline, Facts::default()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server =
        tokio::spawn(listen::serve(listener, server::router(shared), Some(acceptor), async {
            let _ = stopped.await;
        }));
    let mut client = Client::connect(address, &made).await?;
    let count = pods.len();
    for (number, pod) in (1..).zip(pods) {
        let story = pod
            .value
            .pointer("/metadata/annotations")
            .and_then(|annotations| annotations.get(STORY_KEY));
        let story = story.and_then(Value::as_str).unwrap_or_default().to_owned();
        anstream::println!(
            "{}",
            render::paint(render::BOLD, format_args!("{number}/{count}  {story}"))
        );
        anstream::print!("{}", show(&mut client, number, &pod.value).await?);
    }
    drop(client);
    let _ = stop.send(());
    server.await.context("the server failed")?;
    anstream::println!(
        "{}\n  loadline check -f your.yaml                      what would happen to your own pods\n  \
         loadline check -f your.yaml --profile all        which virtual nodes could take them\n  \
         loadline explain volume.persistent-volume-claim  what is known, and from where",
        render::paint(render::BOLD, "Next")
    );
    Ok(())
}

/// Sends a pod through both webhooks, as the API server does, and puts the answers into words.
async fn show(client: &mut Client, number: usize, pod: &Value) -> anyhow::Result<String> {
    let uid = format!("00000000-0000-4000-8000-{number:012}");
    let mutated = client.review("/mutate", &uid, pod).await?;
    let patch: Vec<PatchOperation> = match mutated.get("patch").and_then(Value::as_str) {
        None => Vec::new(),
        Some(encoded) => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(encoded)
                .context("decode the patch")?;
            serde_json::from_slice(&bytes).context("read the patch")?
        }
    };
    let mut edited = pod.clone();
    mutation::apply(&patch, &mut edited).context("apply the patch")?;
    let validated = client.review("/validate", &uid, &edited).await?;

    let mut out = String::new();
    let renderer = Renderer::for_stdout();
    let mut line = |label: &str, style: anstyle::Style, text: &str| {
        out.push_str(&format!("  {label:<9}{}", render::paint(style, "")));
        renderer.folded(&mut out, 11, &render::clean(text));
    };
    let placement = mutated.pointer("/auditAnnotations/placement").and_then(Value::as_str);
    line("headed", render::DIM, &headed(placement));
    let is_allowed = validated.get("allowed").and_then(Value::as_bool).unwrap_or_default();
    let verdict = match (is_allowed, patch.is_empty()) {
        (false, _) => render::paint(render::RED, "refused"),
        (true, false) => render::paint(render::GREEN, "admitted, with changes"),
        (true, true) => render::paint(render::GREEN, "admitted as it is"),
    };
    line("verdict", render::DIM, "");
    out.pop();
    out.push_str(&verdict);
    out.push('\n');
    let causes =
        validated.pointer("/status/details/causes").and_then(Value::as_array).into_iter().flatten();
    let mut because: Vec<(&str, String)> = Vec::new();
    let mut finding = "";
    for cause in causes {
        let text = |key: &str| cause.get(key).and_then(Value::as_str).unwrap_or_default();
        let (message, field) = (text("message"), text("field"));
        // A finding has a cause for each place, and says everything with the first one.
        if finding.starts_with(&format!("[{}] {message}", text("reason"))) {
            because.push(("", format!("also at `{field}`")));
        } else {
            because.push(("because", message.to_owned()));
            finding = message;
        }
    }
    let warnings = [&mutated, &validated]
        .into_iter()
        .filter_map(|response| response.get("warnings")?.as_array());
    let warnings = warnings.flatten().filter_map(Value::as_str);
    let warnings = warnings.map(|text| ("warning", text.to_owned()));
    for (label, text) in because.into_iter().chain(warnings) {
        out.push_str(&format!("  {label:<9}"));
        renderer.folded(&mut out, 11, &render::clean(&text));
    }
    if is_allowed && !patch.is_empty() {
        out.push_str(&renderer.patch(pod, &patch));
    }
    out.push('\n');
    Ok(out)
}

/// `bound:azure-aci,nomad` in words.
fn headed(placement: Option<&str>) -> String {
    match placement.and_then(|placement| placement.split_once(':')) {
        None => "for no virtual node".to_owned(),
        Some(("bound", profiles)) => format!("for {}", profiles.replace(',', ", ")),
        Some((_, profiles)) => format!("for a regular node or for {}", profiles.replace(',', ", ")),
    }
}

/// A client of the webhook, over one TLS connection.
struct Client {
    sender: SendRequest<Body>,
}

impl Client {
    async fn connect(address: SocketAddr, trusted: &SelfSigned) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusted.certificate.as_bytes())?)?;
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await.context("connect to the server")?;
        let name = ServerName::from(address.ip());
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .context("shake hands")?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends a review, and gives the response inside the answer.
    async fn review(&mut self, path: &str, uid: &str, pod: &Value) -> anyhow::Result<Value> {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": uid,
                "kind": { "group": "", "version": "v1", "kind": "Pod" },
                "resource": { "group": "", "version": "v1", "resource": "pods" },
                "namespace": "default",
                "operation": "CREATE",
                "object": pod,
            },
        });
        let request = Request::post(format!("{path}?timeout=10s"))
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(review.to_string()))?;
        // The connection may still be putting the last answer away.
        self.sender.ready().await.context("wait for the connection")?;
        let response = self.sender.send_request(request).await.context("send a review")?;
        let status = response.status();
        let body: Bytes =
            response.into_body().collect().await.context("read the answer")?.to_bytes();
        if status != StatusCode::OK {
            bail!("{path} answered {status}: {}", String::from_utf8_lossy(&body));
        }
        let mut answer: Value = serde_json::from_slice(&body).context("read the answer")?;
        Ok(answer.get_mut("response").map(Value::take).unwrap_or_default())
    }
}
