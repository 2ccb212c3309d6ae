//! What taking rules from a file would change, as it is shown before.

use portreeve_dbus::{Rule, RuleSpec};
use portreeve_exchange::{Difference, Format, Imported, Incoming, IncomingList, Refused};
use portreeve_policy::{Lifespan, Origin, Rule as PolicyRule, RuleId};

use super::{
    RuleWords, rule_words,
    text::{isolate, plain, shown, shown_within},
};
use crate::i18n::{fill, gettext, gettext_f, ngettext_f};

/// Names in a summary.
const NAMES: usize = 3;
/// Longest reason shown, characters: about as long as a note can be.
const LONGEST_REASON: usize = 600;

/// What becomes of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportPart {
    /// They are added.
    Add,
    /// They are added, but not in force.
    AddOff,
    /// Not rules, but lists that they are about.
    Lists,
    /// They are deleted.
    Remove,
    /// They are put in force.
    Enable,
    /// They are put out of force.
    Disable,
    /// They are there already.
    Same,
    /// They are not taken.
    Refused,
    /// Not rules, but what is to be known.
    Warnings,
}

impl ImportPart {
    /// What it is called.
    pub fn title(self) -> String {
        match self {
            Self::Add => gettext("To be added"),
            Self::AddOff => gettext("To be added, switched off"),
            Self::Lists => gettext("Lists to be kept"),
            Self::Remove => gettext("To be deleted"),
            Self::Enable => gettext("To be switched on"),
            Self::Disable => gettext("To be switched off"),
            Self::Same => gettext("There already"),
            Self::Refused => gettext("Not taken"),
            Self::Warnings => gettext("Please note"),
        }
    }
}

/// One line of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A rule of the file.
    Incoming(Incoming),
    /// One that the user has.
    There(Rule),
    /// A list of the file, and whether there is one of the name.
    List(IncomingList, bool),
    /// One that cannot be taken.
    Refused(Refused),
    /// What is to be known.
    Warning(String),
}

/// The words of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineWords {
    /// What it is about.
    pub heading: String,
    /// The rule, if it is about one.
    pub rule: Option<RuleWords>,
    /// What else is said.
    pub text: String,
    /// What is small below.
    pub caption: String,
    /// All of it, to be read aloud.
    pub spoken: String,
}

impl Line {
    /// The words of this line.
    pub fn words(&self) -> LineWords {
        match self {
            Self::Incoming(incoming) => {
                let source = isolate(&shown(&incoming.source));
                let source = gettext_f("“{name}”", &[("name", &source)]);
                let off = incoming.off.as_deref().map(reason);
                // Translators: {rule} is what a rule is called, {reason} a technical text in English.
                let why = |off: &String| {
                    gettext_f(
                        "{rule}, off: {reason}",
                        &[("rule", &source), ("reason", off)],
                    )
                };
                let below = off.as_ref().map_or_else(|| source.clone(), why);
                of_rule(&rule_of(&incoming.spec), &below)
            }
            Self::There(rule) => {
                let origin = RuleWords::new(rule).origin;
                of_rule(rule, &origin)
            }
            Self::List(list, replaces) => {
                let (heading, text) = (isolate(&shown(&list.name)), about_list(list, *replaces));
                LineWords {
                    spoken: plain(&format!("{heading}: {text}")),
                    heading,
                    rule: None,
                    text,
                    caption: isolate(&shown(&list.source)),
                }
            }
            Self::Refused(refused) => {
                let (heading, text) = (isolate(&shown(&refused.source)), reason(&refused.reason));
                LineWords {
                    spoken: plain(&format!("{heading}: {text}")),
                    heading,
                    rule: None,
                    text,
                    caption: String::new(),
                }
            }
            Self::Warning(warning) => {
                let text = reason(warning);
                LineWords {
                    heading: String::new(),
                    rule: None,
                    spoken: plain(&text),
                    text,
                    caption: String::new(),
                }
            }
        }
    }

    /// What it is called in a summary.
    fn name(&self) -> String {
        match self {
            Self::Incoming(incoming) => rule_words::name(&rule_of(&incoming.spec)),
            Self::There(rule) => rule_words::name(rule),
            Self::List(list, _) => isolate(&shown(&list.name)),
            Self::Refused(refused) => isolate(&shown(&refused.source)),
            Self::Warning(warning) => reason(warning),
        }
    }
}

fn about_list(list: &IncomingList, replaces: bool) -> String {
    let entries = rule_words::entries(list.list.len());
    if replaces {
        // Translators: {entries} is as “84213 entries”.
        let text = gettext("{entries}, in the place of the list that is there");
        fill(&text, &[("entries", &entries)])
    } else {
        entries
    }
}

fn reason(text: &str) -> String {
    isolate(&shown_within(text, LONGEST_REASON))
}

fn of_rule(rule: &Rule, below: &str) -> LineWords {
    let words = RuleWords::new(rule);
    let caption = match &words.path {
        Some(path) => format!("{path} · {below}"),
        None => below.to_owned(),
    };
    LineWords {
        heading: words.name.clone(),
        spoken: plain(&format!("{} · {below}", words.spoken)),
        rule: Some(words),
        text: String::new(),
        caption,
    }
}

/// The rule that this would be; every one was checked.
fn rule_of(spec: &RuleSpec) -> Rule {
    let Ok(checked) = spec.check() else {
        return Rule::default();
    };
    Rule::from(&PolicyRule {
        id: RuleId(0),
        uid: None,
        subject: checked.subject,
        operations: checked.operations,
        object: checked.object,
        action: checked.action,
        lifespan: Lifespan::Always,
        network: checked.network,
        enabled: checked.enabled,
        origin: Origin::Import,
        created: 0,
        note: checked.note,
    })
}

