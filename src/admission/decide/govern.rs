//! Governance: which policies concern the pod, and the document they see.

use std::sync::Arc;

use json_patch::PatchOperation;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::Decision;
use crate::admission::Object;
use crate::diagnostic::{Diagnostic, Severity};
use crate::governance::input::{Input, Review};
use crate::governance::{self, Policy, Subject};
use crate::mutation::{self, Editor};
use crate::path::FieldPath;
use crate::placement::{Placement, Reach};
use crate::pod::Use;

/// As much of a review as policies and constraints read: the request, as text.
#[derive(Deserialize)]
pub(super) struct Envelope<'b> {
    #[serde(borrow)]
    pub(super) request: &'b RawValue,
}

/// The review with its object as it will be.
pub(super) fn patched(request: &RawValue, patch: &[PatchOperation]) -> Result<Review, String> {
    let mut request: serde_json::Value =
        serde_json::from_str(request.get()).map_err(|error| error.to_string())?;
    if let Some(object) = request.get_mut("object") {
        mutation::apply(patch, object).map_err(|error| error.to_string())?;
    }
    Ok(Review::from(request))
}

/// What is worked out only for policies that read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    features: bool,
    cost: bool,
}

impl Wanted {
    /// All of it.
    pub(super) const ALL: Self = Self { features: true, cost: true };

    /// What these policies read.
    pub(super) fn by<'p>(policies: impl Iterator<Item = &'p Policy> + Clone) -> Self {
        Self {
            features: policies.clone().any(Policy::reads_features),
            cost: policies.clone().any(Policy::reads_cost),
        }
    }
}

impl Decision<'_> {
    /// Evaluates the policies that concern the pod, on the object as it will be.
    pub(super) fn govern(&self, placement: &Placement, editor: &Editor) -> Vec<Diagnostic> {
        let profiles = self.names(placement);
        let subject = self.subject(placement, &profiles);
        let policies = self.pipeline.policies.iter();
        let concerned: Vec<&Policy> = policies.filter(|policy| policy.concerns(&subject)).collect();
        if concerned.is_empty() {
            return Vec::new();
        }
        let wanted = Wanted::by(concerned.iter().copied());
        let reads_inventory = concerned.iter().any(|policy| policy.reads_inventory());
        let input = match self.input(placement, editor, &profiles, wanted) {
            Ok(input) if reads_inventory => input.knowing(self.facts.inventory()),
            Ok(input) => input,
            Err(problem) => {
                return vec![Diagnostic::new(
                    Severity::Deny,
                    governance::POLICY_ERROR,
                    format!("the input of the policies could not be built: {problem}"),
                )];
            }
        };
        // Constraints come later, and so do the policies once more where they have to judge the old object, too.
        let kind = &self.request.kind;
        let constraints =
            self.pipeline.constraints.count_for(&kind.group, &kind.kind, &self.request.operation);
        let again = self.request.old_pod.as_ref().map_or(0, |_| concerned.len());
        let budget = self.shared.budget(self.request).before(constraints + again);
        governance::evaluate(&concerned, &input, budget)
            .into_iter()
            .map(|mut diagnostic| {
                // Policies speak of the pod; the user's object may hold it further down.
                for place in &mut diagnostic.places {
                    *place = self.root.clone().join(std::mem::take(place));
                }
                diagnostic
            })
            .collect()
    }

    /// The names of the profiles within reach.
    pub(super) fn names(&self, placement: &Placement) -> Vec<&str> {
        let profile = |reach: &Reach| self.pipeline.profile(reach.profile).name.as_str();
        placement.reaches.iter().map(profile).collect()
    }

    /// What the match of policies looks at.
    pub(super) fn subject<'s>(
        &'s self,
        placement: &Placement,
        profiles: &'s [&'s str],
    ) -> Subject<'s> {
        Subject {
            // A workload is governed as the pods that it makes.
            kind: "Pod",
            operation: &self.request.operation,
            namespace: &self.request.namespace,
            standing: placement.standing,
            profiles,
            labels: self.pod.labels.as_deref().unwrap_or_default(),
            namespace_labels: self.namespace.map(|namespace| &namespace.labels),
        }
    }

    /// The document of design section 7; see [`crate::governance::input`].
    pub(super) fn input(
        &self,
        placement: &Placement,
        editor: &Editor,
        profiles: &[&str],
        wanted: Wanted,
    ) -> Result<Input, String> {
        let Envelope { request } =
            serde_json::from_slice(&self.request.body).map_err(|error| error.to_string())?;
        let is_pod = matches!(self.request.object, Object::Pod(_));
        let review = if editor.patch.is_empty() || !is_pod {
            Review::of_text(request)
        } else {
            patched(request, &editor.patch)?
        };
        // What is not stored, as on an update, others do not see.
        if editor.patch.is_empty() || (is_pod && self.request.operation == "CREATE") {
            let _ = self.shared.review.set(review.clone());
        }
        let heading = json!({ "standing": placement.standing.as_str(), "profiles": profiles });
        let features = if wanted.features { self.features(placement).collect() } else { json!([]) };
        let costs = if wanted.cost { self.costs(placement) } else { Vec::new() };
        let cost = if costs.is_empty() {
            serde_json::Value::Null
        } else {
            costs.into_iter().map(|cost| (cost.profile.clone(), cost.report())).collect()
        };
        Ok(Input::new(review, &self.root, heading, features, cost))
    }

    /// The review as if the old object were the one that is wanted: what policies read to judge it.
    pub(super) fn body_of_old(&self) -> Option<Arc<[u8]>> {
        let mut review: serde_json::Value = serde_json::from_slice(&self.request.body).ok()?;
        let request = review.get_mut("request")?.as_object_mut()?;
        let old = request.remove("oldObject")?;
        request.insert("object".to_owned(), old);
        serde_json::to_vec(&review).ok().map(Arc::from)
    }

    fn features(&self, placement: &Placement) -> impl Iterator<Item = serde_json::Value> {
        let catalogue = &self.pipeline.catalogue;
        let mut uses: Vec<&Use> = self.pod.uses.iter().collect();
        uses.sort_by_key(|one| one.feature);
        let groups: Vec<Vec<&Use>> = uses
            .chunk_by(|left, right| left.feature == right.feature)
            .map(<[&Use]>::to_vec)
            .collect();
        groups.into_iter().filter_map(move |group| {
            let feature = group.first()?.feature;
            let fields: Vec<String> =
                group.iter().map(|one| catalogue.path(&FieldPath::root(), &one.place).to_string()).collect();
            let support: serde_json::Map<String, serde_json::Value> = placement
                .reaches
                .iter()
                .map(|reach| self.pipeline.profile(reach.profile))
                .map(|profile| (profile.name.clone(), json!(profile.entry(feature).support)))
                .collect();
            let known = catalogue.feature(feature);
            Some(json!({ "name": known.name, "class": known.class, "fields": fields, "support": support }))
        })
    }
}
