//! `portreevectl lists`: lists of names and addresses, which rules speak of.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use portreeve_dbus::{ListInfo, NewList, RuleChanges, list_text, sealed};
use portreeve_exchange::{Found, IncomingList, TextFile, read};
use portreeve_i18n::{fill, gettext, gettext_f, ngettext_f};
use portreeve_policy::List;
use serde::Serialize;

use super::words;
use crate::{
    args::Lists,
    bus::{Bus, call_with_leave},
    clock::in_local_time,
    error::{Error, Result},
    output::{Output, Table, clean},
};

/// A list as programs read it.
#[derive(Debug, Serialize)]
struct View<'a> {
    name: &'a str,
    source: &'a str,
    /// Seconds since 1970.
    made: i64,
    entries: u32,
}

impl<'a> From<&'a ListInfo> for View<'a> {
    fn from(list: &'a ListInfo) -> Self {
        Self {
            name: &list.name,
            source: &list.source,
            made: list.made,
            entries: list.entries,
        }
    }
}

/// A change made.
#[derive(Debug, Serialize)]
struct Made<'a> {
    change: u64,
    lists: &'a [String],
}

/// Lists or changes the lists of user `uid`.
pub(crate) async fn run(uid: u32, command: &Lists, output: &mut Output) -> Result<()> {
    match command {
        Lists::List => list(uid, output).await,
        Lists::Show { name } => show(uid, name, output).await,
        Lists::Put { name, file } => {
            let (source, text) = text_of(file)?;
            let keep = (name.clone(), source, sealed(&text)?.into());
            let change = change(uid, &RuleChanges::default(), vec![keep], &[]).await?;
            let made = Made {
                change: change.0,
                lists: std::slice::from_ref(name),
            };
            output.result(&made, |made| {
                let done = gettext_f("List “{name}” is what the file has", &[("name", name)]);
                clean(&words::done(&done, made.change))
            })
        }
        Lists::Remove { names } => {
            let change = change(uid, &RuleChanges::default(), Vec::new(), names).await?;
            let made = Made {
                change: change.0,
                lists: names,
            };
            output.result(&made, removed)
        }
    }
}

/// Changes rules and lists of user `uid`: the number of the change, and the ids of added rules.
pub(super) async fn change(
    uid: u32,
    rules: &RuleChanges,
    keep: Vec<NewList>,
    remove: &[String],
) -> Result<(u64, Vec<u64>)> {
    let proxy = Bus::connect_patiently().await?.lists().await?;
    call_with_leave(proxy.inner(), "Change", &(uid, rules, keep, remove)).await
}

/// The lists of user `uid`, with what they have.
pub(super) async fn kept(uid: u32) -> Result<Vec<IncomingList>> {
    let proxy = Bus::connect().await?.lists().await?;
    let mut lists = Vec::new();
    for info in proxy.list(uid).await? {
        let text = list_text(&proxy, uid, &info.name).await?;
        let list = List::read(&text).map_err(|mistake| {
            portreeve_dbus::Error::Failed(gettext_f(
                "cannot understand a list: {reason}",
                &[("reason", &mistake.text)],
            ))
        })?;
        lists.push(IncomingList {
            name: info.name,
            source: info.source,
            list: Arc::new(list),
        });
    }
    Ok(lists)
}

/// The texts of those lists of user `uid` that have such a name, by these.
pub(super) async fn texts(uid: u32, names: &[&str]) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    if names.is_empty() {
        return Ok(texts);
    }
    let proxy = Bus::connect().await?.lists().await?;
    for info in proxy.list(uid).await? {
        if names.contains(&info.name.as_str()) {
            let text = list_text(&proxy, uid, &info.name).await?;
            texts.insert(info.name, text);
        }
    }
    Ok(texts)
}

fn text_of(file: &Path) -> Result<(String, String)> {
    match read(file)? {
        Found::File(TextFile { name, text }) => Ok((name, text)),
        Found::Directory { name, .. } => {
            // Translators: {name} is a file's name.
            let text = gettext("cannot keep {name} as a list: it is a directory");
            Err(Error::Usage(fill(&text, &[("name", &name)])))
        }
    }
}

async fn list(uid: u32, output: &mut Output) -> Result<()> {
    let lists = Bus::connect().await?.lists().await?.list(uid).await?;
    let views: Vec<_> = lists.iter().map(View::from).collect();
    output.result(&views, |views| text(views))
}

async fn show(uid: u32, name: &str, output: &mut Output) -> Result<()> {
    let proxy = Bus::connect().await?.lists().await?;
    let text = list_text(&proxy, uid, name).await?;
    let entries: Vec<&str> = text.lines().collect();
    output.result(&entries, |_| clean_lines(&text))
}

/// Entries have none but plain characters; who sent them may be no broker.
fn clean_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(clean).collect();
    lines.join("\n")
}

fn removed(made: &Made<'_>) -> String {
    let names: Vec<String> = made.lists.iter().map(|name| words::quoted(name)).collect();
    let done = ngettext_f(
        // Translators: {lists} is the name of one, or of several.
        "List {lists} removed",
        "Lists {lists} removed",
        names.len(),
        &[("lists", &words::row(&names))],
    );
    clean(&words::done(&done, made.change))
}

fn text(lists: &[View<'_>]) -> String {
    if lists.is_empty() {
        return gettext("No lists.");
    }
    let mut table = Table::new([
        gettext("NAME"),
        gettext("ENTRIES"),
        // Translators: when a list was made.
        gettext("MADE"),
        // Translators: the file that a list is from.
        gettext("FROM"),
    ]);
    for list in lists {
        table.row([
            list.name.to_owned(),
            list.entries.to_string(),
            in_local_time(list.made.saturating_mul(1_000_000)),
            list.source.to_owned(),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_a_table_and_a_sentence() {
        let view = View {
            name: "ads",
            source: "/tmp/\u{1b}ads",
            made: 1_700_000_000,
            entries: 84_213,
        };
        let text = text(&[view]);
        assert!(text.contains("ads") && text.contains("84213"), "{text}");
        // The table's head has sequences of its own.
        assert!(!text.contains("\u{1b}ads"), "{text}");
        let made = Made {
            change: 7,
            lists: &["ads".to_owned(), "b".to_owned()],
        };
        assert_eq!(removed(&made), "Lists “ads”, “b” removed (change 7).");
    }
}
