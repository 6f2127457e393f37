//! Guards against what is undefined, where the engine's compiler forgets them: [`insert`].
//!
//! In programs as they come, `x := f(y)` holds where `f(y)` is undefined, an array comprehension gets elements that are
//! undefined, and a function that ignores an argument has a value without it. OPA and the interpreter have all of that
//! undefined.

use std::collections::{BTreeMap, BTreeSet};

use regorus::rvm::instructions::GuardMode;
use regorus::rvm::program::RuleType;
use regorus::rvm::{Instruction, Program};

/// What is put in around an instruction.
#[derive(Default)]
struct Around {
    /// What a jump to the instruction does first.
    before: Vec<Instruction>,
    /// What a jump to the instruction behind it leaves out.
    after: Option<Instruction>,
}

/// Puts guards into a program. Gives nothing, and leaves the program in any state, where that cannot be done.
pub(super) fn insert(program: &mut Program) -> Option<()> {
    let around = find(program)?;
    let moved = |target: usize| {
        around.range(..target).fold(target, |sum, (_, one)| {
            sum.saturating_add(one.before.len()).saturating_add(usize::from(one.after.is_some()))
        })
    };
    let moved_u16 = |target: &mut u16| {
        *target = u16::try_from(moved(usize::from(*target))).ok()?;
        Some(())
    };
    let moved_u32 = |target: &u32| u32::try_from(moved(usize::try_from(*target).ok()?)).ok();
    for params in &mut program.instruction_data.loop_params {
        moved_u16(&mut params.body_start)?;
        moved_u16(&mut params.loop_end)?;
    }
    for params in &mut program.instruction_data.comprehension_begin_params {
        moved_u16(&mut params.body_start)?;
        moved_u16(&mut params.comprehension_end)?;
        // A condition that fails goes there, and would go past the instruction that ends the comprehension: it would stay
        // the one that is under way, and the next condition that fails elsewhere would go there again, and again.
        params.comprehension_end = params.comprehension_end.checked_sub(1)?;
    }
    for position in program.entry_points.values_mut() {
        *position = moved(*position);
    }
    program.main_entry_point = moved_u32(&program.main_entry_point)?;
    for rule in &mut program.rule_infos {
        let bodies = |bodies: &Vec<u32>| bodies.iter().map(moved_u32).collect::<Option<Vec<u32>>>();
        let definitions: Vec<Vec<u32>> =
            rule.definitions.iter().map(bodies).collect::<Option<_>>()?;
        rule.definitions = definitions.into();
        for block in rule.destructuring_blocks.iter_mut().flatten() {
            *block = moved_u32(block)?;
        }
    }
    let old = std::mem::take(&mut program.instructions);
    let mut spans = std::mem::take(&mut program.instruction_spans);
    spans.resize(old.len(), None);
    for (position, (mut instruction, span)) in old.into_iter().zip(spans).enumerate() {
        match &mut instruction {
            Instruction::LoopNext { body_start, loop_end } => {
                moved_u16(body_start)?;
                moved_u16(loop_end)?;
            }
            // None of these is made from Rego.
            Instruction::AnyOfNext { .. }
            | Instruction::AllOfNext { .. }
            | Instruction::LogicalBlockStart { .. } => return None,
            _ => {}
        }
        let (before, after) = around
            .get(&position)
            .map(|around| (around.before.clone(), around.after))
            .unwrap_or_default();
        for one in before.into_iter().chain([instruction]).chain(after) {
            program.instructions.push(one);
            program.instruction_spans.push(span.clone());
        }
    }
    (program.instructions.len() <= Program::MAX_INSTRUCTIONS).then_some(())
}

