//! As much of the `WebDriver` protocol as the tests of the page need: a real browser that is really clicked and typed into.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

/// Key of an element in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys without a character, as the protocol writes them.
pub mod keys {
    pub const DOWN: &str = "\u{e015}";
    pub const ENTER: &str = "\u{e007}";
    pub const ESCAPE: &str = "\u{e00c}";
    pub const HOME: &str = "\u{e011}";
    pub const RIGHT: &str = "\u{e014}";
    pub const SHIFT_TAB: [&str; 2] = ["\u{e008}", "\u{e004}"];
    pub const TAB: &str = "\u{e004}";
    pub const UP: &str = "\u{e013}";
}

/// What the browser shows the page on.
#[derive(Clone, Copy)]
pub enum Screen {
    Desktop,
    Phone,
}

/// A browser with one page. It ends with the value.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser; says what to do when there is none.
    pub fn start(screen: Screen) -> Self {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut driver = Command::new(&program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("`{program}` cannot be started ({error}): run tests/page/setup.sh")
            });
        let port = port(&mut driver);
        let profile = tempfile::tempdir().unwrap();
        let mut options = json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
                "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
                "--force-prefers-reduced-motion", "--window-size=1440,1000",
                format!("--user-data-dir={}", profile.path().display()),
            ],
        });
        if let Ok(chromium) = std::env::var("CHROMIUM") {
            options["binary"] = json!(chromium);
        }
        if matches!(screen, Screen::Phone) {
            options["mobileEmulation"] = json!({
                "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 2.0, "touch": true },
            });
        }
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        let answer = browser.call("POST", "/session", &json!({
            "capabilities": { "alwaysMatch": { "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } } },
        }));
        answer["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        browser
    }

    /// Opens a file, with a fragment. The page is loaded anew even if only the fragment differs.
    pub fn open(&self, file: &Path, fragment: &str) {
        self.command("POST", "url", &json!({ "url": "about:blank" }));
        let hash = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
        self.command("POST", "url", &json!({ "url": format!("file://{}{hash}", file.display()) }));
    }

    /// Runs a function body in the page and gives what it returns.
    pub fn run(&self, script: &str) -> Value {
        self.command("POST", "execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Clicks in the middle of the first element that matches, as a mouse or a finger does.
    pub fn click(&self, css: &str) {
        let element = self.element(css);
        self.command("POST", &format!("element/{element}/click"), &json!({}));
    }

    /// Presses keys one after the other, wherever the focus is.
    pub fn press(&self, keys: &[&str]) {
        for key in keys {
            self.actions(&[*key]);
        }
    }

    /// Presses keys together.
    pub fn chord(&self, keys: &[&str]) {
        self.actions(keys);
    }

    /// Types a text, wherever the focus is.
    pub fn type_text(&self, text: &str) {
        for c in text.chars() {
            self.actions(&[c.to_string().as_str()]);
        }
    }

    /// Keeps what is seen as a file.
    pub fn screenshot(&self, file: &Path) {
        let answer = self.command("GET", "screenshot", &Value::Null);
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(answer.as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// What the page wrote to the console, errors of its script among it.
    pub fn console(&self) -> Vec<String> {
        let lines = self.command("POST", "se/log", &json!({ "type": "browser" }));
        lines.as_array().unwrap().iter().map(|line| line["message"].to_string()).collect()
    }

    fn actions(&self, keys: &[&str]) {
        let down = keys.iter().map(|key| json!({ "type": "keyDown", "value": key }));
        let up = keys.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
        let actions: Vec<Value> = down.chain(up).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.command("POST", "actions", &json!({ "actions": [keyboard] }));
    }

    fn element(&self, css: &str) -> String {
        let answer =
            self.command("POST", "element", &json!({ "using": "css selector", "value": css }));
        answer[ELEMENT].as_str().unwrap().to_owned()
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("/session/{}/{path}", self.session), body)
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len(),
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let value = answer["value"].clone();
        assert!(value.get("error").is_none(), "{method} {path}: {value:#}");
        value
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Also after a failed test: the driver leaves a browser running whose session was not ended. A second panic here would
        // abort the whole run.
        if !self.session.is_empty() {
            let end = || self.call("DELETE", &format!("/session/{}", self.session), &Value::Null);
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(end));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The port that the driver took. What it prints later is read away, so that it never waits for a reader.
fn port(driver: &mut Child) -> u16 {
    let mut reader = BufReader::new(driver.stdout.take().unwrap());
    let mut line = String::new();
    loop {
        line.clear();
        assert!(
            reader.read_line(&mut line).unwrap() > 0,
            "chromedriver ended before it named its port"
        );
        if let Some((_, port)) = line.trim_end().trim_end_matches('.').rsplit_once("on port ")
            && let Ok(port) = port.parse::<u16>()
            && port != 0
        {
            std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
            return port;
        }
    }
}
