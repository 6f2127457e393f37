//! The real server over TLS on loopback: bad input, rotation, graceful end. Every wait is bounded.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use super::reviews::{pod, review_of};

pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running `loadline serve`, ended when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub metrics: SocketAddr,
    client: Arc<ClientConfig>,
}

/// An answer: status, headers and body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Writes a fresh certificate and key, and gives the certificate.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()
}

fn trusting(certificate: &CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

impl Server {
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let certificate = certificate(folder);
        let mut child = Command::new(env!("CARGO_BIN_EXE_loadline"))
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .arg("--cert")
            .arg(folder.join("tls.crt"))
            .arg("--key")
            .arg(folder.join("tls.key"))
            .args(arguments)
            .env_remove("KUBECONFIG")
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The system chooses the ports, and the log says which.
        let started = Instant::now();
        let serving = loop {
            if let Some(line) =
                log(folder).lines().find(|line| line.contains("\"message\":\"serving\""))
            {
                break serde_json::from_str::<Value>(line).unwrap();
            }
            if started.elapsed() > PATIENCE || child.try_wait().unwrap().is_some() {
                let _ = child.kill();
                panic!("the server did not start: {}", log(folder));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let address = |key: &str| serving[key].as_str().unwrap().parse().unwrap();
        Self {
            child,
            address: address("address"),
            metrics: address("metrics"),
            client: trusting(&certificate),
        }
    }

    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&self.client), name).unwrap(), stream)
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Reply {
        self.send("POST", path, "application/json", body)
    }

    pub fn send(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Reply {
        exchange(&mut self.connect(), method, path, content_type, body, "close")
    }

    /// Sends a request whose answer nobody waits for. The connection is open as long as what is given back.
    pub fn post_only(&self, path: &str, body: &[u8]) -> impl Write + use<> {
        let mut stream = self.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream.flush().unwrap();
        stream
    }

    fn terminate(&self) {
        let status =
            Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the process to end, and gives whether it ended well.
    fn ended(&mut self) -> bool {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(started.elapsed() < PATIENCE, "the server did not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// One HTTP/1.1 exchange on an open connection.
pub fn exchange(
    stream: &mut (impl Read + Write),
    method: &str,
    path: &str,
    content_type: &str,
    body: &[u8],
    connection: &str,
) -> Reply {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
        body.len()
    );
    // The server may answer and close before it has read everything; what it said is what counts.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body))
        .and_then(|()| stream.flush());
    let mut bytes = Vec::new();
    let mut chunk = [0; 16384];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
                return Reply { status, body: bytes[end + 4..end + 4 + length].to_vec() };
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) => panic!("the connection closed after {:?}", String::from_utf8_lossy(&bytes)),
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
        }
    }
}

fn review() -> Vec<u8> {
    serde_json::to_vec(&review_of(&pod(
        json!({"annotations": {"loadline.dev/profile": "azure-aci"}}),
        json!({}),
    )))
    .unwrap()
}

#[test]
fn a_review_is_answered_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let reply = server.post("/mutate?timeout=10s", &review());
    assert_eq!(reply.status, 200);
    let response = reply.json();
    assert_eq!(response["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(response["response"]["uid"], "11111111-2222-3333-4444-555555555555");
    assert_eq!(response["response"]["patchType"], "JSONPatch");
    assert_eq!(server.send("GET", "/readyz?verbose", "", b"").status, 200);
    let metrics = exchange(
        &mut TcpStream::connect(server.metrics).unwrap(),
        "GET",
        "/metrics",
        "",
        b"",
        "close",
    );
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("loadline_admission_requests_total{"), "{metrics}");
    assert!(metrics.contains("loadline_certificate_expiry_timestamp_seconds"), "{metrics}");
}

#[test]
fn the_log_has_one_event_a_review_and_no_value_of_the_pod() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let mut review: Value = serde_json::from_slice(&review()).unwrap();
    review["request"]["object"]["spec"]["containers"][0]["env"] =
        json!([{"name": "PASSWORD", "value": "hunter2-secret"}]);
    server.post("/validate", review.to_string().as_bytes());
    server.terminate();
    assert!(server.ended());
    let log = log(folder.path());
    assert_eq!(
        log.lines().filter(|line| line.contains("\"message\":\"review\"")).count(),
        1,
        "{log}"
    );
    assert!(!log.contains("hunter2") && !log.contains("PASSWORD"), "{log}");
}

