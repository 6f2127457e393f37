//! Loadline under test: what `loadline install` prints, applied; and `loadline serve`, with only the rights that
//! the printed RBAC gives.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::{Deserializer, Value};

use crate::certificates::{Authority, Pair};
use crate::cluster::{Cluster, PATIENCE, free_ports, text};
use crate::process::{Process, eventually};

const BINARY: &str = env!("CARGO_BIN_EXE_loadline");

/// How long a graceful end may take.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// An installed Loadline, serving or stopped.
pub(crate) struct Loadline<'a> {
    pub(crate) cluster: &'a Cluster,
    ca: PathBuf,
    serving: Pair,
    kubeconfig: PathBuf,
    /// A copy, which may be edited.
    pub(crate) policies: PathBuf,
    port: u16,
    metrics_port: u16,
    process: Option<Process>,
}

impl<'a> Loadline<'a> {
    /// Applies what `loadline install` prints, and serves.
    pub(crate) fn install(cluster: &'a Cluster) -> Self {
        // Not the cluster's own authority: `--ca-file` must be what makes the API server trust us.
        let authority = Authority::new(&cluster.path(""), "webhook-ca");
        let [port, metrics_port] = free_ports();
        let mut loadline = Self {
            cluster,
            ca: authority.file.clone(),
            serving: authority.server("webhook", &[]),
            kubeconfig: PathBuf::new(),
            policies: copy_policies(cluster.path("policies")),
            port,
            metrics_port,
            process: None,
        };
        let manifests = loadline.manifests("Fail");
        let user = service_account(&cluster.parse(&manifests));
        loadline.kubeconfig =
            cluster.kubeconfig("loadline", &cluster.authority.client("loadline", &user, None));
        loadline.apply(&manifests);
        loadline.serve();
        loadline
    }

    /// What `loadline install` prints for this server.
    pub(crate) fn manifests(&self, failure_policy: &str) -> String {
        let output = Command::new(BINARY)
            .args(["install", "--url", &format!("https://127.0.0.1:{}", self.port)])
            .arg("--ca-file")
            .arg(&self.ca)
            .args(["--failure-policy", failure_policy])
            .arg("--policy")
            .arg(&self.policies)
            .arg("--rbac")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`loadline install`: {}\n{errors}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Applies what `loadline install` printed.
    pub(crate) fn apply(&self, manifests: &str) {
        let answer = self.cluster.apply(manifests).accepted();
        assert!(answer.stderr.is_empty(), "applied with warnings: {}", answer.stderr);
    }

    /// Starts `loadline serve` and waits until it is there.
    pub(crate) fn serve(&mut self) {
        assert!(self.process.is_none(), "it serves already");
        let arguments = [
            "serve".to_owned(),
            format!("--listen=127.0.0.1:{}", self.port),
            format!("--metrics-listen=127.0.0.1:{}", self.metrics_port),
            format!("--cert={}", text(&self.serving.certificate)),
            format!("--key={}", text(&self.serving.key)),
            format!("--kubeconfig={}", text(&self.kubeconfig)),
            format!("--policy={}", text(&self.policies)),
        ];
        let start = Instant::now();
        let mut process =
            Process::start("loadline", Path::new(BINARY), arguments, &self.cluster.logs);
        eventually("`loadline serve` to be ready", PATIENCE, || {
            process.check().unwrap_or_else(|ended| panic!("{ended}"));
            self.ask("/readyz").map(drop)
        });
        println!("  loadline serve: ready after {:.0?}", start.elapsed());
        self.process = Some(process);
    }

    /// Ends `loadline serve` as Kubernetes would.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.process.take().expect("it serves").stop(STOP_LIMIT)
    }

    /// The sum of a counter over all its labels.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let metrics = self.ask("/metrics").unwrap();
        let samples = metrics.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// The digest of the bundle that decides, as the metrics say it.
    pub(crate) fn digest(&self) -> String {
        let metrics = self.ask("/metrics").unwrap();
        let (_, after) = metrics.split_once("loadline_bundle_info{digest=\"").unwrap();
        after.split('"').next().unwrap().to_owned()
    }

    /// The page at a path of the listener without TLS.
    pub(crate) fn ask(&self, path: &str) -> Result<String, String> {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.metrics_port))?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = exchange().map_err(|error| format!("GET {path}: {error}"))?;
        if answer.starts_with("HTTP/1.1 200") { Ok(answer) } else { Err(answer) }
    }

    /// Resident memory in MB, where the kernel tells.
    pub(crate) fn resident_megabytes(&self) -> Option<u64> {
        let id = self.process.as_ref()?.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().split(' ').next()?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
    }
}

/// Copies this project's policies for the tests, so that they can be edited.
fn copy_policies(folder: PathBuf) -> PathBuf {
    std::fs::create_dir_all(&folder).unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/policies");
    for file in std::fs::read_dir(own).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    folder
}

impl Cluster {
    /// Manifests as JSON objects, read as `kubectl` reads them.
    pub(crate) fn parse(&self, manifests: &str) -> Vec<Value> {
        let file = self.path("manifests.yaml");
        std::fs::write(&file, manifests).unwrap();
        let file = text(&file);
        let answer = self.kubectl(&["create", "--dry-run=client", "-o=json", "-f", &file]);
        let printed = answer.accepted().stdout;
        let objects = Deserializer::from_str(&printed).into_iter::<Value>();
        let objects = objects.flat_map(|object| match object.unwrap() {
            Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => {
                match list.remove("items") {
                    Some(Value::Array(items)) => items,
                    _ => Vec::new(),
                }
            }
            object => vec![object],
        });
        objects.collect()
    }
}

/// The user name of the service account that the printed binding names.
fn service_account(objects: &[Value]) -> String {
    let subject = objects
        .iter()
        .filter(|object| object["kind"] == "ClusterRoleBinding")
        .flat_map(|binding| binding["subjects"].as_array().into_iter().flatten())
        .find(|subject| subject["kind"] == "ServiceAccount")
        .expect("`loadline install` prints a ClusterRoleBinding for a ServiceAccount");
    let part = |key: &str| subject[key].as_str().expect("a subject is whole").to_owned();
    format!("system:serviceaccount:{}:{}", part("namespace"), part("name"))
}
