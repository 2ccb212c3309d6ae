//! `portreevectl rules changes` and `rules undo`: what was changed of rules, and taking it back.

use portreeve_dbus::{Change, Error as BrokerError};
use portreeve_i18n::{fill, gettext, gettext_f, ngettext_f};
use serde::Serialize;

use super::{View, action, named_list, origin, other_side, patient_proxy, subject};
use crate::{
    bus::{Bus, call_with_leave},
    clock::in_local_time,
    commands::words,
    error::{Error, Result},
    output::{Output, Table},
};

/// A change as programs read it.
#[derive(Debug, Serialize)]
struct ChangeView<'a> {
    number: u64,
    /// Seconds since 1970.
    made: i64,
    origin: &'a str,
    undoes: Option<u64>,
    undone_by: Option<u64>,
    added: u32,
    removed: u32,
    enabled: u32,
    disabled: u32,
    /// Lists that it has made, replaced or removed.
    lists: &'a [String],
    rule: Option<View<'a>>,
}

impl<'a> From<&'a Change> for ChangeView<'a> {
    fn from(change: &'a Change) -> Self {
        Self {
            number: change.number,
            made: change.made,
            origin: &change.origin,
            undoes: change.undoes,
            undone_by: change.undone_by,
            added: change.added,
            removed: change.removed,
            enabled: change.enabled,
            disabled: change.disabled,
            lists: change.lists.as_deref().unwrap_or_default(),
            rule: change.rule.as_ref().map(View::from),
        }
    }
}

/// A change undone.
#[derive(Debug, Serialize)]
struct Undone {
    /// The number of the change that this is.
    change: u64,
    /// The one that it has undone.
    undoes: u64,
}

/// Lists the last changes of the rules of user `uid`.
pub(super) async fn list(uid: u32, output: &mut Output) -> Result<()> {
    let changes = Bus::connect().await?.rules().await?.changes(uid).await?;
    let views: Vec<_> = changes.iter().map(ChangeView::from).collect();
    output.result(&views, |views| text(views))
}

/// Undoes a change of the rules of user `uid`: this one, or the last. If nothing is left of the last, none: an older
/// one is undone only by its number, because it is not what whoever asks for the last has in mind.
pub(super) async fn undo(uid: u32, change: Option<u64>, output: &mut Output) -> Result<()> {
    let (undoes, older) = match change {
        Some(number) => (number, None),
        None => last(&Bus::connect().await?.rules().await?.changes(uid).await?)?,
    };
    let proxy = patient_proxy().await?;
    match call_with_leave(proxy.inner(), "Undo", &(uid, undoes)).await {
        Ok(change) => output.result(&Undone { change, undoes }, |_| {
            let done = gettext_f("Change {number} undone", &[("number", &undoes.to_string())]);
            words::done(&done, change)
        }),
        Err(Error::Broker(BrokerError::NoSuchChange(why))) => {
            let text = match older {
                Some(older) => gettext_f(
                    // Translators: {reason} is why a change cannot be undone, a text in English.
                    "{reason}; the next that is not undone is change {change}",
                    &[("reason", &why), ("change", &older.to_string())],
                ),
                None => why,
            };
            Err(BrokerError::NoSuchChange(text).into())
        }
        Err(error) => Err(error),
    }
}

/// The newest of `changes`, which come newest first, that is neither undone nor has undone another, and the next.
fn last(changes: &[Change]) -> Result<(u64, Option<u64>)> {
    let open = changes.iter().filter(|change| change.is_open());
    let mut open = open.map(|change| change.number);
    let last = open.next().ok_or_else(|| {
        let text = gettext("cannot undo a change of rules: there is none that is not undone");
        Error::Broker(BrokerError::NoSuchChange(text))
    })?;
    Ok((last, open.next()))
}

