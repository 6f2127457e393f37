//! What is known of modules before any of their rules runs: [`analyse`].
//!
//! The engine recurses without end where rules do, which ends the process; OPA refuses such modules, and so does this. It
//! also finds calls of functions that are not there or not allowed, which the engine would only notice when it comes to
//! them, and values that could grow beyond what the engine can hold: chains of multiplications and of nested lists.

mod heads;
mod safety;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::syntax::{Gives, Syntax};
use crate::document::Mark;

/// How often a number may be multiplied on the way to a result: each time may double its digits.
const MAX_PRODUCTS: u32 = 16;

/// How deep the values may nest that rules make: the engine's comparisons and destructors recurse.
const MAX_NESTING: u32 = 1000;

/// What modules hold.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    /// Every rule, by its path below `data`.
    pub rules: BTreeMap<Vec<String>, RuleFact>,
    /// Where `print` is called, for each module.
    pub prints: Vec<Vec<Range<usize>>>,
    /// Whether a module imports `input.features`, so that any of its rules may look at it.
    imports_features: bool,
    /// The same of `input.cost`.
    imports_cost: bool,
    /// Whether the engine's machine would come to something else in silence. It takes documents of more than one level
    /// (`q[x].y := 1`, `q.a := 1` read as `q`) for their innermost values, knows no defaults of functions and has comprehensions
    /// as defaults empty, takes no result in the place of a last argument, and `walk` in an expression for `true`.
    pub is_beyond_machine: bool,
    /// How deep the interpreter may have to recurse, in levels of its own.
    pub depth: u32,
    /// Every reference to `data`, with the path below it as far as it is written.
    pub data: Vec<DataRead>,
}

/// A reference to `data`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct DataRead {
    /// Which module.
    pub module: usize,
    /// Where in it.
    pub mark: Mark,
    /// The path below `data`, up to the first step that only an evaluation knows.
    pub path: Vec<String>,
    /// Whether it is an import.
    pub is_import: bool,
}

/// What is known of a rule.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleFact {
    /// Which module defines it first.
    pub module: usize,
    /// Where.
    pub mark: Option<Mark>,
    /// Whether it takes arguments.
    pub is_function: bool,
    /// How many, in its first definition.
    arguments: usize,
    bodies: Vec<Body>,
}

/// A mistake in a module.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Finding {
    /// Number of the module.
    pub module: usize,
    /// Where in it.
    pub mark: Mark,
    /// What is wrong.
    pub message: String,
}

/// One of the bodies of a rule: what it costs by itself, and whom it needs.
#[derive(Clone, Debug, Default)]
struct Body {
    own: Cost,
    /// The functions it calls, as often as it calls them.
    calls: Vec<Vec<String>>,
    /// The rules it reads.
    reads: BTreeSet<Vec<String>>,
    /// Whether it may look at `input.features`.
    reads_features: bool,
    /// The same of `input.cost`.
    reads_cost: bool,
}

/// What a body, or a rule with all that it needs, may come to.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    products: u32,
    nesting: u32,
    depth: u32,
}

