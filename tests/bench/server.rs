//! CPU time of the server per review, beside a server that parses nothing but the uid and answers `allowed: true`.
//!
//! Both run in this process, over TLS and one kept connection, in turn; only the CPU time of the server's own threads is
//! counted. Prints medians and their ratio. Send standard error to /dev/null: that is where the log goes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a benchmark that cannot go on should stop with a message"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use loadline::admission::Pipeline;
use loadline::facts::Facts;
use loadline::server::tls::{Certificate, SelfSigned, provider};
use loadline::server::{self, Shared, listen};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;

#[path = "review.rs"]
mod review;

/// Threads of a server carry this name.
const THREAD: &str = "served";

const ROUNDS: usize = 15;
const REVIEWS_A_ROUND: u32 = 400;

fn main() {
    // `cargo test` runs benchmarks for a moment to see that they work.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (rounds, reviews) = if is_test { (1, 5) } else { (ROUNDS, REVIEWS_A_ROUND) };
    loadline::telemetry::init(loadline::telemetry::LogFormat::Json, "info")
        .expect("logging starts once");
    let body = review::headed();
    let shared = Arc::new(Shared::new(
        Pipeline::built_in().expect("the built-in data compiles"),
        Facts::default(),
    ));
    let ours = Server::start(server::router(shared));
    let floor = Server::start(Router::new().route("/mutate", post(allow)));
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (server, times) in [&ours, &floor].into_iter().zip(&mut times) {
            times.push(server.cpu_per_review(&body, reviews));
        }
    }
    let [ours, floor] = times.map(median);
    println!(
        "{} bytes a review, {rounds} rounds of {reviews} each, CPU time of the server a review, medians:",
        body.len()
    );
    println!("  loadline                       {ours:6.1} µs");
    println!("  a server that only says yes    {floor:6.1} µs");
    println!("  ratio                          {:6.2}", ours / floor);
}

#[derive(Deserialize)]
struct Review {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    uid: String,
}

/// Reads the whole body, parses nothing but the uid, and allows.
async fn allow(body: Bytes) -> String {
    let review: Review = serde_json::from_slice(&body).expect("a review of our own");
    format!(
        "{{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{{\"uid\":\"{}\",\"allowed\":true}}}}",
        review.request.uid
    )
}

struct Server {
    _runtime: tokio::runtime::Runtime,
    address: SocketAddr,
    client: Arc<ClientConfig>,
    thread: String,
}

impl Server {
    fn start(router: Router) -> Self {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let thread =
            format!("{THREAD}-{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(&thread)
            .enable_all()
            .build()
            .expect("a runtime");
        let made = SelfSigned::generate(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        let certificate = Arc::new(Certificate::self_signed(&made).expect("it can be used"));
        let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config().expect("TLS")));
        let listener =
            runtime.block_on(listen::bind(SocketAddr::from(([127, 0, 0, 1], 0)))).expect("a port");
        let address = listener.local_addr().expect("its address");
        runtime.spawn(listen::serve(listener, router, Some(acceptor), std::future::pending()));
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(made.certificate.as_bytes()).expect("PEM"))
            .expect("a root");
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("TLS");
        let client = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        Self { _runtime: runtime, address, client, thread }
    }

    /// Sends reviews over one connection, and gives the microseconds of CPU that the server took for each.
    fn cpu_per_review(&self, body: &[u8], reviews: u32) -> f64 {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        let name = ServerName::try_from("127.0.0.1").expect("an address");
        let connection = ClientConnection::new(Arc::clone(&self.client), name).expect("a client");
        let mut stream = StreamOwned::new(connection, stream);
        let head = format!(
            "POST /mutate?timeout=10s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let message = [head.as_bytes(), body].concat();
        exchange(&mut stream, &message);
        let before = self.cpu();
        for _ in 0..reviews {
            exchange(&mut stream, &message);
        }
        (self.cpu() - before) / 1000.0 / f64::from(reviews)
    }

    /// Nanoseconds that the threads of the server have run.
    fn cpu(&self) -> f64 {
        let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
        tasks
            .filter_map(|task| {
                let path = task.ok()?.path();
                let name = std::fs::read_to_string(path.join("comm")).ok()?;
                let stat = std::fs::read_to_string(path.join("schedstat")).ok()?;
                let time: f64 = stat.split_whitespace().next()?.parse().ok()?;
                (name.trim() == self.thread).then_some(time)
            })
            .sum()
    }
}

/// Sends a request and reads the whole answer.
///
/// The client never sleeps: waking it would cost the server's thread more than the review does, and more for the server
/// that answers later.
fn exchange(stream: &mut StreamOwned<ClientConnection, TcpStream>, message: &[u8]) {
    stream.sock.set_nonblocking(false).expect("a socket option");
    stream.write_all(message).expect("the server reads");
    stream.flush().expect("the server reads");
    stream.sock.set_nonblocking(true).expect("a socket option");
    let mut answer = Vec::new();
    let mut chunk = [0; 16384];
    loop {
        let read = match stream.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                std::hint::spin_loop();
                continue;
            }
            Err(error) => panic!("the server answers: {error}"),
        };
        assert!(read > 0, "the connection closed");
        answer.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&answer);
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length: usize = text[..end]
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
            })
            .and_then(|length| length.parse().ok())
            .expect("a length");
        if answer.len() >= end + 4 + length {
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            return;
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
