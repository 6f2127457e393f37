//! A bundle that follows its files: `serve` with policies that change under it, as a mounted ConfigMap changes.

use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::reviews::{pod, review_of};
use super::server::{PATIENCE, Server, exchange, log};

/// A folder whose files change all at once, by the swap of one symbolic link, as kubelet does it.
struct ConfigMap {
    folder: PathBuf,
    version: u32,
}

impl ConfigMap {
    fn new(folder: PathBuf, files: &[(&str, &str)]) -> Self {
        std::fs::create_dir(&folder).unwrap();
        let mut this = Self { folder, version: 0 };
        this.write(files);
        for (name, _) in files {
            symlink(Path::new("..data").join(name), this.folder.join(name)).unwrap();
        }
        this
    }

    fn write(&mut self, files: &[(&str, &str)]) {
        self.version += 1;
        let version = format!("..version_{}", self.version);
        let folder = self.folder.join(&version);
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let fresh = self.folder.join("..data_tmp");
        symlink(version, &fresh).unwrap();
        std::fs::rename(fresh, self.folder.join("..data")).unwrap();
    }
}

fn refusing(name: &str, message: &str) -> String {
    format!(
        "package example.{name}\n\nimport rego.v1\n\ndeny contains {{\"msg\": \"{message}\"}}\n"
    )
}

fn answer(server: &Server) -> String {
    let headed = json!({"annotations": {"loadline.dev/profile": "azure-aci"}});
    let review = review_of(&pod(headed, json!({}))).to_string();
    let reply = server.post("/validate", review.as_bytes());
    assert_eq!(reply.status, 200);
    reply.json()["response"]["status"]["message"].as_str().unwrap_or_default().to_owned()
}

pub fn ready(server: &Server) -> String {
    let reply = server.send("GET", "/readyz?verbose", "", b"");
    assert_eq!(reply.status, 200, "a broken policy must not take the server out of service");
    String::from_utf8(reply.body).unwrap()
}

pub fn metrics(server: &Server) -> String {
    let mut stream = TcpStream::connect(server.metrics).unwrap();
    String::from_utf8(exchange(&mut stream, "GET", "/metrics", "", b"", "close").body).unwrap()
}

#[track_caller]
fn wait_until(folder: &Path, what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "never: {what}; {}", log(folder));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A template of Gatekeeper that is written in CEL alone.
const IN_CEL: &str = "\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: incel}
spec:
  crd: {spec: {names: {kind: InCel}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    code: [{engine: K8sNativeValidation, source: {validations: []}}]
";

#[test]
fn templates_that_are_left_out_are_shown_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut policies = ConfigMap::new(folder.join("policies"), &[("cel.yaml", IN_CEL)]);
    let server = Server::start(folder, &["--policy", policies.folder.to_str().unwrap()]);
    let line = "template `incel` is left out, with its constraints: not supported: CEL";
    assert!(ready(&server).contains(line), "{}", ready(&server));
    let text = metrics(&server);
    assert!(text.contains("loadline_templates_left_out{needs=\"CEL\"} 1"), "{text}");
    assert!(text.contains("loadline_templates_left_out{needs=\"external data\"} 0"), "{text}");
    // One that is to go is deleted.
    policies.write(&[]);
    std::fs::remove_file(policies.folder.join("cel.yaml")).unwrap();
    wait_until(folder, "the count of the new bundle", || {
        metrics(&server).contains("loadline_templates_left_out{needs=\"CEL\"} 0")
    });
    assert!(!ready(&server).contains("incel"));
}

#[test]
fn an_edit_is_picked_up_and_a_broken_one_leaves_the_last_good_version_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [old, new, other] = [
        refusing("first", "old words"),
        refusing("first", "new words"),
        refusing("second", "other words"),
    ];
    let mut policies =
        ConfigMap::new(folder.join("policies"), &[("first.rego", &old), ("second.rego", &other)]);
    let server = Server::start(folder, &["--policy", policies.folder.to_str().unwrap()]);
    assert!(answer(&server).contains("old words"));
    let first_metrics = metrics(&server);
    assert!(first_metrics.contains("loadline_bundle_held 0"), "{first_metrics}");

    policies.write(&[("first.rego", &new), ("second.rego", &other)]);
    wait_until(folder, "the new version", || answer(&server).contains("new words"));
    let digest = |text: &str| {
        let lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("loadline_bundle_info{")).collect();
        assert_eq!(lines.len(), 1, "{text}");
        lines[0].to_owned()
    };
    assert_ne!(digest(&metrics(&server)), digest(&first_metrics));

    let changed = refusing("second", "changed words");
    policies.write(&[
        ("first.rego", "package example.first\n\ndeny contains {"),
        ("second.rego", &changed),
    ]);
    wait_until(folder, "the good half", || answer(&server).contains("changed words"));
    let text = answer(&server);
    assert!(text.contains("new words"), "the last good version is gone: {text}");
    let text = ready(&server);
    assert!(
        text.contains("its last good version is in force") && text.contains("first.rego:"),
        "{text}"
    );
    let text = metrics(&server);
    assert!(text.contains("loadline_bundle_held 1"), "{text}");
    assert!(text.contains("loadline_bundle_reloads_total{outcome=\"held\"} 1"), "{text}");
    let told = log(folder).matches("a changed file of the bundle cannot be used").count();
    assert_eq!(told, 1, "{}", log(folder));

    policies.write(&[("first.rego", &old), ("second.rego", &changed)]);
    wait_until(folder, "the mended version", || answer(&server).contains("old words"));
    wait_until(folder, "a clean bill", || !ready(&server).contains("last good"));
}

