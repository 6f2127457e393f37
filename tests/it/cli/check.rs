//! `loadline check`.

use std::process::Stdio;
use std::sync::Arc;

use loadline::admission::{Request, Stage, review};
use loadline::facts::Facts;
use serde_json::Value;

use crate::reviews::pipeline;
use crate::support::{CliTest, Said, snapshot};

const CLEAN: &str = "
apiVersion: v1
kind: Pod
metadata: {name: gull}
spec:
  containers:
  - {name: bird, image: registry.example.com/bird:1}
";

/// Bound to the dinghy, which refuses its claim and ignores its control.
const SINKING: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: ferry
  namespace: harbour
  labels:
    loadline.dev/profile: dinghy
spec:
  hostname: queen
  securityContext:
    runAsNonRoot: true
  containers:
  - name: engine
    image: registry.example.com/engine:2
    volumeMounts:
    - {name: hold, mountPath: /hold}
  volumes:
  - name: hold
    persistentVolumeClaim:
      claimName: cargo
";

/// Bound to the dinghy and fit for it, but for a name.
const AFLOAT: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: rower
spec:
  hostname: queen
  nodeSelector:
    boat: dinghy
  tolerations:
  - key: boat
    operator: Exists
  containers:
  - {name: oar, image: registry.example.com/oar:1}
";

/// May go aboard the dinghy, and had better not.
const ASHORE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: porter
  namespace: harbour
spec:
  selector: {matchLabels: {app: porter}}
  template:
    metadata:
      labels: {app: porter}
    spec:
      tolerations:
      - key: boat
        value: dinghy
        effect: NoSchedule
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions:
              - {key: kubernetes.io/os, operator: In, values: [linux]}
      containers:
      - name: porter
        image: registry.example.com/porter:3
      volumes:
      - name: chest
        persistentVolumeClaim: {claimName: chest}
";

const SET: &str = "\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: crew}
spec:
  selector: {matchLabels: {app: crew}}
  volumeClaimTemplates:
  - metadata: {name: bunk}
    spec: {}
  template:
    metadata:
      labels: {app: crew, loadline.dev/profile: dinghy}
    spec:
      containers:
      - {name: sailor, image: registry.example.com/sailor:1}
";

fn check(file: &str) -> Said {
    CliTest::new().file("pod.yaml", file).run(&["check", "-f", "pod.yaml"])
}

