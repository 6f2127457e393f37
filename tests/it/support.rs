//! The program as its user runs it: [`CliTest`].

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::reviews::TEST_PROFILE;

/// A folder of its own with the test profile in it, in which the program is run.
pub struct CliTest {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What the program said and how it ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl CliTest {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let test = Self { folder, environment: Vec::new() };
        test.file("profiles/dinghy.yaml", TEST_PROFILE)
    }

    /// Writes a file into the folder.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// Sets a variable of the environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program with the test profile, not yet started. Nothing of the environment reaches it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("LOADLINE_PROFILES", "profiles")
            .envs(self.environment.iter().cloned());
        command
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "")
    }

    /// Runs the program with something on its standard input.
    pub fn run_with(&self, arguments: &[&str], stdin: &str) -> Said {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read is free to end before we have written.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Said::from(child.wait_with_output().unwrap())
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            status: output.status.code().expect("the program was not killed"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Said {
    /// All three together, with the digest of the bundle blanked: it changes with the built-in data.
    pub fn snapshot(&self) -> String {
        let mut text = format!("exit status {}\n", self.status);
        for (title, content) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !content.is_empty() {
                let _ = write!(text, "--- {title}\n{content}");
            }
        }
        let mut parts = text.split("sha256:");
        let mut blanked = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            blanked.push_str("sha256:…");
            blanked.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
        }
        blanked
    }

    /// Fails unless all three are as they should be: the status, and parts of the two texts.
    #[track_caller]
    pub fn check(&self, status: i32, in_stdout: &[&str], in_stderr: &[&str]) -> &Self {
        assert_eq!(self.status, status, "{}", self.snapshot());
        for part in in_stdout {
            assert!(self.stdout.contains(part), "no `{part}` in\n{}", self.snapshot());
        }
        for part in in_stderr {
            assert!(self.stderr.contains(part), "no `{part}` in\n{}", self.snapshot());
        }
        if in_stderr.is_empty() {
            assert_eq!(self.stderr, "", "{}", self.snapshot());
        }
        self
    }
}

/// Compares a text with the one of that name in `snapshots/`; `INSTA_UPDATE=always` writes it anew.
#[track_caller]
pub fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}
