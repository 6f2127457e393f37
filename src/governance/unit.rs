//! Modules made ready to run: [`Unit`].
//!
//! They run as programs of our own where those can do it ([`Program`]). What is left, and whatever a program gives up, runs on
//! the engine's virtual machine where that can run it ([`Machine`]), and is interpreted otherwise. Lenient
//! units that are interpreted run strictly first: most have nothing to be lenient about, and the lenient interpreter hides
//! when functions disagree.

mod cover;
mod documents;
mod interpreter;
mod place;
mod source;

use std::num::NonZeroU32;

use regorus::utils::limits::PolicyLengthConfig;
use regorus::{Engine, Value};

use super::analysis::{self, Analysis};
use super::builtins::plain;
use super::deadline::Deadline;
use super::given::{Given, with_arena};
use super::journal::{self, Fingerprint};
use super::machine::{Late, Machine};
use super::mode::{Errors, Failure, Language, Mode, Prints};
use super::plan::{Halt, Program, Stop};
use super::syntax::Syntax;
use super::{Module, PolicyError, shape, syntax};
use interpreter::{Lenient, extend, guarded, interpret, is_dispute, prepare, timer};
pub(super) use place::untabbed;
use source::Source;

/// How deep the interpreter may recurse on the thread that it is called on, in its own levels: of the order of 300 KiB.
const MAX_DEPTH_HERE: u32 = 150;

/// How deep it may recurse at all.
const MAX_DEPTH: u32 = 4000;

/// How much stack a level gets on a thread of its own. Measured: 200 to 1900 bytes, by what stands in it.
const BYTES_PER_LEVEL: usize = 8 * 1024;

/// Modules, parsed and analysed.
#[derive(Debug)]
pub(super) struct Parsed {
    /// What they hold.
    pub analysis: Analysis,
    /// The package of each, below `data`.
    pub packages: Vec<Vec<String>>,
    /// The syntax tree of each.
    pub syntax: Vec<Syntax>,
    mode: Mode,
    sources: Vec<Source>,
    engine: Engine,
}