#[test]
fn a_pod_that_no_virtual_node_concerns_is_clean() {
    insta::assert_snapshot!(check(CLEAN).snapshot(), @r"
    exit status 0
    --- stdout
    1 object: 0 denied, 0 warned, 1 clean
    ");
}

#[test]
fn a_refused_pod_is_told_what_where_why_and_how() {
    snapshot("refused_pod", &check(SINKING).snapshot());
}

#[test]
fn a_pod_with_warnings_passes_and_its_patch_is_shown() {
    snapshot("warned_pod", &check(AFLOAT).snapshot());
}

#[test]
fn a_workload_is_judged_by_its_pods_and_kept_off_what_would_fail_them() {
    snapshot("kept_off_workload", &check(ASHORE).snapshot());
}

#[test]
fn claims_that_a_stateful_set_gives_to_its_pods_count() {
    snapshot("stateful_set", &check(SET).snapshot());
}

#[test]
fn warnings_fail_where_that_is_wanted() {
    let test = CliTest::new().file("pod.yaml", AFLOAT);
    test.run(&["check", "-f", "pod.yaml"]).check(0, &["1 warned"], &[]);
    test.run(&["check", "-f", "pod.yaml", "--fail-on", "warn"]).check(1, &["1 warned"], &[]);
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place_and_the_rest_is_checked() {
    let broken = "\
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Values.name }}
---
kind: Pod
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: lighthouse}
spec:
  containers:
  - name: lamp
    ports: [{containerPort: \"80\"}]
---
no object at all
---
name: nameless
---
";
    let test = CliTest::new()
        .file("a.yaml", format!("{broken}{SINKING}"))
        .file("b.json", "{\"apiVersion\": \"v1\",")
        .file("c.yaml", b"\xff\xfe");
    let arguments = ["check", "-f", "a.yaml", "-f", "b.json", "-f", "c.yaml", "-f", "d.yaml"];
    let said = test.run(&arguments);
    said.check(
        2,
        &[
            "error[volume.persistent-volume-claim]",
            "a.yaml:39:5",
            "1 object: 1 denied",
            "8 not read",
        ],
        &["a.yaml"],
    );
    snapshot("broken_documents", &said.stderr);
}

#[test]
fn a_key_that_stands_twice_is_no_silent_choice() {
    let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {"hostNetwork": true, "hostNetwork": false, "containers": []}}"#;
    let test = CliTest::new().file("pod.json", pod).file("pod.yaml", "kind: Pod\nkind: Pod\n");
    let message = "stands twice in one object";
    test.run(&["check", "-f", "pod.json"]).check(
        2,
        &["1 not read"],
        &["pod.json:2:", "`hostNetwork`", message],
    );
    test.run(&["check", "-f", "pod.yaml"]).check(
        2,
        &["1 not read"],
        &["pod.yaml:2:1", "`kind`", message],
    );
}

#[test]
fn a_profile_that_there_is_not_is_named_with_the_nearest() {
    let test = CliTest::new().file("pod.yaml", CLEAN);
    let said = test.run(&["check", "-f", "pod.yaml", "--profile", "dingy"]);
    said.check(2, &[], &["error: there is no profile `dingy`: did you mean `dinghy`?"]);
    let said = test.run(&["check", "-f", "pod.yaml", "--profile", "all", "-o", "review"]);
    said.check(2, &[], &["`-o review` answers for one profile"]);
}

#[test]
fn a_profile_is_asked_about_wherever_the_pod_is_headed() {
    let pod = SINKING.replace("loadline.dev/profile: dinghy", "app: ferry");
    let test = CliTest::new().file("pod.yaml", pod);
    test.run(&["check", "-f", "pod.yaml"]).check(0, &["1 clean"], &[]);
    let said = test.run(&["check", "-f", "pod.yaml", "--profile", "dinghy"]);
    said.check(1, &["the profile was named on the command line", "1 denied"], &[]);
}

#[test]
fn every_profile_gets_a_row() {
    let test = CliTest::new().file("pod.yaml", ASHORE);
    let said = test.run(&["check", "-f", "pod.yaml", "--profile", "all"]);
    let rows: Vec<&str> = said.stdout.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(rows.len(), pipeline().profiles.len(), "{}", said.snapshot());
    let row = rows.iter().find(|row| row.trim_start().starts_with("dinghy")).unwrap();
    assert!(
        row.contains("denied  [volume.persistent-volume-claim] PersistentVolumeClaim volume"),
        "{row}"
    );
    assert!(
        said.stdout.contains("Deployment `harbour/porter` (pod.yaml:1)"),
        "{}",
        said.snapshot()
    );
    // Other profiles take it: it is not lost.
    assert_eq!(said.status, 0, "{}", said.snapshot());
}

#[test]
fn json_says_where_each_finding_stands() {
    let test = CliTest::new().file("pod.yaml", format!("{CLEAN}---\n{ASHORE}---\n- 1\n"));
    let said = test.run(&["check", "-f", "pod.yaml", "-o", "json", "--profile", "dinghy"]);
    said.check(2, &[], &["pod.yaml:37:1: a document must be an object"]);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["version"], "loadline.dev/check/v1");
    assert!(report["bundle"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(report["errors"][0]["line"], 37);
    let [clean, porter] = report["results"].as_array().unwrap().as_slice() else {
        panic!("{report:#}")
    };
    assert_eq!((clean["line"].as_u64(), clean["outcome"].as_str()), (Some(2), Some("clean")));
    assert_eq!(porter["object"]["apiVersion"], "apps/v1");
    assert_eq!(porter["outcome"], "denied");
    // The claim is refused, not lost; of the rest the dinghy takes everything.
    assert_eq!(porter["leftBehind"], serde_json::json!({"dinghy": []}));
    // The webhook itself only warns about a workload.
    assert_eq!(porter["verdict"]["allowed"], true);
    let finding = &porter["pods"]["diagnostics"][0];
    assert_eq!(porter["pods"]["allowed"], false);
    assert_eq!(finding["severity"], "deny");
    let location = &finding["locations"][0];
    assert_eq!(location["field"], "spec.template.spec.volumes[0].persistentVolumeClaim");
    assert_eq!((location["line"].as_u64(), location["column"].as_u64()), (Some(35), Some(9)));
}

#[test]
fn reviews_are_answered_with_the_bytes_of_the_webhooks() {
    // Keys in an order of their own, as any client may send them.
    let raw = format!(
        "{{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{{\"uid\":\"u-1\",\
         \"kind\":{{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"}},\"operation\":\"CREATE\",\"namespace\":\"harbour\",\"object\":{}}}}}",
        serde_json::to_string(&serde_json::json!({
            "kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x", "labels": {"loadline.dev/profile": "dinghy"}},
            "spec": {"containers": [{"name": "a", "image": "b"}], "hostname": "queen"},
        }))
        .unwrap()
    );
    let said = CliTest::new().file("review.json", &raw).run(&[
        "check",
        "-f",
        "review.json",
        "-o",
        "review",
    ]);
    said.check(0, &[], &[]);
    let pipeline = pipeline();
    let answer = |body: &[u8], stage| {
        let request = review::decode(Arc::from(body), &pipeline.catalogue).unwrap();
        let verdict = pipeline.decide(&Facts::default(), &Request { stage, ..request });
        (String::from_utf8(review::encode("u-1", stage, &verdict)).unwrap(), verdict)
    };
    let (mutated, verdict) = answer(raw.as_bytes(), Stage::Mutate);
    let mut patched: Value = serde_json::from_str(&raw).unwrap();
    json_patch::patch(&mut patched["request"]["object"], &verdict.patch).unwrap();
    let (validated, _) = answer(patched.to_string().as_bytes(), Stage::Validate);
    // The bundle is read from files of other names, which its digest does not see.
    assert_eq!(said.stdout, format!("{mutated}\n{validated}\n"));
    assert!(
        mutated.contains("JSONPatch") && validated.contains("network.hostname"),
        "{}",
        said.stdout
    );
}

