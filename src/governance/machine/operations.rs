//! What programs call that are no functions of Rego: arithmetic and sets, and the comparison of results that could disagree.
//!
//! The machine calls functions by plain pointers, so what they need to know beyond their arguments is in their types, and
//! what they remember lies on the thread that evaluates.

use std::cell::RefCell;

use regorus::unstable::{ArithOp, BuiltinFcn};
use regorus::{LimitError, Value};

use crate::governance::builtins::Unable;
use crate::governance::builtins::fault::{self, Fault};
use crate::governance::value::kind_of;

/// How many rules of a program may be such that their definitions could disagree.
pub(super) const MAX_DISPUTES: usize = 64;

thread_local! {
    /// The first result of the evaluation of such a rule that is under way. One place for each is enough: no rule needs
    /// itself.
    static SETTLED: RefCell<[Option<Value>; MAX_DISPUTES]> =
        const { RefCell::new([const { None }; MAX_DISPUTES]) };
}

/// Forgets all results, so that nothing of an evaluation outlives it.
pub(super) fn forget() {
    SETTLED.with_borrow_mut(|settled| settled.fill(None));
}

/// Forgets the result of the rule's last evaluation, since a new one begins. Gives no value.
fn begin<const N: usize>() -> Value {
    SETTLED.with_borrow_mut(|settled| settled.get_mut(N).and_then(Option::take));
    Value::Undefined
}

/// Takes a result of the rule, which must be the same as those before.
fn settle<const N: usize>(arguments: &[Value]) -> Result<Value, LimitError> {
    let Some(value) = arguments.first() else {
        return Ok(Value::Undefined);
    };
    let agrees = SETTLED.with_borrow_mut(|settled| match settled.get_mut(N) {
        Some(Some(first)) => first == value,
        Some(empty) => {
            *empty = Some(value.clone());
            true
        }
        None => false,
    });
    if agrees { Ok(value.clone()) } else { Err(fault::raise(Fault::Dispute(N))) }
}

/// The two functions that keep the results of one rule in agreement: what begins an evaluation, and what takes a result.
pub(super) type Keepers = (BuiltinFcn, BuiltinFcn);

macro_rules! keepers {
    ($($number:literal)*) => {
        [$(((|_, _, _, _| Ok(begin::<$number>()), 0), (|_, _, arguments, _| Ok(settle::<$number>(arguments)?), 1))),*]
    };
}

/// The functions for each rule of a program whose definitions could disagree.
pub(super) static KEEPERS: [Keepers; MAX_DISPUTES] = keepers!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
);

/// An operation on two values: its name in programs, and its functions for lenient and for strict evaluations.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) functions: [BuiltinFcn; 2],
}

macro_rules! operation {
    ($name:literal, $compute:expr) => {
        &Operation {
            name: $name,
            functions: [
                (|_, _, arguments, _| Ok(both::<false>($compute, arguments)??), 2),
                (|_, _, arguments, _| Ok(both::<true>($compute, arguments)??), 2),
            ],
        }
    };
}

pub(super) static ADD: &Operation =
    operation!("add", |left, right| number(&ArithOp::Add, left, right));
pub(super) static SUBTRACT: &Operation = operation!("sub", |left, right| match (left, right) {
    (Value::Set(left), Value::Set(right)) => Ok(Value::from(left.difference(right))),
    _ => number(&ArithOp::Sub, left, right),
});
pub(super) static MULTIPLY: &Operation =
    operation!("mul", |left, right| number(&ArithOp::Mul, left, right));
pub(super) static DIVIDE: &Operation =
    operation!("div", |left, right| number(&ArithOp::Div, left, right));
pub(super) static REMAINDER: &Operation =
    operation!("mod", |left, right| number(&ArithOp::Mod, left, right));
pub(super) static UNION: &Operation =
    operation!("__builtin_sets.union", |left, right| match (left, right) {
        (Value::Set(left), Value::Set(right)) => Ok(Value::from(left.union(right))),
        _ => Err(wrong("union", "set", left, right)),
    });
pub(super) static INTERSECTION: &Operation =
    operation!("__builtin_sets.intersection", |left, right| match (left, right) {
        (Value::Set(left), Value::Set(right)) => Ok(Value::from(left.intersection(right))),
        _ => Err(wrong("intersection", "set", left, right)),
    });

/// Computes; an inner error is taken for undefined, an outer one ends the evaluation.
fn both<const STRICT: bool>(
    compute: fn(&Value, &Value) -> Result<Value, Unable>,
    arguments: &[Value],
) -> Result<Result<Value, Unable>, LimitError> {
    let [left, right] = arguments else {
        return Ok(Ok(Value::Undefined));
    };
    match compute(left, right) {
        Err(unable @ Unable::Failed(_)) if !STRICT => Ok(Err(unable)),
        Err(unable) => Err(fault::raise(Fault::Reason(unable.to_string()))),
        Ok(value) => Ok(Ok(value)),
    }
}

fn number(op: &ArithOp, left: &Value, right: &Value) -> Result<Value, Unable> {
    let failed = |reason: &str| Err(Unable::Failed(reason.to_owned()));
    let (Value::Number(x), Value::Number(y)) = (left, right) else {
        return Err(wrong(&format!("{op:?}").to_lowercase(), "numeric", left, right));
    };
    let is_zero = *right == Value::from(0_u64);
    let result = match op {
        ArithOp::Add => x.add(y),
        ArithOp::Sub => x.sub(y),
        ArithOp::Mul => x.mul(y),
        ArithOp::Div if is_zero => return failed("divide by zero"),
        ArithOp::Div => x.clone().divide(y),
        ArithOp::Mod if is_zero => return failed("modulo by zero"),
        ArithOp::Mod if !x.is_integer() || !y.is_integer() => {
            return failed("modulo on floating-point number");
        }
        ArithOp::Mod => x.clone().modulo(y),
    };
    // Where OPA has numbers of any size and the engine has not, nothing may be hidden.
    result.map(Value::from).map_err(|error| Unable::TooMuch(error.to_string()))
}

fn wrong(operation: &str, expected: &str, left: &Value, right: &Value) -> Unable {
    let (left, right) = (kind_of(left), kind_of(right));
    Unable::Failed(format!("`{operation}` expects {expected} arguments, not {left} and {right}"))
}
