//! Programs, changed so that the machine hides nothing: [`compile`].

mod guards;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use regorus::CompiledPolicy;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::instructions::{BuiltinCallParams, ComprehensionMode, LoopMode};
use regorus::rvm::program::{BuiltinInfo, RuleInfo, RuleType};
use regorus::rvm::{Instruction, Program};
use regorus::unstable::BuiltinFcn;

use super::operations::{self, KEEPERS, Operation};
use crate::governance::builtins;
use crate::governance::mode::Errors;

/// The program of rules, and the places of the rules whose results it compares. Nothing where the machine cannot run them,
/// or could not run them as the interpreter would.
pub(super) fn compile(
    policy: &CompiledPolicy,
    entries: &[String],
    errors: Errors,
) -> Option<(Program, Vec<String>)> {
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    // The compiler of the engine is young.
    let compile = AssertUnwindSafe(|| Compiler::compile_from_policy(policy, &entries).ok());
    let program = Arc::unwrap_or_clone(catch_unwind(compile).ok()??);
    let mut change = Change { program, errors, added: BTreeMap::new() };
    if change.hides_disputes() || change.has_every() {
        return None;
    }
    change.own_functions()?;
    change.own_arithmetic()?;
    guards::insert(&mut change.program)?;
    if guards::fail_outside(&change.program) {
        return None;
    }
    let disputable = change.settle()?;
    Some((change.program, disputable))
}

struct Change {
    program: Program,
    errors: Errors,
    /// The functions that were added, by name.
    added: BTreeMap<String, u16>,
}

impl Change {
    /// Whether the program makes objects from keys that could come twice with different values.
    fn hides_disputes(&self) -> bool {
        let program = &self.program;
        program.has_host_await
            || program.rule_infos.iter().any(|rule| rule.rule_type == RuleType::PartialObject)
            || program
                .instruction_data
                .comprehension_begin_params
                .iter()
                .any(|params| matches!(params.mode, ComprehensionMode::Object))
    }

    /// Whether it has `every`, in whose body the compiler takes `xs[key]` for a new `key`.
    fn has_every(&self) -> bool {
        let loops = &self.program.instruction_data.loop_params;
        loops.iter().any(|params| params.mode == LoopMode::Every)
    }

    /// Lets it call every function through ours.
    fn own_functions(&mut self) -> Option<()> {
        let position = usize::from(self.errors == Errors::Strict);
        let own = |info: &BuiltinInfo| -> Option<BuiltinFcn> {
            let sets = [operations::UNION, operations::INTERSECTION];
            let functions = match sets.into_iter().find(|operation| operation.name == info.name) {
                Some(operation) => operation.functions,
                None => builtins::lookup(&info.name)?.machine?,
            };
            functions.get(position).copied()
        };
        self.program.resolved_builtins =
            self.program.builtin_info_table.iter().map(own).collect::<Option<_>>()?;
        Some(())
    }

    /// Makes functions of arithmetic, whose errors would end all of a rule's body and be hidden.
    fn own_arithmetic(&mut self) -> Option<()> {
        for position in 0..self.program.instructions.len() {
            let Some(instruction) = self.program.instructions.get(position) else {
                continue;
            };
            let (operation, dest, left, right) = match *instruction {
                Instruction::Add { dest, left, right } => (operations::ADD, dest, left, right),
                Instruction::Sub { dest, left, right } => (operations::SUBTRACT, dest, left, right),
                Instruction::Mul { dest, left, right } => (operations::MULTIPLY, dest, left, right),
                Instruction::Div { dest, left, right } => (operations::DIVIDE, dest, left, right),
                Instruction::Mod { dest, left, right } => {
                    (operations::REMAINDER, dest, left, right)
                }
                // None of these is made from Rego, and each could hide an error.
                Instruction::And { .. }
                | Instruction::Or { .. }
                | Instruction::HostAwait { .. } => {
                    return None;
                }
                _ => continue,
            };
            let index = self.operation(operation)?;
            let call = self.call(index, dest, &[left, right])?;
            *self.program.instructions.get_mut(position)? = call;
        }
        Some(())
    }

    fn operation(&mut self, operation: &Operation) -> Option<u16> {
        let function = *operation.functions.get(usize::from(self.errors == Errors::Strict))?;
        self.function(operation.name, 2, function)
    }

    /// The number of a function that is added where it is not there yet.
    fn function(&mut self, name: &str, num_args: u16, function: BuiltinFcn) -> Option<u16> {
        if let Some(index) = self.added.get(name) {
            return Some(*index);
        }
        let index = u16::try_from(self.program.builtin_info_table.len()).ok()?;
        self.program.builtin_info_table.push(BuiltinInfo { name: name.to_owned(), num_args });
        self.program.resolved_builtins.push(function);
        self.added.insert(name.to_owned(), index);
        Some(index)
    }

