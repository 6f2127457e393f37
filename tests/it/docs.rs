//! The generated pages under `docs/`: written by `make docs-data`, and never behind the data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use loadline::admission::Pipeline;
use loadline::cli::matrix::{Matrix, markdown};
use loadline::cli::policy::docs::library_page;
use loadline::cli::profile::markdown as profile_page;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// The pages as they should be, by path below `docs/`.
fn wanted() -> BTreeMap<String, String> {
    let pipeline = Pipeline::built_in().unwrap();
    let mut pages: BTreeMap<String, String> = pipeline
        .profiles
        .iter()
        .map(|profile| {
            (format!("profiles/{}.md", profile.name), profile_page::page(&pipeline, profile))
        })
        .collect();
    pages.insert("library.md".to_owned(), library_page().unwrap());
    pages.insert("matrix.md".to_owned(), markdown::page(&pipeline, &Matrix::whole(&pipeline)));
    pages
}

#[test]
fn generated_pages_are_fresh() {
    let mut stale = Vec::new();
    let wanted = wanted();
    for (name, page) in &wanted {
        let there = std::fs::read_to_string(folder().join(name)).unwrap_or_default();
        if there == *page {
            continue;
        }
        let lines = there.lines().map(Some).chain(std::iter::repeat(None));
        let first = page.lines().zip(lines).position(|(wanted, there)| Some(wanted) != there);
        let line = first.unwrap_or_else(|| page.lines().count()) + 1;
        stale.push(format!("docs/{name}:{line}"));
    }
    let pages = std::fs::read_dir(folder().join("profiles")).unwrap();
    for page in pages {
        let name = format!("profiles/{}", page.unwrap().file_name().display());
        if !wanted.contains_key(&name) {
            stale.push(format!("docs/{name} (there is no such profile)"));
        }
    }
    assert!(
        stale.is_empty(),
        "these pages are behind the data under policies/; run `make docs-data`. First line that differs:\n{}",
        stale.join("\n")
    );
}

#[test]
fn every_row_has_as_many_cells_as_its_head() {
    for (name, page) in wanted() {
        let mut width = 0;
        for line in page.lines() {
            if !line.starts_with('|') {
                width = 0;
                continue;
            }
            let cells = line.replace("\\|", "").matches('|').count();
            if width == 0 {
                width = cells;
            }
            assert_eq!(cells, width, "{name}: {line}");
        }
    }
}
