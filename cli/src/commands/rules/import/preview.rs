//! What taking rules changes, for people and for programs.

use portreeve_dbus::{Rule, RuleSpec};
use portreeve_exchange::{Difference, Format, Imported, Incoming, Refused};
use portreeve_i18n::{fill, gettext, gettext_f, ngettext_f};
use serde::Serialize;

use crate::{
    commands::words,
    output::{Table, clean},
};

/// Most lines of a kind that people get; programs get all.
const LINES_MOST: usize = 40;

/// A rule of a file, as programs read it.
#[derive(Debug, Serialize)]
struct Taken<'a> {
    /// What it is called there.
    source: &'a str,
    /// Why it is switched off; `null` if it is not, or was written so in a file of our own.
    off: Option<&'a str>,
    program: &'a str,
    operations: &'a [String],
    host: Option<&'a str>,
    domain: Option<&'a str>,
    network: Option<&'a str>,
    list: Option<&'a str>,
    place: Option<&'a str>,
    ports: Option<&'a str>,
    protocol: Option<&'a str>,
    action: &'a str,
    errno: Option<u16>,
    only_in: Option<&'a str>,
    only_in_name: Option<&'a str>,
    enabled: bool,
    note: Option<&'a str>,
}

impl<'a> From<&'a Incoming> for Taken<'a> {
    fn from(incoming: &'a Incoming) -> Self {
        let spec = &incoming.spec;
        Self {
            source: &incoming.source,
            off: incoming.off.as_deref(),
            program: &spec.program,
            operations: &spec.operations,
            host: spec.host.as_deref(),
            domain: spec.domain.as_deref(),
            network: spec.network.as_deref(),
            list: spec.list.as_deref(),
            place: spec.place.as_deref(),
            ports: spec.ports.as_deref(),
            protocol: spec.protocol.as_deref(),
            action: &spec.action,
            errno: spec.errno,
            only_in: spec.only_in.as_deref(),
            only_in_name: spec.only_in_name.as_deref(),
            enabled: spec.enabled.unwrap_or(true),
            note: spec.note.as_deref(),
        }
    }
}

/// A rule of a file that is there already.
#[derive(Debug, Serialize)]
struct There<'a> {
    id: u64,
    source: &'a str,
}

/// A list that is kept.
#[derive(Debug, Serialize)]
struct Kept<'a> {
    name: &'a str,
    entries: usize,
    /// Whether there is one of the name, which it replaces.
    replaces: bool,
}

impl Kept<'_> {
    fn line(&self) -> String {
        let list = ngettext_f(
            "“{name}”, {n} entry",
            "“{name}”, {n} entries",
            self.entries,
            &[("name", self.name)],
        );
        if self.replaces {
            // Translators: {list} is the name of a list, and how many entries it has.
            let text = gettext("{list}, in the place of the one that is there");
            return fill(&text, &[("list", &list)]);
        }
        list
    }
}

/// What is changed.
#[derive(Debug, Serialize)]
pub(super) struct Preview<'a> {
    format: &'static str,
    add: Vec<Taken<'a>>,
    same: Vec<There<'a>>,
    remove: Vec<u64>,
    enable: Vec<u64>,
    disable: Vec<u64>,
    /// Lists that are kept.
    lists: Vec<Kept<'a>>,
    refused: &'a [Refused],
    warnings: &'a [String],
    /// Number of the change; `null` if none was made.
    change: Option<u64>,
    /// The rules that were added, in the order of `add`.
    ids: Vec<u64>,
    #[serde(skip)]
    difference: &'a Difference,
}

fn ids(rules: &[Rule]) -> Vec<u64> {
    rules.iter().map(|rule| rule.id).collect()
}

impl<'a> Preview<'a> {
    /// Before anything is changed.
    pub(super) fn new(imported: &'a Imported, difference: &'a Difference) -> Self {
        let there = difference.same.iter().map(|same| There {
            id: same.rule.id,
            source: &same.incoming.source,
        });
        Self {
            format: Format::as_str(imported.format),
            add: difference.add.iter().map(Taken::from).collect(),
            same: there.collect(),
            remove: ids(&difference.remove),
            enable: ids(&difference.enable),
            disable: ids(&difference.disable),
            lists: difference
                .lists
                .iter()
                .map(|it| Kept {
                    name: &it.name,
                    entries: it.list.len(),
                    replaces: difference.replaced.contains(&it.name),
                })
                .collect(),
            refused: &imported.refused,
            warnings: &imported.warnings,
            change: None,
            ids: Vec::new(),
            difference,
        }
    }

