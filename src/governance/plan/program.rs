//! What programs are made of.

use bumpalo::Bump;

use super::value::Value;
use crate::governance::builtins::Builtin;

/// A number of a variable among those of its definition.
pub(super) type Slot = usize;

/// A number of a rule among those of the program.
pub(super) type RuleId = usize;

/// Statements that hold together. Each variable is bound before it is read, so that nothing has to be undone.
pub(super) type Block = Box<[Statement]>;

/// A function computed here; nothing where the arguments are not of the usual kind.
pub(super) type Native = for<'a> fn(&'a Bump, &[Value<'a>]) -> Option<Value<'a>>;

/// What has a value, or none. Small: between two reviews a processor forgets programs, and reads them again line by line.
#[derive(Debug)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Box<str>),
    /// A number that only the engine can hold: whoever comes here gives up.
    Large,
    /// An array, an object or a set of constants: made once a run.
    Literal(usize),
    Local(Slot),
    Input,
    Get(Box<(Self, Box<[Step]>)>),
    Rule(RuleId),
    Call(Box<(RuleId, Box<[Self]>)>),
    Builtin(Box<BuiltinCall>),
    Array(Box<[Self]>),
    Set(Box<[Self]>),
    Object(Box<[(Self, Self)]>),
    /// A comprehension.
    ArrayOf(Box<(Block, Self)>),
    SetOf(Box<(Block, Self)>),
    ObjectOf(Box<(Block, Self, Self)>),
    Compare(Comparison, Box<(Self, Self)>),
    Arithmetic(Operation, Box<(Self, Self)>),
    /// `value in collection`, `key, value in collection`.
    Within(Box<(Option<Self>, Self, Self)>),
}

/// A call of a built-in function.
#[derive(Debug)]
pub(super) struct BuiltinCall {
    pub builtin: &'static Builtin,
    pub native: Option<Native>,
    pub arguments: Box<[Expr]>,
}

/// Elements, and what their keys and they must look like.
#[derive(Debug)]
pub(super) struct Each {
    pub source: Expr,
    pub key: Pattern,
    pub value: Pattern,
}

/// Elements, and what must hold for each of them.
#[derive(Debug)]
pub(super) struct Every {
    pub source: Expr,
    pub key: Option<Slot>,
    pub value: Slot,
    pub block: Block,
}

/// A step into a value.
#[derive(Debug)]
pub(super) enum Step {
    Name(Box<str>),
    Key(Expr),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Add,
    /// Of numbers, or of sets.
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Union,
    Intersection,
}

/// What a value must look like, and which of its parts become variables.
#[derive(Debug)]
pub(super) enum Pattern {
    Any,
    Bind(Slot),
    Equal(Expr),
    Array(Box<[Self]>),
    Object(Box<[(Expr, Self)]>),
}

#[derive(Debug)]
pub(super) enum Statement {
    /// The value is there, and is not `false`.
    Holds(Expr),
    Match(Pattern, Expr),
    /// What follows is tried with each element.
    Each(Box<Each>),
    Not(Block),
    Every(Box<Every>),
}

/// A rule or a function.
#[derive(Debug)]
pub(super) struct Rule {
    pub kind: Kind,
    pub definitions: Vec<Definition>,
    /// What it is where no definition holds.
    pub default: Option<Definition>,
    /// Whether all that it can be is one constant, so that the first definition that holds settles it.
    pub is_settled: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// It has one value; functions are of this kind.
    Complete,
    /// Its definitions contribute to a set.
    Set,
    /// Its definitions contribute to an object.
    Object,
    /// Its definitions contribute to objects in an object, and to sets in them.
    Tree,
}

#[derive(Debug)]
pub(super) struct Definition {
    pub arguments: Box<[Pattern]>,
    /// How many variables it has.
    pub slots: usize,
    /// The body, and what comes after each `else`.
    pub clauses: Vec<Clause>,
}

#[derive(Debug)]
pub(super) struct Clause {
    pub block: Block,
    /// The keys on the way to the value, outermost first.
    pub keys: Box<[Expr]>,
    pub value: Expr,
    /// Whether the value is an element of a set that stands there.
    pub is_element: bool,
}
