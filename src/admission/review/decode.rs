//! Bytes to a [`Request`]: one pass, without a tree.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{API_VERSION, DEFAULT_TIME_LIMIT, ReviewError};
use crate::admission::{Kind, Object, Request, Stage};
use crate::catalogue::Catalogue;
use crate::catalogue::walk::Reader;
use crate::pod::{PodView, Use, workload};

/// Reads a review.
///
/// Everything that is wrong with it is an error with a position or a name: the API server then applies its failure policy.
pub fn decode(body: Arc<[u8]>, catalogue: &Catalogue) -> Result<Request, ReviewError> {
    let text =
        std::str::from_utf8(&body).map_err(|error| ReviewError::Encoding(error.valid_up_to()))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let envelope = reader.deserialize_map(EnvelopeVisitor(catalogue))?;
    reader.end()?;
    match (envelope.api_version.as_deref(), envelope.kind.as_deref()) {
        (Some(API_VERSION), Some("AdmissionReview")) => {}
        (Some(API_VERSION), kind) => {
            return Err(ReviewError::Kind(kind.unwrap_or_default().to_owned()));
        }
        (version, _) => return Err(ReviewError::Version(version.unwrap_or_default().to_owned())),
    }
    let draft = envelope.request.ok_or(ReviewError::NoRequest)?;
    if draft.uid.is_empty() {
        return Err(ReviewError::NoUid);
    }
    if draft.kind.kind.is_empty() {
        return Err(ReviewError::NoKind);
    }
    match draft.operation.as_str() {
        "CREATE" | "UPDATE" | "DELETE" | "CONNECT" => {}
        "" => return Err(ReviewError::NoOperation),
        _ => return Err(ReviewError::UnknownOperation(draft.operation)),
    }
    if matches!(draft.operation.as_str(), "CREATE" | "UPDATE")
        && matches!(draft.object, Object::None)
    {
        return Err(ReviewError::NoObject(draft.operation));
    }
    let old_pod = match draft.old_object {
        Object::Pod(pod) | Object::Workload { pod, .. } => Some(pod),
        Object::None | Object::Other => None,
    };
    Ok(Request {
        uid: draft.uid,
        operation: draft.operation,
        kind: draft.kind,
        resource: draft.resource.resource,
        sub_resource: draft.sub_resource,
        namespace: draft.namespace,
        name: draft.name,
        dry_run: draft.dry_run,
        object: draft.object,
        old_pod,
        stage: Stage::Whole,
        asked_profile: None,
        time_limit: DEFAULT_TIME_LIMIT,
        today: None,
        body,
    })
}

#[derive(Default)]
struct Envelope {
    api_version: Option<String>,
    kind: Option<String>,
    request: Option<Draft>,
}

#[derive(Default)]
struct Draft {
    uid: String,
    operation: String,
    kind: Kind,
    resource: Resource,
    sub_resource: String,
    namespace: String,
    name: String,
    dry_run: bool,
    object: Object,
    old_object: Object,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    resource: String,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum EnvelopeKey {
    ApiVersion,
    Kind,
    Request,
    #[serde(other)]
    Other,
}

struct EnvelopeVisitor<'c>(&'c Catalogue);

impl<'de> Visitor<'de> for EnvelopeVisitor<'_> {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionReview")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = map.next_key()? {
            match key {
                EnvelopeKey::ApiVersion => {
                    once(&mut envelope.api_version, map.next_value()?, "apiVersion")?;
                }
                EnvelopeKey::Kind => once(&mut envelope.kind, map.next_value()?, "kind")?,
                EnvelopeKey::Request => {
                    once(
                        &mut envelope.request,
                        map.next_value_seed(DraftSeed(self.0))?,
                        "request",
                    )?;
                }
                EnvelopeKey::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(envelope)
    }
}

fn once<T, E: serde::de::Error>(
    slot: &mut Option<T>,
    value: Option<T>,
    key: &'static str,
) -> Result<(), E> {
    if slot.is_some() {
        return Err(E::duplicate_field(key));
    }
    *slot = value;
    Ok(())
}

#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum DraftKey {
    DryRun,
    Kind,
    Name,
    Namespace,
    Object,
    OldObject,
    Operation,
    Resource,
    SubResource,
    Uid,
    #[serde(other)]
    Other,
}

struct DraftSeed<'c>(&'c Catalogue);