    /// Notes what was made of it: change 0 is none that can be undone.
    pub(super) fn made(&mut self, change: u64, ids: Vec<u64>) {
        self.change = (change > 0).then_some(change);
        self.ids = ids;
    }

    /// What becomes of each rule, for people.
    pub(super) fn text(&self) -> String {
        let (on, off): (Vec<_>, Vec<_>) = self
            .difference
            .add
            .iter()
            .partition(|rule| rule.spec.enabled.unwrap_or(true));
        let there = |rules: &[Rule]| -> Vec<String> { rules.iter().map(line).collect() };
        let refused = self.refused.iter();
        let refused = refused.map(|it| format!("{}: {}", it.source, it.reason));
        let lists = [
            (gettext("To be added"), rows(&on)),
            (gettext("To be added, switched off"), rows(&off)),
            (
                gettext("Lists to be kept"),
                self.lists.iter().map(Kept::line).collect(),
            ),
            (gettext("To be removed"), there(&self.difference.remove)),
            (gettext("To be switched on"), there(&self.difference.enable)),
            (
                gettext("To be switched off"),
                there(&self.difference.disable),
            ),
            (gettext("Not taken"), refused.collect()),
            (gettext("To be known"), self.warnings.to_vec()),
        ];
        let mut text: String = lists
            .iter()
            .map(|(title, lines)| list(title, lines))
            .collect();
        if let there @ 1.. = self.same.len() {
            text += &ngettext_f(
                "There already: {n} rule.",
                "There already: {n} rules.",
                there,
                &[],
            );
            text.push('\n');
        }
        if self.difference.is_empty() {
            text += &gettext("There is nothing to change.");
            text.push('\n');
        }
        text
    }

    /// What was made, for people.
    pub(super) fn done(&self) -> String {
        let [added, removed, on, off] = [
            self.add.len(),
            self.remove.len(),
            self.enable.len(),
            self.disable.len(),
        ];
        let counts = words::counts([
            // Translators: rules, here and below.
            (added, ngettext_f("{n} added", "{n} added", added, &[])),
            (
                removed,
                ngettext_f("{n} removed", "{n} removed", removed, &[]),
            ),
            (
                on,
                ngettext_f("{n} switched on", "{n} switched on", on, &[]),
            ),
            (
                off,
                ngettext_f("{n} switched off", "{n} switched off", off, &[]),
            ),
        ]);
        let rules = if counts.is_empty() {
            gettext("Rules: none changed.")
        } else {
            // Translators: {changes} is such as “2 added, 1 removed”.
            gettext_f("Rules: {changes}.", &[("changes", &words::row(&counts))])
        };
        let mut sentences = vec![rules];
        if let n @ 1.. = self.lists.len() {
            sentences.push(ngettext_f(
                "One list was kept.",
                "{n} lists were kept.",
                n,
                &[],
            ));
        }
        if let Some(number) = self.change {
            let number = number.to_string();
            sentences.push(gettext_f(
                "That is change {change}; “portreevectl rules undo {change}” takes it back.",
                &[("change", &number)],
            ));
        }
        sentences.join(" ")
    }
}

/// A list under its title, if there is something in it.
fn list(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = lines
        .iter()
        .take(LINES_MOST)
        .map(|line| clean(line))
        .collect();
    let more = match lines.len().checked_sub(LINES_MOST) {
        Some(more @ 1..) => {
            let text = ngettext_f(
                "… and {n} more; --json lists all",
                "… and {n} more; --json lists all",
                more,
                &[],
            );
            format!("\n  {text}")
        }
        _ => String::new(),
    };
    let heading = gettext_f(
        // Translators: {title} is what follows, such as “To be added”, and {count} how much of it there is.
        "{title} ({count}):",
        &[("title", title), ("count", &lines.len().to_string())],
    );
    format!("{heading}\n  {}{more}\n\n", shown.join("\n  "))
}

