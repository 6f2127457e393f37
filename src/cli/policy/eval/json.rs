//! What `loadline policy eval` says for programs.

use serde_json::{Value, json};

use super::super::load;
use super::Evaluated;
use crate::governance::eval::Answer;
use crate::governance::explain::{Outcome, Trace};

impl Evaluated<'_> {
    pub(super) fn json(&self) -> Value {
        let rules: Vec<Value> =
            self.answers.iter().map(|answer| self.json_answer(answer)).collect();
        let traces: Vec<Value> = self.traces.iter().map(|trace| self.json_trace(trace)).collect();
        json!({
            "policy": self.loaded.name(),
            "file": self.loaded.policy().file,
            "constraint": self.constraint.map(|constraint| &constraint.name),
            "source": self.found.text.name,
            "object": {
                "apiVersion": self.subject.api_version,
                "kind": self.subject.kind,
                "namespace": self.subject.namespace,
                "name": self.subject.name,
            },
            "isOfPods": self.is_of_pods,
            "matches": self.unmatched.is_none(),
            "rules": rules,
            "explanation": traces,
        })
    }

    fn json_answer(&self, answer: &Answer) -> Value {
        let placed = |text: &String| load::placed(&self.loaded.sources, text);
        json!({
            "rule": answer.rule,
            "isDefined": matches!(answer.value, Ok(Some(_))),
            "value": answer.value.as_ref().ok(),
            "error": answer.value.as_ref().err().map(placed),
            "output": answer.prints.iter().map(placed).collect::<Vec<_>>(),
            "durationNs": u64::try_from(answer.duration.as_nanos()).unwrap_or(u64::MAX),
        })
    }

    fn json_trace(&self, trace: &Trace) -> Value {
        let source = self.loaded.sources.get(trace.module);
        let at = |mark| source.map_or(mark, |source| source.place(mark));
        let (outcome, mark, expression, values, message) = match &trace.outcome {
            Outcome::Held { values, .. } => ("held", None, None, Some(values), None),
            Outcome::Failed { mark, expression, values, .. } => {
                ("failed", Some(*mark), Some(expression), Some(values), None)
            }
            Outcome::Erred { mark, expression, message } => {
                ("erred", Some(*mark), Some(expression), None, Some(message.as_str()))
            }
            Outcome::NotAsked(why) => ("not-asked", None, None, None, Some(*why)),
            Outcome::Unknown(why) => ("unknown", None, None, None, Some(why.as_str())),
        };
        let looks = match &trace.outcome {
            Outcome::Failed { looks, .. } => Some(looks),
            _ => None,
        };
        let body = at(trace.mark);
        json!({
            "rule": trace.rule,
            "file": source.map(|source| &source.file),
            "line": body.line,
            "column": body.column,
            "call": trace.call,
            "outcome": outcome,
            "expression": expression,
            "expressionLine": mark.map(|mark| at(mark).line),
            "expressionColumn": mark.map(|mark| at(mark).column),
            "values": values,
            "looks": looks,
            "message": message,
        })
    }
}