impl Parsed {
    /// Parses and analyses modules that are used together.
    ///
    /// Fails with all mistakes of the analysis, or with the first one of the parser; each line of the message begins with
    /// file, line and column.
    pub(super) fn new(modules: &[Module<'_>], mode: Mode) -> Result<Self, PolicyError> {
        let sources: Vec<Source> =
            modules.iter().map(|module| Source::new(*module, mode.language)).collect();
        let engine = parse(sources.iter().map(Source::first))?;
        let json =
            engine.get_ast_as_json().map_err(|error| PolicyError { message: error.to_string() })?;
        let syntax = syntax::read(&json).map_err(|message| PolicyError { message })?;
        let analysis = analysis::analyse(&syntax).map_err(|findings| {
            let line = |one: &analysis::Finding| {
                let source = sources.get(one.module);
                let mark = source.map_or(one.mark, |source| source.original(one.mark));
                let origin = source.map_or("", |source| &source.origin);
                format!("{origin}:{mark}: {}", one.message)
            };
            PolicyError { message: findings.iter().map(line).collect::<Vec<_>>().join("\n") }
        })?;
        let is_silent = mode.prints == Prints::Dropped;
        let sources: Vec<Source> = sources
            .into_iter()
            .zip(syntax.iter().zip(&analysis.prints))
            .map(|(source, (module, prints))| source.finish(module, prints, is_silent))
            .collect();
        let texts = sources.iter().map(Source::second);
        let engine = if sources.iter().all(Source::is_finished) { engine } else { parse(texts)? };
        let packages = syntax.iter().map(|module| module.package.clone()).collect();
        Ok(Self { analysis, packages, syntax, mode, sources, engine })
    }

    /// Makes the rules ready to run: prepared by way of `entries`, the full names of rules, and shared by all runs.
    ///
    /// Fails where the engine's own analysis does, and where running them could take more stack than there is.
    pub(super) fn compile(self, entries: &[String]) -> Result<Unit, PolicyError> {
        let Self { analysis, packages: _, syntax, mode, sources, mut engine } = self;
        let Analysis { depth, is_beyond_machine, .. } = analysis;
        if depth > MAX_DEPTH {
            return Err(PolicyError {
                message: format!(
                    "the rules need more than {MAX_DEPTH} levels of statements and expressions in each other"
                ),
            });
        }
        // What is printed is for the engine to gather.
        let program = match mode.prints {
            Prints::Gathered => Err(Halt::Foreign("`print`")),
            Prints::Dropped if depth > MAX_DEPTH_HERE => Err(Halt::Foreign("deep nesting")),
            Prints::Dropped => Program::compile(&syntax, entries),
        };
        engine.set_gather_prints(true);
        let documents = documents::documents(&syntax, entries);
        engine.add_data(documents).map_err(|error| PolicyError { message: error.to_string() })?;
        let lenient = (mode.errors == Errors::Lenient)
            .then(|| Lenient::new(engine.clone(), entries.first().cloned()));
        extend(&mut engine, Errors::Strict)?;
        let mut machine = None;
        if let Some(entry) = entries.first() {
            let policy = prepare(&mut engine, entry)?;
            if mode.prints == Prints::Dropped && !is_beyond_machine {
                let late = Late::new(policy, entries.to_vec(), mode.errors);
                if program.is_err() {
                    late.get();
                }
                machine = Some(late);
            }
        }
        if let Some(lenient) = lenient.as_ref().filter(|_| program.is_err()) {
            lenient.get();
        }
        let fingerprint = Fingerprint::of(sources.iter().map(|source| source.second().1));
        Ok(Unit {
            program,
            errors: mode.errors,
            machine,
            engine,
            lenient,
            depth,
            sources,
            fingerprint,
        })
    }
}

/// What helps who has Rego of before version 1.
const OLD_REGO: &str =
    "; Rego of before OPA 1.0 says `regoVersion: v0` under `custom` in its metadata";

/// Parses what has a shape that the parser can cope with.
fn parse<'m>(
    modules: impl Iterator<Item = (&'m str, &'m str, Language)>,
) -> Result<Engine, PolicyError> {
    let mut engine = Engine::new();
    // Lists that were generated have longer lines than the engine allows; modules as a whole are bounded here.
    let lengths = PolicyLengthConfig { max_col: NonZeroU32::MAX, ..PolicyLengthConfig::default() };
    engine.set_policy_length_config(lengths);
    for (origin, text, language) in modules {
        engine.set_rego_v0(language == Language::V0);
        shape::check(text).map_err(|(mark, reason)| PolicyError {
            message: format!("{origin}:{mark}: {reason}"),
        })?;
        engine.add_policy(origin.to_owned(), text.to_owned()).map_err(|error| {
            let mut message = untabbed(origin, text, &located(origin, &error.to_string()));
            if language == Language::V1 && message.contains("keyword is required") {
                message.push_str(OLD_REGO);
            }
            PolicyError { message }
        })?;
    }
    Ok(engine)
}

/// One of the engine's messages with its position in front: it draws `--> file:line:col` above an excerpt.
fn located(origin: &str, message: &str) -> String {
    let place = message.lines().find_map(|line| line.trim_start().strip_prefix("--> "));
    format!("{}: {}", place.unwrap_or(origin), plain(message))
}

/// Modules whose rules can be run, any number of times at once.
pub(super) struct Unit {
    /// What runs the rules, where it can; why not otherwise.
    pub(super) program: Result<Program, Halt>,
    errors: Errors,
    /// What runs them next, where it can.
    machine: Option<Late>,
    /// The interpreter. Cloned for each run, which costs a fraction of a microsecond and takes no lock.
    engine: Engine,
    /// The interpreter that takes failing functions for undefined, in units that are to be run so.
    lenient: Option<Lenient>,
    depth: u32,
    sources: Vec<Source>,
    fingerprint: Fingerprint,
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unit").field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl Unit {
    /// Whether programs of our own run its rules, which look at the clock whatever they do.
    pub(super) const fn keeps_time(&self) -> bool {
        self.program.is_ok()
    }

    /// The engine's virtual machine with the rules, where it can run them.
    pub(super) fn machine(&self) -> Option<&Machine> {
        self.machine.as_ref()?.get()
    }

