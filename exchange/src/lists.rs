//! Lists of hosts and domains that one program is not to reach.
//!
//! Each name stands for itself and all below it, so that names below another one of the list are left out.

use std::{collections::HashSet, net::IpAddr};

use portreeve_dbus::RuleSpec;
use portreeve_policy::{Action, Operation};

use crate::{Error, Format, Imported, Incoming, RULES_MAX, Settings, TextFile, draft::fit};

/// Lines that may be wrong: of a list, not one in a thousand is.
const WRONG_MOST: usize = 100;
/// Names of this computer, which hosts files begin with.
const OWN_NAMES: [&str; 12] = [
    "localhost",
    "localhost.localdomain",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
    "0.0.0.0",
];

/// What is left of a line without its comment.
fn content(line: &str) -> &str {
    let line = line.split('#').next().unwrap_or_default().trim();
    if line.starts_with('!') { "" } else { line }
}

/// Which kind of list a text is, if it looks like one.
pub(crate) fn guess(text: &str) -> Option<Format> {
    let first = text.lines().map(content).find(|line| !line.is_empty())?;
    let mut words = first.split_whitespace();
    let word = words.next()?;
    match (word.parse::<IpAddr>().is_ok(), words.next()) {
        (true, Some(_)) => Some(Format::Hosts),
        (false, None) => name(word).map(|_| Format::Domains),
        _ => None,
    }
}

/// A name as lists write it: `*.` or `.` before it is as good as none.
fn name(word: &str) -> Option<String> {
    let word = word.strip_prefix("*").unwrap_or(word);
    let word = word.strip_prefix('.').unwrap_or(word);
    let word = word.strip_suffix('.').unwrap_or(word).to_ascii_lowercase();
    denial("/a", &word).check().is_ok().then_some(word)
}

fn denial(program: &str, domain: &str) -> RuleSpec {
    RuleSpec {
        program: program.to_owned(),
        operations: vec![Operation::Connect.to_string()],
        domain: Some(domain.to_owned()),
        action: Action::DENY.as_str().to_owned(),
        enabled: Some(true),
        ..RuleSpec::default()
    }
}

/// Reads a list for the program of [`Settings::app`].
pub(crate) fn import(
    file: &TextFile,
    format: Format,
    settings: &Settings,
) -> Result<Imported, Error> {
    let app = settings.app.as_deref();
    let app = app.ok_or_else(|| Error::NoProgram(file.name.clone()))?;
    let mut imported = Imported::new(format);
    let mut names = Vec::new();
    let text = file.text.trim_start_matches('\u{feff}');
    for (line, text) in (1..).zip(text.lines()) {
        let text = content(text);
        let mut words = text.split_whitespace();
        if format == Format::Hosts {
            let leads_nowhere = |word: &str| {
                let address = word.parse::<IpAddr>();
                address.is_ok_and(|it| it.is_unspecified() || it.is_loopback())
            };
            if words.next().is_some_and(|word| !leads_nowhere(word)) {
                wrong(
                    &mut imported,
                    file,
                    line,
                    text,
                    "0.0.0.0 or 127.0.0.1, and names",
                )?;
                continue;
            }
        }
        for word in words {
            if OWN_NAMES.contains(&word) {
                continue;
            }
            match name(word) {
                Some(name) => names.push(name),
                None => wrong(
                    &mut imported,
                    file,
                    line,
                    word,
                    "a name such as ads.example",
                )?,
            }
        }
    }
    let count = names.len();
    let names = uncovered(&names);
    if names.len() > RULES_MAX {
        return Err(Error::TooMany(file.name.clone()));
    }
    if names.len() < count {
        imported.warnings.push(format!(
            "{} of {count} names are in the list twice, or below another one of it",
            count - names.len()
        ));
    }
    let title = file.name.rsplit('/').next().unwrap_or_default();
    let note = fit(&format!("from the list “{title}”"));
    imported.rules = names
        .iter()
        .map(|name| Incoming {
            source: name.clone(),
            spec: RuleSpec {
                note: note.clone(),
                ..denial(app, name)
            },
            off: None,
        })
        .collect();
    Ok(imported)
}

/// Notes a line that is wrong, unless so many are that it is no such list.
fn wrong(
    imported: &mut Imported,
    file: &TextFile,
    line: usize,
    what: &str,
    expected: &str,
) -> Result<(), Error> {
    let shown: String = what.chars().take(80).collect();
    let text = format!("expected {expected}, found “{}”", shown.escape_debug());
    if imported.refused.len() >= WRONG_MOST {
        return Err(Error::Understand {
            name: file.name.clone(),
            line,
            column: 1,
            text: format!("{text}; more than {WRONG_MOST} lines are wrong"),
        });
    }
    imported.refuse(format!("line {line}"), text);
    Ok(())
}