#[test]
fn standard_input_lists_and_other_kinds_are_read() {
    let list = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "a"}, "spec": {"containers": []}}]},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "b"}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "c"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "d"}, "spec": {"containers": 1}}
    ]}"#;
    let said =
        CliTest::new().run_with(&["check", "-f", "-", "--stdin-filename", "pods.json"], list);
    snapshot("list_on_stdin", &said.snapshot());
}

#[test]
fn nodes_and_namespaces_among_the_inputs_are_the_cluster() {
    let cluster = "\
apiVersion: v1
kind: Namespace
metadata: {name: harbour, labels: {loadline.dev/profile: dinghy, loadline.dev/mode: warn}}
---
apiVersion: v1
kind: Node
metadata: {name: quay, labels: {kubernetes.io/os: linux}}
spec: {taints: [{key: a, effect: NoSchedule, timeAdded: \"2026-01-01T00:00:00Z\"}]}
";
    let pod = SINKING.replace("loadline.dev/profile: dinghy", "app: ferry");
    let test = CliTest::new().file("cluster.yaml", cluster).file("pod.yaml", pod);
    let said = test.run(&["check", "-f", "pod.yaml", "-f", "cluster.yaml"]);
    let parts = [
        "its namespace asks for the profile",
        "warning[no-such-node]: the cluster has no node of `dinghy` now",
        "as the mode is `warn`",
        "predicted on the 1 node among the inputs",
    ];
    said.check(0, &parts, &[]);
}

#[test]
fn folders_are_read_by_name_and_their_folders_where_wanted() {
    let test = CliTest::new()
        .file("pods/b.yml", SINKING)
        .file("pods/a.yaml", CLEAN)
        .file("pods/notes.txt", "not read")
        .file("pods/deeper/c.json", "{}")
        .file("pods/.git/d.yaml", "not: read")
        .file("empty/sub/x.yaml", CLEAN);
    test.run(&["check", "-f", "pods"]).check(1, &["pods/b.yml:19:5", "2 objects: 1 denied"], &[]);
    let said = test.run(&["check", "-R", "-f", "pods"]);
    said.check(
        2,
        &["2 objects: 1 denied", "1 not read"],
        &["pods/deeper/c.json:1:1: the object has no `kind`"],
    );
    let said = test.run(&["check", "-f", "empty"]);
    said.check(2, &[], &["error: empty: the folder has no yaml, yml, json file; use `-R`"]);
    test.run(&["check", "-R", "-f", "empty"]).check(0, &["1 clean"], &[]);
}

/// What is in a folder and cannot be read is told, and does not keep the rest from being judged.
#[test]
fn what_cannot_be_read_in_a_folder_is_an_error_and_the_rest_is_judged() {
    use std::os::unix::fs::symlink;
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: there}\nspec: {containers: [{name: c, image: i:1}]}\n";
    let test = CliTest::new().file("pods/good.yaml", pod).file("elsewhere/linked.yaml", pod);
    let pods = test.folder().join("pods");
    let arguments = ["check", "-f", "pods", "--profile", "dinghy"];
    // Links that lead somewhere are as good as what they lead to, but for those to folders.
    symlink("../elsewhere/linked.yaml", pods.join("link.yaml")).unwrap();
    symlink("../elsewhere", pods.join("folder.yaml")).unwrap();
    symlink("nowhere", pods.join("notes.txt")).unwrap();
    test.run(&arguments).check(0, &["2 objects: 0 denied"], &[]);
    symlink("nowhere.yaml", pods.join("dangling.yaml")).unwrap();
    symlink("circle.json", pods.join("circle.json")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(pods.join("socket.yml")).unwrap();
    let said = test.run(&arguments);
    said.check(
        2,
        &["2 objects: 0 denied", "3 not read"],
        &[
            "error: pods/dangling.yaml: the link leads nowhere that can be read: ",
            "error: pods/circle.json: the link leads nowhere that can be read: ",
            "error: pods/socket.yml: it is no regular file",
        ],
    );
    // The same of a folder that is missing in the middle of others.
    let said = test.run(&["check", "-f", "empty", "-f", "elsewhere", "--profile", "dinghy"]);
    said.check(2, &["1 object: 0 denied", "1 not read"], &["error: empty: "]);
}

#[test]
fn a_namespace_can_be_given_to_objects_that_name_none() {
    let test = CliTest::new().file("pod.yaml", AFLOAT);
    test.run(&["check", "-f", "pod.yaml", "-n", "cove"]).check(0, &["Pod `cove/rower`"], &[]);
}

#[test]
fn a_file_of_one_long_line_is_cut_around_the_finding() {
    let object: Value = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {"loadline.dev/profile": "dinghy"},
            "annotations": {"note": "n".repeat(400)}},
        "spec": {"containers": [], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
            "terminationGracePeriodSeconds": 30},
    });
    let said =
        CliTest::new().file("pod.json", object.to_string()).run(&["check", "-f", "pod.json"]);
    said.check(1, &["\"persistentVolumeClaim\"", "^^^^^^^^^^^^^^^^^^^^^^^"], &[]);
    assert!(said.stdout.lines().all(|line| line.chars().count() < 160), "{}", said.snapshot());
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let test = || CliTest::new().file("pod.yaml", SINKING);
    let has_colours =
        |test: CliTest| test.run(&["check", "-f", "pod.yaml"]).stdout.contains('\u{1b}');
    assert!(!has_colours(test()));
    assert!(has_colours(test().variable("CLICOLOR_FORCE", "1")));
    assert!(!has_colours(test().variable("CLICOLOR_FORCE", "1").variable("NO_COLOR", "1")));
}

