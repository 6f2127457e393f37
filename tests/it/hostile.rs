//! Policies of every hostile kind at once, in the real server: it answers in time, judges by the one that is good, and lives.

use std::time::{Duration, Instant};

use serde_json::json;

use super::reload::ready;
use super::reviews::{lines, pod, review_of};
use super::server::{PATIENCE, Server, log};

/// What the API server would wait for an answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Rules that are refused where they are loaded.
fn unloadable() -> Vec<String> {
    vec![
        "deny contains f(1)\nf(x) := f(x)".to_owned(),
        "deny contains a\na := b\nb := a".to_owned(),
        format!("deny contains {}1{}", "[".repeat(31), "]".repeat(31)),
        format!("deny contains x if x := 1{}", "\n+ 1".repeat(50_000)),
        "deny contains x if x := http.send({})".to_owned(),
        "deny contains 1e1999999999".to_owned(),
        "# a comment\n".repeat(50_000),
    ]
}

/// Rules that are loaded, and never end, take all memory or fail when they are evaluated.
fn loadable() -> Vec<String> {
    let many = "numbers.range(1, 99999)";
    let nested = lines(60, |n| format!("t{} := [t{n}, t{n}]\n", n + 1));
    let bomb = "a: &a [1, 1, 1, 1, 1, 1, 1, 1]\\n".to_owned()
        + &lines(9, |n| {
            let (new, old) = (n + 1, if n == 0 { "a".to_owned() } else { format!("b{n}") });
            format!("b{new}: &b{new} [{}]\\n", vec![format!("*{old}"); 8].join(", "))
        });
    vec![
        format!(
            "deny contains \"x\" if count([1 | some i in {many}; some j in {many}; i * j == 0]) > 0"
        ),
        format!("deny contains \"x\" if every i in {many} {{ every j in {many} {{ i + j > 0 }} }}"),
        format!(
            "deny contains \"x\" if count({{[i, j] | some i in {many}; some j in {many}; i < 2}}) == 0"
        ),
        format!(
            "deny contains \"x\" if {{ text := concat(\"\", [\"ab\" | some i in {many}]); some j in {many}; regex.match(\"(a|ab)*c\", text); j < 0 }}"
        ),
        format!(
            "deny contains \"x\" if {{ text := concat(\"\", [\"ab\" | some i in {many}]); some j in {many}; replace(text, \"a\", \"b\") == \"\"; j < 0 }}"
        ),
        format!(
            "deny contains \"x\" if {{ some i in {many}; some j in {many}; data.inventory.cluster; i * j == 0 }}"
        ),
        "deny contains \"x\" if count(numbers.range(1, 900000000)) > 0".to_owned(),
        "deny contains sprintf(\"%2000000000d\", [1])".to_owned(),
        "deny contains \"x\" if net.cidr_expand(\"10.0.0.0/6\")".to_owned(),
        "deny contains \"x\" if bits.lsh(1, 4000000000) > 0".to_owned(),
        "deny contains \"x\" if units.parse(\"1e1999999999\") > 0".to_owned(),
        format!(
            "deny contains t40\nt0 := \"0123456789\"\n{}",
            lines(40, |n| format!("t{} := concat(\"\", [t{n}, t{n}])\n", n + 1))
        ),
        format!(
            "deny contains t8\nt0 := \"00000000\"\n{}",
            lines(8, |n| format!("t{} := replace(t{n}, \"0\", t{n})\n", n + 1))
        ),
        format!(
            "deny contains \"x\" if count(t40) > 1\nt0 := [1]\n{}",
            lines(40, |n| format!("t{} := array.concat(t{n}, t{n})\n", n + 1))
        ),
        format!("deny contains json.marshal(t60)\nt0 := [1]\n{nested}"),
        format!("deny contains \"x\" if {{ walk(t60, [p, v]); v == 2 }}\nt0 := [1]\n{nested}"),
        format!("deny contains \"x\" if yaml.unmarshal(\"{bomb}\")"),
        "deny contains \"x\" if p == 3\np := 1 if true\np := 2 if true".to_owned(),
        "deny contains \"x\" if f(1) == 3\nf(x) := 1 if x\nf(x) := 2 if x".to_owned(),
        "deny contains \"x\" if p.a == 3\np[\"a\"] := v if some v in [1, 2]".to_owned(),
        "deny contains 1".to_owned(),
        "deny contains {\"other\": 1}".to_owned(),
    ]
}

fn policy(name: &str, custom: &str, rules: &str) -> String {
    format!(
        "# METADATA\n# title: {name}\n# custom:\n#   match: {{placement: any}}\n{custom}package hostile.{name}\n\nimport rego.v1\n\n{rules}\n"
    )
}

#[test]
fn hostile_policies_together_leave_the_server_and_the_good_one_alone() {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(policies.join(format!("{name}.rego")), text).unwrap();
    };
    let good = "deny contains \"no owner\" if not input.pod.metadata.labels.owner";
    write("good", &policy("good", "", good));
    let server = Server::start(folder.path(), &["--policy", &policies.display().to_string()]);
    let (unloadable, loadable) = (unloadable(), loadable());
    assert!(unloadable.len() + loadable.len() >= 25);
    let lenient = "#   action: warn\n#   onError: warn\n";
    for (number, rules) in loadable.iter().enumerate() {
        let name = format!("runs_{number}");
        write(&name, &policy(&name, lenient, rules));
    }
    for (number, rules) in unloadable.iter().enumerate() {
        let name = format!("refused_{number}");
        write(&name, &policy(&name, lenient, rules));
    }
    let started = Instant::now();
    loop {
        let ready = ready(&server);
        let is_held = |number: usize| ready.contains(&format!("refused_{number}.rego"));
        if (0..unloadable.len()).all(is_held) {
            break;
        }
        assert!(started.elapsed() < 3 * PATIENCE, "{ready}{}", log(folder.path()));
        std::thread::sleep(Duration::from_millis(100));
    }
    let path = format!("/validate?timeout={}s", DEADLINE.as_secs());
    for (labels, refusal) in [(json!({"owner": "me"}), None), (json!({}), Some("no owner"))] {
        let annotations = json!({"loadline.dev/profile": "azure-aci"});
        let object = pod(json!({"annotations": annotations, "labels": labels}), json!({}));
        let asked = Instant::now();
        let reply = server.post(&path, review_of(&object).to_string().as_bytes());
        assert!(asked.elapsed() < DEADLINE, "{:?}", asked.elapsed());
        assert_eq!(reply.status, 200, "{reply:?}");
        let response = &reply.json()["response"];
        let message = response["status"]["message"].as_str();
        assert_eq!(response["allowed"], refusal.is_none(), "{response}");
        assert!(
            refusal.is_none_or(|part| message.is_some_and(|said| said.contains(part))),
            "{response}"
        );
        let warnings = response["warnings"].to_string();
        assert!(warnings.contains("runs-0") && warnings.contains("runs-21"), "{warnings}");
    }
    // The process is the one that was started: its memory could not be read otherwise.
    let resident = server.resident_kib();
    println!(
        "{} policies refused, {} run; {resident} KiB resident",
        unloadable.len(),
        loadable.len()
    );
    assert!(resident < 256 * 1024, "{resident} KiB");
}
