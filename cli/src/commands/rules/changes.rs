//! `portreevectl rules changes` and `rules undo`: what was changed of rules, and taking it back.

use portreeve_dbus::{Change, Error as BrokerError};
use serde::Serialize;

use super::{View, action, other_side, patient_proxy, subject};
use crate::{
    bus::{Bus, call_with_leave},
    clock::in_local_time,
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
            format!("Change {undoes} undone (change {change}).")
        }),
        Err(Error::Broker(BrokerError::NoSuchChange(why))) => {
            let older =
                older.map(|older| format!("; the next that is not undone is change {older}"));
            let text = why + &older.unwrap_or_default();
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
        let text = "cannot undo a change of rules: there is none that is not undone";
        Error::Broker(BrokerError::NoSuchChange(text.to_owned()))
    })?;
    Ok((last, open.next()))
}

fn text(changes: &[ChangeView<'_>]) -> String {
    if changes.is_empty() {
        return "No changes.".to_owned();
    }
    let mut table = Table::new(["CHANGE", "TIME", "MADE BY", "WHAT"]);
    for change in changes {
        table.row([
            change.number.to_string(),
            in_local_time(change.made.saturating_mul(1_000_000)),
            change.origin.to_owned(),
            what(change),
        ]);
    }
    table.render()
}

fn what(change: &ChangeView<'_>) -> String {
    let counts = [
        (change.added, "added"),
        (change.removed, "removed"),
        (change.enabled, "enabled"),
        (change.disabled, "disabled"),
    ];
    let number: u32 = counts.iter().map(|(count, _)| count).sum();
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| match count {
            1 if number == 1 => (*word).to_owned(),
            count => format!("{count} {word}"),
        })
        .collect();
    let rule = change.rule.as_ref().map(|rule| {
        let such = if number == 1 { ":" } else { ", such as" };
        format!(
            "{such} rule {}, {} {} {} {}",
            rule.id,
            action(rule),
            subject(rule),
            rule.operations.join(", "),
            other_side(rule)
        )
    });
    let lists = match change.lists {
        [] => None,
        [one] => Some(format!("list “{one}”")),
        [one, others @ ..] => Some(format!("list “{one}” and {} more", others.len())),
    };
    let lists = lists.map(|lists| {
        if number == 0 {
            lists
        } else {
            format!("; {lists}")
        }
    });
    let undoes = change.undoes.map(|other| format!(" (undoes {other})"));
    let undone = change
        .undone_by
        .map(|other| format!(" (undone by {other})"));
    let more = [rule, lists, undoes, undone].into_iter().flatten();
    std::iter::once(parts.join(", ")).chain(more).collect()
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