/// Analyses modules that are used together. Gives all mistakes at once.
pub(super) fn analyse(modules: &[Syntax]) -> Result<Analysis, Vec<Finding>> {
    let mut analysis = Analysis::default();
    for (number, module) in modules.iter().enumerate() {
        for rule in &module.rules {
            let path = module.package.iter().chain(&rule.path).cloned().collect();
            let fact = analysis.rules.entry(path).or_insert_with(|| RuleFact {
                module: number,
                mark: Some(module.mark(rule.start)),
                arguments: rule.arguments.len(),
                ..RuleFact::default()
            });
            fact.is_function |= rule.is_function;
            analysis.is_beyond_machine |= rule.is_default
                && (rule.is_function || heads::computes(rule))
                || matches!(rule.gives, Gives::Nested(..) | Gives::Unknown);
        }
    }
    let mut findings = heads::check(modules);
    for (number, module) in modules.iter().enumerate() {
        if let Some(start) = module.imports_not {
            let message = "not supported: `import future.keywords.not`, with which `not` holds where what it looks at is undefined; without it, say so for each value that may be absent".to_owned();
            findings.push(Finding { module: number, mark: module.mark(start), message });
        }
        let walked = walk::module(number, module, &analysis.rules);
        findings.extend(walked.findings);
        findings.extend(safety::check(number, module, &analysis.rules));
        analysis.prints.push(walked.prints);
        analysis.is_beyond_machine |= walked.is_beyond_machine;
        let imports = module.imports.values().map(|path| (module.mark(0), path.clone(), true));
        let reads = walked.data.into_iter().map(|(mark, path)| (mark, path, false));
        analysis.data.extend(imports.chain(reads).map(|(mark, path, is_import)| DataRead {
            module: number,
            mark,
            path,
            is_import,
        }));
        analysis.imports_features |= module.imports_features;
        analysis.imports_cost |= module.imports_cost;
        for (path, body) in walked.bodies {
            if let Some(fact) = analysis.rules.get_mut(&path) {
                fact.bodies.push(body);
            }
        }
    }
    findings.extend(analysis.weigh());
    findings.sort();
    findings.dedup();
    if findings.is_empty() { Ok(analysis) } else { Err(findings) }
}

impl Analysis {
    /// These rules and all that they need.
    pub(super) fn needed(&self, roots: impl Iterator<Item = Vec<String>>) -> BTreeSet<Vec<String>> {
        let mut needed = BTreeSet::new();
        let mut left: Vec<Vec<String>> = roots.collect();
        while let Some(path) = left.pop() {
            let bodies = self.rules.get(&path).map(|rule| rule.bodies.as_slice());
            if needed.insert(path) {
                let needs = bodies.unwrap_or_default().iter().flat_map(Body::needs);
                left.extend(needs.map(<[String]>::to_vec));
            }
        }
        needed
    }

    /// Whether these rules, or any that they need, may look at `input.features`; and at `input.cost`.
    pub(super) fn reads_of(&self, roots: impl Iterator<Item = Vec<String>>) -> (bool, bool) {
        let needed = self.needed(roots);
        let bodies = || {
            let rules = needed.iter().filter_map(|path| self.rules.get(path));
            rules.flat_map(|rule| &rule.bodies)
        };
        (
            self.imports_features || bodies().any(|body| body.reads_features),
            self.imports_cost || bodies().any(|body| body.reads_cost),
        )
    }

    /// Whether a rule may look at that member of `data`.
    pub(super) fn reads_data(&self, member: &str) -> bool {
        self.data.iter().any(|read| read.path.first().is_none_or(|first| first == member))
    }

    /// Finds what looks at other members of `data` than these; only the last of them can be imported.
    pub(super) fn check_data(&self, members: [&str; 2]) -> Result<(), Finding> {
        let is_allowed = |read: &&DataRead| {
            let allowed = if read.is_import { &members[1..] } else { &members[..] };
            read.path.first().is_some_and(|first| allowed.contains(&first.as_str()))
        };
        match self.data.iter().find(|read| !is_allowed(read)) {
            None => Ok(()),
            Some(read) => {
                let verb = if read.is_import { "import" } else { "look at" };
                let [one, other] = members;
                let message = format!(
                    "a template cannot {verb} `{}`; it can look at `data.{one}` and `data.{other}`, and import from `data.{other}`",
                    name(&read.path).trim_end_matches('.')
                );
                Err(Finding { module: read.module, mark: read.mark, message })
            }
        }
    }

