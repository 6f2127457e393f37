//! Reports in the form of `JUnit`, which every CI server reads: suites of cases that pass, fail or err.

use std::fmt::Write as _;
use std::time::Duration;

/// Cases that belong together: those of one file.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Name; the file.
    pub name: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name.
    pub name: String,
    /// What it belongs to.
    pub class: String,
    /// Its line, where it is known.
    pub line: Option<usize>,
    /// How long it took, where that says anything.
    pub duration: Option<Duration>,
    /// How it went.
    pub outcome: Outcome,
    /// What else there is to read.
    pub output: String,
}

/// How a case went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It could not be judged.
    Error {
        /// In one line.
        message: String,
        /// In full.
        text: String,
    },
    /// It failed.
    Failure {
        /// A word for the kind of failure.
        kind: String,
        /// In one line.
        message: String,
        /// In full.
        text: String,
    },
    /// There is nothing to say.
    Pass,
}

/// Writes the report of a run of `tool`.
pub fn report(tool: &str, suites: &[Suite]) -> String {
    let cases = || suites.iter().flat_map(|suite| &suite.cases);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"{}\"{}>", escape(tool), counts(cases()));
    for suite in suites {
        let name = escape(&suite.name);
        let _ = writeln!(out, "  <testsuite name=\"{name}\"{}>", counts(suite.cases.iter()));
        for case in &suite.cases {
            case.write(&mut out, &name);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn counts<'c>(cases: impl Iterator<Item = &'c Case>) -> String {
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    let mut time = None;
    for case in cases {
        tests += 1;
        failures += usize::from(matches!(case.outcome, Outcome::Failure { .. }));
        errors += usize::from(matches!(case.outcome, Outcome::Error { .. }));
        if let Some(duration) = case.duration {
            *time.get_or_insert(Duration::ZERO) += duration;
        }
    }
    let time = time.map(seconds).unwrap_or_default();
    format!(" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"{time}")
}

fn seconds(time: Duration) -> String {
    format!(" time=\"{:.6}\"", time.as_secs_f64())
}

impl Case {
    fn write(&self, out: &mut String, file: &str) {
        let _ = write!(
            out,
            "    <testcase name=\"{}\" classname=\"{}\" file=\"{file}\"",
            escape(&self.name),
            escape(&self.class),
        );
        if let Some(line) = self.line {
            let _ = write!(out, " line=\"{line}\"");
        }
        out.push_str(&self.duration.map(seconds).unwrap_or_default());
        if self.outcome == Outcome::Pass && self.output.is_empty() {
            out.push_str("/>\n");
            return;
        }
        out.push_str(">\n");
        match &self.outcome {
            Outcome::Error { message, text } => {
                let _ = writeln!(
                    out,
                    "      <error message=\"{}\">{}</error>",
                    escape(message),
                    escape(text)
                );
            }
            Outcome::Failure { kind, message, text } => {
                let _ = writeln!(
                    out,
                    "      <failure type=\"{}\" message=\"{}\">{}</failure>",
                    escape(kind),
                    escape(message),
                    escape(text)
                );
            }
            Outcome::Pass => {}
        }
        if !self.output.is_empty() {
            let _ = writeln!(out, "      <system-out>{}</system-out>", escape(&self.output));
        }
        out.push_str("    </testcase>\n");
    }
}

/// Text as it may stand in XML: characters that XML cannot say at all are replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_cases_and_texts_cannot_break_out() {
        let case = |name: &str, outcome| Case {
            name: name.to_owned(),
            class: "Pod".to_owned(),
            line: Some(3),
            duration: Some(Duration::from_millis(2)),
            outcome,
            output: String::new(),
        };
        let failure = Outcome::Failure {
            kind: "host-path".to_owned(),
            message: "a \"b\" <c>".to_owned(),
            text: "]]> & \u{1b}[31m".to_owned(),
        };
        let suites = [
            Suite {
                name: "a&b.yaml".to_owned(),
                cases: vec![case("one", failure), case("two", Outcome::Pass)],
            },
            Suite { name: "empty.yaml".to_owned(), cases: Vec::new() },
        ];
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites name=\"loadline\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"0.004000\">
  <testsuite name=\"a&amp;b.yaml\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"0.004000\">
    <testcase name=\"one\" classname=\"Pod\" file=\"a&amp;b.yaml\" line=\"3\" time=\"0.002000\">
      <failure type=\"host-path\" message=\"a &quot;b&quot; &lt;c&gt;\">]]&gt; &amp; \u{fffd}[31m</failure>
    </testcase>
    <testcase name=\"two\" classname=\"Pod\" file=\"a&amp;b.yaml\" line=\"3\" time=\"0.002000\"/>
  </testsuite>
  <testsuite name=\"empty.yaml\" tests=\"0\" failures=\"0\" errors=\"0\">
  </testsuite>
</testsuites>
";
        assert_eq!(report("loadline", &suites), expected);
    }
}
