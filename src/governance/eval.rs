//! One policy and one input, looked at closely: [`Evaluator`], for those who write policies.
//!
//! What is decided about pods goes another way ([`super::Policy::evaluate`]); this one keeps what is printed and gives the
//! values as they are.

use std::time::{Duration, Instant};

use bumpalo::Bump;
use regorus::Value;

use super::coverage::Coverage;
use super::deadline::Deadline;
use super::given::{Given, Json};
use super::input::Input;
use super::mode::{Errors, Language, Mode, Prints};
use super::unit::{Parsed, Unit};
use super::value::{fits, kind_of};
use super::{ENTRY_POINTS, Module, PATCH, POLICY_TIME_LIMIT, PolicyError, rule_path};
use crate::diagnostic::suggest;

/// How long a value may be that is shown, in bytes.
const MAX_SHOWN: usize = 1 << 20;

/// The contract that a policy is written for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Dialect {
    /// Gatekeeper's, in the Rego before version 1: built-in functions that fail are undefined.
    GatekeeperV0,
    /// Gatekeeper's, in Rego version 1.
    GatekeeperV1,
    /// Our own.
    #[default]
    Native,
    /// Our own, in the Rego before version 1.
    NativeV0,
}

impl Dialect {
    /// Whether it is one of our own.
    pub const fn is_native(self) -> bool {
        matches!(self, Self::Native | Self::NativeV0)
    }

    /// How the engine runs it.
    pub(super) const fn mode(self, prints: Prints) -> Mode {
        let (language, errors) = match self {
            Self::GatekeeperV0 => (Language::V0, Errors::Lenient),
            Self::GatekeeperV1 => (Language::V1, Errors::Lenient),
            Self::Native => (Language::V1, Errors::Strict),
            Self::NativeV0 => (Language::V0, Errors::Strict),
        };
        Mode { language, errors, prints }
    }
}

/// What became of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Name as the author writes it: `deny`.
    pub rule: String,
    /// Full name: `data.acme.owner.deny`.
    pub path: String,
    /// Its value, undefined where it has none; or why it could not be evaluated.
    pub value: Result<Option<serde_json::Value>, String>,
    /// What was printed on the way, with file and line.
    pub prints: Vec<String>,
    /// How long it took.
    pub duration: Duration,
}

/// The rules of a policy that are asked, made ready.
#[derive(Debug)]
pub struct Evaluator {
    /// Runs the rules as they run when pods are judged.
    unit: Unit,
    /// Runs them once more for what they print, where they print at all.
    printing: Option<Unit>,
    rules: Vec<(String, String)>,
    reads_inventory: bool,
}

impl Evaluator {
    /// Makes rules of the first of `modules` ready, which may need the others: those asked for, or the sets through which
    /// the policy speaks. Without `prints` they run as they do when pods are judged.
    ///
    /// Fails where a module does not compile and where a rule that is asked for is not there.
    pub fn new(
        modules: &[Module<'_>],
        dialect: Dialect,
        asked: &[String],
        prints: bool,
    ) -> Result<Self, PolicyError> {
        let parsed = Parsed::new(modules, dialect.mode(Prints::Dropped))?;
        let rules = rules(&parsed, asked)?.into_iter();
        let rules: Vec<(String, String)> =
            rules.map(|(name, path)| (name, rule_path(&path))).collect();
        let paths: Vec<String> = rules.iter().map(|(_, path)| path.clone()).collect();
        let reads_inventory = parsed.analysis.reads_data("inventory");
        let prints = prints && modules.iter().any(|module| module.text.contains("print"));
        let unit = parsed.compile(&paths)?;
        let printing = if prints {
            Some(Parsed::new(modules, dialect.mode(Prints::Gathered))?.compile(&paths)?)
        } else {
            None
        };
        Ok(Self { unit, printing, rules, reads_inventory })
    }

    /// What the rules see besides their input.
    fn data<'i>(&self, input: &'i Input) -> Option<&'i Value> {
        input.data().filter(|_| self.reads_inventory)
    }

    /// Evaluates the rules.
    pub fn answers(&self, input: &Input, parameters: &serde_json::Value) -> Vec<Answer> {
        let data = self.data(input);
        let parameters = Json::from(parameters.clone());
        let arena = Bump::new();
        let engine = || input.with_parameters(&parameters);
        let tree = parameters.as_parameters(input.tree(&arena), &arena);
        let given = Given { tree, engine: &engine };
        let answer = |(rule, path): &(String, String)| {
            let start = Instant::now();
            let deadline = Deadline::after(POLICY_TIME_LIMIT);
            let (value, _) = self.unit.run(path, Some(given), data, deadline);
            let duration = start.elapsed();
            let printing = self.printing.as_ref().map(|unit| {
                let deadline = Deadline::after(POLICY_TIME_LIMIT);
                unit.run(path, Some(Given::to_engine(&engine)), data, deadline)
            });
            let prints = printing.map(|(_, prints)| prints).unwrap_or_default();
            let value =
                value.map_err(|failure| failure.to_string()).and_then(|value| shown(&value));
            Answer { rule: rule.clone(), path: path.clone(), value, prints, duration }
        };
        self.rules.iter().map(answer).collect()
    }

    /// Evaluates the rules for the time that it takes.
    pub fn time(&self, input: &Input, parameters: &serde_json::Value) -> Result<Duration, String> {
        let data = self.data(input);
        let parameters = Json::from(parameters.clone());
        let arena = Bump::new();
        let document = input.tree(&arena);
        let engine = || input.with_parameters(&parameters);
        let start = Instant::now();
        let tree = parameters.as_parameters(document, &arena);
        let given = Given { tree, engine: &engine };
        for (_, path) in &self.rules {
            let deadline = Deadline::after(POLICY_TIME_LIMIT);
            self.unit
                .run(path, Some(given), data, deadline)
                .0
                .map_err(|failure| failure.to_string())?;
        }
        Ok(start.elapsed())
    }

    /// Sees to which lines the rules come.
    pub fn cover(&self, input: &Input, parameters: &serde_json::Value, coverage: &mut Coverage) {
        let data = self.data(input);
        let Ok(input) = input.with_parameters(&Json::from(parameters.clone())) else {
            return;
        };
        for (_, path) in &self.rules {
            let unit = self.printing.as_ref().unwrap_or(&self.unit);
            unit.cover(path, Some(&input), data, coverage);
        }
    }
}

