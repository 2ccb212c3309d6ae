//! Portreeve's own files: JSON, one object for each rule, in the words of the bus.
//!
//! `data/portreeve-rules.schema.json` describes them for others; a test compares.

use std::{fmt, sync::Arc};

use portreeve_dbus::{Error as BusError, Rule, RuleSpec};
use portreeve_policy::{Action, InList, Origin, entries_of};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};

use crate::{
    Error, Format, Imported, Incoming, IncomingList, RULES_MAX, TextFile, draft::fit,
    lists::list_of,
};

/// The version of files that are written, and the only one that is read.
pub const VERSION: u64 = 1;
/// The key that has it, by which such files are known.
pub(crate) const KEY: &str = "portreeve-rules";

/// A file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "portreeve-rules")]
    version: u64,
    #[serde(deserialize_with = "checked")]
    rules: Vec<Written>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lists: Vec<WrittenList>,
}

/// One list as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenList {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    source: String,
    entries: Vec<String>,
}

impl WrittenList {
    fn list(self, file: &TextFile) -> Result<IncomingList, Error> {
        let wrong = |text: String| Error::List {
            name: file.name.clone(),
            list: self.name.clone(),
            text,
        };
        let mut entries = Vec::new();
        for line in &self.entries {
            entries.extend(entries_of(line).map_err(wrong)?);
        }
        if InList::named(&self.name).is_none() {
            return Err(wrong("no list can be called so".to_owned()));
        }
        Ok(IncomingList {
            list: Arc::new(list_of(entries, &file.name)?),
            source: fit(&self.source).unwrap_or_default(),
            name: self.name,
        })
    }
}

/// What is looked at first.
#[derive(Debug, Deserialize)]
struct Head {
    #[serde(rename = "portreeve-rules")]
    version: u64,
}

/// One rule as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    program: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    called: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    and_what_it_starts: Option<bool>,
    operations: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ports: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    action: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    errno: Option<String>,
    /// UUID of the network, and what that is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only_in: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only_in_name: Option<String>,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_yes(is_so: &bool) -> bool {
    *is_so
}

impl Written {
    /// The rule, if it is one.
    fn spec(self) -> Result<RuleSpec, String> {
        let errno = self.errno.map(|name| {
            let found = Action::ERRNOS.iter().find(|(known, _)| *known == name);
            found.map(|(_, number)| *number).ok_or_else(|| {
                let known = Action::ERRNOS.map(|(name, _)| name).join(", ");
                format!(
                    "cannot use errno “{}”: expected one of {known}",
                    name.escape_debug()
                )
            })
        });
        let spec = RuleSpec {
            program: self.program,
            called: self.called,
            started_by: self.started_by,
            and_what_it_starts: self.and_what_it_starts,
            operations: self.operations,
            host: self.host,
            domain: self.domain,
            network: self.network,
            list: self.list,
            place: self.place,
            ports: self.ports,
            protocol: self.protocol,
            action: self.action,
            errno: errno.transpose()?,
            lifespan: None,
            only_in: self.only_in,
            only_in_name: self.only_in_name,
            enabled: Some(self.enabled),
            note: self.note,
        };
        match spec.check() {
            Ok(_) => Ok(spec),
            Err(BusError::InvalidArgument(text)) => Err(text),
            Err(other) => Err(other.to_string()),
        }
    }
}

impl From<RuleSpec> for Written {
    fn from(spec: RuleSpec) -> Self {
        // What most calls fail with is not worth a word.
        let errno = spec
            .errno
            .filter(|errno| Some(*errno) != Action::DENY.errno());
        Self {
            program: spec.program,
            called: spec.called,
            started_by: spec.started_by,
            and_what_it_starts: spec.and_what_it_starts.filter(|it| *it),
            operations: spec.operations,
            host: spec.host,
            domain: spec.domain,
            network: spec.network,
            list: spec.list,
            place: spec.place,
            ports: spec.ports,
            protocol: spec.protocol,
            action: spec.action,
            errno: errno.and_then(Action::errno_name).map(str::to_owned),
            only_in: spec.only_in,
            only_in_name: spec.only_in_name,
            enabled: spec.enabled.unwrap_or(true),
            note: spec.note,
        }
    }
}

