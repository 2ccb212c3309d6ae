//! Rules of OpenSnitch: a JSON file for each, as its daemon keeps them or its window exports them.
//!
//! Its daemon goes through the rules that are switched on in the order of their names. The first that denies, or
//! has `precedence`, decides; if there is none, the last that allows.

mod conditions;
mod json;
mod lists;
mod regexps;
mod twins;

use std::collections::{BTreeSet, HashMap};

use portreeve_policy::{Action, ObjectPattern};
use serde::Deserialize;

use self::conditions::Conditions;
use crate::{
    Error, Format, Imported, Refused, Settings, TextFile,
    draft::Draft,
    json_text,
    settle::{Customs, Side, settle},
};

/// What it is called.
const FIREWALL: &str = "OpenSnitch";
/// What a rejected call fails with here.
const ECONNREFUSED: u16 = 111;

/// What people should know who take one rule of several.
const ALONE: &str = "only this file was looked at: what other rules of OpenSnitch deny is not known, and what this one \
                     allows is allowed whatever they say; name the directory to have all of them looked at";

const CUSTOMS: Customs = Customs {
    firewall: FIREWALL,
    is_denied,
    denied: "denied",
};

/// A rule as it is written. What is left out is false or empty, and so is what is null; keys that OpenSnitch does
/// not know it does not look at, and neither does this.
#[derive(Debug, Deserialize)]
pub(crate) struct RuleFile {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    action: String,
    #[serde(default)]
    duration: Option<String>,
    operator: Operator,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    precedence: Option<bool>,
    #[serde(default)]
    nolog: Option<bool>,
}

/// A condition, or a list of them of which all have to be met.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Operator {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    operand: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    list: Option<Vec<Operator>>,
    #[serde(default)]
    sensitive: Option<bool>,
}

impl Operator {
    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    fn operand(&self) -> &str {
        self.operand.as_deref().unwrap_or_default()
    }

    fn data(&self) -> &str {
        self.data.as_deref().unwrap_or_default()
    }

    fn is_sensitive(&self) -> bool {
        self.sensitive.unwrap_or(false)
    }

    /// The conditions: itself, or those that it lists. Old rules have the list as text.
    fn conditions(&self) -> Result<Vec<Self>, String> {
        if self.kind() != "list" {
            return Ok(vec![self.clone()]);
        }
        match self.list.as_deref() {
            Some(list) if !list.is_empty() => Ok(list.to_vec()),
            _ => json::decode(self.data())
                .map_err(|error| format!("its list of conditions cannot be understood: {error}"))
                .and_then(|list: Vec<Self>| match list[..] {
                    [] => Err("it has no condition".to_owned()),
                    _ => Ok(list),
                }),
        }
    }
}

/// Reads the files of a directory.
pub(crate) fn import(
    name: &str,
    files: &[TextFile],
    skipped: &[Refused],
    settings: &Settings,
) -> Result<Imported, Error> {
    one_computer(name, files)?;
    let mut drafts: Vec<Halved> = skipped
        .iter()
        .map(|it| unread(&it.source, &it.reason))
        .collect();
    let mut tally = Tally {
        unread: drafts.len(),
        ..Tally::default()
    };
    for file in files {
        drafts.push(match json::decode(&file.text) {
            Ok(rule) => draft(file, &rule, settings, &mut tally),
            Err(error) => {
                tally.unread += 1;
                let (line, column) = (error.line(), error.column());
                let text = json_text(&error);
                unread(&file.name, &format!("line {line}, column {column}: {text}"))
            }
        });
    }
    mark_namesakes(&mut drafts);
    take(name, drafts, &tally, settings)
}

/// OpenSnitch takes one of several rules with one name, and which one depends on when it reads them: those that
/// allow are not relied on.
fn mark_namesakes(drafts: &mut [Halved]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for Halved { draft, .. } in drafts.iter() {
        *counts.entry(draft.name.clone()).or_default() += 1;
    }
    for Halved { draft, .. } in drafts {
        let is_alone = draft.name.is_empty() || counts.get(&draft.name) == Some(&1);
        if !is_alone && !draft.denies() {
            let reason = "another rule has the same name, and OpenSnitch takes one of them";
            draft.lost.push(reason.to_owned());
        }
    }
}

/// Reads one file.
pub(crate) fn import_file(file: &TextFile, settings: &Settings) -> Result<Imported, Error> {
    let rule = json::decode(&file.text).map_err(|error| Error::json(&file.name, &error))?;
    let mut tally = Tally::default();
    let drafts = vec![draft(file, &rule, settings, &mut tally)];
    let mut imported = take(&file.name, drafts, &tally, settings)?;
    imported.warnings.insert(0, ALONE.to_owned());
    Ok(imported)
}

/// The window exports the rules of each computer into a directory of its own.
fn one_computer(name: &str, files: &[TextFile]) -> Result<(), Error> {
    let above = |file: &TextFile| match file.name.split_once('/') {
        Some((directory, _)) => directory.to_owned(),
        None => ".".to_owned(),
    };
    let directories: BTreeSet<String> = files.iter().map(above).collect();
    if directories.len() > 1 {
        let nodes: Vec<_> = directories.into_iter().collect();
        return Err(Error::Nodes {
            name: name.to_owned(),
            nodes: nodes.join(", "),
        });
    }
    Ok(())
}