/// Rules in columns, each with what it is called and, if it is off, why.
fn rows(rules: &[&Incoming]) -> Vec<String> {
    let mut table = Table::new([""; 4]);
    for rule in rules {
        let spec = &rule.spec;
        let name = match &rule.off {
            Some(off) => format!("{}: {off}", words::quoted(&rule.source)),
            None => words::quoted(&rule.source),
        };
        table.row([
            spec.action.clone(),
            spec.program.clone(),
            other_side(spec),
            name,
        ]);
    }
    table.rest().lines().map(str::to_owned).collect()
}

fn other_side(spec: &RuleSpec) -> String {
    // Every one was checked.
    let said = spec.check().map(|checked| {
        let place = checked.object.to_string();
        match checked.network {
            Some(network) => words::only_in(&place, &network.shown()),
            None => place,
        }
    });
    match &spec.operations[..] {
        [one] if one == "connect" => said.unwrap_or_default(),
        operations => format!("{}: {}", operations.join(", "), said.unwrap_or_default()),
    }
}

/// A rule that is there, with its id.
fn line(rule: &Rule) -> String {
    let spec = rule.spec(0).unwrap_or_default();
    format!(
        "{} {} {} {}",
        rule.id,
        rule.action,
        spec.program,
        other_side(&spec)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(source: &str, off: Option<&str>) -> Incoming {
        Incoming {
            source: source.to_owned(),
            spec: RuleSpec {
                program: "/usr/bin/curl".to_owned(),
                operations: vec!["connect".to_owned()],
                host: Some("a.example".to_owned()),
                action: "allow".to_owned(),
                enabled: Some(off.is_none()),
                ..RuleSpec::default()
            },
            off: off.map(str::to_owned),
        }
    }

    #[test]
    fn people_are_told_what_becomes_of_each_rule() {
        let imported = Imported {
            format: Format::OpenSnitch,
            rules: Vec::new(),
            lists: Vec::new(),
            refused: vec![Refused {
                source: "c\u{1b}".to_owned(),
                reason: "why".to_owned(),
            }],
            warnings: vec!["mind".to_owned()],
        };
        let difference = Difference {
            add: vec![incoming("a", None), incoming("b", Some("it has a past"))],
            enable: vec![Rule {
                id: 5,
                program: Some("/usr/bin/curl".to_owned()),
                operations: vec!["connect".to_owned()],
                destination: "host".to_owned(),
                host: Some("b.example".to_owned()),
                action: "deny".to_owned(),
                lifespan: "always".to_owned(),
                ..Rule::default()
            }],
            ..Difference::default()
        };
        let mut preview = Preview::new(&imported, &difference);
        let text = preview.text();
        for part in [
            "To be added (1):\n  allow  /usr/bin/curl  a.example  “a”\n",
            "To be added, switched off (1):\n  allow  /usr/bin/curl  a.example  “b”: it has a past\n",
            "To be switched on (1):\n  5 deny /usr/bin/curl b.example\n",
            "Not taken (1):\n  c\\u{1b}: why\n",
            "To be known (1):\n  mind\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        preview.made(7, vec![1, 2]);
        assert_eq!(
            preview.done(),
            "Rules: 2 added, 1 switched on. That is change 7; “portreevectl rules undo 7” takes it back."
        );
        let value = serde_json::to_value(&preview).unwrap();
        assert_eq!((&value["change"], &value["ids"][1]), (&7.into(), &2.into()));
        assert_eq!(value["add"][1]["off"], "it has a past");
        preview.made(0, Vec::new());
        assert_eq!(preview.done(), "Rules: 2 added, 1 switched on.");
        let value = serde_json::to_value(&preview).unwrap();
        assert!(value["change"].is_null(), "{value}");
        let nothing = Difference::default();
        let text = Preview::new(&imported, &nothing).text();
        assert!(text.ends_with("There is nothing to change.\n"), "{text}");
    }

    #[test]
    fn long_lists_are_cut_for_people() {
        let imported = Imported {
            format: Format::List,
            rules: Vec::new(),
            lists: Vec::new(),
            refused: Vec::new(),
            warnings: Vec::new(),
        };
        let difference = Difference {
            add: vec![incoming("a", None); LINES_MOST + 2],
            ..Difference::default()
        };
        let text = Preview::new(&imported, &difference).text();
        assert!(text.contains("… and 2 more"), "{text}");
    }
}