#[test]
fn bad_input_gets_a_clear_answer_and_the_server_lives() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let with = |change: fn(&mut Value)| {
        let mut review: Value = serde_json::from_slice(&review()).unwrap();
        change(&mut review);
        review.to_string().into_bytes()
    };
    let many = with(|review| {
        let container = json!({"name": "c", "image": "i", "resources": {"limits": {"cpu": "1"}}});
        review["request"]["object"]["spec"]["containers"] = vec![container; 10_000].into();
    });
    let deep = [
        br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":"#.to_vec(),
        b"[".repeat(100_000),
    ]
    .concat();
    let large = with(|review| {
        review["request"]["object"]["metadata"]["annotations"]["x"] = "y".repeat(4_000_000).into();
    });
    for (name, content_type, body, status, part) in [
        ("empty", "application/json", b"".to_vec(), 400, "EOF"),
        ("truncated", "application/json", review()[..200].to_vec(), 400, "EOF"),
        ("content type", "text/plain", review(), 415, "text/plain"),
        ("no content type", "", review(), 415, "content type"),
        (
            "v1beta1",
            "application/json",
            with(|review| review["apiVersion"] = json!("admission.k8s.io/v1beta1")),
            400,
            "v1beta1",
        ),
        (
            "no uid",
            "application/json",
            with(|review| review["request"]["uid"] = Value::Null),
            400,
            "uid",
        ),
        (
            "no kind",
            "application/json",
            with(|review| review["request"]["kind"] = Value::Null),
            400,
            "no `request.kind.kind`",
        ),
        (
            "no operation",
            "application/json",
            with(|review| review["request"]["operation"] = Value::Null),
            400,
            "no `request.operation`",
        ),
        ("4 MB", "application/json", large, 200, "allowed"),
        ("10 000 containers", "application/json", many, 200, "allowed"),
        ("deep", "application/json", deep, 400, "expected an AdmissionRequest"),
        (
            "duplicate keys",
            "application/json",
            br#"{"kind":"a","kind":"b"}"#.to_vec(),
            400,
            "duplicate",
        ),
        ("not UTF-8", "application/json", b"{\"kind\":\"\xff\"}".to_vec(), 400, "UTF-8"),
        (
            "no object",
            "application/json",
            with(|review| review["request"]["object"] = Value::Null),
            400,
            "object",
        ),
        (
            "DELETE",
            "application/json",
            with(|review| {
                review["request"]["operation"] = json!("DELETE");
                review["request"]["oldObject"] = review["request"]["object"].take();
            }),
            200,
            "\"allowed\":true",
        ),
    ] {
        for path in ["/mutate", "/validate"] {
            let reply = server.send("POST", path, content_type, &body);
            let text = String::from_utf8_lossy(&reply.body);
            assert_eq!(reply.status, status, "{name} {path}: {text}");
            assert!(text.contains(part), "{name} {path}: {text}");
        }
    }
    // Refused by its head alone: nobody has to send what nobody will read.
    let head = format!(
        "POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        9 << 20
    );
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(server.send("GET", "/mutate", "", b"").status, 405);
    assert_eq!(server.send("GET", "/elsewhere", "", b"").status, 404);
    assert_eq!(server.post("/mutate", &review()).status, 200);
    assert!(server.resident_kib() < 96 * 1024, "{} KiB after bad input", server.resident_kib());
}

