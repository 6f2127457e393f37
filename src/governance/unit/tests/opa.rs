//! OPA's own cases, where `LOADLINE_OPA_CASES` names a folder of them (`v1/test/cases/testdata` of its repository).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value as Json;

use super::*;
use crate::document::Document;
use crate::governance::mode::{Language, Mode};

/// Cases that come to something else here, by the beginning of their names, and why.
const OTHERWISE: &[(&str, &str)] = &[
    ("fix1863/is defined", "the machine knows no packages without rules"),
    ("data/nested integer", "numbers name no members of documents"),
    ("keywordrefs/", "no name begins with a keyword"),
    ("negation/not-body", "the keyword `not` of new versions cannot be imported"),
    ("numbersrangestep/big int", "ranges end at 64 bits"),
    ("strings/sprintf: float too big", "numbers are at most those of 64 bits"),
    ("withkeyword/builtin-builtin", "no built-in function stands for another one"),
    ("withkeyword/function: direct call, built-in", "no built-in function stands for another one"),
];

/// What the modules of a case are to come to.
enum Wanted {
    /// A value. Where OPA sorts them, or sets are meant, arrays are in any order.
    Value(Json),
    Defined,
    Undefined,
    /// An error, which is nothing but undefined where functions that fail are.
    Error {
        is_of_a_function: bool,
    },
}

struct Case {
    language: Language,
    modules: Vec<String>,
    entry: String,
    input: Json,
    wanted: Wanted,
}

#[test]
fn opas_own_cases_come_to_the_same() {
    let Some(folder) = std::env::var_os("LOADLINE_OPA_CASES") else {
        println!("LOADLINE_OPA_CASES names no folder; the project's own cases stand in");
        return;
    };
    let (mut refused, mut same, mut problems) = (0, 0, Vec::new());
    for (language, folder) in [(Language::V0, "v0"), (Language::V1, "v1")]
        .map(|(language, name)| (language, Path::new(&folder).join(name)))
    {
        for path in files(&folder) {
            let text = std::fs::read_to_string(&path).unwrap();
            let Ok(documents) = Document::parse_all(&text) else { continue };
            for json in documents.iter().flat_map(|document| list(&document.value, "cases")) {
                let name = json["note"].as_str().unwrap_or_default();
                let Some(case) = read(json, language) else { continue };
                match try_case(&case) {
                    Ok(true) => same += 1,
                    Ok(false) => refused += 1,
                    Err(_) if OTHERWISE.iter().any(|(start, _)| name.starts_with(start)) => {}
                    Err(problem) => {
                        problems.push(format!("{name} ({}): {problem}", path.display()));
                    }
                }
            }
        }
    }
    println!(
        "{same} cases come to the same, {refused} want what is not supported and are refused by name"
    );
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(same > 2000, "only {same} cases were found");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

fn list<'j>(json: &'j Json, key: &str) -> impl Iterator<Item = &'j Json> {
    json.get(key).and_then(Json::as_array).into_iter().flatten()
}