impl<'de> DeserializeSeed<'de> for DraftSeed<'_> {
    type Value = Option<Draft>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for DraftSeed<'_> {
    type Value = Option<Draft>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionRequest")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut draft = Draft::default();
        let mut seen = 0_u16;
        // The API server writes the kind before the objects. Others may not: then the objects wait, unread.
        let mut waiting: [Option<&RawValue>; 2] = [None, None];
        while let Some(key) = map.next_key::<DraftKey>()? {
            let bit = 1_u16 << (key as u16);
            if seen & bit != 0 && !matches!(key, DraftKey::Other) {
                return Err(A::Error::custom("a key of `request` stands twice"));
            }
            seen |= bit;
            let has_kind = seen & (1 << (DraftKey::Kind as u16)) != 0;
            match key {
                DraftKey::DryRun => {
                    draft.dry_run = map.next_value::<Option<bool>>()?.unwrap_or_default();
                }
                DraftKey::Kind => {
                    draft.kind = map.next_value::<Option<Kind>>()?.unwrap_or_default();
                }
                DraftKey::Name => draft.name = text(&mut map)?,
                DraftKey::Namespace => draft.namespace = text(&mut map)?,
                DraftKey::Object if has_kind => {
                    draft.object =
                        map.next_value_seed(ObjectSeed { catalogue: self.0, kind: &draft.kind })?;
                }
                DraftKey::OldObject if has_kind => {
                    draft.old_object =
                        map.next_value_seed(ObjectSeed { catalogue: self.0, kind: &draft.kind })?;
                }
                DraftKey::Object => waiting = [Some(map.next_value()?), waiting[1]],
                DraftKey::OldObject => waiting = [waiting[0], Some(map.next_value()?)],
                DraftKey::Operation => draft.operation = text(&mut map)?,
                DraftKey::Resource => {
                    draft.resource = map.next_value::<Option<Resource>>()?.unwrap_or_default();
                }
                DraftKey::SubResource => draft.sub_resource = text(&mut map)?,
                DraftKey::Uid => draft.uid = text(&mut map)?,
                DraftKey::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let late = |raw: &RawValue| {
            let seed = ObjectSeed { catalogue: self.0, kind: &draft.kind };
            seed.deserialize(&mut serde_json::Deserializer::from_str(raw.get()))
                .map_err(A::Error::custom)
        };
        let [object, old_object] = waiting;
        let late_objects = (object.map(late).transpose()?, old_object.map(late).transpose()?);
        draft.object = late_objects.0.unwrap_or(draft.object);
        draft.old_object = late_objects.1.unwrap_or(draft.old_object);
        Ok(Some(draft))
    }
}

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<String, A::Error> {
    Ok(map.next_value::<Option<String>>()?.unwrap_or_default())
}

/// Reads `object` or `oldObject` as its kind asks for.
struct ObjectSeed<'a> {
    catalogue: &'a Catalogue,
    kind: &'a Kind,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of kind {}", self.kind.kind)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Object, E> {
        Ok(Object::None)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Object, E> {
        Ok(Object::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        let Kind { group, kind, .. } = self.kind;
        if group.is_empty() && kind == "Pod" {
            return Ok(Object::Pod(Box::new(Reader(self.catalogue).deserialize(deserializer)?)));
        }
        if let Some(workload) = workload(group, kind) {
            let keys: Vec<&str> =
                workload.template.split('.').filter(|key| !key.is_empty()).collect();
            let has_claims = group == "apps" && kind == "StatefulSet";
            let seed = TemplateSeed { catalogue: self.catalogue, keys: &keys, has_claims };
            return Ok(match seed.deserialize(deserializer)? {
                Some(pod) => Object::Workload { template: workload.template, pod },
                None => Object::Other,
            });
        }
        deserializer.deserialize_any(IgnoredAny)?;
        Ok(Object::Other)
    }
}

/// Where a `StatefulSet` lists the claims of its pods, beside the template.
pub const CLAIMS: &str = "volumeClaimTemplates";

/// The feature of the volumes that come of them.
const CLAIM: &str = "volume.persistent-volume-claim";

/// Goes down to a pod template and reads it.
struct TemplateSeed<'a> {
    catalogue: &'a Catalogue,
    keys: &'a [&'a str],
    /// Whether beside the template there may be claims, of which each pod gets a volume that the template does not show.
    has_claims: bool,
}

impl<'de> DeserializeSeed<'de> for TemplateSeed<'_> {
    type Value = Option<Box<PodView>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.keys.is_empty() {
            return Ok(Some(Box::new(Reader(self.catalogue).deserialize(deserializer)?)));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TemplateSeed<'_> {
    type Value = Option<Box<PodView>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a pod template")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (Some(wanted), below) = (self.keys.first(), self.keys.get(1..).unwrap_or_default())
        else {
            return Ok(None);
        };
        let mut found: Self::Value = None;
        let mut claims = 0;
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            if self.has_claims && below.is_empty() && key == CLAIMS {
                claims = map.next_value::<Option<Vec<IgnoredAny>>>()?.unwrap_or_default().len();
            } else if key == *wanted {
                if found.is_some() {
                    return Err(A::Error::custom(format_args!("the key `{wanted}` stands twice")));
                }
                found = map.next_value_seed(Self { keys: below, ..self })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if let Some(pod) = found.as_mut().filter(|_| claims > 0) {
            pod.uses.extend(self.catalogue.by_name(CLAIM).map(Use::of_whole));
        }
        Ok(found)
    }
}
