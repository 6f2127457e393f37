//! Messages about facts: what would have happened, in plain words, for every fact that can become a message.

use loadline::catalogue::Feature;
use loadline::compat::why;
use loadline::profile::{Effect, Entry, Support};

use super::truth::Data;

/// Every fact about a feature that pods can ask for, with where it stands.
fn facts(data: &Data) -> Vec<(String, &Entry, &Feature)> {
    let mut facts = Vec::new();
    for profile in &data.profiles {
        for (id, feature) in data.catalogue.features().filter(|(_, one)| !one.is_behaviour()) {
            facts.push((format!("{}: {}", profile.name, feature.name), profile.entry(id), feature));
        }
    }
    facts
}

#[test]
fn what_is_dropped_or_refused_says_what_would_have_happened() {
    let data = Data::load();
    let mut mute = Vec::new();
    for (name, entry, feature) in facts(&data) {
        let text = why(entry, feature);
        let has_consequence = text.contains(", so ") || text.contains("; the virtual node ");
        let must = match entry.support {
            Support::Ignored | Support::Unsupported => true,
            Support::Partial => {
                matches!(entry.effect, Some(Effect::SilentChange | Effect::SilentDrop))
            }
            Support::Supported | Support::Unverified => false,
        };
        if must && !has_consequence {
            mute.push(format!("{name}: {text}"));
        }
        // A control that is lost says what is no longer contained, not only what the provider does.
        let is_lost = entry.support == Support::Ignored && feature.is_control();
        if is_lost && (!text.contains(", so ") || feature.lost.is_none()) {
            mute.push(format!("{name}: {text}"));
        }
    }
    assert!(mute.is_empty(), "{mute:#?}");
}

#[test]
fn a_lost_control_is_named_in_the_words_of_the_pod() {
    let data = Data::load();
    let text = |profile: &str, feature: &str| {
        let id = data.catalogue.by_name(feature).unwrap();
        why(data.profile(profile).entry(id), data.catalogue.feature(id))
    };
    assert!(
        text("azure-aci", "security.run-as-non-root")
            .ends_with("the pod may run as root although it says `runAsNonRoot`")
    );
    assert!(
        text("nomad", "security.no-privilege-escalation")
            .ends_with("although the container says `allowPrivilegeEscalation: false`")
    );
}

#[test]
fn messages_read_as_one_phrase() {
    let data = Data::load();
    let mut odd = Vec::new();
    for (name, entry, feature) in facts(&data) {
        if entry.support == Support::Supported {
            continue;
        }
        let text = why(entry, feature);
        let is_odd = text.ends_with('.')
            || text.contains(". ")
            || text.contains("  ")
            || text.contains("so so ")
            || text.matches(", so ").count() > 1
            || !text.matches('`').count().is_multiple_of(2)
            || text.chars().any(char::is_control)
            || text.chars().count() > 320;
        if is_odd {
            odd.push(format!("{name}: {text}"));
        }
    }
    odd.sort();
    odd.dedup();
    assert!(odd.is_empty(), "{odd:#?}");
}
