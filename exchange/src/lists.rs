//! Lists of names and addresses: what programs are not to reach, and what rules of other firewalls name.

use std::{path::Path, sync::Arc};

use portreeve_dbus::{ANY, RuleSpec};
use portreeve_policy::{Action, Entry, InList, List, Operation, entries_of};

use crate::{Error, Format, Imported, Incoming, Settings, TextFile, draft::fit};

/// Lines that may be wrong: of a list, not one in a thousand is.
const WRONG_MOST: usize = 100;

/// A list that a file has, as it is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingList {
    /// What it is to be called.
    pub name: String,
    /// Where it comes from.
    pub source: String,
    /// What it has.
    pub list: Arc<List>,
}

/// Whether a text looks like a list.
pub(crate) fn is_list(text: &str) -> bool {
    let mut lines = text.lines().map(entries_of);
    let first = lines.find(|entries| entries.as_ref().map_or(true, |it| !it.is_empty()));
    first.is_some_and(|entries| entries.is_ok())
}

/// A name that a list can have, made of this text.
pub(crate) fn name_of(text: &str) -> String {
    let clean = fit(&text.replace('/', " ")).unwrap_or_default();
    let end = clean.floor_char_boundary(InList::LONGEST_NAME);
    let cut = clean.get(..end).unwrap_or_default().trim();
    if cut.is_empty() {
        "list".to_owned()
    } else {
        cut.to_owned()
    }
}

/// Reads a list that the program of [`Settings::app`] is not to reach, or any if that is none.
pub(crate) fn import(file: &TextFile, settings: &Settings) -> Result<Imported, Error> {
    let mut imported = Imported::new(Format::List);
    let mut entries = Vec::new();
    let text = file.text.trim_start_matches('\u{feff}');
    for (line, text) in (1..).zip(text.lines()) {
        match entries_of(text) {
            Ok(found) => entries.extend(found),
            Err(wrong) if imported.refused.len() < WRONG_MOST => {
                imported.refuse(format!("line {line}"), wrong);
            }
            Err(wrong) => {
                return Err(Error::Understand {
                    name: file.name.clone(),
                    line,
                    column: 1,
                    text: format!("{wrong}; more than {WRONG_MOST} lines are wrong"),
                });
            }
        }
    }
    let count = entries.len();
    let list = list_of(entries, &file.name)?;
    if list.len() < count {
        imported.warnings.push(format!(
            "{} of {count} entries are in the list twice, or in another one of it",
            count - list.len()
        ));
    }
    let stem = Path::new(&file.name).file_stem().unwrap_or_default();
    let list = IncomingList {
        name: name_of(&stem.to_string_lossy()),
        source: fit(&file.name).unwrap_or_default(),
        list: Arc::new(list),
    };
    imported.rules.push(Incoming {
        source: list.name.clone(),
        spec: RuleSpec {
            program: settings.app.clone().unwrap_or_else(|| ANY.to_owned()),
            operations: vec![Operation::Connect.to_string()],
            list: Some(list.name.clone()),
            action: Action::DENY.as_str().to_owned(),
            enabled: Some(true),
            ..RuleSpec::default()
        },
        off: None,
    });
    imported.lists.push(list);
    Ok(imported)
}

/// A list of these.
pub(crate) fn list_of(entries: impl IntoIterator<Item = Entry>, name: &str) -> Result<List, Error> {
    List::of(entries).map_err(|_too_long| Error::TooManyEntries(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> TextFile {
        TextFile {
            name: "/tmp/ads.txt".to_owned(),
            text: text.to_owned(),
        }
    }

    fn read(text: &str) -> Result<Imported, Error> {
        let settings = Settings {
            app: Some("/usr/bin/firefox".to_owned()),
            ..Settings::default()
        };
        import(&file(text), &settings)
    }

    fn entries(imported: &Imported) -> Vec<String> {
        let [list] = &imported.lists[..] else {
            panic!("{:?}", imported.lists)
        };
        list.list.entries().map(|it| it.to_string()).collect()
    }

    #[test]
    fn a_hosts_file_is_one_list_and_one_rule() {
        let text = "# Ads\n127.0.0.1 localhost\n::1 ip6-localhost\n\n0.0.0.0 Ads.Example www.ads.example # both\n0.0.0.0 track.example.\n127.0.0.1\tnotads.example\n";
        assert!(is_list(text));
        let imported = read(text).unwrap();
        assert_eq!(
            entries(&imported),
            ["track.example", "ads.example", "notads.example"]
        );
        assert!(imported.refused.is_empty(), "{:?}", imported.refused);
        assert!(
            imported.warnings[0].starts_with("1 of 4"),
            "{:?}",
            imported.warnings
        );
        let [rule] = &imported.rules[..] else {
            panic!("{:?}", imported.rules)
        };
        assert!(rule.spec.check().is_ok());
        assert_eq!(rule.spec.program, "/usr/bin/firefox");
        assert_eq!(
            (rule.spec.action.as_str(), rule.spec.list.as_deref()),
            ("deny", Some("ads"))
        );
        // Without a program it is for any.
        let any = import(&file(text), &Settings::default()).unwrap();
        assert_eq!(any.rules[0].spec.program, "any");
        assert!(any.rules[0].spec.check().is_ok());
    }

    #[test]
    fn names_and_addresses_make_a_list_and_little_else_does() {
        let text = "! Ads\n\nads.example\n*.track.example\n.x.track.example\n192.0.2.0/24\n";
        assert!(is_list(text));
        let imported = read(text).unwrap();
        assert_eq!(
            entries(&imported),
            ["track.example", "ads.example", "192.0.2.0/24"]
        );
        for text in ["", "# nothing\n", "||ads.example^\n", "<html>\n", "a b\n"] {
            assert!(!is_list(text), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let text = "ads.example\n||b.example^\nad*.example\n192.0.2.7 nas.example\n";
        let imported = read(text).unwrap();
        assert_eq!(entries(&imported), ["ads.example"]);
        let sources: Vec<_> = imported.refused.iter().map(|it| &*it.source).collect();
        assert_eq!(sources, ["line 2", "line 3", "line 4"]);
        assert!(imported.refused[0].reason.contains("||b.example^"));
        // Who leads a name somewhere does not deny it.
        assert!(imported.refused[2].reason.contains("192.0.2.7"));
        let error = read(&"<p>\n".repeat(200)).unwrap_err();
        assert!(
            matches!(error, Error::Understand { line: 101, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_list_is_of_bounded_length_and_what_counts_is_what_is_left() {
        let list = |count: usize| {
            let names: Vec<_> = (0..count).map(|it| format!("a{it}.example")).collect();
            names.join("\n")
        };
        assert!(read(&list(List::MOST)).is_ok());
        let error = read(&list(List::MOST + 1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot take the list of /tmp/ads.txt: it has more than 300000 entries"
        );
        let parent = format!("{}\nexample\n", list(List::MOST + 1));
        assert_eq!(entries(&read(&parent).unwrap()), ["example"]);
    }

    #[test]
    fn whatever_a_file_is_called_a_list_can_be_called() {
        for text in ["", "a/b", "\n", &"ü".repeat(99), "  x "] {
            assert!(InList::named(&name_of(text)).is_some(), "{text}");
        }
    }
}
