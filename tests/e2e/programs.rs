//! The Go programs that the tests run, built from the modules beside this file and kept in a cache folder.
//!
//! The cache is `target/e2e/programs`, or the folder that `LOADLINE_E2E_CACHE` names. Each module has a folder there
//! whose name is a digest of everything its build depends on, so a changed pin builds anew and nothing else does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::process;

/// A cold build takes about ten minutes on two cores.
const BUILD_LIMIT: Duration = Duration::from_mins(45);

/// The version that the built control plane reports; it is the one that `controlplane/go.mod` pins.
const KUBERNETES: &str = "1.37.2";

/// Where each program is.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) apiserver: PathBuf,
    pub(crate) controller_manager: PathBuf,
    pub(crate) etcd: PathBuf,
    pub(crate) kubectl: PathBuf,
    pub(crate) latency: PathBuf,
    pub(crate) scheduler: PathBuf,
    pub(crate) virtual_node: PathBuf,
}

impl Programs {
    /// Builds what is missing. What the folder named by `KUBEBUILDER_ASSETS` holds is used instead.
    pub(crate) fn provide() -> Self {
        let go = go_version();
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let controlplane = Module::new("controlplane", &go).build(
            &[
                ("etcd", "go.etcd.io/etcd/server/v3"),
                ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
                ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
                ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
                ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
            ],
            assets.as_deref(),
        );
        let [etcd, apiserver, controller_manager, scheduler, kubectl] = controlplane;
        let [virtual_node] = Module::new("virtualnode", &go).build(&[("virtualnode", ".")], None);
        let [latency] = Module::new("latency", &go).build(&[("latency", ".")], None);
        Self { apiserver, controller_manager, etcd, kubectl, latency, scheduler, virtual_node }
    }
}

/// The folder that holds what is built here and the logs of a run that failed.
pub(crate) fn cache() -> PathBuf {
    std::env::var_os("LOADLINE_E2E_CACHE").map_or_else(
        // Cargo gives integration tests `target/tmp`, wherever `target` is.
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("e2e"),
        PathBuf::from,
    )
}

/// The output of `go version`; the end of the test where there is no Go.
fn go_version() -> String {
    let answer = Command::new("go").arg("version").output().unwrap_or_else(|error| {
        panic!(
            "Go is missing, so NOTHING WAS TESTED: the end-to-end tests build a Kubernetes control plane and a \
             virtual kubelet from Go modules, and `go version` does not run ({error}). Install Go 1.26 or newer."
        )
    });
    assert!(answer.status.success(), "`go version` failed: {}", answer.status);
    String::from_utf8_lossy(&answer.stdout).trim().to_owned()
}

/// One Go module of this folder.
struct Module {
    name: &'static str,
    source: PathBuf,
    built: PathBuf,
    linker_flags: String,
}

impl Module {
    fn new(name: &'static str, go: &str) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e").join(name);
        let version = "k8s.io/component-base/version.git";
        let (major, rest) = KUBERNETES.split_once('.').expect("a version has a dot");
        let (minor, _) = rest.split_once('.').expect("a version has two dots");
        // The two modules of our own take no version, and `-X` of a package that is not there does nothing.
        let linker_flags = format!(
            "-s -w -X {version}Version=v{KUBERNETES} -X {version}Major={major} -X {version}Minor={minor}"
        );
        let mut digest = Sha256::new();
        digest.update(go);
        digest.update(&linker_flags);
        for file in ["go.mod", "go.sum", "main.go"] {
            // A module without dependencies has no go.sum, one without code no main.go.
            digest.update(file);
            digest.update(fs::read(source.join(file)).unwrap_or_default());
        }
        let digest = digest.finalize()[..8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        let built = cache().join("programs").join(format!("{name}-{digest:016x}"));
        Self { name, source, built, linker_flags }
    }

    /// The paths of `programs`, given as (file name, package), after building those that are not there yet.
    fn build<const N: usize>(
        &self,
        programs: &[(&str, &str); N],
        assets: Option<&Path>,
    ) -> [PathBuf; N] {
        let place = |name: &str| {
            let given = assets.map(|folder| folder.join(name)).filter(|path| path.is_file());
            given.unwrap_or_else(|| self.built.join(name))
        };
        let missing: Vec<_> = programs.iter().filter(|(name, _)| !place(name).is_file()).collect();
        if missing.is_empty() {
            println!("{}: cached", self.name);
        } else {
            let start = Instant::now();
            let names: Vec<_> = missing.iter().map(|(name, _)| *name).collect();
            println!("{}: building {} ...", self.name, names.join(", "));
            for (name, package) in missing {
                self.build_one(name, package);
            }
            println!("{}: built in {:.0?}", self.name, start.elapsed());
        }
        programs.map(|(name, _)| place(name))
    }

    fn build_one(&self, name: &str, package: &str) {
        fs::create_dir_all(&self.built).unwrap();
        // Renamed when it is whole: a build that was cut short must not look like a program.
        let unfinished = self.built.join(format!(".{name}.{}", std::process::id()));
        let mut go = Command::new("go");
        go.current_dir(&self.source)
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off")
            .args(["build", "-mod=readonly", "-trimpath", "-ldflags", &self.linker_flags, "-o"])
            .arg(&unfinished)
            .arg(package)
            .stdin(Stdio::null());
        let status = process::run(&mut go, BUILD_LIMIT).unwrap_or_else(|why| {
            panic!("building {name} with Go: {why}");
        });
        assert!(status.success(), "building {name} with Go: {status}");
        fs::rename(&unfinished, self.built.join(name)).unwrap();
    }
}