/// The API server reads answers into memory, and so does whoever asked it.
#[test]
fn a_refusal_of_ten_thousand_containers_is_short_and_loses_no_finding() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let field = json!({"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}});
    let container = json!({"name": "c", "image": "i:1", "env": [field], "securityContext": {"runAsNonRoot": true}});
    let object = pod(
        json!({"annotations": {"loadline.dev/profile": "azure-aci"}}),
        json!({"containers": vec![container; 10_000]}),
    );
    let body = review_of(&object).to_string();
    let reply = server.post("/validate", body.as_bytes());
    assert!(reply.body.len() < 50_000, "{} bytes", reply.body.len());
    let answer = reply.json();
    let causes = answer["response"]["status"]["details"]["causes"].as_array().unwrap();
    assert_eq!(causes.len(), 101);
    let last = causes[100]["message"].as_str().unwrap();
    assert!(last.contains(" more places and findings"), "{last}");
    for code in ["env.field-ref.status.pod-ip", "security.container.run-as-non-root"] {
        let of_code: Vec<&Value> = causes.iter().filter(|cause| cause["reason"] == code).collect();
        let message = |cause: &Value| cause["message"].as_str().unwrap().to_owned();
        assert!(message(of_code[0]).contains("help: "), "{:?}", of_code[0]);
        // The others say what, where, and no more.
        for other in &of_code[1..] {
            assert!(!message(other).contains("help: ") && message(other).len() < 200, "{other}");
            assert!(other["field"].as_str().unwrap().starts_with("spec.containers["), "{other}");
        }
    }
    // The command line says the same.
    let file = folder.path().join("review.json");
    std::fs::write(&file, body).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_loadline"))
        .args(["check", "-o", "review", "-f"])
        .arg(&file)
        .output()
        .unwrap();
    let validated = String::from_utf8(output.stdout).unwrap();
    let validated: Value = serde_json::from_str(validated.lines().nth(1).unwrap()).unwrap();
    assert_eq!(validated["response"]["status"], answer["response"]["status"]);
}

#[test]
fn a_new_certificate_is_taken_without_dropping_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let mut open = server.connect();
    assert_eq!(
        exchange(&mut open, "POST", "/mutate", "application/json", &review(), "keep-alive").status,
        200
    );
    let renewed = certificate(folder.path());
    server.client = trusting(&renewed);
    let started = Instant::now();
    loop {
        let mut stream = server.connect();
        if stream.conn.complete_io(&mut stream.sock).is_ok() {
            break;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "the new certificate was not taken: {}",
            log(folder.path())
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(
        exchange(&mut open, "POST", "/mutate", "application/json", &review(), "keep-alive").status,
        200
    );
    // A pair that cannot be used leaves the good one in place.
    std::fs::write(folder.path().join("tls.crt"), "no certificate").unwrap();
    while !log(folder.path()).contains("cannot be used") {
        assert!(started.elapsed() < PATIENCE, "{}", log(folder.path()));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(server.post("/mutate", &review()).status, 200);
}

#[test]
fn what_was_accepted_is_answered_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let mut stream = server.connect();
    let body = review();
    let head = format!(
        "POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..100]).unwrap();
    stream.flush().unwrap();
    // The server must have read the head before it is told to stop.
    std::thread::sleep(Duration::from_millis(300));
    server.terminate();
    let started = Instant::now();
    while TcpStream::connect(server.address).is_ok() {
        assert!(started.elapsed() < PATIENCE, "the server still accepts");
        std::thread::sleep(Duration::from_millis(10));
    }
    stream.write_all(&body[100..]).unwrap();
    stream.flush().unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while !String::from_utf8_lossy(&answer).contains("\"allowed\":true") {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..read]);
    }
    assert!(server.ended());
}

#[test]
fn a_server_without_a_certificate_says_what_to_do() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadline")).args(["serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--self-signed"));
}

/// Two values that are small in memory and would take years to compare: the engine looks at no clock meanwhile.
fn incomparable() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(
        "# METADATA\n# custom: {match: {namespaces: [stuck], placement: any}}\npackage test.stuck\n\nimport rego.v1\n\n",
    );
    for side in ["left", "right"] {
        let _ = writeln!(text, "{side}0 := [input.version]");
        for level in 1..=60 {
            let below = format!("{side}{}", level - 1);
            let _ = writeln!(text, "{side}{level} := [{below}, {below}]");
        }
    }
    text + "deny contains \"equal\" if left60 == right60\n"
}

#[test]
fn a_policy_that_cannot_be_stopped_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("stuck.rego");
    std::fs::write(&policy, incomparable()).unwrap();
    let mut server = Server::start(folder.path(), &["--policy", policy.to_str().unwrap()]);
    let mut stuck: Value = serde_json::from_slice(&review()).unwrap();
    stuck["request"]["namespace"] = json!("stuck");
    let started = Instant::now();
    let reply = server.post("/validate?timeout=1s", stuck.to_string().as_bytes());
    assert_eq!(reply.status, 504, "{}", String::from_utf8_lossy(&reply.body));
    assert!(started.elapsed() < PATIENCE);
    assert!(String::from_utf8_lossy(&reply.body).contains("could not be stopped in time"));
    assert_eq!(server.post("/validate?timeout=1s", &review()).status, 200);
    server.terminate();
    assert!(server.ended());
}
