//! Rule groups of Little Snitch: `.lsrules`, which is JSON.
//!
//! Rules of high priority go before all others. Then it goes by how exact a rule is, but not in Portreeve's order:
//! first by what kind of other side a rule names (addresses before hosts, those before domains), whatever program it
//! is for; then shorter lists go before longer ones, and more follows that is not played here. So a rule that allows
//! is relied on only where its priority or its kind is the higher one. Programs of macOS are not here: rules for them
//! are taken for the one program that is named for them, or not at all.

use std::{net::IpAddr, path::Path, sync::Arc};

use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets};
use portreeve_policy::{
    Action, Destination, Entry, InList, ObjectPattern, Operation, Ports, Program, Protocol,
    host_name,
};
use serde_json::{Map, Value};

use crate::{
    Error, Format, Imported, RULES_MAX, Settings, TextFile,
    draft::{Draft, Who},
    lists::{list_of, name_of},
    settle::{Customs, Side, TooMany, settle},
};

/// Keys by which such files are known.
pub(crate) const KEYS: [&str; 4] = [
    "rules",
    "denied-remote-domains",
    "denied-remote-hosts",
    "denied-remote-addresses",
];
/// Keys of rules that say nothing of calls.
const REMARKS: [&str; 10] = [
    "notes",
    "help",
    "creationDate",
    "modificationDate",
    "lastUsed",
    "useCount",
    "origin",
    "group",
    "uid",
    "identifier",
];
/// Where programs of macOS are, and no other ones.
const MAC: [&str; 7] = [
    "/Applications/",
    "/Library/",
    "/System/",
    "/Users/",
    "/Volumes/",
    "/private/",
    "/Network/",
];
/// What mDNS is sent to (RFC 6762).
const BONJOUR: [&str; 2] = ["224.0.0.251/32", "ff02::fb/128"];
const MULTICAST: [&str; 2] = ["224.0.0.0/4", "ff00::/8"];
/// Most rules that one may make.
const PATTERNS_MOST: usize = 1000;

const CUSTOMS: Customs = Customs {
    firewall: "Little Snitch",
    is_denied,
    denied: "may have denied",
};

/// How exact it takes what a rule says of the other side to be, by its help (“The rule set”).
mod exactness {
    pub(super) const ADDRESSES: u8 = 5;
    pub(super) const HOSTS: u8 = 4;
    pub(super) const DOMAINS: u8 = 3;
    pub(super) const MULTICAST: u8 = 2;
    pub(super) const BONJOUR: u8 = 1;
    /// Of what cannot be told: it may go before all others.
    pub(super) const UNKNOWN: u8 = u8::MAX;
}

/// Reads a file.
pub(crate) fn import(file: &TextFile, settings: &Settings) -> Result<Imported, Error> {
    let text = file.text.trim_start_matches('\u{feff}');
    let group: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| Error::json(&file.name, &error))?;
    let mut imported = Imported::new(Format::Lsrules);
    for key in group.keys() {
        let known = ["name", "description", "denied-remote-notes", "process"];
        if !KEYS.contains(&key.as_str()) && !known.contains(&key.as_str()) {
            imported.refuse(format!("key “{}”", key.escape_debug()), "it is not known");
        }
    }
    let mut drafts = Vec::new();
    match group.get("rules") {
        None => {}
        Some(Value::Array(rules)) => {
            let mut patterns = 0;
            for (number, rule) in (1..).zip(rules) {
                let draft = draft(number, rule);
                patterns += draft.patterns.len();
                if patterns > RULES_MAX {
                    return Err(TooMany.of(&file.name));
                }
                drafts.push(draft);
            }
        }
        Some(_) => imported.refuse("key “rules”", "expected a list of rules"),
    }
    let said = group.get("denied-remote-notes").and_then(Value::as_str);
    let stem = Path::new(&file.name).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy();
    let title = group.get("name").and_then(Value::as_str);
    for key in ["domains", "hosts", "addresses"] {
        let list = group.get(&format!("denied-remote-{key}"));
        let name = name_of(&format!("{key} of {}", title.unwrap_or(&stem)));
        drafts.extend(denied(key, list, &name, said, &mut imported, file)?);
    }
    settle(drafts, settings, &CUSTOMS, &mut imported)
        .map_err(|too_many| too_many.of(&file.name))?;
    Ok(imported)
}