/// Reads rules and checks each, so that a mistake is found where it is.
fn checked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Written>, D::Error> {
    struct Rules;

    impl<'de> Visitor<'de> for Rules {
        type Value = Vec<Written>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of rules")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut rules: Vec<Written> = Vec::new();
            while let Some(rule) = list.next_element::<Written>()? {
                rules.push(rule.clone());
                if let Err(text) = rule.spec() {
                    let number = rules.len();
                    return Err(A::Error::custom(format!("in rule {number}: {text}")));
                }
            }
            Ok(rules)
        }
    }

    deserializer.deserialize_seq(Rules)
}

/// Reads a file. All of it has to be right: it was written by Portreeve, or for it.
pub(crate) fn import(file: &TextFile) -> Result<Imported, Error> {
    let wrong = |error: &serde_json::Error| Error::json(&file.name, error);
    let text = file.text.trim_start_matches('\u{feff}');
    let head: Head = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    if head.version != VERSION {
        return Err(Error::Version {
            name: file.name.clone(),
            version: head.version,
        });
    }
    let document: Document = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    if document.rules.len() > RULES_MAX {
        return Err(Error::TooMany(file.name.clone()));
    }
    let rules = (1..).zip(document.rules).filter_map(|(number, written)| {
        Some(Incoming {
            source: format!("rule {number}"),
            // It is one, or the file would not have been read.
            spec: written.spec().ok()?,
            off: None,
        })
    });
    let lists = document.lists.into_iter().map(|list| list.list(file));
    Ok(Imported {
        lists: lists.collect::<Result<_, _>>()?,
        rules: rules.collect(),
        ..Imported::new(Format::Portreeve)
    })
}

/// A rule that is in no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Which.
    pub id: u64,
    /// Why.
    pub reason: &'static str,
}

/// Rules, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The file.
    pub text: String,
    /// How many rules it has.
    pub count: usize,
    /// The user's rules that it does not have.
    pub left_out: Vec<LeftOut>,
}

/// The rule as it can be in a file.
pub(crate) fn lasting(rule: &Rule) -> Result<RuleSpec, &'static str> {
    match rule.lifespan.as_str() {
        "always" => {}
        "process" => return Err("it is for one process"),
        "logout" => return Err("it ends when its user logs out"),
        // What is left of it passes while it lies in a file.
        _ => return Err("it ends by itself"),
    }
    // A rule that lives always ends at no time, so that it does not matter what time it is.
    let spec = rule.spec(0).filter(|spec| spec.check().is_ok());
    let spec = spec.ok_or("no path names its program")?;
    Ok(RuleSpec {
        lifespan: None,
        ..spec
    })
}

/// Whether a rule is a user's own, and not an administrator's or built in.
pub(crate) fn is_own(rule: &Rule) -> bool {
    rule.origin.parse().is_ok_and(Origin::is_users)
}

/// Writes the user's own rules that live until they are removed, and these lists. Who made them and when is not written.
pub fn export(rules: &[Rule], lists: &[IncomingList]) -> Exported {
    let mut own: Vec<&Rule> = rules.iter().filter(|rule| is_own(rule)).collect();
    // The older first, since what is added later counts.
    own.sort_by_key(|rule| (&rule.program, rule.created, rule.id));
    let mut written = Vec::new();
    let mut left_out = Vec::new();
    for rule in own {
        match lasting(rule) {
            Ok(spec) => written.push(Written::from(spec)),
            Err(reason) => left_out.push(LeftOut {
                id: rule.id,
                reason,
            }),
        }
    }
    let count = written.len();
    let document = Document {
        version: VERSION,
        rules: written,
        lists: lists
            .iter()
            .map(|it| WrittenList {
                name: it.name.clone(),
                source: it.source.clone(),
                entries: it.list.entries().map(|entry| entry.to_string()).collect(),
            })
            .collect(),
    };
    // There is nothing in it that JSON could not say.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    Exported {
        text,
        count,
        left_out,
    }
}

#[cfg(test)]
mod tests;
