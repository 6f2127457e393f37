//! The files that `check` reads, and the documents in them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::raw;
use crate::bundle::Problem;
use crate::cli::render::excerpt::Text;
use crate::document::{Document, DocumentError};

/// The endings of the files that are read in a folder.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// The argument that stands for standard input.
const STDIN: &str = "-";

/// What the arguments name: files in the order given, those of a folder by name, and what of it cannot be read.
///
/// It is a problem, too, where a folder has no file to read: a check that looks at nothing must not pass.
pub fn files(paths: &[PathBuf], recursive: bool) -> (Vec<PathBuf>, Vec<Problem>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        if path.as_os_str() == STDIN || !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len() + problems.len();
        walk(path, recursive, &mut files, &mut problems);
        if files.len() + problems.len() == before {
            let hint = if recursive { "" } else { "; use `-R` to look into its folders" };
            problems.push(problem(
                path,
                format!("the folder has no {} file{hint}", ENDINGS.join(", ")),
            ));
        }
    }
    (files, problems)
}

/// The same for those who can do nothing with a part of what they were given: fails with the first problem.
pub fn all_files(paths: &[PathBuf], recursive: bool) -> anyhow::Result<Vec<PathBuf>> {
    let (files, problems) = files(paths, recursive);
    match problems.into_iter().next() {
        Some(problem) => Err(anyhow::anyhow!("{problem}")),
        None => Ok(files),
    }
}

fn walk(folder: &Path, recursive: bool, files: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(problem(folder, format!("the folder cannot be read: {error}")));
            return;
        }
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // The entry's own type: links to folders are not followed, as they may lead in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if is_folder && recursive && !is_hidden {
            walk(&path, recursive, files, problems);
        }
        let is_meant =
            path.extension().is_some_and(|ending| ENDINGS.iter().any(|one| ending == *one));
        if is_folder || !is_meant {
            continue;
        }
        match std::fs::metadata(&path) {
            Ok(kind) if kind.is_file() => files.push(path),
            Ok(kind) if kind.is_dir() => {}
            // Reading a pipe would wait for whoever writes to it.
            Ok(_) => problems.push(problem(&path, "it is no regular file".to_owned())),
            Err(error) if std::fs::read_link(&path).is_ok() => {
                let message = format!("the link leads nowhere that can be read: {error}");
                problems.push(problem(&path, message));
            }
            Err(error) => {
                problems.push(problem(&path, format!("the file cannot be read: {error}")));
            }
        }
    }
}

/// Reads a file, or standard input under the name it is to have in messages.
pub fn read(path: &Path, stdin_name: &str) -> Result<Text, Problem> {
    let is_stdin = path.as_os_str() == STDIN;
    let name = if is_stdin { stdin_name.to_owned() } else { path.display().to_string() };
    let bytes = if is_stdin {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let failed = |message| Problem { origin: name.clone(), mark: None, message };
    let bytes = bytes.map_err(|error| failed(format!("the file cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        failed(format!(
            "the file is not UTF-8: byte {} does not belong to a character",
            error.utf8_error().valid_up_to()
        ))
    })?;
    Ok(Text::new(name, text))
}

fn problem(path: &Path, message: String) -> Problem {
    Problem { origin: path.display().to_string(), mark: None, message }
}

/// A document and, where the text is JSON, its bytes as they stand there.
#[derive(Debug)]
pub struct Part {
    /// The document.
    pub document: Document,
    /// Its bytes where they matter: a review must be judged as it came, with the order of its keys.
    pub raw: Option<Box<str>>,
}

/// Hands over the documents of a text one by one, and says whether nothing was wrong with it. If something was, what was
/// handed over is void, and [`parts`] says what it is.
pub fn stream(text: &Text, sink: &mut dyn FnMut(Part)) -> bool {
    let content = text.text.trim_start_matches('\u{feff}');
    let is_json = content.trim_start().starts_with('{');
    Document::stream(content, &mut |document| {
        // The bytes of a review alone are of interest, and copies cost.
        let is_review = document.value.get("kind").is_some_and(|kind| kind == "AdmissionReview");
        let raw = document.text().filter(|_| is_json && is_review).map(Box::from);
        sink(Part { document, raw });
    })
}