/// What a file has that cannot be understood here: to OpenSnitch it may be a rule against anything.
fn unread(file: &str, reason: &str) -> Halved {
    let draft = Draft {
        source: file.to_owned(),
        action: Action::DENY,
        patterns: vec![ObjectPattern::ANYTHING],
        refusal: Some(reason.to_owned()),
        // So that it goes before all others.
        ..Draft::named(String::new())
    };
    let family = None;
    Halved { draft, family }
}

fn take(
    name: &str,
    drafts: Vec<Halved>,
    tally: &Tally,
    settings: &Settings,
) -> Result<Imported, Error> {
    let mut imported = Imported::new(Format::OpenSnitch);
    let drafts = twins::join(drafts, &mut imported.warnings);
    tally.warn(&mut imported.warnings);
    settle(drafts, settings, &CUSTOMS, &mut imported).map_err(|too_many| too_many.of(name))?;
    Ok(imported)
}

/// What is to be said once, and not of each rule.
#[derive(Debug, Default)]
struct Tally {
    /// Files that cannot be read or understood.
    unread: usize,
    /// Rules that deny, and compare paths without regard to case.
    any_case: usize,
    /// Rules with names of networks.
    aliases: usize,
    /// Rules that were not to be recorded.
    unrecorded: usize,
}

impl Tally {
    fn warn(&self, warnings: &mut Vec<String>) {
        let mut say = |count: usize, text: &str| {
            if count > 0 {
                warnings.push(format!("{count} of the rules {text}"));
            }
        };
        say(
            self.unread,
            "cannot be read, and may be against anything: what the others allow is switched off",
        );
        say(
            self.any_case,
            "that deny compare the path of a program without regard to upper and lower case; here a path is what is written",
        );
        say(
            self.aliases,
            "name networks by “LAN” or “MULTICAST”: they are taken to be what OpenSnitch comes with",
        );
        say(
            self.unrecorded,
            "were not to be recorded; Portreeve records what they decide",
        );
    }
}

/// A draft that may be for one family of addresses where that cannot be said.
#[derive(Debug)]
pub(crate) struct Halved {
    draft: Draft,
    /// The family, if it is still to be said.
    family: Option<conditions::Family>,
}

fn draft(file: &TextFile, rule: &RuleFile, settings: &Settings, tally: &mut Tally) -> Halved {
    let file = file.name.rsplit('/').next().unwrap_or(&file.name);
    let stem = file.strip_suffix(".json").filter(|stem| !stem.is_empty());
    // One without a name goes before all others there; people are shown that of its file.
    let name = rule.name.clone().unwrap_or_default();
    let shown = if name.is_empty() {
        stem.unwrap_or(file)
    } else {
        &name
    };
    let mut draft = Draft {
        source: shown.to_owned(),
        said: rule.description.clone().unwrap_or_default(),
        in_force: rule.enabled.unwrap_or(false),
        first: rule.precedence.unwrap_or(false),
        ..Draft::named(name)
    };
    match rule.action.as_str() {
        "allow" => {}
        "deny" => draft.action = Action::DENY,
        "reject" => draft.action = Action::Deny(ECONNREFUSED),
        other => {
            // OpenSnitch lets nothing through by it.
            draft.action = Action::DENY;
            draft.refusal = Some(format!("it has the action “{other}”, which is not known"));
        }
    }
    let mut conditions = Conditions::new(settings);
    match rule.operator.conditions() {
        Ok(list) => list.iter().for_each(|condition| conditions.add(condition)),
        Err(reason) => draft.lost.push(reason),
    }
    tally.unrecorded += usize::from(rule.nolog.unwrap_or(false));
    tally.aliases += usize::from(conditions.has_alias);
    tally.any_case += usize::from(conditions.any_case && draft.denies());
    let duration = rule.duration.as_deref().unwrap_or_default();
    if is_temporary(duration) {
        // It counts there all the same: its daemon loads what is in the directory.
        draft.lost.push(format!("it was to last “{duration}” only"));
    } else if duration != "always" {
        draft
            .lost
            .push(format!("its duration “{duration}” is not known"));
    }
    let family = conditions.finish(&mut draft);
    Halved { draft, family }
}

/// Whether a duration is one after which a rule ends: of Go, such as `1h30m`, or one of the words.
fn is_temporary(duration: &str) -> bool {
    let is_time = || {
        let mut rest = duration;
        while !rest.is_empty() {
            let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            let unit = ["ms", "us", "ns", "µs", "h", "m", "s"];
            let Some(next) = unit.iter().find_map(|unit| digits.strip_prefix(unit)) else {
                return false;
            };
            if digits.len() == rest.len() {
                return false;
            }
            rest = next;
        }
        !duration.is_empty()
    };
    matches!(duration, "once" | "until restart") || is_time()
}

/// A rule that denies decides, unless the other has precedence and comes before it.
fn is_denied((allow, _): Side<'_>, (deny, _): Side<'_>) -> bool {
    !(allow.first && allow.name < deny.name)
}

#[cfg(test)]
mod tests;
