//! Sizes and prices of the built-in profiles, and the estimates made of them.

use loadline::admission::{Pipeline, Stage, review};
use loadline::cost::{estimate, least};
use loadline::demand::{Amount, Demand};
use loadline::diagnostic::Severity;
use loadline::facts::Facts;
use serde_json::{Value, json};

use super::reviews::{decide, decide_at, pod};
use super::support::CliTest;

fn amount(cpu: i64, mebibytes: i64) -> Amount {
    Amount { cpu, memory: mebibytes << 20 }
}

/// What these containers ask for.
fn demand(containers: Value) -> Demand {
    let pod = json!({"spec": {"containers": containers}});
    Pipeline::built_in().unwrap().catalogue.read(pod).unwrap().demand
}

/// The size that a pod of these containers gets on a built-in profile.
fn billed(profile: &str, containers: Value) -> String {
    let pipeline = Pipeline::built_in().unwrap();
    let estimate = estimate(pipeline.profile_named(profile).unwrap(), &demand(containers)).unwrap();
    estimate.billed.map_or_else(|| "too large".to_owned(), |billed| billed.to_string())
}

fn requests(cpu: &str, memory: &str) -> Value {
    json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}})
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
fn container_instances_have_any_size_between_two() {
    let pipeline = Pipeline::built_in().unwrap();
    let size = pipeline.profile_named("azure-aci").unwrap().size.clone().unwrap();
    let gigabyte = 1_000_000_000;
    let fit = |cpu, memory| size.fit(Amount { cpu, memory }).map(|size| (size.cpu, size.memory));
    assert_eq!(fit(100, 0), Some((1000, gigabyte)));
    assert_eq!(fit(1300, 5 * gigabyte), Some((1300, 5 * gigabyte)));
    assert_eq!(fit(31_001, gigabyte), None);
    assert_eq!(fit(1000, 240 * gigabyte + 1), None);
}

#[test]
fn an_hour_and_a_short_run_are_priced_to_the_last_part() {
    let pipeline = Pipeline::built_in().unwrap();
    let profile = pipeline.profile_named("eks-fargate").unwrap();
    let hourly =
        estimate(profile, &demand(json!([requests("250m", "256Mi")]))).unwrap().hourly.unwrap();
    // A quarter of 0.04048 and half of 0.004445.
    assert_eq!(hourly, 12_342_500);
    assert_eq!(least(profile.prices.as_ref().unwrap(), hourly), Some(205_709));
}