/// A case that asks for one rule. Data is read from the input, which nothing but a case of its own kind could tell apart.
fn read(json: &Json, language: Language) -> Option<Case> {
    let query = Regex::new(r"^\s*(data(?:\.\w+)+)\s*(?:= x\s*)?$").unwrap();
    let entry = query.captures(json["query"].as_str()?)?[1].to_owned();
    let mut modules: Vec<String> =
        list(json, "modules").filter_map(Json::as_str).map(str::to_owned).collect();
    let mut input = json.get("input").cloned();
    if let Some(term) = json.get("input_term") {
        input = Some(serde_json::from_str(term.as_str()?).ok()?);
    }
    let data = json.get("data").and_then(Json::as_object).filter(|data| !data.is_empty());
    if let Some(data) = data {
        let text = modules.join("\n");
        let other = Regex::new(r"with (input|data)|\bdata\[|[=(\[{, ]data[\s,)\]}]").unwrap();
        let mut input_of = input.unwrap_or_else(|| json!({})).as_object()?.clone();
        let packages = Regex::new(r"(?m)^\s*package\s+(\w+)").unwrap();
        let packages: BTreeSet<_> =
            packages.captures_iter(&text).map(|name| name[1].to_owned()).collect();
        let names = data.keys().map(|name| regex::escape(name)).collect::<Vec<_>>().join("|");
        let imported = Regex::new(&format!(r"(?m)^\s*import\s+data\.({names})\b")).unwrap();
        if other.is_match(&text)
            || imported.is_match(&text)
            || data.keys().any(|name| packages.contains(name))
        {
            return None;
        }
        let read = Regex::new(&format!(r"\bdata\.({names})\b")).unwrap();
        modules = modules
            .iter()
            .map(|text| read.replace_all(text, "input.d__.$1").into_owned())
            .collect();
        input_of.insert("d__".to_owned(), Json::Object(data.clone()));
        input = Some(Json::Object(input_of));
    }
    let wanted = if json.get("want_error").or_else(|| json.get("want_error_code")).is_some() {
        Wanted::Error { is_of_a_function: json["strict_error"] == true }
    } else if let Some(result) = json.get("want_result") {
        match result.as_array().map(Vec::as_slice) {
            None | Some([]) => Wanted::Undefined,
            Some([one]) => Wanted::Value(one.get("x")?.clone()),
            _ => return None,
        }
    } else if json["want_defined"] == false {
        Wanted::Undefined
    } else {
        Wanted::Defined
    };
    // There always is an input.
    let text = modules.join("\n");
    if modules.is_empty() || input.is_none() && text.contains("input") {
        return None;
    }
    Some(Case { language, modules, entry, input: input.unwrap_or_default(), wanted })
}

/// Whether a case comes to what is wanted, wherever it is run; `false` where what it needs is refused by its name.
fn try_case(case: &Case) -> Result<bool, String> {
    let modules: Vec<Module<'_>> =
        case.modules.iter().map(|text| Module { origin: "a.rego", text }).collect();
    let mode = Mode { language: case.language, ..Mode::gatekeeper(case.language) };
    let entries = [case.entry.clone()];
    let unit = match Parsed::new(&modules, mode).and_then(|parsed| parsed.compile(&entries)) {
        Ok(unit) => unit,
        Err(_) if matches!(case.wanted, Wanted::Error { .. }) => return Ok(true),
        Err(error)
            if ["cannot be used", "not supported", "not a valid rule path"]
                .iter()
                .any(|part| error.message.contains(part)) =>
        {
            return Ok(false);
        }
        Err(error) => return Err(error.message),
    };
    let (input, deadline) = (from_json(&case.input), Deadline::after(Duration::from_secs(10)));
    let arena = Bump::new();
    let tree = plan::Value::of_engine(&arena, &input).ok_or("no tree")?;
    let program = unit.program.as_ref().ok();
    let program =
        program.map(|program| program.run(&case.entry, tree, &arena, Errors::Lenient, deadline));
    let machine =
        unit.machine().map(|machine| machine.run(&case.entry, Some(&input), None, deadline));
    let interpreted = unit.interpret(&case.entry, Some(&input), None, deadline).0;
    let outcomes = [
        (
            "program",
            program.and_then(|outcome| {
                (outcome != Err(Stop::GiveUp)).then(|| outcome.map_err(|stop| format!("{stop:?}")))
            }),
        ),
        ("machine", machine.map(|outcome| outcome.map_err(|failure| format!("{failure:?}")))),
        ("interpreter", Some(interpreted.map_err(|failure| format!("{failure:?}")))),
    ];
    for (name, outcome) in outcomes {
        let Some(outcome) = outcome else { continue };
        let is_right = match (&case.wanted, &outcome) {
            (Wanted::Error { is_of_a_function }, Ok(_)) => *is_of_a_function,
            (Wanted::Error { .. }, Err(_)) => true,
            (_, Err(_)) | (Wanted::Value(_), Ok(Value::Undefined)) => false,
            (Wanted::Undefined, Ok(value)) => *value == Value::Undefined,
            (Wanted::Defined, Ok(value)) => *value != Value::Undefined,
            (Wanted::Value(wanted), Ok(value)) => {
                sorted(&serde_json::to_value(value).unwrap()) == sorted(wanted)
            }
        };
        if !is_right {
            return Err(format!("the {name} gives {outcome:?}"));
        }
    }
    Ok(true)
}

/// A value whose arrays are sorted, since sets are arrays in JSON, and whose whole numbers have no fraction.
fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(sorted).collect();
            items.sort_by_key(Json::to_string);
            Json::Array(items)
        }
        Json::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        Json::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}