fn text(changes: &[ChangeView<'_>]) -> String {
    if changes.is_empty() {
        return gettext("No changes.");
    }
    let mut table = Table::new([
        gettext("CHANGE"),
        gettext("TIME"),
        gettext("MADE BY"),
        // Translators: what was changed.
        gettext("WHAT"),
    ]);
    for change in changes {
        table.row([
            change.number.to_string(),
            in_local_time(change.made.saturating_mul(1_000_000)),
            origin(change.origin),
            what(change),
        ]);
    }
    table.render()
}

fn what(change: &ChangeView<'_>) -> String {
    let all = [
        change.added,
        change.removed,
        change.enabled,
        change.disabled,
    ];
    let number = all.into_iter().fold(0_u32, u32::saturating_add);
    let mut what = if number == 1 {
        one(change)
    } else {
        words::row(&counts(change))
    };
    if let Some(rule) = &change.rule {
        let text = if number == 1 {
            gettext("{what}: {rule}")
        } else {
            gettext("{what}, such as {rule}")
        };
        what = fill(&text, &[("what", &what), ("rule", &told(rule))]);
    }
    let list = match change.lists {
        [] => None,
        [one] => Some(named_list(one)),
        [one, others @ ..] => Some(ngettext_f(
            "list “{name}” and {n} more",
            "list “{name}” and {n} more",
            others.len(),
            &[("name", one)],
        )),
    };
    what = match list {
        None => what,
        Some(list) if number == 0 => list,
        Some(list) => gettext_f("{what}; {list}", &[("what", &what), ("list", &list)]),
    };
    if let Some(other) = change.undoes {
        let number = other.to_string();
        // Translators: {number} is that of another change, here and below.
        let text = gettext("{what} (undoes {number})");
        what = fill(&text, &[("what", &what), ("number", &number)]);
    }
    if let Some(other) = change.undone_by {
        let number = other.to_string();
        let text = gettext("{what} (undone by {number})");
        what = fill(&text, &[("what", &what), ("number", &number)]);
    }
    what
}

/// What was done to one rule.
fn one(change: &ChangeView<'_>) -> String {
    match (change.added, change.removed, change.enabled) {
        // Translators: what was done to one rule, here and below.
        (1, ..) => gettext("added"),
        (_, 1, _) => gettext("removed"),
        (.., 1) => gettext("enabled"),
        _ => gettext("disabled"),
    }
}

/// What was done to how many rules.
fn counts(change: &ChangeView<'_>) -> Vec<String> {
    let [added, removed, enabled, disabled] = [
        change.added,
        change.removed,
        change.enabled,
        change.disabled,
    ]
    .map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let counts = [
        // Translators: rules, here and below.
        (added, ngettext_f("{n} added", "{n} added", added, &[])),
        (
            removed,
            ngettext_f("{n} removed", "{n} removed", removed, &[]),
        ),
        (
            enabled,
            ngettext_f("{n} enabled", "{n} enabled", enabled, &[]),
        ),
        (
            disabled,
            ngettext_f("{n} disabled", "{n} disabled", disabled, &[]),
        ),
    ];
    words::counts(counts)
}

/// A rule in a line.
fn told(rule: &View<'_>) -> String {
    let line = format!(
        "{} {} {} {}",
        action(rule),
        subject(rule),
        rule.operations.join(", "),
        other_side(rule)
    );
    gettext_f(
        // Translators: {line} is what the rule says, in words that are typed so.
        "rule {rule}, {line}",
        &[("rule", &rule.id.to_string()), ("line", &line)],
    )
}

#[cfg(test)]
mod tests {
    use portreeve_dbus::Rule;

    use super::*;

    fn change(number: u64) -> Change {
        Change {
            number,
            origin: "prompt".into(),
            added: 1,
            ..Change::default()
        }
    }

    #[test]
    fn the_last_change_is_undone_that_is_not() {
        let undo = Change {
            undoes: Some(3),
            ..change(4)
        };
        let undone = Change {
            undone_by: Some(4),
            ..change(3)
        };
        let found = |changes: &[Change]| last(changes).ok();
        let rules = [undo.clone(), undone.clone(), change(2)];
        assert_eq!(found(&rules), Some((2, None)));
        let rules = [change(5), undo.clone(), change(1)];
        assert_eq!(found(&rules), Some((5, Some(1))));
        assert_eq!(found(&[undo, undone]), None);
    }

    #[test]
    fn a_change_is_told_with_one_of_its_rules() {
        let rule = Rule {
            id: 12,
            program: Some("/usr/bin/curl".into()),
            operations: vec!["connect".into()],
            destination: "host".into(),
            host: Some("example.org".into()),
            action: "allow".into(),
            ..Rule::default()
        };
        let one = Change {
            rule: Some(rule),
            ..change(3)
        };
        let told = |change: &Change| what(&ChangeView::from(change));
        assert_eq!(
            told(&one),
            "added: rule 12, allow /usr/bin/curl connect example.org"
        );
        let many = Change {
            removed: 2,
            undone_by: Some(9),
            ..one
        };
        assert_eq!(
            told(&many),
            "1 added, 2 removed, such as rule 12, allow /usr/bin/curl connect example.org (undone by 9)"
        );
    }
}
