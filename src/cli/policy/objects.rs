//! The objects that policies are tried on: read and prepared as `check` does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::load::Loaded;
use crate::admission::{Object, Pipeline, Preview, Request};
use crate::bundle::Text;
use crate::cli::check::object::{Found, Reader, Subject};
use crate::cli::check::{self, input};
use crate::cli::render::excerpt;
use crate::document::Mark;
use crate::facts::{Cluster, Facts};
use crate::path::FieldPath;

/// Objects of files, and what the same files say of the cluster.
#[derive(Debug)]
pub struct Objects {
    found: Vec<Found>,
    facts: Facts,
}

impl Objects {
    /// Reads files and folders, and from `inventory` the objects that policies may look at besides those.
    ///
    /// Fails with the first thing that cannot be read, and where there is no object.
    pub fn read(
        pipeline: &Pipeline,
        paths: &[PathBuf],
        inventory: &[PathBuf],
        namespace: &str,
    ) -> anyhow::Result<Self> {
        let files = input::all_files(paths, true)?;
        let read = |path: PathBuf| {
            let text = input::read(&path, "<stdin>");
            text.map_err(|problem| anyhow::anyhow!("{problem}"))
        };
        let texts = files.into_iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        let reader = reader(pipeline, namespace);
        let known = check::inventory(inventory, "<stdin>", &reader)?;
        Self::found(pipeline, &reader, texts, &known)
    }

    /// Takes texts for files, and others for an inventory.
    ///
    /// Fails as [`Objects::read`] does.
    pub fn of(
        pipeline: &Pipeline,
        texts: Vec<Text>,
        inventory: Vec<Text>,
        namespace: &str,
    ) -> anyhow::Result<Self> {
        let plain = |text: Text| excerpt::Text::new(text.origin, text.text);
        let reader = reader(pipeline, namespace);
        let known = inventory.into_iter().map(|text| find(&reader, plain(text)));
        let known = known.collect::<anyhow::Result<Vec<_>>>()?;
        Self::found(pipeline, &reader, texts.into_iter().map(plain).collect(), &known)
    }

    fn found(
        pipeline: &Pipeline,
        reader: &Reader<'_>,
        texts: Vec<excerpt::Text>,
        known: &[Found],
    ) -> anyhow::Result<Self> {
        let found = texts.into_iter().map(|text| find(reader, text));
        let found = found.collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(
            found.iter().any(|found| !found.subjects.is_empty()),
            "there is no object in the files"
        );
        let mut nodes = Vec::new();
        let mut namespaces = BTreeMap::new();
        for found in known {
            namespaces.extend(found.namespaces.clone());
        }
        for found in &found {
            nodes.extend(found.nodes.iter().cloned());
            namespaces.extend(found.namespaces.clone());
        }
        let facts = if nodes.is_empty() {
            Facts::of_namespaces(namespaces)
        } else {
            Facts::of_cluster(Cluster::new(nodes, &pipeline.profiles), namespaces)
        };
        let objects = known.iter().chain(&found).flat_map(|found| &found.objects);
        let facts = facts.with_inventory(objects.cloned().collect());
        Ok(Self { found, facts })
    }

    /// Each object, with the file that holds it.
    pub fn subjects(&self) -> impl Iterator<Item = (&Found, &Subject)> {
        self.found
            .iter()
            .flat_map(|found| found.subjects.iter().map(move |subject| (found, subject)))
    }

    /// What policies would see of a request.
    pub fn preview(
        &self,
        pipeline: &Pipeline,
        request: &Request,
        profile: Option<&str>,
    ) -> Result<Preview, String> {
        let request = Request { asked_profile: profile.map(str::to_owned), ..request.clone() };
        pipeline.preview(&self.facts, &request)
    }
}

fn reader<'p>(pipeline: &'p Pipeline, namespace: &'p str) -> Reader<'p> {
    Reader { catalogue: &pipeline.catalogue, pipeline, namespace, today: None, everything: true }
}

fn find(reader: &Reader<'_>, text: excerpt::Text) -> anyhow::Result<Found> {
    let found = reader.find(text);
    match found.problems.first() {
        Some(problem) => Err(anyhow::anyhow!("{problem}")),
        None => Ok(found),
    }
}

/// What a policy is asked about when an object is made: native policies that are about pods see the pods of a workload,
/// others see the object itself, and templates see both.
pub fn requests<'s>(loaded: &Loaded, subject: &'s Subject) -> Vec<&'s Request> {
    let pods = subject.pods.as_ref().map(|pods| &pods.request);
    let is_pod = matches!(subject.request.object, Object::Pod(_));
    if loaded.is_gatekeeper() {
        return std::iter::once(&subject.request).chain(pods).collect();
    }
    match pods {
        _ if loaded.is_about_others() => vec![&subject.request],
        Some(pods) => vec![pods],
        None if is_pod => vec![&subject.request],
        None => Vec::new(),
    }
}

/// Where a field of the pod stands in the file.
pub fn mark(found: &Found, subject: &Subject, field: &str) -> Option<Mark> {
    let place = FieldPath::parse(field)?;
    let place = match &subject.pods {
        Some(pods) => pods.in_workload(&place),
        None => place,
    };
    subject.origin(found)?.mark(&place)
}

/// The message of an element of `deny`, `warn` or `violation`.
pub fn message(element: &Value) -> Option<&str> {
    element.as_str().or_else(|| element.get("msg")?.as_str())
}
