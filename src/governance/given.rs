//! What rules are run on, in the form that whoever runs them wants: [`Given`], [`Json`], and where that lies:
//! [`with_arena()`].

use std::cell::RefCell;
use std::sync::OnceLock;

use bumpalo::Bump;
use regorus::Value;
use serde_json::value::RawValue;

use super::plan;
use super::value::{Read, from_json};

/// How much memory a thread keeps for its next evaluation, in bytes.
const KEPT: usize = 256 << 10;

thread_local! {
    /// What evaluations of this thread work with, one after the other: to get memory anew costs more than most of them.
    static ARENAS: RefCell<Vec<Bump>> = RefCell::default();
}

/// Does something with an arena that is empty.
pub(super) fn with_arena<T>(work: impl FnOnce(&Bump) -> T) -> T {
    let mut arena = ARENAS.with_borrow_mut(Vec::pop).unwrap_or_default();
    let done = work(&arena);
    if arena.allocated_bytes() <= KEPT {
        arena.reset();
        ARENAS.with_borrow_mut(|arenas| arenas.push(arena));
    }
    done
}

/// The input of one evaluation.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// As programs read it; nothing where only the engine can hold it.
    pub tree: Option<plan::Value<'a>>,
    /// Makes it as the engine reads it.
    pub engine: &'a (dyn Fn() -> Result<Value, String> + Sync),
}

impl<'a> Given<'a> {
    /// An input that only the engine is asked about.
    pub(super) fn to_engine(engine: &'a (dyn Fn() -> Result<Value, String> + Sync)) -> Self {
        Self { tree: None, engine }
    }
}

/// JSON, which programs read from where it is, and which is made a value of the engine when that first wants it.
#[derive(Clone, Debug)]
pub(super) struct Json {
    source: Source,
    engine: OnceLock<Result<Value, String>>,
}

#[derive(Clone, Debug)]
enum Source {
    Text(Box<RawValue>),
    Tree(serde_json::Value),
}

impl Json {
    /// JSON that nobody has read yet.
    pub(super) fn of_text(text: &RawValue) -> Self {
        Self { source: Source::Text(text.to_owned()), engine: OnceLock::new() }
    }

    /// The JSON, where it was not given as text.
    pub(super) const fn json(&self) -> Option<&serde_json::Value> {
        match &self.source {
            Source::Text(_) => None,
            Source::Tree(tree) => Some(tree),
        }
    }

    /// The value as programs see it; nothing where only the engine can hold it.
    pub(super) fn tree<'a>(&'a self, arena: &'a Bump) -> Option<plan::Value<'a>> {
        match &self.source {
            Source::Text(text) => plan::Value::read(arena, text),
            Source::Tree(tree) => plan::Value::of_json(arena, tree),
        }
    }

    /// A document with this as its `parameters`; nothing where only the engine can hold it.
    pub(super) fn as_parameters<'a>(
        &'a self,
        document: Option<plan::Value<'a>>,
        arena: &'a Bump,
    ) -> Option<plan::Value<'a>> {
        document?.with(arena, &[("parameters", self.tree(arena)?)])
    }

    /// The value as the engine has it. Fails where the text nests too deep.
    pub(super) fn engine(&self) -> Result<&Value, String> {
        let make = || match &self.source {
            Source::Text(text) => serde_json::from_str(text.get())
                .map(|Read(value)| value)
                .map_err(|error| error.to_string()),
            Source::Tree(tree) => Ok(from_json(tree)),
        };
        self.engine.get_or_init(make).as_ref().map_err(Clone::clone)
    }
}

impl From<serde_json::Value> for Json {
    fn from(tree: serde_json::Value) -> Self {
        Self { source: Source::Tree(tree), engine: OnceLock::new() }
    }
}