/// Whether a condition in a comprehension would be taken for one of what is around it.
///
/// The machine asks only which loop was begun last, so that `some x in xs; count([x | x > 1]) == 0` loses the elements for
/// which the comprehension is empty. Comprehensions in each other go wrong in other ways, too; programs made by chance
/// found them.
pub(super) fn fail_outside(program: &Program) -> bool {
    let range_of = |(start, instruction): (usize, &Instruction)| match instruction {
        Instruction::LoopStart { params_index } => {
            let params = program.instruction_data.get_loop_params(*params_index)?;
            Some((start, usize::from(params.loop_end), true))
        }
        Instruction::ComprehensionBegin { params_index } => {
            let params = program.instruction_data.get_comprehension_begin_params(*params_index)?;
            Some((start, usize::from(params.comprehension_end), false))
        }
        _ => None,
    };
    // What is begun around an instruction, innermost last.
    let mut open: Vec<(usize, usize, bool)> = Vec::new();
    for (position, instruction) in program.instructions.iter().enumerate() {
        open.retain(|(_, end, _)| position < *end);
        if matches!(instruction, Instruction::Guard { .. } | Instruction::AssertEq { .. }) {
            let innermost = |is_loop: bool| open.iter().rposition(|one| one.2 == is_loop);
            if matches!((innermost(true), innermost(false)), (Some(around), Some(own)) if around < own)
            {
                return true;
            }
        }
        let begun = range_of((position, instruction));
        if begun.is_some_and(|begun| !begun.2) && open.iter().any(|outer| !outer.2) {
            return true;
        }
        open.extend(begun);
    }
    false
}

const fn defined(register: u8) -> Instruction {
    Instruction::Guard { register, mode: GuardMode::NotUndefined }
}

/// The guards that are missing, by the position of the instruction that they belong to.
fn find(program: &Program) -> Option<BTreeMap<usize, Around>> {
    let mut results = BTreeSet::new();
    for rule in program.rule_infos.iter().filter(|rule| rule.rule_type == RuleType::Complete) {
        results.extend(super::results(program, rule)?);
    }
    let mut around: BTreeMap<usize, Around> = BTreeMap::new();
    // A body whose loops come to nothing ends without an error, and what follows with `else` would not be asked.
    for rule in program.rule_infos.iter().filter(|rule| rule.rule_type == RuleType::Complete) {
        for start in rule.definitions.iter().filter(|bodies| bodies.len() > 1).flatten() {
            let start = usize::try_from(*start).ok()?;
            let body = program.instructions.get(start..)?.iter();
            let end = body.take_while(|one| !matches!(one, Instruction::RuleReturn {})).count();
            let guards = &mut around.entry(start.saturating_add(end)).or_default().before;
            guards.push(defined(rule.result_reg));
        }
    }
    for (position, instruction) in program.instructions.iter().enumerate() {
        match instruction {
            Instruction::Move { dest, .. } if !results.contains(&position) => {
                around.entry(position).or_default().after = Some(defined(*dest));
            }
            Instruction::ComprehensionYield { value_reg, key_reg: None } => {
                around.entry(position).or_default().before.push(defined(*value_reg));
            }
            Instruction::FunctionCall { params_index } => {
                let params = program.instruction_data.get_function_call_params(*params_index)?;
                if ignores_arguments(program, params.func_rule_index)? {
                    let guards = params.arg_registers().iter().map(|register| defined(*register));
                    around.entry(position).or_default().before.extend(guards);
                }
            }
            _ => {}
        }
    }
    Some(around)
}

/// Whether a definition of a function has a value whatever one of its arguments is.
fn ignores_arguments(program: &Program, rule: u16) -> Option<bool> {
    let rule = program.rule_infos.get(usize::from(rule))?;
    let count = rule.function_info.as_ref().map_or(0, |function| function.num_params);
    for block in &rule.destructuring_blocks {
        let Some(start) = *block else {
            return Some(true);
        };
        let block = program.instructions.get(usize::try_from(start).ok()?..)?;
        let own =
            block.iter().take_while(|one| !matches!(one, Instruction::DestructuringSuccess {}));
        let guards = own.filter(|one| matches!(one, Instruction::Guard { .. })).count();
        if u32::try_from(guards).ok()? < count {
            return Some(true);
        }
    }
    Some(false)
}