/// What taking rules would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportPreview {
    /// What they are written in.
    pub format: Format,
    /// What becomes of rules, none of it empty.
    pub parts: Vec<(ImportPart, Vec<Line>)>,
}

impl ImportPreview {
    /// Of what a file has, and what that changes.
    pub fn new(imported: &Imported, difference: &Difference) -> Self {
        let (on, off): (Vec<_>, Vec<_>) = difference
            .add
            .iter()
            .cloned()
            .partition(|rule| rule.spec.enabled.unwrap_or(true));
        let incoming = |rules: Vec<Incoming>| rules.into_iter().map(Line::Incoming).collect();
        let there = |rules: &[Rule]| rules.iter().cloned().map(Line::There).collect();
        let same = difference.same.iter().map(|same| same.rule.clone());
        let same: Vec<Rule> = same.collect();
        let refused = imported.refused.iter().cloned().map(Line::Refused);
        let warnings = imported.warnings.iter().cloned().map(Line::Warning);
        let lists = difference.lists.iter().cloned().map(|list| {
            let replaces = difference.replaced.contains(&list.name);
            Line::List(list, replaces)
        });
        let parts: [(ImportPart, Vec<Line>); 9] = [
            (ImportPart::Add, incoming(on)),
            (ImportPart::AddOff, incoming(off)),
            (ImportPart::Lists, lists.collect()),
            (ImportPart::Remove, there(&difference.remove)),
            (ImportPart::Enable, there(&difference.enable)),
            (ImportPart::Disable, there(&difference.disable)),
            (ImportPart::Same, there(&same)),
            (ImportPart::Refused, refused.collect()),
            (ImportPart::Warnings, warnings.collect()),
        ];
        let parts = parts.into_iter().filter(|(_, lines)| !lines.is_empty());
        Self {
            format: imported.format,
            parts: parts.collect(),
        }
    }

    /// What the file is.
    pub fn kind(&self) -> String {
        match self.format {
            Format::Portreeve => gettext("Rules of Portreeve"),
            Format::OpenSnitch => gettext("Rules of OpenSnitch"),
            Format::Lsrules => gettext("Rule group of Little Snitch"),
            Format::List => gettext("List of what is to be denied"),
        }
    }
}

/// The first names of a part's lines, and how many more there are.
pub fn summary(lines: &[Line]) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut more = 0;
    for name in lines.iter().map(Line::name) {
        if !seen.insert(name.clone()) {
            continue;
        }
        if names.len() < NAMES {
            names.push(name);
        } else {
            more += 1;
        }
    }
    // Translators: stands between the names of programs in a list.
    let names = names.join(&gettext(", "));
    if more == 0 {
        return names;
    }
    // Translators: {names} is some names, as in “curl, ssh, wget”.
    ngettext_f(
        "{names} and {n} more",
        "{names} and {n} more",
        more,
        &[("names", &names)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(program: &str, off: Option<&str>) -> Incoming {
        Incoming {
            source: "a".to_owned(),
            spec: RuleSpec {
                program: program.to_owned(),
                operations: vec!["connect".to_owned()],
                host: Some("a.example".to_owned()),
                action: "deny".to_owned(),
                enabled: Some(off.is_none()),
                ..RuleSpec::default()
            },
            off: off.map(str::to_owned),
        }
    }

    #[test]
    fn what_becomes_of_rules_is_told_apart() {
        let imported = Imported {
            format: Format::OpenSnitch,
            rules: Vec::new(),
            lists: Vec::new(),
            refused: vec![Refused {
                source: "c\u{1b}".to_owned(),
                reason: "why".to_owned(),
            }],
            warnings: Vec::new(),
        };
        let difference = Difference {
            add: vec![
                incoming("/usr/bin/curl", None),
                incoming("/usr/bin/wget", Some("it has a past")),
            ],
            ..Difference::default()
        };
        let preview = ImportPreview::new(&imported, &difference);
        let parts: Vec<ImportPart> = preview.parts.iter().map(|(part, _)| *part).collect();
        let expected = [ImportPart::Add, ImportPart::AddOff, ImportPart::Refused];
        assert_eq!(parts, expected);
        let spoken = |part: usize| preview.parts[part].1[0].words().spoken;
        assert_eq!(spoken(0), "curl: deny a.example, always · “a”");
        assert_eq!(
            spoken(1),
            "wget: deny a.example, always · “a”, off: it has a past"
        );
        assert_eq!(spoken(2), "c: why");
    }

    #[test]
    fn a_list_is_told_with_its_entries_and_what_it_replaces() {
        let text = "a.example\nb.example\n".repeat(2);
        let list = IncomingList {
            name: "ads".to_owned(),
            source: "/tmp/ads".to_owned(),
            list: std::sync::Arc::new(portreeve_policy::List::read(&text).unwrap()),
        };
        let spoken = |replaces| Line::List(list.clone(), replaces).words().spoken;
        assert_eq!(spoken(false), "ads: 2 entries");
        assert_eq!(
            spoken(true),
            "ads: 2 entries, in the place of the list that is there"
        );
    }

    #[test]
    fn a_summary_names_each_program_once() {
        let lines: Vec<Line> = ["/a", "/b", "/a", "/c", "/d", "/e"]
            .map(|program| Line::Incoming(incoming(program, None)))
            .to_vec();
        assert_eq!(plain(&summary(&lines)), "a, b, c and 2 more");
        assert_eq!(plain(&summary(&lines[..3])), "a, b");
    }
}