    /// Adds up what each rule may come to, those without needs first; what is left over then is recursive.
    fn weigh(&mut self) -> Vec<Finding> {
        let mut needs: BTreeMap<&[String], BTreeSet<&[String]>> = BTreeMap::new();
        let mut needed_by: BTreeMap<&[String], Vec<&[String]>> = BTreeMap::new();
        for (path, rule) in &self.rules {
            let all: BTreeSet<&[String]> = rule.bodies.iter().flat_map(Body::needs).collect();
            for need in &all {
                needed_by.entry(need).or_default().push(path);
            }
            needs.insert(path, all);
        }
        let mut ready: Vec<&[String]> =
            needs.iter().filter(|(_, all)| all.is_empty()).map(|(path, _)| *path).collect();
        let mut costs: BTreeMap<&[String], Cost> = BTreeMap::new();
        let mut findings = Vec::new();
        let mut depth = 0;
        while let Some(path) = ready.pop() {
            needs.remove(path);
            let Some(rule) = self.rules.get(path) else {
                continue;
            };
            let cost =
                rule.bodies.iter().map(|body| body.cost(&costs)).fold(Cost::default(), Cost::max);
            depth = depth.max(cost.depth);
            findings.extend(rule.excess(cost));
            costs.insert(path, cost);
            for dependent in needed_by.get(path).into_iter().flatten() {
                if let Some(all) = needs.get_mut(dependent) {
                    all.remove(path);
                    if all.is_empty() {
                        ready.push(dependent);
                    }
                }
            }
        }
        if let Some(circle) = circle(&needs)
            && let Some(rule) = circle.first().and_then(|first| self.rules.get(*first))
        {
            let names: Vec<String> =
                circle.iter().chain(circle.first()).map(|path| name(path)).collect();
            let first = names.first().cloned().unwrap_or_default();
            findings
                .push(rule.finding(format!("rule `{first}` is recursive: {}", names.join(" -> "))));
        }
        self.depth = depth;
        findings
    }
}

/// The rules that need each other in a circle, from the least name on; each of `needs` is on one or leads to one.
fn circle<'p>(needs: &BTreeMap<&'p [String], BTreeSet<&'p [String]>>) -> Option<Vec<&'p [String]>> {
    let (mut here, _) = needs.first_key_value()?;
    let mut way: Vec<&[String]> = Vec::new();
    let start = loop {
        if let Some(position) = way.iter().position(|one| one == here) {
            break position;
        }
        way.push(here);
        here = needs.get(here)?.iter().find(|need| needs.contains_key(*need))?;
    };
    let mut circle = way.split_off(start);
    let least = (0..circle.len()).min_by_key(|position| circle.get(*position))?;
    circle.rotate_left(least);
    Some(circle)
}

impl RuleFact {
    fn finding(&self, message: String) -> Finding {
        Finding {
            module: self.module,
            mark: self.mark.unwrap_or(Mark { line: 1, column: 1 }),
            message,
        }
    }

    fn excess(&self, cost: Cost) -> Option<Finding> {
        let reason = if cost.products > MAX_PRODUCTS {
            format!(
                "numbers are multiplied more than {MAX_PRODUCTS} times in a row here, and could grow without end"
            )
        } else if cost.nesting > MAX_NESTING {
            format!("values are put into each other more than {MAX_NESTING} times here")
        } else {
            return None;
        };
        Some(self.finding(reason))
    }
}

impl Body {
    fn needs(&self) -> impl Iterator<Item = &[String]> {
        self.calls.iter().chain(&self.reads).map(Vec::as_slice)
    }

    fn cost(&self, known: &BTreeMap<&[String], Cost>) -> Cost {
        let of = |path: &Vec<String>| known.get(path.as_slice()).copied().unwrap_or_default();
        let calls = self.calls.iter().map(of).fold(Cost::default(), Cost::plus);
        let reads = self.reads.iter().map(of).fold(Cost::default(), Cost::max);
        let deepest = self.calls.iter().map(of).fold(reads, Cost::max).depth;
        let sum = self.own.plus(calls).plus(reads);
        Cost { depth: self.own.depth.saturating_add(deepest), ..sum }
    }
}

impl Cost {
    fn plus(self, other: Self) -> Self {
        Self {
            products: self.products.saturating_add(other.products),
            nesting: self.nesting.saturating_add(other.nesting),
            depth: self.depth.saturating_add(other.depth),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            products: self.products.max(other.products),
            nesting: self.nesting.max(other.nesting),
            depth: self.depth.max(other.depth),
        }
    }
}

/// How people write the path of a rule.
pub(super) fn name(path: &[String]) -> String {
    format!("data.{}", path.join("."))
}

#[cfg(test)]
pub(super) mod tests;