fn draft(number: usize, rule: &Value) -> Draft {
    let mut draft = Draft::named(format!("rule {number}"));
    let Some(rule) = rule.as_object() else {
        draft.refusal = Some("expected an object".to_owned());
        return draft;
    };
    if let Some(notes) = rule.get("notes").and_then(Value::as_str) {
        notes.clone_into(&mut draft.said);
    }
    let mut remote = Remote::default();
    for (key, value) in rule {
        if let Err(reason) = part(&mut draft, &mut remote, key, value) {
            draft.lost.push(reason);
        }
    }
    if !rule.contains_key("action") {
        // As if it said that it asks.
        asks(&mut draft);
    }
    remote.finish(&mut draft);
    if draft.operation == Some(Operation::Listen)
        && draft.patterns.iter().any(|it| it.destination.is_named())
    {
        draft.refusal = Some("no name is known of those who connect".to_owned());
    }
    draft
}

/// Where a rule is about, as far as it was read.
#[derive(Debug, Default)]
struct Remote {
    destinations: Option<Vec<Destination>>,
    ports: Option<Ports>,
    protocol: Option<Protocol>,
}

impl Remote {
    fn set(&mut self, destinations: Vec<Destination>) -> Result<(), String> {
        if self.destinations.is_some() {
            return Err("it names the other side in more than one way".to_owned());
        }
        self.destinations = Some(destinations);
        Ok(())
    }

    fn finish(self, draft: &mut Draft) {
        let destinations = self.destinations.unwrap_or(vec![Destination::Anywhere]);
        if destinations.is_empty() || destinations.len() > PATTERNS_MOST {
            draft.refusal = Some(format!(
                "it names {} others, and expected are 1 to {PATTERNS_MOST}",
                destinations.len()
            ));
            draft.exactness = exactness::UNKNOWN;
            draft.patterns.push(ObjectPattern::ANYTHING);
            return;
        }
        draft.patterns = destinations
            .into_iter()
            .map(|destination| ObjectPattern {
                destination,
                ports: self.ports.clone(),
                protocol: self.protocol,
            })
            .collect();
    }
}

/// A rule that asks is what there is without a rule, but it goes before some that allow.
fn asks(draft: &mut Draft) {
    draft.action = Action::DENY;
    draft.refusal = Some("it asks, and that is what happens where no rule is".to_owned());
}

/// Reads one part of a rule; the error is what cannot be said here.
fn part(draft: &mut Draft, remote: &mut Remote, key: &str, value: &Value) -> Result<(), String> {
    let lost = || {
        let shown: String = value.to_string().chars().take(80).collect();
        format!("it has {key} {}", shown.escape_debug())
    };
    let text = value.as_str();
    match (key, text) {
        ("action", Some("deny")) => draft.action = Action::DENY,
        ("action", Some("ask")) => asks(draft),
        ("process", Some(process)) => draft.who = who(process),
        ("disabled", _) => draft.in_force = !value.as_bool().ok_or_else(lost)?,
        ("priority", Some("high")) => draft.first = true,
        ("direction", Some("incoming")) => draft.operation = Some(Operation::Listen),
        ("action", Some("allow"))
        | ("priority", Some("regular" | "default"))
        | ("owner", Some("me" | "any" | "anyone"))
        | ("direction", Some("outgoing"))
        | ("protocol" | "ports" | "remote", Some("any")) => {}
        ("action", _) => {
            // It may be another way to say that it denies.
            draft.action = Action::DENY;
            draft.refusal = Some(format!("{}, which is not known", lost()));
        }
        ("direction", _) => {
            draft.operation = None;
            return Err(lost());
        }
        ("owner", Some(_)) => {
            draft.refusal = Some("it is for another user".to_owned());
            draft.in_force = false;
        }
        ("protocol", _) => {
            let word = scalar(value).ok_or_else(lost)?.to_ascii_lowercase();
            remote.protocol = Some(word.parse().map_err(|_unknown| lost())?);
        }
        ("ports", _) => {
            let word = scalar(value).ok_or_else(lost)?;
            remote.ports = Some(word.parse().map_err(|_unknown| lost())?);
        }
        ("remote", Some("multicast")) => {
            draft.exactness = exactness::MULTICAST;
            remote.set(networks(&MULTICAST))?;
        }
        ("remote", Some("bonjour")) => {
            draft.exactness = exactness::BONJOUR;
            remote.set(networks(&BONJOUR))?;
        }
        ("remote-addresses", _) => {
            let words = words(value).filter(|words| words.len() <= PATTERNS_MOST);
            let words = words.ok_or_else(lost)?;
            let found: Option<Vec<_>> = words.iter().map(|word| addresses(word)).collect();
            draft.exactness = exactness::ADDRESSES;
            remote.set(found.ok_or_else(lost)?.concat())?;
        }
        ("remote-hosts", _) => {
            draft.exactness = exactness::HOSTS;
            remote.set(names(value, Destination::Host).ok_or_else(lost)?)?;
        }
        ("remote-domains", _) => {
            draft.exactness = exactness::DOMAINS;
            remote.set(names(value, Destination::Domain).ok_or_else(lost)?)?;
        }
        _ if REMARKS.contains(&key) => {}
        _ => return Err(lost()),
    }
    Ok(())
}

