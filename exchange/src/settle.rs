//! Makes rules of another firewall's rules, and finds where the two would not agree.
//!
//! Each firewall has its own order of rules. Two rules for a program that can be about the same call, one that
//! allows and one that denies, are compared: if the one that denies decided there, or may have, and does not here,
//! because the other is the more exact one or because it cannot be said here, the one that allows is taken
//! switched off. So no call is allowed by what was taken that the other firewall would have denied.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use portreeve_dbus::ANY;
use portreeve_policy::{Destination, ObjectPattern};

use crate::{
    Error, Imported, Incoming, IncomingList, RULES_MAX, Settings,
    draft::{Draft, Who},
    pattern::{outranks, overlap},
};

/// A rule and one of the things it is about.
pub(crate) type Side<'a> = (&'a Draft, &'a ObjectPattern);

/// There are more rules than [`RULES_MAX`].
#[derive(Debug)]
pub(crate) struct TooMany;

impl TooMany {
    /// What it is of a file or directory.
    pub(crate) fn of(self, name: &str) -> Error {
        let Self = self;
        Error::TooMany(name.to_owned())
    }
}

/// How another firewall goes about its rules.
pub(crate) struct Customs {
    /// Its name.
    pub(crate) firewall: &'static str,
    /// Whether a rule that denies decides there, or may do so, and not the first one, which allows.
    pub(crate) is_denied: fn(Side<'_>, Side<'_>) -> bool,
    /// What it did then, in words.
    pub(crate) denied: &'static str,
}

/// The program that rules are for which name none of this computer.
#[derive(Clone, Copy)]
struct App<'a> {
    key: Option<&'a str>,
    /// Whether other firewalls know it by a path that is not known here: that of an executable of the application,
    /// or that of what runs the script. Any rule for a path may be about it there.
    has_other_path: bool,
}

impl<'a> App<'a> {
    fn of(settings: &'a Settings) -> Self {
        let key = settings.app.as_deref();
        Self {
            key,
            has_other_path: settings.app_is_script || key.is_some_and(|it| !it.starts_with('/')),
        }
    }

    /// Whether this is the program, and has another path elsewhere.
    fn is_elsewhere(self, program: &str) -> bool {
        self.has_other_path && self.key == Some(program)
    }
}

/// A rule that denies, and that is no rule of ours.
struct Gone {
    draft: Draft,
    /// But for this program, for which it is.
    but: Option<String>,
}

impl Gone {
    fn is_about(&self, program: &str, app: App<'_>) -> bool {
        let may_be = self.draft.who.may_be(program) || app.is_elsewhere(program);
        let in_other_case = || {
            let mut programs = programs(&self.draft).iter();
            self.draft.any_case && programs.any(|it| it.to_lowercase() == program.to_lowercase())
        };
        self.but.as_deref() != Some(program) && (may_be || in_other_case())
    }
}

/// Takes rules, as far as they can be.
pub(crate) fn settle(
    drafts: Vec<Draft>,
    settings: &Settings,
    customs: &Customs,
    imported: &mut Imported,
) -> Result<(), TooMany> {
    let app = App::of(settings);
    let mut kept = Vec::new();
    let mut gone = Vec::new();
    let mut any = Vec::new();
    for mut draft in drafts {
        draft.check();
        let counts = draft.denies() && draft.in_force;
        let spreads = counts && draft.is_whole();
        if let (Who::Foreign, Some(app)) = (&draft.who, app.key) {
            draft.who = Who::Programs(vec![app.to_owned()]);
        }
        match (&draft.who, app.key) {
            _ if draft.refusal.is_some() => {
                imported.refuse(&draft.source, refusal(&draft));
                gone.extend(counts.then_some(Gone { draft, but: None }));
            }
            (Who::Programs(_), _) => kept.push(draft),
            (Who::Any, _) if draft.is_against_lists() && draft.lost.is_empty() => {
                // A rule for what is in a file is more exact than one for each program.
                let of_file = app.key.filter(|key| key.starts_with("sha256:"));
                let all = [ANY].into_iter().chain(of_file);
                draft.who = Who::Programs(all.map(str::to_owned).collect());
                kept.push(draft);
            }
            (Who::Any | Who::Matching(_), _) if spreads => any.push(draft),
            (Who::Any, Some(app)) => {
                let one = Who::Programs(vec![app.to_owned()]);
                kept.push(Draft {
                    who: one,
                    ..draft.clone()
                });
                // For all other programs it is gone.
                let but = Some(app.to_owned());
                gone.extend(counts.then_some(Gone { draft, but }));
            }
            (Who::Any | Who::Foreign | Who::Matching(_), _) => {
                imported.refuse(&draft.source, refusal(&draft));
                gone.extend(counts.then_some(Gone { draft, but: None }));
            }
        }
    }
    spread(any, app, &mut kept, &mut gone, imported)?;
    let count: usize = kept
        .iter()
        .map(|draft| programs(draft).len() * draft.patterns.len())
        .sum();
    if count > RULES_MAX {
        return Err(TooMany);
    }
    let conflicts = conflicts(&kept, &gone, app, customs);
    for (draft, conflict) in kept.iter().zip(conflicts) {
        emit(draft, conflict, customs, imported);
    }
    Ok(())
}

