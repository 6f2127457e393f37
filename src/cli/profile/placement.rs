//! How pods come to the nodes of a profile, and the sizes and prices that they get there, as every page shows it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::compat::cite_verified;
use crate::cost;
use crate::profile::Profile;

/// How its nodes are recognised and reached, as it stands in the profile; what is empty is left out.
pub fn placement(profile: &Profile) -> Vec<(&'static str, Value)> {
    let mut parts = vec![
        ("recognised by any of", trimmed(json!(profile.recognise))),
        ("claims pods with", trimmed(json!(profile.claims))),
        ("a pod gets there with", trimmed(json!(profile.inject))),
        ("a pod is kept off with", trimmed(json!(profile.keep_off))),
    ];
    parts.extend(sizes(profile).into_iter().map(|(title, text)| (title, json!(text))));
    parts.retain(|(_, value)| !is_empty(value));
    parts
}

/// The titles of what there is to say of sizes and of prices.
pub const SIZES: [&str; 2] = ["a pod is billed as", "list prices"];

/// Sizes and prices in words, each under its title.
pub fn sizes(profile: &Profile) -> Vec<(&'static str, String)> {
    let [billed_as, list_prices] = SIZES;
    let mut parts = Vec::new();
    if let Some(size) = &profile.size {
        let text = format!("{}; {}", size.words, cite_verified(&size.source, &size.verified));
        parts.push((billed_as, text));
    }
    if let Some(prices) = &profile.prices {
        let price = |nano: i64| cost::price(nano, &prices.currency);
        let mut text = format!(
            "{} a vCPU and {} a GiB an hour in {}",
            price(prices.vcpu_hour),
            price(prices.gib_hour),
            prices.region
        );
        if prices.minimum_seconds > 0 {
            let _ = write!(text, ", for {} s at least", prices.minimum_seconds);
        }
        let _ = write!(text, "; {}", cite_verified(&prices.source, &prices.verified));
        parts.push((list_prices, text));
    }
    parts
}

/// A value without the members that say nothing.
pub fn trimmed(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key, trimmed(value)))
            .filter(|(_, value)| !is_empty(value))
            .collect(),
        Value::Array(elements) => elements.into_iter().map(trimmed).collect(),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}
