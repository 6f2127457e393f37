//! All Rego of gatekeeper-library, where `LOADLINE_GATEKEEPER_LIBRARY` names it: it loads, runs, and the machine agrees with
//! the interpreter on every case of its suites. Without the variable nothing is run.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use serde_json::json;

use super::*;
use crate::document::Document;
use crate::governance::value::from_json;

/// The files of that name below a folder, in order.
fn find(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            find(&path, name, found);
        } else if path.ends_with(name) {
            found.push(path);
        }
    }
}

fn documents(path: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(path).unwrap();
    Document::parse_all(&text).unwrap().into_iter().map(|document| document.value).collect()
}

/// The modules of a template and their language; nothing where it has no Rego.
fn sources(template: &Json) -> Option<(Language, Vec<String>)> {
    let target = &template["spec"]["targets"][0];
    let code = target["code"].as_array().into_iter().flatten().find(|one| one["engine"] == "Rego");
    let (source, language) = match code {
        Some(code) => {
            let is_new = code["source"]["version"] == "v1";
            (&code["source"], if is_new { Language::V1 } else { Language::V0 })
        }
        None => (target, Language::V0),
    };
    let libraries = source["libs"].as_array().into_iter().flatten();
    let texts = std::iter::once(&source["rego"]).chain(libraries);
    let texts: Option<Vec<String>> = texts.map(|text| text.as_str().map(str::to_owned)).collect();
    texts.map(|texts| (language, texts))
}

fn review(object: &Json) -> Json {
    if object["kind"] == "AdmissionReview" {
        let mut request = object["request"].clone();
        if request["operation"] == "DELETE" {
            request["object"] = request["oldObject"].clone();
        }
        return request;
    }
    let (group, version) = object["apiVersion"]
        .as_str()
        .unwrap()
        .rsplit_once('/')
        .unwrap_or(("", object["apiVersion"].as_str().unwrap()));
    json!({
        "object": object, "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"],
        "kind": {"group": group, "version": version, "kind": object["kind"]},
    })
}

fn inventory(case: &Json, folder: &Path) -> Json {
    let mut inventory = json!({"cluster": {}, "namespace": {}});
    for file in case["inventory"].as_array().into_iter().flatten() {
        for object in documents(&folder.join(file.as_str().unwrap())) {
            let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
            let (version, kind, name) = (
                text(&object["apiVersion"]),
                text(&object["kind"]),
                text(&object["metadata"]["name"]),
            );
            match object["metadata"]["namespace"].as_str() {
                Some(namespace) => {
                    inventory["namespace"][namespace][version][kind][name] = object.clone()
                }
                None => inventory["cluster"][version][kind][name] = object.clone(),
            }
        }
    }
    json!({ "inventory": inventory })
}

#[test]
fn the_gatekeeper_library_runs_and_both_engines_agree() {
    let Ok(library) = std::env::var("LOADLINE_GATEKEEPER_LIBRARY") else {
        println!("LOADLINE_GATEKEEPER_LIBRARY names no folder; nothing is run");
        return;
    };
    let mut suites = Vec::new();
    find(&Path::new(&library).join("library"), "suite.yaml", &mut suites);
    let (mut problems, mut interpreted, mut cases) = (Vec::new(), Vec::new(), 0);
    for suite in suites {
        let folder = suite.parent().unwrap();
        for test in documents(&suite)[0]["tests"].as_array().unwrap() {
            let template = &documents(&folder.join(test["template"].as_str().unwrap()))[0];
            let Some((language, texts)) = sources(template) else {
                continue;
            };
            let name = template["metadata"]["name"].as_str().unwrap();
            let modules: Vec<Module<'_>> =
                texts.iter().map(|text| Module { origin: name, text }).collect();
            let unit = Parsed::new(&modules, Mode::gatekeeper(language)).and_then(|parsed| {
                let package = parsed.packages[0].join(".");
                Ok((
                    format!("data.{package}.violation"),
                    parsed.compile(&[format!("data.{package}.violation")])?,
                ))
            });
            let (entry, unit) = match unit {
                Ok(unit) => unit,
                Err(error) => {
                    problems.push(format!("{}: {error}", folder.display()));
                    continue;
                }
            };
            if unit.machine.is_none() && interpreted.last() != Some(&name.to_owned()) {
                interpreted.push(name.to_owned());
            }
            let constraint = &documents(&folder.join(test["constraint"].as_str().unwrap()))[0];
            let parameters = match &constraint["spec"]["parameters"] {
                Json::Null => json!({}),
                parameters => parameters.clone(),
            };
            for case in test["cases"].as_array().unwrap() {
                cases += 1;
                let object = &documents(&folder.join(case["object"].as_str().unwrap()))[0];
                let input = from_json(&json!({"review": review(object), "parameters": parameters}));
                let data = from_json(&inventory(case, folder));
                let deadline = || Deadline::after(Duration::from_secs(5));
                let label = format!("{} {} {}", folder.display(), test["name"], case["name"]);
                let value = unit.run(&entry, Some(&input), Some(&data), deadline()).0;
                let other = unit.interpret(&entry, Some(&input), Some(&data), deadline()).0;
                if value != other {
                    problems.push(format!("{label}: {value:?} and interpreted {other:?}"));
                }
                for assertion in case["assertions"].as_array().unwrap() {
                    let part = assertion["message"].as_str().unwrap_or_default();
                    let count = match &value {
                        Ok(Value::Set(set)) => {
                            let says = |one: &&Value| one["msg"].to_string().contains(part);
                            set.iter().filter(says).count()
                        }
                        _ => usize::MAX,
                    };
                    let expected = &assertion["violations"];
                    let holds = match expected {
                        Json::Bool(true) => count > 0 && count < usize::MAX,
                        Json::Bool(false) => count == 0,
                        Json::Number(number) => number.as_u64() == u64::try_from(count).ok(),
                        Json::String(word) if word == "yes" => count > 0 && count < usize::MAX,
                        Json::String(_) => count == 0,
                        _ => count > 0 && count < usize::MAX,
                    };
                    if !holds {
                        problems.push(format!("{label}: {value:?}, not {assertion}"));
                    }
                }
            }
        }
    }
    interpreted.dedup();
    println!("{cases} cases; interpreted: {interpreted:?}");
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