#[test]
fn control_characters_of_a_manifest_do_not_reach_the_terminal() {
    let pod = AFLOAT.replace("name: rower", "name: \"\\e[2Jrower\"");
    let said = CliTest::new().file("pod.yaml", pod).run(&["check", "-f", "pod.yaml"]);
    assert!(
        !said.stdout.contains('\u{1b}') && said.stdout.contains("rower"),
        "{}",
        said.snapshot()
    );
}

#[test]
fn the_same_input_gives_the_same_output() {
    let mut test = CliTest::new();
    for number in 0..40 {
        let file = if number % 2 == 0 { SINKING } else { ASHORE };
        test = test.file(&format!("pods/{number}.yaml"), file);
    }
    let said = test.run(&["check", "-f", "pods", "-o", "json"]);
    assert_eq!(said.status, 1);
    for _ in 0..3 {
        assert_eq!(test.run(&["check", "-f", "pods", "-o", "json"]), said);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let many: String = std::iter::repeat_n(format!("{SINKING}---\n"), 400).collect();
    let test = CliTest::new().file("pod.yaml", many);
    let mut child = test
        .command(&["check", "-f", "pod.yaml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let said = Said::from(child.wait_with_output().unwrap());
    said.check(0, &[], &[]);
}

#[test]
fn policies_are_asked_too() {
    let policy = "\
# METADATA
# title: boats have names
# custom:
#   match: {placement: eligible}
package loadline.named_boats
deny contains {\"msg\": \"a boat without a hostname\", \"field\": \"spec\", \"help\": \"set spec.hostname\"} if not input.pod.spec.hostname
";
    let test = CliTest::new()
        .file("policies/named.rego", policy)
        .file("pod.yaml", ASHORE.replace("      volumes:\n      - name: chest\n        persistentVolumeClaim: {claimName: chest}\n", ""));
    let said = test.run(&["check", "-f", "pod.yaml", "--policy", "policies"]);
    let parts = [
        "error[named-boats]: a boat without a hostname",
        "--> pod.yaml:11:5  spec.template.spec",
        "= help: set spec.hostname",
        "its pods would be refused",
    ];
    said.check(1, &parts, &[]);
}