fn refusal(draft: &Draft) -> String {
    if let Some(reason) = &draft.refusal {
        return reason.clone();
    }
    let mut reasons = Vec::new();
    match &draft.who {
        Who::Programs(_) => {}
        Who::Any => reasons.push("it is for any program, and rules here name one".to_owned()),
        Who::Foreign => reasons.push("it is for a program that is not on this computer".to_owned()),
        Who::Matching(described) => reasons.push(format!(
            "it is for programs with a path like “{}”, and rules here name one",
            described.text
        )),
    }
    reasons.extend(draft.lost.iter().cloned());
    reasons.join("; ")
}

fn programs(draft: &Draft) -> &[String] {
    match &draft.who {
        Who::Programs(programs) => programs,
        Who::Any | Who::Foreign | Who::Matching(_) => &[],
    }
}

/// Rules against any program become rules against the one that was named for them, and against those that
/// something is allowed to: for all others nothing is allowed, and they are asked about.
fn spread(
    any: Vec<Draft>,
    app: App<'_>,
    kept: &mut Vec<Draft>,
    gone: &mut Vec<Gone>,
    imported: &mut Imported,
) -> Result<(), TooMany> {
    let allowed: BTreeSet<String> = kept
        .iter()
        .filter(|draft| !draft.denies() && draft.is_whole())
        .flat_map(programs)
        .map(String::as_str)
        .chain(app.key)
        .map(str::to_owned)
        .collect();
    let mut count = 0;
    for mut draft in any {
        let those: Vec<String> = allowed
            .iter()
            .filter(|program| match draft.who {
                // It is about the path that the program has there.
                Who::Matching(_) if app.is_elsewhere(program) => false,
                _ => draft.who.may_be(program),
            })
            .cloned()
            .collect();
        if those.is_empty() {
            imported.refuse(&draft.source, refusal(&draft));
            gone.push(Gone { draft, but: None });
            continue;
        }
        count += those.len();
        if count > RULES_MAX {
            return Err(TooMany);
        }
        imported.warnings.push(format!(
            "“{}” is for more than one program: it is taken for {}; all others will be asked about",
            draft.source,
            match those.len() {
                1 => "the one that other rules here are for".to_owned(),
                many => format!("each of the {many} that other rules here are for"),
            }
        ));
        draft.who = Who::Programs(those);
        kept.push(draft);
    }
    Ok(())
}

/// How two rules do not agree here as they did there.
enum Conflict {
    /// This one would allow what another denied.
    Opens(String),
    /// Another one denies what this one allowed.
    Closes(String),
}

