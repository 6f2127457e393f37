//! The architecture: a module imports only from floors below its own, and the stages are blind to each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of `src/lib.rs`, with their floor.
fn floors() -> BTreeMap<String, (usize, usize)> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut floor = None;
    let mut modules = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("// Floor ") {
            floor = rest.chars().next().and_then(|digit| digit.to_digit(10));
        } else if let Some(name) =
            line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';'))
        {
            let floor =
                floor.unwrap_or_else(|| panic!("`{name}` stands above the first floor")) as usize;
            modules.insert(name.to_owned(), (floor, modules.len()));
        }
    }
    modules
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The top-level modules that a source names as `crate::module`.
fn imports(text: &str) -> Vec<String> {
    text.split("crate::")
        .skip(1)
        .map(|rest| {
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn modules_import_only_from_floors_below() {
    let floors = floors();
    assert!(floors.len() > 10, "the list of modules was read: {floors:?}");
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut violations = Vec::new();
    for file in files {
        let relative = file.strip_prefix(root().join("src")).unwrap();
        let module =
            relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let Some(&(floor, position)) = floors.get(&module) else {
            assert!(
                matches!(module.as_str(), "lib" | "main"),
                "`{module}` is not declared in lib.rs"
            );
            continue;
        };
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let Some(&(other_floor, other_position)) = floors.get(&import) else {
                continue;
            };
            let is_allowed = import == module
                || other_floor < floor
                || (other_floor == floor && floor != 1 && other_position < position);
            if !is_allowed {
                violations.push(format!("{} imports `{import}`", relative.display()));
            }
        }
    }
    assert!(
        violations.is_empty(),
        "imports that point upwards or sideways:\n{}",
        violations.join("\n")
    );
}

#[test]
fn a_planted_violation_would_be_seen() {
    assert_eq!(imports("use crate::server::tls;\nlet x = crate::cli::run();"), ["server", "cli"]);
}

#[test]
fn the_pure_floors_read_no_clock_file_or_socket() {
    let mut violations = Vec::new();
    for (module, (floor, _)) in floors() {
        if floor > 2 {
            continue;
        }
        let mut files = vec![root().join(format!("src/{module}.rs"))];
        if root().join("src").join(&module).is_dir() {
            sources(&root().join("src").join(&module), &mut files);
        }
        // Tests may widen by what a variable names.
        files.retain(|file| {
            !file.strip_prefix(root()).unwrap_or(file).iter().any(|part| part == "tests")
        });
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for word in [
                "std::fs",
                "std::env",
                "std::net",
                "SystemTime",
                "tokio",
                "axum::",
                "rustls",
                "kube::",
                "clap",
            ] {
                if text.contains(word) {
                    violations.push(format!("{} names `{word}`", file.display()));
                }
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
