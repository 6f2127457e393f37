//! A policy that ends the process: the third one goes on without it, and says so.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::reload::{metrics, ready};
use super::reviews::{pod, review_of};
use super::server::{PATIENCE, Server, log};

/// Takes long enough for the process to be ended in the middle of it.
const SLOW: &str = r#"package example.slow

import rego.v1

deny contains {"msg": "never"} if {
	some a in numbers.range(1, 3000)
	some b in numbers.range(1, 3000)
	a + b == 0
}
"#;

const QUICK: &str = r#"package example.quick

import rego.v1

deny contains {"msg": "quick words"}
"#;

fn review() -> Vec<u8> {
    let headed = json!({"annotations": {"loadline.dev/profile": "azure-aci"}});
    review_of(&pod(headed, json!({}))).to_string().into_bytes()
}

/// Whether the journal says that something is being evaluated.
fn is_evaluating(state: &Path) -> bool {
    let journal = std::fs::read(state.join("evaluations")).unwrap_or_default();
    journal.iter().any(|byte| *byte != 0)
}

#[test]
fn a_policy_that_ended_two_processes_is_in_quarantine_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (policies, state) = (folder.join("policies"), folder.join("state"));
    std::fs::create_dir(&policies).unwrap();
    std::fs::write(policies.join("slow.rego"), SLOW).unwrap();
    let arguments =
        ["--policy", policies.to_str().unwrap(), "--state-dir", state.to_str().unwrap()];
    for _ in 0..2 {
        let server = Server::start(folder, &arguments);
        assert!(metrics(&server).contains("loadline_quarantined_policies 0"));
        let open = server.post_only("/validate?timeout=30s", &review());
        let started = Instant::now();
        while !is_evaluating(&state) {
            assert!(started.elapsed() < PATIENCE, "never evaluated: {}", log(folder));
            std::thread::sleep(Duration::from_millis(5));
        }
        // As the policy would do it.
        drop(server);
        drop(open);
    }

    std::fs::write(policies.join("quick.rego"), QUICK).unwrap();
    let server = Server::start(folder, &arguments);
    let reply = server.post("/validate?timeout=30s", &review());
    let message = reply.json()["response"]["status"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("it is in quarantine"), "{message}");
    assert!(message.contains("quick words"), "{message}");
    let text = ready(&server);
    assert!(
        text.contains("slow.rego is in quarantine: two processes ended while it was evaluated; 1 evaluations refused"),
        "{text}"
    );
    let text = metrics(&server);
    assert!(text.contains("loadline_quarantined_policies 1"), "{text}");
    let refusals =
        text.lines().find(|line| line.starts_with("loadline_quarantine_refusals_total{"));
    let refusals = refusals.unwrap();
    assert!(refusals.contains("slow.rego") && refusals.ends_with(" 1"), "{refusals}");

    let mended = SLOW.replace("3000", "3");
    std::fs::write(policies.join("slow.rego"), mended).unwrap();
    let answer = || server.post("/validate", &review()).json().to_string();
    let started = Instant::now();
    while answer().contains("quarantine") {
        assert!(started.elapsed() < PATIENCE, "never mended: {}", log(folder));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(answer().contains("quick words"));
}