/// The names that are not below others, each once, in order.
pub(crate) fn uncovered(names: &[String]) -> Vec<String> {
    let all: HashSet<&str> = names.iter().map(String::as_str).collect();
    let is_covered = |name: &str| {
        let mut above = name;
        while let Some((_, parent)) = above.split_once('.') {
            if all.contains(parent) {
                return true;
            }
            above = parent;
        }
        false
    };
    let mut left: Vec<String> = all
        .iter()
        .filter(|name| !is_covered(name))
        .map(|name| (*name).to_owned())
        .collect();
    left.sort_unstable();
    left
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

    fn read(text: &str, format: Format) -> Result<Imported, Error> {
        let settings = Settings {
            app: Some("/usr/bin/firefox".to_owned()),
            ..Settings::default()
        };
        import(&file(text), format, &settings)
    }

    fn domains(imported: &Imported) -> Vec<&str> {
        imported
            .rules
            .iter()
            .map(|rule| {
                rule.spec.check().unwrap();
                assert_eq!(rule.spec.program, "/usr/bin/firefox");
                assert_eq!(rule.spec.action, "deny");
                rule.spec.domain.as_deref().unwrap()
            })
            .collect()
    }

    #[test]
    fn a_hosts_file_is_a_list() {
        let text = "# Ads\n127.0.0.1 localhost\n::1 ip6-localhost\n\n0.0.0.0 Ads.Example www.ads.example # both\n0.0.0.0 track.example.\n127.0.0.1\tnotads.example\n";
        assert_eq!(guess(text), Some(Format::Hosts));
        let imported = read(text, Format::Hosts).unwrap();
        assert_eq!(
            domains(&imported),
            ["ads.example", "notads.example", "track.example"]
        );
        assert!(imported.refused.is_empty(), "{:?}", imported.refused);
        assert!(
            imported.warnings[0].starts_with("1 of 4"),
            "{:?}",
            imported.warnings
        );
        let note = imported.rules[0].spec.note.as_deref();
        assert_eq!(note, Some("from the list “ads.txt”"));
    }

    #[test]
    fn a_list_of_domains_is_one() {
        let text = "! Ads\n\nads.example\n*.track.example\n.x.track.example\nads.example\n";
        assert_eq!(guess(text), Some(Format::Domains));
        let imported = read(text, Format::Domains).unwrap();
        assert_eq!(domains(&imported), ["ads.example", "track.example"]);
        for text in [
            "",
            "# nothing\n",
            "||ads.example^\n",
            "<html>\n",
            "a b\n",
            "192.0.2.1\n",
        ] {
            assert_eq!(guess(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let imported = read(
            "ads.example\n||b.example^\nad*.example\n192.0.2.1\n",
            Format::Domains,
        )
        .unwrap();
        assert_eq!(domains(&imported), ["ads.example"]);
        let sources: Vec<_> = imported.refused.iter().map(|it| &*it.source).collect();
        assert_eq!(sources, ["line 2", "line 3", "line 4"]);
        assert!(imported.refused[0].reason.contains("||b.example^"));
        let imported = read("ads.example\n", Format::Hosts).unwrap();
        assert_eq!(imported.refused[0].source, "line 1");
        // Who leads a name somewhere does not deny it.
        let imported = read("0.0.0.0 a.example\n192.0.2.7 nas.example\n", Format::Hosts).unwrap();
        assert_eq!(domains(&imported), ["a.example"]);
        assert!(
            imported.refused[0].reason.contains("192.0.2.7"),
            "{imported:?}"
        );
        let error = read(&"<p>\n".repeat(200), Format::Domains).unwrap_err();
        assert!(
            matches!(error, Error::Understand { line: 101, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_list_is_for_one_program_and_of_bounded_length() {
        let error = import(&file("a.example\n"), Format::Domains, &Settings::default());
        assert!(matches!(error, Err(Error::NoProgram(_))));
        let list = |count: usize| -> String {
            let lines: Vec<String> = (0..count)
                .map(|number| format!("a{number}.example\n"))
                .collect();
            lines.concat()
        };
        assert_eq!(
            read(&list(RULES_MAX), Format::Domains).unwrap().rules.len(),
            RULES_MAX
        );
        let error = read(&list(RULES_MAX + 1), Format::Domains).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot take the rules of /tmp/ads.txt: there are more than 50000"
        );
        // What counts is what is left.
        let parent = format!("{}example\n", list(RULES_MAX + 1));
        assert_eq!(
            domains(&read(&parent, Format::Domains).unwrap()),
            ["example"]
        );
    }
}
