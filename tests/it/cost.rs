//! Sizes and prices of the built-in profiles, and the estimates made of them.

use loadline::admission::{Pipeline, review};
use loadline::bundle::{Sources, Text};
use loadline::cost::{estimate, least};
use loadline::diagnostic::Severity;
use loadline::facts::Facts;
use loadline::profile::size::Amount;
use serde_json::{Value, json};

use crate::support::{CliTest, Said};

fn amount(cpu: i64, mebibytes: i64) -> Amount {
    Amount { cpu, memory: mebibytes << 20 }
}

/// Three pods of a size between two sizes, and one that is too large for any.
const FLEET: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, loadline.dev/profile: eks-fargate}}
    spec:
      containers:
      - {name: web, image: 'registry.example.com/web:1', resources: {requests: {cpu: 1100m, memory: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: big, labels: {loadline.dev/profile: eks-fargate}}
spec:
  containers:
  - {name: big, image: 'registry.example.com/big:1', resources: {requests: {cpu: 20}}}
";

fn check(more: &[&str]) -> Said {
    let arguments = [&["check", "-f", "fleet.yaml"], more].concat();
    CliTest::new().file("fleet.yaml", FLEET).run(&arguments)
}

#[test]
fn check_says_what_is_asked_billed_and_paid() {
    let said = check(&["--cost"]);
    for line in [
        "estimate for `eks-fargate`: 1.1 vCPU and 1 GiB asked for, billed as 2 vCPU and 4 GiB; 0.09874 USD an hour, \
         0.001645667 USD at least; 0.29622 USD an hour for 3 pods (list prices of 2026-03-10 in us-east-1)",
        "estimate for `eks-fargate`: 20 vCPU asked for, which is more than its largest size",
        "estimated total on `eks-fargate`: 0.29622 USD an hour for 1 object (list prices of 2026-03-10 in us-east-1, from \
         https://aws.amazon.com/fargate/pricing/",
        "; 1 without a price)",
    ] {
        assert!(said.stdout.contains(line), "no `{line}` in\n{}", said.stdout);
    }
    assert!(!check(&[]).stdout.contains("estimate"));
}

#[test]
fn every_profile_says_what_it_would_cost_or_that_it_does_not_know() {
    let said = check(&["--cost", "--profile", "all"]);
    let row = |name: &str| said.stdout.lines().find(|line| line.contains(name)).unwrap();
    assert!(row("eks-fargate").contains("2 vCPU and 4 GiB, about 0.29622 USD an hour"));
    assert!(row("liqo").contains("1.1 vCPU and 1 GiB, no prices known"), "{}", row("liqo"));
}

#[test]
fn programs_get_the_same_in_numbers() {
    let report: Value = serde_json::from_str(&check(&["--cost", "-o", "json"]).stdout).unwrap();
    let cost = &report["results"][0]["cost"]["eks-fargate"];
    assert_eq!(cost["asked"], json!({"cpu": 1.1, "memory": 1 << 30}));
    assert_eq!(cost["billed"], json!({"cpu": 2, "memory": 4_i64 << 30}));
    assert_eq!((&cost["perHour"], &cost["replicas"]), (&json!(0.09874), &json!(3)));
    assert_eq!(report["results"][1]["cost"]["eks-fargate"]["billed"], Value::Null);
    assert_eq!(report["cost"]["eks-fargate"]["perHour"], json!(0.29622));
    let report: Value = serde_json::from_str(&check(&["-o", "json"]).stdout).unwrap();
    assert_eq!((report.get("cost"), report["results"][0].get("cost")), (None, None));
}

#[test]
fn fargate_bills_the_next_size_with_its_own_components() {
    let pipeline = Pipeline::built_in().unwrap();
    let size = pipeline.profile_named("eks-fargate").unwrap().size.clone().unwrap();
    for (asked, billed) in [
        (amount(0, 0), Some(amount(250, 512))),
        // The example of the guide: there is no size of 1 vCPU and more than 8 GB.
        (amount(1000, 8192), Some(amount(2000, 9216))),
        (amount(1100, 1024), Some(amount(2000, 4096))),
        (amount(8000, 17 << 10), Some(amount(8000, 20 << 10))),
        (amount(16000, 119 << 10), Some(amount(16000, 120 << 10))),
        (amount(16000, 120 << 10), None),
        (amount(16001, 0), None),
    ] {
        assert_eq!(size.fit(asked), billed, "{asked:?}");
    }
}

#[test]
fn a_pod_that_asks_for_nothing_counts_as_what_the_provider_says() {
    let pipeline = Pipeline::built_in().unwrap();
    let size = pipeline.profile_named("alibaba-eci-managed").unwrap().size.clone().unwrap();
    assert_eq!(size.fit(Amount::default()), Some(amount(2000, 4096)));
    assert_eq!(size.fit(amount(250, 0)), Some(amount(250, 512)));
}

#[test]
fn a_profile_shows_its_sizes_and_prices() {
    let said = CliTest::new().run(&["profile", "show", "eks-fargate"]);
    for line in [
        "   0.25 vCPU: 0.5, 1, 2 GiB",
        "      8 vCPU: 16 to 60 GiB in 12 sizes",
        "of which the virtual node itself takes 0.25 GiB",
        "USD 0.04048 an hour for a vCPU, USD 0.004445 for a GiB, in us-east-1 on 2026-03-10",
    ] {
        assert!(said.stdout.contains(line), "no `{line}` in\n{}", said.stdout);
    }
}

#[test]
fn an_hour_and_a_short_run_are_priced_to_the_last_part() {
    let pipeline = Pipeline::built_in().unwrap();
    let profile = pipeline.profile_named("eks-fargate").unwrap();
    let hourly = estimate(profile, amount(250, 256)).hourly.unwrap();
    // A quarter of 0.04048 and half of 0.004445.
    assert_eq!(hourly, 12_342_500);
    assert_eq!(least(profile.prices.as_ref().unwrap(), hourly), Some(205_709));
}

/// What is said of a pod's size.
fn size_findings(cpu: &str, labels: &Value, config: Option<&str>) -> (bool, Vec<Severity>) {
    let config =
        config.map(|text| Text { origin: "config.yaml".to_owned(), text: text.to_owned() });
    let pipeline = Pipeline::compile(&Sources { config, ..Sources::default() }).unwrap();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "labels": labels},
        "spec": {
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "web", "image": "registry.example.com/web:1",
                "resources": {"requests": {"cpu": cpu}}}],
        },
    });
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "web", "namespace": "shop", "operation": "CREATE", "object": pod,
        },
    });
    let body = review.to_string().into_bytes();
    let request = review::decode(body.into(), &pipeline.catalogue).unwrap();
    let verdict = pipeline.decide(&Facts::default(), &request);
    let of_size = verdict.diagnostics.iter().filter(|one| one.code == "size-too-large");
    let keeps_off = verdict.patch.iter().any(|one| {
        let text = serde_json::to_string(one).unwrap();
        text.contains("NotIn") && text.contains("eks.amazonaws.com/compute-type")
    });
    (keeps_off, of_size.map(|one| one.severity).collect())
}

#[test]
fn a_pod_that_no_size_holds_is_refused_or_kept_off() {
    let bound = json!({"loadline.dev/profile": "eks-fargate"});
    assert_eq!(size_findings("16", &bound, None), (false, vec![]));
    assert_eq!(size_findings("17", &bound, None), (false, vec![Severity::Deny]));
    // Regular nodes take it, too.
    let eks = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {profiles: [eks-fargate]}\n";
    assert_eq!(size_findings("16", &json!({}), Some(eks)), (false, vec![]));
    assert_eq!(size_findings("17", &json!({}), Some(eks)), (true, vec![Severity::Warn]));
}

#[test]
fn an_override_of_what_is_not_supported_holds_for_sizes() {
    let bound = json!({"loadline.dev/profile": "eks-fargate"});
    let config = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  overrides:\n  \
        - {feature: resources.requests, support: unsupported, severity: note}\n";
    assert_eq!(size_findings("17", &bound, Some(config)), (false, vec![Severity::Note]));
}