/// Evaluates rules once, see [`Evaluator`].
pub fn evaluate(
    modules: &[Module<'_>],
    dialect: Dialect,
    asked: &[String],
    input: &Input,
    parameters: &serde_json::Value,
) -> Result<Vec<Answer>, PolicyError> {
    Ok(Evaluator::new(modules, dialect, asked, true)?.answers(input, parameters))
}

/// The rules that are asked, by the names they are asked by, and their paths below `data`.
pub(super) fn rules(
    parsed: &Parsed,
    asked: &[String],
) -> Result<Vec<(String, Vec<String>)>, PolicyError> {
    let package = parsed.packages.first().cloned().unwrap_or_default();
    let full = |name: &str| {
        let own = name.split('.').map(str::to_owned);
        let mut path: Vec<String> = package.iter().cloned().chain(own.clone()).collect();
        if !parsed.analysis.rules.contains_key(&path)
            && let Some(rest) = name.strip_prefix("data.")
        {
            path = rest.split('.').map(str::to_owned).collect();
        }
        parsed.analysis.rules.get(&path).map(|fact| (path, fact.is_function))
    };
    if asked.is_empty() {
        let names = ENTRY_POINTS.iter().map(|(name, _)| *name).chain([PATCH]);
        let known: Vec<(String, Vec<String>)> =
            names.filter_map(|name| Some((name.to_owned(), full(name)?.0))).collect();
        if known.is_empty() {
            let message = "the policy declares none of `deny`, `warn`, `violation` and `patch`; name a rule with `--rule`";
            return Err(PolicyError { message: message.to_owned() });
        }
        return Ok(known);
    }
    let one = |name: &String| match full(name) {
        Some((_, true)) => Err(format!("`{name}` takes arguments; name a rule that calls it")),
        Some((path, false)) => Ok((name.clone(), path)),
        None => {
            let own = parsed.analysis.rules.keys().filter_map(|path| {
                let rest = path.strip_prefix(package.as_slice())?;
                Some(rest.join("."))
            });
            let own: Vec<String> = own.collect();
            let hint = suggest::help(name, own.iter().map(String::as_str));
            Err(format!("the policy has no rule `{name}`; {hint}"))
        }
    };
    asked.iter().map(one).collect::<Result<_, _>>().map_err(|message| PolicyError { message })
}

fn shown(value: &Value) -> Result<Option<serde_json::Value>, String> {
    if *value == Value::Undefined {
        return Ok(None);
    }
    if fits(value, MAX_SHOWN).is_none() {
        return Err(format!("the value is {} of more than {MAX_SHOWN} bytes", kind_of(value)));
    }
    serde_json::to_value(value).map(Some).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::input::Review;
    use super::*;
    use crate::path::FieldPath;

    fn ask(text: &str, asked: &[&str]) -> Result<Vec<Answer>, PolicyError> {
        let review = Review::from(json!({"object": {"metadata": {"name": "gull"}}}));
        let input = Input::new(review, &FieldPath::root(), json!({}), json!([]), json!(null));
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        evaluate(
            &[Module { origin: "a.rego", text }],
            Dialect::Native,
            &asked,
            &input,
            &json!({"n": 2}),
        )
    }

    #[test]
    fn values_and_prints_are_given_as_they_are() {
        let text = "package a\nimport rego.v1\ndeny contains x if { x := input.pod.metadata.name; print(\"name\", x) }\n\
            twice := input.parameters.n * 2\nnever if false\nbroken if 1 / 0 == 1\n";
        let answers = ask(text, &[]).unwrap();
        assert_eq!(answers[0].value, Ok(Some(json!(["gull"]))));
        assert_eq!(answers[0].prints, ["a.rego:3: name gull"]);
        let answers = ask(text, &["twice", "never", "data.a.broken"]).unwrap();
        assert_eq!(answers[0].value, Ok(Some(json!(4))));
        assert_eq!(answers[1].value, Ok(None));
        assert!(answers[2].value.as_ref().unwrap_err().contains("divide by zero"));
    }

    #[test]
    fn a_rule_that_is_not_there_is_told_with_what_may_be_meant() {
        let text = "package a\nimport rego.v1\nimages := 1\nf(x) := x\n";
        let message = |asked: &[&str]| ask(text, asked).unwrap_err().message;
        assert_eq!(message(&["image"]), "the policy has no rule `image`; did you mean `images`?");
        assert!(message(&["f"]).contains("takes arguments"));
        assert!(message(&[]).contains("--rule"));
    }
}