/// For each rule, what it does not agree with.
fn conflicts(
    kept: &[Draft],
    gone: &[Gone],
    app: App<'_>,
    customs: &Customs,
) -> Vec<Option<Conflict>> {
    let denies = || kept.iter().filter(|draft| draft.denies() && draft.in_force);
    let mut against: HashMap<String, Vec<&Draft>> = HashMap::new();
    for draft in denies() {
        for program in programs(draft) {
            against
                .entry(program.to_lowercase())
                .or_default()
                .push(draft);
        }
    }
    let conflict = |allow: &Draft| {
        if allow.denies() || !allow.is_whole() {
            return None;
        }
        let mut closes = None;
        for program in programs(allow) {
            let own = against.get(&program.to_lowercase());
            let own = own
                .into_iter()
                .chain(against.get(ANY))
                .flatten()
                .copied()
                .filter_map(|deny| {
                    // Whose path is the same but for its case, that is another program here.
                    let same = deny.who.may_be(program);
                    (same || deny.any_case).then_some((deny, same && deny.is_whole()))
                });
            let by_path = denies().filter(|deny| {
                // One that has the program's key is looked at already.
                app.is_elsewhere(program) && !deny.who.may_be(program)
            });
            let others = gone.iter().filter(|gone| gone.is_about(program, app));
            let others = others.map(|gone| &gone.draft).chain(by_path);
            for (deny, is_here) in own.chain(others.map(|deny| (deny, false))) {
                match compare(allow, deny, is_here, customs) {
                    Some(Conflict::Closes(text)) => {
                        closes = closes.or(Some(Conflict::Closes(text)));
                    }
                    None => {}
                    opens => return opens,
                }
            }
        }
        closes
    };
    kept.iter().map(conflict).collect()
}

/// Compares two rules about a program; `is_here` if the one that denies can be taken as it is.
fn compare(allow: &Draft, deny: &Draft, is_here: bool, customs: &Customs) -> Option<Conflict> {
    let operations = allow.operation.zip(deny.operation);
    if operations.is_some_and(|(allowed, denied)| allowed != denied) {
        return None;
    }
    let mut closes = None;
    for a in &allow.patterns {
        for d in deny.patterns.iter().filter(|d| overlap(a, d)) {
            let was_denied = (customs.is_denied)((allow, a), (deny, d));
            let allows = outranks((a, allow.action), (d, deny.action));
            if was_denied && !is_here {
                return Some(Conflict::Opens(format!(
                    "“{}” may have denied some of it, and cannot be taken as it was",
                    deny.source
                )));
            }
            if was_denied && allows {
                return Some(Conflict::Opens(format!(
                    "“{}” {} some of it, and would not here, where the more exact rule decides",
                    deny.source, customs.denied
                )));
            }
            if !was_denied && !allows && is_here {
                closes = Some(Conflict::Closes(format!(
                    "“{}” allowed some of what “{}” denies here, where the more exact rule decides, and at equals the one that denies",
                    allow.source, deny.source
                )));
            }
        }
    }
    closes
}

/// Makes the rules of one.
fn emit(draft: &Draft, conflict: Option<Conflict>, customs: &Customs, imported: &mut Imported) {
    let mut off = (!draft.lost.is_empty()).then(|| draft.lost.join("; "));
    match conflict {
        Some(Conflict::Opens(reason)) => {
            imported
                .warnings
                .push(format!("“{}” is switched off: {reason}", draft.source));
            off = Some(reason);
        }
        Some(Conflict::Closes(warning)) => imported.warnings.push(warning),
        None => {}
    }
    if !draft.in_force && off.is_none() {
        off = Some(format!("it was off in {}", customs.firewall));
    }
    let note = draft.note(customs.firewall, off.as_deref());
    for pattern in &draft.patterns {
        if let Destination::List(named) = &pattern.destination
            && let Some(list) = named.list()
            && imported.lists.iter().all(|it| it.name != named.name())
        {
            imported.lists.push(IncomingList {
                name: named.name().to_owned(),
                source: draft.source_of_list(customs.firewall),
                list: Arc::clone(list),
            });
        }
    }
    for program in programs(draft) {
        for mut spec in draft.specs(program) {
            spec.enabled = Some(off.is_none());
            spec.note.clone_from(&note);
            imported.rules.push(Incoming {
                source: draft.source.clone(),
                spec,
                off: off.clone(),
            });
        }
    }
}