const PODS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: w}}
  template:
    metadata:
      labels: {app: w}
      annotations: {loadline.dev/profile: eks-fargate}
    spec:
      containers:
      - {name: c, image: 'registry.example.com/a:1', resources: {requests: {cpu: 1100m, memory: 3Gi}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: huge
  namespace: shop
  annotations: {loadline.dev/profile: eks-fargate}
spec:
  containers:
  - {name: c, image: 'registry.example.com/a:1', resources: {requests: {cpu: '17', memory: 3Gi}}}
";

#[test]
fn check_says_what_pods_would_cost_and_which_are_too_large() {
    let test = CliTest::new().file("pods.yaml", PODS);
    let said = test.run(&["check", "--cost", "-f", "pods.yaml"]);
    said.check(
        1,
        &[
            "on `eks-fargate` it asks for 1.1 vCPU and 3 GiB and is billed as 2 vCPU and 4 GiB, 3 times: about USD 0.2963 an hour",
            "(list prices of us-east-1, ",
            "error[size-too-large]: the pod asks for 17 vCPU and 3 GiB, more than the largest size",
            "cost: about USD 0.2963 an hour for 1 object; 1 not counted",
            "an estimate by list prices",
        ],
        &[],
    );
    let plain = test.run(&["check", "-f", "pods.yaml"]).stdout;
    assert!(
        plain.contains("about USD 0.0988 an hour by the list prices") && !plain.contains("cost: "),
        "{plain}"
    );
    let report = test.run(&["check", "--cost", "-f", "pods.yaml", "-o", "json"]).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let cost = &report["results"][0]["cost"][0];
    assert_eq!(cost["replicas"], 3);
    assert_eq!(cost["asked"], json!({"cpu": 1.1, "memory": 3_u64 << 30}));
    assert_eq!(cost["billed"], json!({"cpu": 2, "memory": 4_u64 << 30}));
    assert_eq!(cost["perHour"], json!(0.09874));
}

#[test]
fn own_prices_take_the_place_of_list_prices() {
    let config = |name: &str, currency: &str| {
        format!(
            "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  prices:\n    {name}:\n      currency: {currency}\n      \
             region: our contract\n      vcpuHour: '0.01'\n      gibHour: '0.001'\n      source: the contract\n      \
             verified: {{how: documented, date: 2026-01-01}}\n"
        )
    };
    let run = |name: &str, currency: &str| {
        let test =
            CliTest::new().file("pods.yaml", PODS).file("config.yaml", config(name, currency));
        test.run(&["check", "--cost", "-f", "pods.yaml", "--config", "config.yaml"])
    };
    run("eks-fargate", "EUR").check(1, &["about EUR 0.0720 an hour", "our contract"], &[]);
    run("eks-fargat", "EUR").check(
        2,
        &[],
        &["no profile `eks-fargat`", "did you mean `eks-fargate`"],
    );
    run("eks-fargate", "euro").check(2, &[], &["`euro` is no currency"]);
}

#[test]
fn policies_see_the_cost() {
    let policy = "# METADATA\n# title: t\n# description: d\npackage test.budget\n\nimport rego.v1\n\n\
        deny contains {\"msg\": msg} if {\n\tsome profile, cost in input.cost\n\tcost.perHour > 0.09\n\t\
        msg := sprintf(\"%s costs %v %s an hour\", [profile, cost.perHour, cost.currency])\n}\n";
    let test = CliTest::new().file("pods.yaml", PODS).file("policies/budget.rego", policy);
    let said = test.run(&["check", "-f", "pods.yaml", "--policy", "policies"]);
    said.check(1, &["error[budget]: eks-fargate costs 0.09874 USD an hour"], &[]);
}

#[test]
fn a_pod_that_is_too_large_for_one_virtual_node_may_go_elsewhere() {
    let pipeline = Pipeline::built_in().unwrap();
    let spec = json!({
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": "c", "image": "registry.example.com/a:1", "resources": {"requests": {"cpu": "17"}}}],
    });
    let verdict = decide(&pipeline, &Facts::default(), &pod(json!({}), spec));
    let found = verdict.diagnostics.iter().find(|one| one.code == "size-too-large").unwrap();
    assert_eq!(found.severity, Severity::Warn);
    assert!(verdict.allowed);
    let kept_off = verdict.changes.iter().map(|change| change.edit.to_string()).collect::<Vec<_>>();
    assert!(
        kept_off.iter().any(|edit| edit.contains("eks.amazonaws.com/compute-type")),
        "{kept_off:?}"
    );
}

#[test]
fn mistakes_in_sizes_and_prices_are_told_with_their_lines() {
    let profile = |size: &str| {
        let test = CliTest::new();
        let profile = std::fs::read_to_string(test.folder().join("profiles/dinghy.yaml")).unwrap();
        let profile = profile.replacen("spec:\n", &format!("spec:\n{size}"), 1);
        test.file("profiles/dinghy.yaml", profile).run(&["profile", "lint", "profiles/dinghy.yaml"])
    };
    let size = |row: &str| {
        format!(
            "  size:\n    grid:\n    - {row}\n    source: made up\n    verified: {{how: documented, date: 2026-01-01}}\n"
        )
    };
    let told = |size: &str, part: &str| {
        let said = profile(size);
        assert!(said.status != 0 && (said.stdout + &said.stderr).contains(part), "no `{part}`");
    };
    told(
        &size("{cpu: '1', from: 1Gi, to: 2Gi}"),
        "a row needs `memory`, or `from`, `to` and `step`",
    );
    told(&size("{cpu: '1', from: 1Ki, to: 2Gi, step: 1Ki}"), "more than 1024 sizes");
    told(&size("{cpu: '1', memory: [2Gi, 1Gi]}"), "ascend");
    told(
        &size("{cpu: '1', memory: [2Gi]}\n    least: {cpu: '1', memory: 1G}"),
        "a `grid`, or `least` and `most`",
    );
    told(
        "  prices: {currency: USD, region: r, vcpuHour: '1', gibHour: '1', source: x, verified: {how: documented, date: soon}}\n",
        "the day (YYYY-MM-DD)",
    );
}

#[test]
fn an_override_of_requests_that_are_not_supported_holds_for_sizes() {
    let config = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  overrides:\n  \
        - {feature: resources.requests, support: unsupported, severity: warn}\n";
    let test = CliTest::new().file("pods.yaml", PODS).file("config.yaml", config);
    test.run(&["check", "-f", "pods.yaml", "--config", "config.yaml"]).check(
        0,
        &["warning[size-too-large]"],
        &[],
    );
}

#[test]
fn a_pod_that_asks_for_nothing_counts_as_what_the_provider_says() {
    let pipeline = Pipeline::built_in().unwrap();
    let size = pipeline.profile_named("alibaba-eci-managed").unwrap().size.clone().unwrap();
    assert_eq!(size.fit(Amount::default()), Some(amount(2000, 4096)));
    assert_eq!(size.fit(amount(250, 0)), Some(amount(250, 512)));
}

#[test]
fn each_container_is_sold_by_itself_and_cut_down_to_the_largest_size() {
    let both =
        json!({"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "3", "memory": "1Gi"}}});
    assert_eq!(billed("stackpath", json!([both])), "4 vCPU and 16 GiB", "the larger of both");
    assert_eq!(billed("stackpath", json!([{}, requests("2", "5Gi")])), "3 vCPU and 10 GiB");
    assert_eq!(billed("stackpath", json!([requests("64", "1Gi")])), "48 vCPU and 256 GiB");
}

#[test]
fn cores_are_cut_to_whole_ones_before_a_size_is_chosen() {
    let halves = json!([requests("1500m", "1Gi"), requests("1", "4Gi")]);
    assert_eq!(billed("saladcloud", halves), "2 vCPU and 6 GiB");
    assert_eq!(billed("saladcloud", json!([requests("500m", "512Mi")])), "1 vCPU and 1 GiB");
    assert_eq!(billed("saladcloud", json!([requests("17", "100Gi")])), "16 vCPU and 60 GiB");
}

#[test]
fn pods_come_in_whole_ocpu_with_room_for_the_runtime() {
    // 3 GB and the 0.25 GB of the runtime.
    assert_eq!(
        billed("oci-oke-virtual-nodes", json!([requests("2100m", "3G")])),
        "4 vCPU and 4 GB"
    );
    assert_eq!(billed("oci-oke-virtual-nodes", json!([{}, {}])), "2 vCPU and 2 GB");
    assert_eq!(billed("oci-oke-virtual-nodes", json!([requests("129", "3G")])), "too large");
    let both =
        json!({"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "3", "memory": "1G"}}});
    assert_eq!(billed("oci-oke-virtual-nodes", json!([both])), "4 vCPU and 2 GB", "the limit");
}

#[test]
fn memory_and_cores_are_kept_in_proportion() {
    let cci = |cpu, memory| billed("huawei-cci-bursting", json!([requests(cpu, memory)]));
    assert_eq!(cci("1100m", "3500Mi"), "1.25 vCPU and 4 GiB");
    assert_eq!(cci("4", "1Gi"), "4 vCPU and 8 GiB", "two GiB for each core");
    assert_eq!(cci("1", "9Gi"), "1.25 vCPU and 9 GiB", "a core for each eight GiB");
    assert_eq!(cci("65", "130Gi"), "too large");
}

#[test]
fn a_container_that_says_nothing_counts_as_the_provider_says() {
    assert_eq!(billed("azure-aci", json!([{}, {}])), "2 vCPU and 3 GB");
    assert_eq!(billed("azure-aci", json!([requests("1", "1Gi"), {}])), "2 vCPU and 2.5 GB");
    assert_eq!(billed("aws-fargate-ecs", json!([{}, {}])), "0.5 vCPU and 1 GiB");
    let limited = json!({"resources": {"requests": {"cpu": "250m"}, "limits": {"cpu": "2"}}});
    assert_eq!(billed("aws-fargate-ecs", json!([limited])), "2 vCPU and 4 GiB", "the limit counts");
}

#[test]
fn a_verdict_says_what_the_pod_is_billed_as() {
    let pipeline = Pipeline::built_in().unwrap();
    let asking = |cpu: &str| {
        let metadata = json!({"annotations": {"loadline.dev/profile": "eks-fargate"}});
        pod(
            metadata,
            json!({"containers": [{"name": "c", "image": "registry.example.com/a:1",
            "resources": {"requests": {"cpu": cpu, "memory": "3Gi"}}}]}),
        )
    };
    let verdict = decide(&pipeline, &Facts::default(), &asking("1100m"));
    let note = verdict.diagnostics.iter().find(|one| one.code == "size-rounded").unwrap();
    assert_eq!(note.severity, Severity::Note);
    assert_eq!(note.what, "the pod asks for 1.1 vCPU and 3 GiB and is billed as 2 vCPU and 4 GiB");
    let why = note.why.as_ref().unwrap();
    assert!(why.starts_with("a pod gets one of 74 sizes from 0.25 vCPU"), "{why}");
    assert!(why.contains("about USD 0.0988 an hour"), "{why}");
    let [cost] = verdict.costs.as_slice() else { panic!("{:?}", verdict.costs) };
    assert_eq!(cost.brief(), "eks-fargate 2 vCPU and 4 GiB, about USD 0.0988 an hour");
}

#[test]
fn the_validating_webhook_records_what_the_pod_comes_to() {
    let pipeline = Pipeline::built_in().unwrap();
    let metadata = json!({"annotations": {"loadline.dev/profile": "eks-fargate"}});
    let small = pod(metadata, json!({"containers": [requests("1100m", "3Gi")]}));
    let recorded = |stage| {
        let verdict = decide_at(&pipeline, &Facts::default(), &small, stage);
        let answer: Value = serde_json::from_slice(&review::encode("1", stage, &verdict)).unwrap();
        answer["response"]["auditAnnotations"]["cost"].clone()
    };
    assert_eq!(recorded(Stage::Validate), "eks-fargate 2 vCPU and 4 GiB, about USD 0.0988 an hour");
    assert_eq!(recorded(Stage::Mutate), Value::Null, "said once");
}

#[test]
fn a_pod_that_is_cut_down_is_warned_about() {
    let pipeline = Pipeline::built_in().unwrap();
    let metadata = json!({"annotations": {"loadline.dev/profile": "stackpath"}});
    let large = pod(metadata, json!({"containers": [requests("64", "3Gi")]}));
    let verdict = decide(&pipeline, &Facts::default(), &large);
    let warning = verdict.diagnostics.iter().find(|one| one.code == "size-rounded").unwrap();
    assert_eq!(warning.severity, Severity::Warn);
    assert_eq!(
        warning.what,
        "the pod asks for 64 vCPU and 3 GiB and gets 48 vCPU and 256 GiB only"
    );
}

#[test]
fn the_example_of_the_provider_is_priced_as_there() {
    let pipeline = Pipeline::built_in().unwrap();
    let profile = pipeline.profile_named("alibaba-eci-managed").unwrap();
    // An hour of 2 vCPU and 8 GiB costs USD 0.083088.
    let estimate = estimate(profile, &demand(json!([requests("2", "8Gi")]))).unwrap();
    assert_eq!(estimate.hourly, Some(83_088_000));
}

#[test]
fn moving_to_another_profile_says_what_it_costs_there() {
    let test = CliTest::new().file("pods.yaml", PODS);
    test.run(&["profile", "diff", "azure-aci", "eks-fargate", "-f", "pods.yaml"]).check(
        1,
        &[
            "1.1 vCPU and 3.2 GB -> 2 vCPU and 4 GiB, about USD 0.0988 an hour",
            "17 vCPU and 3.2 GB -> too large",
            "a pod is billed as",
            "+ USD 0.04048 a vCPU and USD 0.004445 a GiB an hour in us-east-1",
        ],
        &[],
    );
    let report = ["profile", "diff", "azure-aci", "eks-fargate", "-f", "pods.yaml", "-o", "json"];
    let report: Value = serde_json::from_str(&test.run(&report).stdout).unwrap();
    assert_eq!(report["objects"][0]["costFrom"]["billed"]["cpu"], json!(1.1));
    assert_eq!(report["objects"][0]["costTo"]["perHour"], json!(0.09874));
}

#[test]
fn who_does_not_want_to_know_of_rounding_says_so() {
    let config = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  overrides:\n  \
        - {namespace: shop, feature: resources.requests, support: partial, severity: 'off'}\n";
    let test = CliTest::new().file("pods.yaml", PODS).file("config.yaml", config);
    let said = test.run(&["check", "--cost", "-f", "pods.yaml", "--config", "config.yaml"]);
    assert!(!said.stdout.contains("size-rounded"), "{}", said.stdout);
    assert!(said.stdout.contains("is billed as 2 vCPU and 4 GiB"), "the estimate stays");
}
