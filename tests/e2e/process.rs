//! Programs that are started here, and ended here.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A running program. It ends when this value goes, on panic too.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program`; what it prints is appended to `logs/NAME.log`.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        arguments: impl IntoIterator<Item = impl Into<String>>,
        logs: &Path,
    ) -> Self {
        let log = logs.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        // Should this test be killed, the kernel ends the programs that it started: no Drop runs then. `setpriv`
        // becomes the program, so the process id stays the same.
        let mut command = if Path::new("/usr/bin/setpriv").exists() {
            let mut guarded = Command::new("/usr/bin/setpriv");
            guarded.args(["--pdeathsig", "KILL"]).arg(program);
            guarded
        } else {
            Command::new(program)
        };
        let child = command
            .args(arguments.into_iter().map(Into::into))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", program.display()));
        Self { name, child, log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Why it cannot do its work any more, if it has ended.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                let log = fs::read(&self.log).unwrap_or_default();
                let log = String::from_utf8_lossy(&log);
                let last: Vec<_> = log.lines().rev().take(15).collect();
                let last: Vec<_> = last.into_iter().rev().collect();
                Err(format!("{} ended ({status}); its last words:\n{}", self.name, last.join("\n")))
            }
            Err(error) => Err(format!("{}: {error}", self.name)),
        }
    }

    /// Asks it to end, as Kubernetes does (SIGTERM), and returns how it ended.
    pub(crate) fn stop(mut self, limit: Duration) -> ExitStatus {
        let asked = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()])
            .status();
        assert!(asked.is_ok_and(|status| status.success()), "cannot signal {}", self.name);
        wait(&mut self.child, limit)
            .unwrap_or_else(|why| panic!("{} after SIGTERM: {why}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<ExitStatus, String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let status = wait(&mut child, limit);
    if status.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    status
}

fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus, String> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        if start.elapsed() > limit {
            return Err(format!("still running after {limit:?}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Tries until it works, for `limit` at most; an attempt that does not work says what it saw instead.
#[track_caller]
pub(crate) fn eventually<T>(
    what: &str,
    limit: Duration,
    mut attempt: impl FnMut() -> Result<T, String>,
) -> T {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(seen) if start.elapsed() > limit => {
                panic!("waited {limit:?} for {what}, in vain; at last: {seen}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(25)),
        }
    }
}
