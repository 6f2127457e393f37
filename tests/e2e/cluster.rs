//! A Kubernetes control plane on loopback: etcd, API server, controller manager, scheduler, and three nodes.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::{Authority, Pair, signing_key};
use crate::process::{Process, eventually};
use crate::programs::{Programs, cache};

/// The node that looks like one of Azure's virtual kubelet for container instances.
pub(crate) const ACI: &str = "virtual-aci";
/// The node that looks like one of Elotl Kip.
pub(crate) const KIP: &str = "virtual-kip";
/// The node that looks like a machine with a kubelet.
pub(crate) const REGULAR: &str = "regular";

/// How long anything in the cluster may take before it counts as broken: generous, for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running control plane. All of it ends when this value goes.
pub(crate) struct Cluster {
    /// In the order they were started.
    processes: Vec<Process>,
    pub(crate) programs: Programs,
    pub(crate) authority: Authority,
    pub(crate) admin: Pair,
    pub(crate) url: String,
    kubeconfig: PathBuf,
    pub(crate) logs: PathBuf,
    folder: TempDir,
}

/// What a run of `kubectl` gave.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) ok: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// What it printed where it had to work.
    #[track_caller]
    pub(crate) fn accepted(self) -> Self {
        assert!(self.ok, "`kubectl` should have been content, but: {}{}", self.stdout, self.stderr);
        self
    }

    /// The message where it had to be refused.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert!(!self.ok, "this should have been refused, but: {}{}", self.stdout, self.stderr);
        self.stderr
    }
}

impl Cluster {
    /// Starts everything; returns when all three nodes are ready.
    pub(crate) fn start(programs: Programs) -> Self {
        let start = Instant::now();
        let folder = tempfile::Builder::new().prefix("loadline-e2e-").tempdir().unwrap();
        let logs = cache().join("logs");
        let _ = fs::remove_dir_all(&logs);
        fs::create_dir_all(&logs).unwrap();
        let [etcd_port, peer_port, port] = free_ports();
        let authority = Authority::new(folder.path(), "cluster-ca");
        let admin = authority.client("admin", "admin", Some("system:masters"));
        let mut cluster = Self {
            processes: Vec::new(),
            programs,
            authority,
            admin,
            url: format!("https://127.0.0.1:{port}"),
            kubeconfig: PathBuf::new(),
            logs,
            folder,
        };
        cluster.kubeconfig = cluster.kubeconfig("admin", &cluster.admin);
        cluster.start_etcd(etcd_port, peer_port);
        cluster.start_apiserver(etcd_port, port);
        cluster.start_controllers();
        cluster.start_nodes();
        println!("control plane: up in {:.1?}", start.elapsed());
        cluster
    }

