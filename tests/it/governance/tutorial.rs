//! `docs/tutorial.md` is a transcript: its files are written and its commands run, in the order of the page.
//!
//! With `LOADLINE_WRITE_DOCS` set, the page is written anew with what the commands print.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::{PATIENCE, Server};

const PAGE: &str = include_str!("../../../docs/tutorial.md");

/// What follows the author: the folder, and the server once it runs.
struct Author {
    folder: TempDir,
    server: Option<Server>,
}

impl Author {
    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).unwrap();
        }
        std::fs::write(path, text).unwrap();
    }

    /// Runs a command of the page. What it printed is compared by the caller, who knows what should come.
    fn run(&mut self, command: &str, expected: &str) -> String {
        let words = words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["loadline", "serve", "--policy", policies, .., "&"] => {
                let secrets = self.folder.path().join("..secrets");
                std::fs::create_dir(&secrets).unwrap();
                let policies = self.folder.path().join(policies);
                self.server =
                    Some(Server::start(&secrets, &["--policy", policies.to_str().unwrap()]));
                String::new()
            }
            ["loadline", arguments @ ..] => {
                let output = Command::new(env!("CARGO_BIN_EXE_loadline"))
                    .current_dir(&self.folder)
                    .env_clear()
                    .args(arguments)
                    .output()
                    .unwrap();
                assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{command}");
                String::from_utf8(output.stdout).unwrap()
            }
            ["curl", "-sk", address, .., file] => {
                let path = address.strip_prefix("https://127.0.0.1:8443").unwrap();
                let file = file.strip_prefix('@').unwrap();
                let body = std::fs::read(Path::new(self.folder.path()).join(file)).unwrap();
                let server = self.server.as_ref().unwrap();
                // An edit is picked up a moment later.
                let started = Instant::now();
                loop {
                    let answer = String::from_utf8(server.post(path, &body).body).unwrap() + "\n";
                    if timeless(&answer) == timeless(expected) || started.elapsed() > PATIENCE / 4 {
                        return answer;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
            _ => panic!("the page has a command that nobody can run: {command}"),
        }
    }
}

/// The words of a command line; quotes hold words together.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// Without times, which differ from run to run, and without the bundle's digest, which changes with the built-in data.
fn timeless(text: &str) -> String {
    let line = |line: &str| {
        let is_time =
            |rest: &str| rest.ends_with("s)") && rest.starts_with(|c: char| c.is_ascii_digit());
        let cut = line.rsplit_once(" (").filter(|(_, rest)| is_time(rest));
        cut.map_or(line, |(line, _)| line).to_owned() + "\n"
    };
    let text: String = text.lines().map(line).collect();
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "sha256:" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit())
    })
}

#[test]
fn every_command_prints_what_the_page_shows() {
    let mut author = Author { folder: TempDir::new().unwrap(), server: None };
    let is_written = std::env::var_os("LOADLINE_WRITE_DOCS").is_some();
    let mut page = String::new();
    let mut commands = 0;
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        page.push_str(line);
        page.push('\n');
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some((_, name)) = info.split_once(' ') {
            let text = block.join("\n") + "\n";
            author.write(name, &text);
            page.push_str(&text);
        } else {
            assert_eq!(info, "console", "a block that is neither a file nor a transcript");
            let mut block = block.into_iter().peekable();
            while let Some(command) = block.next() {
                let command =
                    command.strip_prefix("$ ").unwrap_or_else(|| panic!("no command: {command}"));
                let mut expected = String::new();
                while let Some(line) = block.next_if(|line| !line.starts_with("$ ")) {
                    expected.push_str(line);
                    expected.push('\n');
                }
                let printed = author.run(command, &expected);
                page.push_str(&format!("$ {command}\n{printed}"));
                commands += 1;
                if !is_written {
                    assert_eq!(timeless(&printed), timeless(&expected), "$ {command}");
                }
            }
        }
        page.push_str("```\n");
    }
    assert!(commands > 10, "{commands}");
    if is_written {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tutorial.md"), page).unwrap();
    }
}
