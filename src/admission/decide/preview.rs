//! What policies would see of a request, for those who write them.

use crate::admission::verdict::Mode;
use crate::admission::{Object, Pipeline, Request};
use crate::facts::Facts;
use crate::governance::input::Input;
use crate::mutation::Editor;
use crate::path::FieldPath;
use crate::placement::{Placement, Standing};

use super::govern::Wanted;
use super::{Decision, Shared};

/// The input that policies would get, and what their `match` looks at.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The input, without parameters.
    pub input: Input,
    /// How firmly the pod is headed for virtual nodes.
    pub standing: Standing,
    /// The profiles within reach.
    pub profiles: Vec<String>,
    /// Where in the object the pod stands.
    pub root: FieldPath,
}

impl Pipeline {
    /// Goes the way of a decision up to where policies are asked.
    ///
    /// Fails, in a phrase, for pods that are refused before any policy is asked.
    pub fn preview(&self, facts: &Facts, request: &Request) -> Result<Preview, String> {
        let (pod, root) = match &request.object {
            Object::Pod(pod) => (pod, FieldPath::root()),
            Object::Workload { pod, template } => (pod, FieldPath::keys(template)),
            Object::None | Object::Other => return Self::preview_of_other(facts, request),
        };
        let decision = Decision {
            pipeline: self,
            facts,
            request,
            namespace: facts.namespace(&request.namespace),
            mode: Mode::Enforce,
            pod,
            root: root.clone(),
            shared: &Shared::default(),
        };
        let mut course = match decision.asked() {
            Ok(None) => decision.free(),
            Ok(Some((profile, reason))) => decision.sent(profile, reason),
            Err(diagnostic) => {
                return Err(format!("no policy is asked about it: {}", diagnostic.what));
            }
        };
        if course.heading.standing == Standing::Regular && course.diagnostics.is_empty() {
            course.placement = Placement::regular();
            course.editor = Editor::new((**pod).clone());
        } else {
            decision.finish(&mut course);
        }
        let reaches = &course.placement.reaches;
        let profiles: Vec<&str> =
            reaches.iter().map(|reach| self.profile(reach.profile).name.as_str()).collect();
        let input = decision.input(&course.placement, &course.editor, &profiles, Wanted::ALL)?;
        Ok(Preview {
            input: input.knowing(facts.inventory()),
            standing: course.placement.standing,
            profiles: profiles.into_iter().map(str::to_owned).collect(),
            root,
        })
    }

    fn preview_of_other(facts: &Facts, request: &Request) -> Result<Preview, String> {
        Ok(Preview {
            input: super::constrain::input_of_other(request)?.knowing(facts.inventory()),
            standing: Standing::Regular,
            profiles: Vec::new(),
            root: FieldPath::root(),
        })
    }
}