    /// The value of a rule, and what was printed on the way. What the rules do not define themselves is taken from `data`,
    /// an object, if there is one.
    pub(super) fn run(
        &self,
        rule: &str,
        given: Option<Given<'_>>,
        data: Option<&Value>,
        deadline: Deadline,
    ) -> (Result<Value, Failure>, Vec<String>) {
        let origin = self.sources.first().map_or("", |source| source.origin.as_str());
        let outcome = journal::noted(self.fingerprint, origin, || {
            self.run_anywhere(rule, given, data, deadline)
        });
        let Some((value, prints)) = outcome else {
            let reason = "it is in quarantine: two processes ended while it was evaluated";
            return (Err(Failure::Error(reason.to_owned())), Vec::new());
        };
        let value = value.map_err(|failure| match failure {
            Failure::Error(message) => Failure::Error(source::relocate(&self.sources, message)),
            failure => failure,
        });
        (value, prints)
    }

    fn run_anywhere(
        &self,
        rule: &str,
        given: Option<Given<'_>>,
        data: Option<&Value>,
        deadline: Deadline,
    ) -> (Result<Value, Failure>, Vec<String>) {
        if self.depth <= MAX_DEPTH_HERE {
            return self.run_here(rule, given, data, deadline);
        }
        // The interpreter recurses, and the caller's stack may be small. Nothing but the stack is new on this thread.
        let stack =
            BYTES_PER_LEVEL.saturating_mul(usize::try_from(self.depth).unwrap_or(usize::MAX));
        let outcome = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(stack);
            let run =
                thread.spawn_scoped(scope, || self.run_here(rule, given, data, deadline)).ok()?;
            run.join().ok()
        });
        outcome.unwrap_or_else(|| {
            (
                Err(Failure::Error("there is no memory for a stack of that size".to_owned())),
                Vec::new(),
            )
        })
    }

    fn run_here(
        &self,
        rule: &str,
        given: Option<Given<'_>>,
        data: Option<&Value>,
        deadline: Deadline,
    ) -> (Result<Value, Failure>, Vec<String>) {
        if let Some(value) = self.run_program(rule, given, deadline) {
            return (value, Vec::new());
        }
        let input = given.map(|given| (given.engine)()).transpose();
        let input = match input {
            Ok(input) => input,
            Err(problem) => {
                let message = format!("the input could not be built: {problem}");
                return (Err(Failure::Error(message)), Vec::new());
            }
        };
        let input = input.as_ref();
        if let Some(machine) = self.machine() {
            let value = guarded(|| machine.run(rule, input, data, deadline));
            // An error is worth a second look: the interpreter knows where it is.
            if self.lenient.is_some() || !matches!(value, Err(Failure::Error(_))) {
                return (value, Vec::new());
            }
        }
        self.interpret(rule, input, data, deadline)
    }

    /// The value of a rule as its program has it; nothing where the engine has to be asked.
    fn run_program(
        &self,
        rule: &str,
        given: Option<Given<'_>>,
        deadline: Deadline,
    ) -> Option<Result<Value, Failure>> {
        let program = self.program.as_ref().ok()?;
        let tree = given?.tree?;
        let limit = deadline.left();
        // A panic is a mistake of ours here, and no reason to leave a policy out.
        let run = || Ok(with_arena(|arena| program.run(rule, tree, arena, self.errors, deadline)));
        match guarded(run).unwrap_or(Err(Stop::GiveUp)) {
            Ok(value) => Some(Ok(value)),
            Err(Stop::GiveUp) => None,
            Err(Stop::Time) => Some(Err(Failure::Time(limit))),
            Err(Stop::TooMuch) => {
                let message = format!("{rule}: values are compared that are too large for it");
                Some(Err(Failure::Error(message)))
            }
        }
    }

    /// The value of a rule as the interpreter sees it.
    pub(super) fn interpret(
        &self,
        rule: &str,
        input: Option<&Value>,
        data: Option<&Value>,
        deadline: Deadline,
    ) -> (Result<Value, Failure>, Vec<String>) {
        let (value, prints) = interpret(&self.engine, rule, input, data, deadline);
        match (&value, &self.lenient) {
            // Only what the strict run takes for the failure of a function may be something else to the lenient one.
            (Err(Failure::Error(message)), Some(lenient)) if !is_dispute(message) => lenient
                .get()
                .map_or((value, prints), |lenient| interpret(lenient, rule, input, data, deadline)),
            _ => (value, prints),
        }
    }
}

#[cfg(test)]
mod tests;
