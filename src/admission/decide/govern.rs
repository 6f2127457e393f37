//! Governance: which policies concern the pod, and the document they see.

use std::sync::Arc;

use serde_json::json;

use super::Decision;
use crate::admission::Object;
use crate::diagnostic::{Diagnostic, Severity};
use crate::governance::{self, Subject, input};
use crate::mutation::{self, Editor};
use crate::path::FieldPath;
use crate::placement::Placement;
use crate::pod::Use;

impl Decision<'_> {
    /// Evaluates the policies that concern the pod, on the object as it will be.
    pub(super) fn govern(&self, placement: &Placement, editor: &Editor) -> Vec<Diagnostic> {
        let profiles: Vec<&str> = placement
            .reaches
            .iter()
            .map(|reach| self.pipeline.profile(reach.profile).name.as_str())
            .collect();
        let subject = Subject {
            // A workload is governed as the pods that it makes.
            kind: "Pod",
            operation: &self.request.operation,
            namespace: &self.request.namespace,
            standing: placement.standing,
            profiles: &profiles,
        };
        let mut concerned =
            self.pipeline.policies.iter().filter(|policy| policy.concerns(&subject)).peekable();
        if concerned.peek().is_none() {
            return Vec::new();
        }
        let input = match self.input(placement, editor, &profiles) {
            Ok(input) => input::Input::new(&input, &self.root),
            Err(problem) => {
                return vec![Diagnostic::new(
                    Severity::Deny,
                    governance::POLICY_ERROR,
                    format!("the input of the policies could not be built: {problem}"),
                )];
            }
        };
        governance::evaluate(concerned, &input, self.request.time_limit)
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

    /// The document of design section 7; see [`input`].
    fn input(
        &self,
        placement: &Placement,
        editor: &Editor,
        profiles: &[&str],
    ) -> Result<serde_json::Value, String> {
        let mut envelope: serde_json::Value =
            serde_json::from_slice(&self.request.body).map_err(|error| error.to_string())?;
        let mut review =
            envelope.get_mut("request").map(serde_json::Value::take).unwrap_or_default();
        if let Some(object) = review.get_mut("object")
            && matches!(self.request.object, Object::Pod(_))
        {
            mutation::apply(&editor.patch, object).map_err(|error| error.to_string())?;
        }
        let features: Vec<serde_json::Value> = self.features(placement).collect();
        Ok(json!({
            "version": input::VERSION,
            "review": review,
            "placement": { "standing": placement.standing.as_str(), "profiles": profiles },
            "features": features,
            "cost": null,
        }))
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