/// Files as somebody writes them who neither renames nor swaps.
#[test]
fn a_file_that_is_caught_half_written_takes_nothing_out_of_force() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("t.yaml");
    let template = |words: &str| {
        let rego = format!(
            "rego: |\n      package refusing\n      violation[{{\"msg\": \"{words}\"}}] {{ true }}"
        );
        IN_CEL
            .replace("incel", "refusing")
            .replace("InCel", "Refusing")
            .replace("code: [{engine: K8sNativeValidation, source: {validations: []}}]", &rego)
    };
    let constraint = "---\napiVersion: constraints.gatekeeper.sh/v1beta1\nkind: Refusing\nmetadata: {name: all}\n";
    let whole = template("old words") + constraint;
    std::fs::write(&file, &whole).unwrap();
    let server = Server::start(folder, &["--policy", file.to_str().unwrap()]);
    assert!(answer(&server).contains("old words"), "{}", answer(&server));

    for (text, part) in [
        ("", "nothing is left in it of ConstraintTemplate `refusing`, Refusing `all`"),
        ("a: [", "t.yaml:1:4: "),
        (whole.get(..60).unwrap(), "nothing is left in it"),
        (&template("old words"), "Refusing `all` is gone from it"),
    ] {
        std::fs::write(&file, text).unwrap();
        wait_until(folder, part, || ready(&server).contains(part));
        assert!(answer(&server).contains("old words"), "{text}");
        let text = metrics(&server);
        assert!(text.contains("loadline_bundle_held 1"), "{text}");
        assert!(text.contains("loadline_bundle_held_file{file=\"") && text.contains("t.yaml\"} 1"));
    }
    std::fs::write(&file, template("new words") + constraint).unwrap();
    wait_until(folder, "the whole file", || answer(&server).contains("new words"));
    wait_until(folder, "a clean bill", || !ready(&server).contains("last good"));

    // What stays so is meant.
    std::fs::write(&file, template("new words")).unwrap();
    wait_until(folder, "the shorter file", || !answer(&server).contains("words"));
    wait_until(folder, "a clean bill", || !ready(&server).contains("last good"));
    assert!(log(folder).contains("Refusing `all`"), "{}", log(folder));
    assert!(log(folder).contains("no longer in force"), "{}", log(folder));
}

#[test]
fn files_that_cannot_be_read_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let policies = folder.join("policies");
    std::fs::create_dir(&policies).unwrap();
    std::fs::write(policies.join("first.rego"), refusing("first", "words")).unwrap();
    let server = Server::start(folder, &["--policy", policies.to_str().unwrap()]);
    std::fs::rename(&policies, folder.join("elsewhere")).unwrap();
    wait_until(folder, "the missing folder is told", || {
        ready(&server).contains("the last good bundle is in force: read f")
    });
    assert!(answer(&server).contains("words"));
}
