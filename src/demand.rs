//! What a pod asks for, container by container: [`Demand`]. Read in the same pass as everything else in a pod.

mod amount;

use std::mem;

use crate::quantity::scaled;

pub use amount::Amount;

/// What one container asks for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ask {
    /// Of CPU.
    pub cpu: Told,
    /// Of memory.
    pub memory: Told,
}

/// What a container says of CPU, in thousandths, or of memory, in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Told {
    /// Its request, if it has one.
    pub request: Option<i64>,
    /// Its limit, if it has one.
    pub limit: Option<i64>,
}

/// What the parts of a pod ask for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Demand {
    /// The containers, in their order.
    pub containers: Vec<Ask>,
    /// The init containers, in their order, and whether each runs on as a sidecar.
    pub start: Vec<(Ask, bool)>,
    /// What the pod says of all of them together.
    pub whole: Ask,
    /// What its runtime class adds.
    pub overhead: Amount,
}

/// A place in a pod that says what it asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// The end of a container.
    Container,
    /// The end of an init container.
    InitContainer,
    /// How an init container is restarted.
    RestartPolicy,
    /// An amount, of whom, and of what.
    Amount(Owner, Resource),
}

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// A container, by its request or its limit.
    Container(Bound),
    /// The pod as a whole.
    Whole(Bound),
    /// Its runtime class.
    Overhead,
}

/// Which end of what may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bound {
    Request,
    Limit,
}

/// Of what there is an amount.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Resource {
    Cpu,
    Memory,
}

impl Part {
    /// Where the parts stand in a pod, in the words of locators.
    pub(crate) fn all() -> impl Iterator<Item = (String, Self)> {
        let owners = [
            ("spec.containers[].resources.requests", Owner::Container(Bound::Request)),
            ("spec.containers[].resources.limits", Owner::Container(Bound::Limit)),
            ("spec.initContainers[].resources.requests", Owner::Container(Bound::Request)),
            ("spec.initContainers[].resources.limits", Owner::Container(Bound::Limit)),
            ("spec.resources.requests", Owner::Whole(Bound::Request)),
            ("spec.resources.limits", Owner::Whole(Bound::Limit)),
            ("spec.overhead", Owner::Overhead),
        ];
        let amounts = owners.into_iter().flat_map(|(place, owner)| {
            [("cpu", Resource::Cpu), ("memory", Resource::Memory)]
                .map(|(key, of)| (format!("{place}.{key}"), Self::Amount(owner, of)))
        });
        let containers = [
            ("spec.containers[]", Self::Container),
            ("spec.initContainers[]", Self::InitContainer),
            ("spec.initContainers[].restartPolicy", Self::RestartPolicy),
        ];
        containers.into_iter().map(|(place, part)| (place.to_owned(), part)).chain(amounts)
    }
}

/// A demand while it is read: a container is told of part by part, and then ends.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    read: Demand,
    container: Ask,
    is_sidecar: bool,
}

impl Reading {
    /// Takes the text at a part, or a number in digits.
    ///
    /// Quantities that cannot be read count as nothing; the API server refuses them.
    pub(crate) fn tell(&mut self, part: Part, text: &str) {
        match part {
            Part::Container | Part::InitContainer => {}
            Part::RestartPolicy => self.is_sidecar = text == "Always",
            Part::Amount(owner, resource) => {
                let unit = match resource {
                    Resource::Cpu => 1000,
                    Resource::Memory => 1,
                };
                self.tell_amount(owner, resource, scaled(text, unit).unwrap_or_default());
            }
        }
    }

    /// Takes the end of an object.
    pub(crate) fn end(&mut self, part: Part) {
        match part {
            Part::Container => self.read.containers.push(mem::take(&mut self.container)),
            Part::InitContainer => {
                let ask = mem::take(&mut self.container);
                self.read.start.push((ask, mem::take(&mut self.is_sidecar)));
            }
            Part::RestartPolicy | Part::Amount(..) => {}
        }
    }

    fn tell_amount(&mut self, owner: Owner, resource: Resource, amount: i64) {
        let (ask, bound) = match owner {
            Owner::Container(bound) => (&mut self.container, bound),
            Owner::Whole(bound) => (&mut self.read.whole, bound),
            Owner::Overhead => {
                match resource {
                    Resource::Cpu => self.read.overhead.cpu = amount,
                    Resource::Memory => self.read.overhead.memory = amount,
                }
                return;
            }
        };
        let told = match resource {
            Resource::Cpu => &mut ask.cpu,
            Resource::Memory => &mut ask.memory,
        };
        match bound {
            Bound::Request => told.request = Some(amount),
            Bound::Limit => told.limit = Some(amount),
        }
    }

    /// What was read.
    pub(crate) fn finish(self) -> Demand {
        self.read
    }
}