    fn start_etcd(&mut self, port: u16, peer_port: u16) {
        let (client, peer) =
            (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
        let arguments = [
            format!("--data-dir={}", self.path("etcd").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            // Nothing here outlives the run, so nothing needs to reach the disk.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        self.launch("etcd", self.programs.etcd.clone(), arguments);
    }

    fn start_apiserver(&mut self, etcd_port: u16, port: u16) {
        let serving = self.authority.server("apiserver", &["kubernetes.default.svc"]);
        let (private, public) = signing_key(self.folder.path());
        let arguments = [
            format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--tls-cert-file={}", serving.certificate.display()),
            format!("--tls-private-key-file={}", serving.key.display()),
            format!("--client-ca-file={}", self.authority.file.display()),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.96.0.0/24".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", public.display()),
            format!("--service-account-signing-key-file={}", private.display()),
        ];
        self.launch("kube-apiserver", self.programs.apiserver.clone(), arguments);
        self.eventually("the API server", |cluster| {
            let answer = cluster.kubectl(&["get", "--raw", "/readyz"]);
            if answer.ok { Ok(()) } else { Err(answer.stderr) }
        });
    }

    fn start_controllers(&mut self) {
        for (name, program, more) in [
            (
                "kube-controller-manager",
                self.programs.controller_manager.clone(),
                vec![
                    "--use-service-account-credentials".to_owned(),
                    format!("--root-ca-file={}", self.authority.file.display()),
                ],
            ),
            ("kube-scheduler", self.programs.scheduler.clone(), Vec::new()),
        ] {
            let pair = self.authority.client(name, &format!("system:{name}"), None);
            let kubeconfig = self.kubeconfig(name, &pair);
            let arguments = [
                format!("--kubeconfig={}", kubeconfig.display()),
                "--leader-elect=false".to_owned(),
                // No listener: nobody asks them anything.
                "--secure-port=0".to_owned(),
            ];
            self.launch(name, program, arguments.into_iter().chain(more));
        }
    }

    fn start_nodes(&mut self) {
        let linux = |name: &str, more: &[(&str, &str)]| {
            let mut labels = json!({
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            });
            for (key, value) in more {
                labels[*key] = json!(value);
            }
            labels
        };
        let taint = |value: &str| json!([{"key": "virtual-kubelet.io/provider", "value": value, "effect": "NoSchedule"}]);
        // The virtual nodes are far larger than the regular one, as in life: left alone, the scheduler prefers them.
        let nodes = json!([
            {
                "name": ACI,
                "labels": linux(ACI, &[
                    ("type", "virtual-kubelet"),
                    ("kubernetes.io/role", "agent"),
                    ("beta.kubernetes.io/os", "linux"),
                    ("kubernetes.azure.com/managed", "false"),
                    ("node.kubernetes.io/exclude-from-external-load-balancers", "true"),
                ]),
                "taints": taint("azure"),
                "cpu": "1000", "memory": "4Ti", "pods": "1000",
            },
            {
                "name": KIP,
                "labels": linux(KIP, &[
                    ("type", "virtual-kubelet"),
                    ("kubernetes.io/role", "agent"),
                ]),
                "taints": taint("kip"),
                "cpu": "1000", "memory": "4Ti", "pods": "1000",
            },
            {
                "name": REGULAR,
                "labels": linux(REGULAR, &[]),
                "cpu": "8", "memory": "32Gi", "pods": "110",
                "kubelet": true,
            },
        ]);
        let file = self.path("nodes.json");
        fs::write(&file, nodes.to_string()).unwrap();
        let arguments = [
            format!("--kubeconfig={}", self.kubeconfig.display()),
            format!("--nodes={}", file.display()),
        ];
        self.launch("virtualnode", self.programs.virtual_node.clone(), arguments);
        self.eventually("three nodes, ready and free of start-up taints", |cluster| {
            let nodes = cluster.get("/api/v1/nodes").ok_or("no list of nodes")?;
            let settled = |node: &&Value| {
                let ready = condition(node, "Ready") == Some("True");
                let taints = node["spec"]["taints"].as_array().map_or(&[][..], Vec::as_slice);
                let starting = |taint: &Value| {
                    taint["key"].as_str().is_some_and(|key| key.starts_with("node.kubernetes.io/"))
                };
                ready && !taints.iter().any(starting)
            };
            match nodes["items"].as_array().map_or(0, |all| all.iter().filter(settled).count()) {
                3 => Ok(()),
                n => Err(format!("{n} of them")),
            }
        });
    }

    fn launch(
        &mut self,
        name: &'static str,
        program: PathBuf,
        arguments: impl IntoIterator<Item = String>,
    ) {
        self.processes.push(Process::start(name, &program, arguments, &self.logs));
    }

    /// A path in the folder of this run, which is deleted at its end.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What one of the programs has printed.
    pub(crate) fn log(&self, name: &str) -> String {
        let log = fs::read(self.logs.join(format!("{name}.log"))).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Writes credentials for the API server; JSON is YAML.
    pub(crate) fn kubeconfig(&self, name: &str, pair: &Pair) -> PathBuf {
        let file = self.path(&format!("{name}.kubeconfig"));
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": {
                "server": self.url, "certificate-authority": self.authority.file,
            }}],
            "users": [{"name": name, "user": {
                "client-certificate": pair.certificate, "client-key": pair.key,
            }}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": name}}],
            "current-context": "e2e",
        });
        fs::write(&file, config.to_string()).unwrap();
        file
    }

    /// Runs `kubectl` as the administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Answer {
        self.kubectl_with(arguments, "")
    }

    fn kubectl_with(&self, arguments: &[&str], input: &str) -> Answer {
        let file = self.path("kubectl-input");
        fs::write(&file, input).unwrap();
        let output = Command::new(&self.programs.kubectl)
            .arg(format!("--kubeconfig={}", self.kubeconfig.display()))
            .arg(format!("--cache-dir={}", self.path("kubectl-cache").display()))
            .arg("--request-timeout=20s")
            .args(arguments)
            .stdin(Stdio::from(fs::File::open(&file).unwrap()))
            .output()
            .unwrap();
        Answer {
            ok: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `kubectl apply` of manifests, as a user does it.
    pub(crate) fn apply(&self, manifests: impl ToString) -> Answer {
        self.kubectl_with(&["apply", "-f", "-"], &manifests.to_string())
    }

    /// `kubectl create` of manifests: unlike `apply` it adds no annotation of its own.
    pub(crate) fn create(&self, manifests: impl ToString) -> Answer {
        self.kubectl_with(&["create", "-f", "-"], &manifests.to_string())
    }

    /// What the API server has at `path`.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        let answer = self.kubectl(&["get", "--raw", path]);
        answer.ok.then(|| serde_json::from_str(&answer.stdout).unwrap())
    }

    pub(crate) fn pod(&self, namespace: &str, name: &str) -> Option<Value> {
        self.get(&format!("/api/v1/namespaces/{namespace}/pods/{name}"))
    }

    /// The pods of a namespace that carry the label `app=APP`.
    pub(crate) fn pods(&self, namespace: &str, app: &str) -> Vec<Value> {
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}");
        let list = self.get(&path).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// The events about a pod, as "component reason: message".
    pub(crate) fn events(&self, namespace: &str, name: &str) -> Vec<String> {
        let path = format!(
            "/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.name%3D{name}"
        );
        let list = self.get(&path).expect("a list of events");
        let component = |event: &Value| {
            let old = event["source"]["component"].as_str().filter(|name| !name.is_empty());
            old.or_else(|| event["reportingComponent"].as_str()).unwrap_or_default().to_owned()
        };
        let text = |event: &Value| {
            let (reason, message) = (event["reason"].as_str(), event["message"].as_str());
            format!(
                "{} {}: {}",
                component(event),
                reason.unwrap_or_default(),
                message.unwrap_or_default()
            )
        };
        list["items"].as_array().map(|all| all.iter().map(text).collect()).unwrap_or_default()
    }

    /// A namespace, ready to take pods.
    pub(crate) fn namespace(&self, name: &str, labels: Value, annotations: Value) {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": labels, "annotations": annotations},
        });
        self.apply(namespace).accepted();
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        eventually(&format!("the service account of namespace {name}"), PATIENCE, || {
            self.get(&account).map(drop).ok_or_else(|| "not there".to_owned())
        });
    }

    /// Waits for a pod to be Running and returns it.
    #[track_caller]
    pub(crate) fn running(&self, namespace: &str, name: &str) -> Value {
        eventually(&format!("pod {namespace}/{name} to run"), PATIENCE, || {
            let pod = self.pod(namespace, name).ok_or("no such pod")?;
            if pod["status"]["phase"] == "Running" { Ok(pod) } else { Err(state(&pod)) }
        })
    }

    /// Waits for the scheduler to give a pod a node, and returns the pod.
    #[track_caller]
    pub(crate) fn scheduled(&self, namespace: &str, name: &str) -> Value {
        eventually(&format!("pod {namespace}/{name} to be scheduled"), PATIENCE, || {
            let pod = self.pod(namespace, name).ok_or("no such pod")?;
            if pod["spec"]["nodeName"].is_string() { Ok(pod) } else { Err(state(&pod)) }
        })
    }

    #[track_caller]
    fn eventually<T>(
        &mut self,
        what: &str,
        mut attempt: impl FnMut(&Self) -> Result<T, String>,
    ) -> T {
        eventually(what, PATIENCE, || {
            if let Some(ended) = self.processes.iter_mut().find_map(|p| p.check().err()) {
                panic!("waiting for {what}: {ended}");
            }
            attempt(self)
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The last started ends first: clients before the servers that they talk to.
        while self.processes.pop().is_some() {}
        if std::thread::panicking() {
            println!("logs of every process: {}", self.logs.display());
        } else {
            let _ = fs::remove_dir_all(&self.logs);
        }
    }
}

/// Why a pod is where it is, for a message.
pub(crate) fn state(pod: &Value) -> String {
    format!("node {}, status {}", pod["spec"]["nodeName"], pod["status"])
}

/// The status of a condition.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)?["status"].as_str()
}

/// Ports of loopback that nobody listens on, all different.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until the last is known.
    let held = [(); N].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// The path of a file as text.
pub(crate) fn text(path: &Path) -> String {
    path.to_str().expect("paths of the run are UTF-8").to_owned()
}