fn who(process: &str) -> Who {
    let is_mac = MAC.iter().any(|it| process.starts_with(it)) || process.contains(".app/");
    if is_mac {
        Who::Foreign
    } else if Program::at(process).is_some() {
        Who::Programs(vec![process.to_owned()])
    } else {
        Who::Any
    }
}

/// A text, or a number as one.
fn scalar(value: &Value) -> Option<String> {
    let number = || value.as_u64().map(|number| number.to_string());
    value.as_str().map(str::to_owned).or_else(number)
}

/// Texts, or the words of one with commas between them.
fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(text.split(',').map(|word| word.trim().to_owned()).collect()),
        Value::Array(list) => list
            .iter()
            .map(|it| it.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

fn names(value: &Value, kind: fn(Box<str>) -> Destination) -> Option<Vec<Destination>> {
    let names = words(value)?;
    Some(
        names
            .into_iter()
            .map(|name| kind(name.to_ascii_lowercase().into()))
            .collect(),
    )
}

fn networks(texts: &[&str]) -> Vec<Destination> {
    let parsed = texts.iter().filter_map(|text| text.parse().ok());
    parsed.map(Destination::network).collect()
}

/// An address, a network, or all from one address to another.
fn addresses(word: &str) -> Option<Vec<Destination>> {
    if let Ok(network) = word.parse::<IpNet>() {
        return Some(vec![Destination::network(network)]);
    }
    if let Ok(address) = word.parse::<IpAddr>() {
        return Some(vec![Destination::network(address.into())]);
    }
    let (first, last) = word.split_once('-')?;
    let subnets = match (first.trim().parse().ok()?, last.trim().parse().ok()?) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
            IpSubnets::from(Ipv4Subnets::new(first, last, 0))
        }
        (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
            IpSubnets::from(Ipv6Subnets::new(first, last, 0))
        }
        _ => return None,
    };
    Some(subnets.map(Destination::network).collect())
}

/// Reads a list of what no program is to reach. One of which something cannot be said here is against anything.
fn denied(
    key: &str,
    list: Option<&Value>,
    name: &str,
    said: Option<&str>,
    imported: &mut Imported,
    file: &TextFile,
) -> Result<Vec<Draft>, Error> {
    let source = format!("denied-remote-{key}");
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let Some(words) = list.as_array().and_then(|_| words(list)) else {
        imported.refuse(source, "expected a list of texts");
        return Ok(Vec::new());
    };
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    for word in words {
        let found = match key {
            "addresses" => addresses(&word).map(|found| found.iter().filter_map(network).collect()),
            "hosts" => host_name(&word).map(|name| vec![Entry::Host(name)]),
            _ => host_name(&word).map(|name| vec![Entry::Domain(name)]),
        };
        match found {
            Some(found) => entries.extend::<Vec<Entry>>(found),
            None => wrong.push(word),
        }
    }
    let exactness = match key {
        "addresses" => exactness::ADDRESSES,
        "hosts" => exactness::HOSTS,
        _ => exactness::DOMAINS,
    };
    let denying = |source: &str| Draft {
        action: Action::DENY,
        exactness,
        said: said.unwrap_or_default().to_owned(),
        ..Draft::named(source.to_owned())
    };
    let pattern = |destination| ObjectPattern {
        destination,
        ..ObjectPattern::ANYTHING
    };
    // Each by itself: what it is against cannot be told.
    let mut drafts: Vec<Draft> = wrong
        .iter()
        .map(|word| {
            let shown: String = word.chars().take(80).collect();
            Draft {
                refusal: Some(format!("it has “{}”", shown.escape_debug())),
                patterns: vec![pattern(Destination::Anywhere)],
                ..denying(&format!("{source}: {shown}"))
            }
        })
        .collect();
    if let Some(named) = InList::named(name).filter(|_| !entries.is_empty()) {
        let list = list_of(entries, &file.name)?;
        let list = Destination::List(named.with(Some(Arc::new(list))));
        drafts.push(Draft {
            patterns: vec![pattern(list)],
            ..denying(&source)
        });
    }
    Ok(drafts)
}

fn network(destination: &Destination) -> Option<Entry> {
    match destination {
        Destination::Network(network) => Some(Entry::Network(*network)),
        _ => None,
    }
}

/// A rule that denies decides unless it is certain that the other does, by its priority or by what kind of other side
/// it names. One of which a part was lost may be more exact than what is left of it.
fn is_denied((allow, _): Side<'_>, (deny, _): Side<'_>) -> bool {
    let place = |draft: &Draft| (draft.first, draft.exactness);
    !deny.lost.is_empty() || place(deny) >= place(allow)
}

#[cfg(test)]
mod tests;