/// Reads the documents of a text in which something is wrong. One that is broken does not keep the others from being read.
pub fn parts(text: &Text) -> (Vec<Part>, Vec<Problem>) {
    let failed = |error: DocumentError| {
        // Of a file that is meant to be JSON, what a reader of JSON says is nearer the mark.
        let is_json = Path::new(&text.name).extension().is_some_and(|ending| ending == "json");
        let error = if is_json { raw::error(&text.text).unwrap_or(error) } else { error };
        let line = error.mark.and_then(|mark| text.line(mark.line)).unwrap_or_default();
        let hint = if line.contains("{{") {
            "; this looks like a template, which must be rendered first, for example with `helm template`"
        } else {
            ""
        };
        Problem {
            origin: text.name.clone(),
            mark: error.mark,
            message: format!("{}{hint}", error.message),
        }
    };
    let content = text.text.trim_start_matches('\u{feff}');
    match Document::parse_all(content) {
        Ok(documents) => {
            let raws = raw::values(content);
            let raws = if raws.len() == documents.len() { raws } else { Vec::new() };
            let raws = raws.into_iter().map(Some).chain(std::iter::repeat(None));
            let mut parts = Vec::new();
            let mut problems = Vec::new();
            for (document, raw) in documents.into_iter().zip(raws) {
                // Reviews are read as the webhooks read them, which look for such keys themselves.
                let is_review =
                    document.value.get("kind").is_some_and(|kind| kind == "AdmissionReview");
                match raw.filter(|_| !is_review).and_then(|raw| raw::duplicate(content, raw)) {
                    Some(error) => problems.push(failed(error)),
                    None => parts.push(Part { document, raw: raw.map(|raw| raw.get().into()) }),
                }
            }
            (parts, problems)
        }
        Err(error) => {
            let pieces = pieces(content);
            if pieces.len() < 2 {
                return (Vec::new(), vec![failed(error)]);
            }
            let mut parts = Vec::new();
            let mut problems = Vec::new();
            for piece in pieces {
                match Document::parse_all(&piece) {
                    Ok(documents) => parts
                        .extend(documents.into_iter().map(|document| Part { document, raw: None })),
                    Err(error) => problems.push(failed(error)),
                }
            }
            (parts, problems)
        }
    }
}

/// A YAML text cut at its document markers. Each piece begins with as many empty lines as stand before it, so that
/// positions in it are positions in the text.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let is_marker = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if is_marker {
            pieces.push("\n".repeat(number));
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(line);
        }
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_document_does_not_hide_the_others() {
        let text = Text::new("x.yaml".into(), "a: 1\n---\nb: [1\n---\nc: 3\n".into());
        let (parts, problems) = parts(&text);
        let values: Vec<String> =
            parts.iter().map(|part| part.document.value.to_string()).collect();
        assert_eq!(values, [r#"{"a":1}"#, r#"{"c":3}"#]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].mark.is_some_and(|mark| (3..=4).contains(&mark.line)), "{problems:?}");
        let mark = parts[1].document.locate(&crate::path::FieldPath::keys("c"));
        assert_eq!(mark.map(|mark| mark.to_string()).as_deref(), Some("5:1"));
    }

    #[test]
    fn json_values_keep_their_bytes() {
        let text = Text::new("x.json".into(), "{\"b\": 1, \"a\": 2}\n{\"c\":3}".into());
        let (parts, _) = parts(&text);
        let raws: Vec<&str> = parts.iter().filter_map(|part| part.raw.as_deref()).collect();
        assert_eq!(raws, ["{\"b\": 1, \"a\": 2}", "{\"c\":3}"]);
    }
}