    fn call(&mut self, builtin_index: u16, dest: u8, arguments: &[u8]) -> Option<Instruction> {
        let mut args = [0; 8];
        args.get_mut(..arguments.len())?.copy_from_slice(arguments);
        let num_args = u8::try_from(arguments.len()).ok()?;
        let params = BuiltinCallParams { dest, builtin_index, num_args, args };
        let params_index = self.program.add_builtin_call_params(params);
        (params_index < u16::MAX).then_some(Instruction::BuiltinCall { params_index })
    }

    /// Compares the results of rules that could disagree. Gives the places of these rules.
    fn settle(&mut self) -> Option<Vec<String>> {
        let mut places = Vec::new();
        for number in 0..self.program.rule_infos.len() {
            let rule = self.program.rule_infos.get(number)?;
            if rule.rule_type != RuleType::Complete || rule.early_exit_on_first_success {
                continue;
            }
            let results = results(&self.program, rule)?;
            if !could_disagree(&self.program, rule, &results) {
                continue;
            }
            let (begin, settle) = *KEEPERS.get(places.len())?;
            places.push(place(&self.program, rule));
            self.keep(number, &results, (begin, settle))?;
        }
        (self.program.instructions.len() <= Program::MAX_INSTRUCTIONS).then_some(places)
    }

    /// Lets a rule begin with the first keeper, and hand each of its results to the second.
    fn keep(
        &mut self,
        number: usize,
        results: &[usize],
        keepers: operations::Keepers,
    ) -> Option<()> {
        let (begin, settle) = keepers;
        let index = self.function(&format!("settle {number}"), 1, settle)?;
        for position in results {
            let Instruction::Move { dest, src } = *self.program.instructions.get(*position)? else {
                return None;
            };
            let call = self.call(index, dest, &[src])?;
            *self.program.instructions.get_mut(*position)? = call;
        }
        let result = self.program.rule_infos.get(number)?.result_reg;
        let index = self.function(&format!("begin {number}"), 0, begin)?;
        let call = self.call(index, result, &[])?;
        let start = u32::try_from(self.program.instructions.len()).ok()?;
        self.program.instructions.extend([call, Instruction::RuleReturn {}]);
        self.program.instruction_spans.extend([None, None]);
        let rule = self.program.rule_infos.get_mut(number)?;
        // A definition in front of all others, which gives no result.
        let definitions: Vec<Vec<u32>> =
            std::iter::once(vec![start]).chain(rule.definitions.iter().cloned()).collect();
        rule.definitions = definitions.into();
        rule.destructuring_blocks.insert(0, None);
        rule.else_bodies.insert(0, vec![false]);
        Some(())
    }
}

/// The instructions that make the results of a rule.
fn results(program: &Program, rule: &RuleInfo) -> Option<Vec<usize>> {
    let mut results = Vec::new();
    for start in rule.definitions.iter().flatten() {
        let start = usize::try_from(*start).ok()?;
        let body = program.instructions.get(start..)?;
        let length = body.iter().position(|one| matches!(one, Instruction::RuleReturn {}))?;
        let is_result = |one: &Instruction| matches!(one, Instruction::Move { dest, .. } if *dest == rule.result_reg);
        let own = body.get(..length)?.iter().enumerate().filter(|(_, one)| is_result(one));
        let before = results.len();
        results.extend(own.map(|(offset, _)| start.saturating_add(offset)));
        // A result that is made in another way would go unnoticed.
        if results.len() == before {
            return None;
        }
    }
    Some(results)
}

/// Whether an evaluation of the rule could come to more than one of its results, or to one of them more than once.
fn could_disagree(program: &Program, rule: &RuleInfo, results: &[usize]) -> bool {
    let in_loop = |position: usize| {
        program.instructions.iter().take(position).enumerate().any(|(start, one)| match one {
            Instruction::LoopStart { params_index } => {
                let params = program.instruction_data.get_loop_params(*params_index);
                params.is_none_or(|params| {
                    start < position && position < usize::from(params.loop_end)
                })
            }
            _ => false,
        })
    };
    rule.definitions.len() > 1 || results.iter().any(|position| in_loop(*position))
}

/// What a rule is and where it stands, for messages.
fn place(program: &Program, rule: &RuleInfo) -> String {
    let kind = if rule.function_info.is_some() { "function" } else { "rule" };
    let span = rule
        .definitions
        .first()
        .and_then(|bodies| usize::try_from(*bodies.first()?).ok())
        .and_then(|start| program.instruction_spans.get(start)?.as_ref());
    let source = span.and_then(|span| program.sources.get(span.source_index).zip(Some(span)));
    let place = source
        .map(|(source, span)| format!("{}:{}:{}: ", source.name, span.line, span.column))
        .unwrap_or_default();
    format!("{place}{kind} `{}`", rule.name)
}
