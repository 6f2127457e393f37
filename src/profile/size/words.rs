//! Sizes in words, for pages and messages.

use super::{Above, Counts, Round, Size, Step};
use crate::demand::Amount;

impl Size {
    /// What there is to know, without where it is from.
    pub(super) fn told(&self) -> String {
        let none = Amount::default();
        let mut parts = vec![self.sizes()];
        match self.counts {
            Counts::Requests => {}
            Counts::Limits => parts.push("limits count before requests".to_owned()),
            Counts::Larger => parts.push("the larger of request and limit counts".to_owned()),
        }
        let container = &self.container;
        if container.unset != none {
            parts.push(format!("a container that says nothing counts as {}", container.unset));
        }
        if container.least != none {
            parts.push(format!("a container has at least {}", container.least));
        }
        parts.extend(steps(container.step).map(|steps| format!("a container is {steps}")));
        if self.components != none {
            parts.push(format!("{} are added for the node itself", self.components));
        }
        if self.unset != none {
            parts.push(format!("a pod that asks for nothing counts as {}", self.unset));
        }
        parts.extend(steps(self.step).map(|steps| format!("a pod is {steps}")));
        if let Some((least, most)) = self.ratio {
            let [least, most] = [least, most].map(|memory| Amount { cpu: 0, memory });
            parts.push(format!(
                "CPU or memory is raised until there are {least} to {most} for each vCPU"
            ));
        }
        if self.above == Above::Cut {
            parts.push("what is larger is cut down to the largest".to_owned());
        }
        parts.join("; ")
    }

    fn sizes(&self) -> String {
        let count = match self.grid.len() {
            0 => "any size".to_owned(),
            number => format!("one of {number} sizes"),
        };
        let whose = if self.per_container { "for each container, " } else { "" };
        let (least, most) = (self.least, self.most());
        match (least == Amount::default(), most == Amount::default()) {
            (true, true) => format!("{whose}{count}"),
            (true, false) => format!("{whose}{count} up to {most}"),
            (false, true) => format!("{whose}{count} from {least}"),
            (false, false) => format!("{whose}{count} from {least} to {most}"),
        }
    }
}

/// How something is rounded, where it is.
fn steps(step: Step) -> Option<String> {
    let how = match step.round {
        Round::Up => "rounded up",
        Round::Down => "cut down",
    };
    (step.amount != Amount::default()).then(|| format!("{how} to steps of {}", step.amount))
}
