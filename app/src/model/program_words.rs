//! The words of a program that was seen.

use portreeve_dbus::SeenProgram;

use super::{
    ProgramRules, Standing,
    clock::moment,
    text::{in_direction, isolate, plain, shown, shown_within},
};
use crate::{
    i18n::{gettext, gettext_f, ngettext_f},
    programs::{Package, Program},
};

/// Longest path shown, characters.
const LONGEST_PATH: usize = 400;

/// What is shown of a program that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramWords {
    /// What it is called.
    pub name: String,
    /// How it is known: “Package”, “Flatpak”, …
    pub kind: Option<String>,
    /// How it is known, where it went, when.
    pub caption: String,
    /// What its rules say of it.
    pub standing: String,
    /// Its path, or the key of an application.
    pub path: String,
    /// All of it, to be read aloud.
    pub spoken: String,
}

impl ProgramWords {
    /// The words for this program, with what the system knows of it, and its rules.
    pub fn new(seen: &SeenProgram, program: &Program, rules: &ProgramRules) -> Self {
        let title = program.title.as_deref();
        let name = isolate(&shown(title.unwrap_or(&seen.name)));
        let kind = kind(seen, program);
        let mut parts: Vec<String> = Vec::new();
        if rules.changed {
            // Translators: of a program whose file is another than before.
            parts.push(gettext("Changed"));
        }
        parts.extend(kind.clone());
        let count = seen.destinations.unwrap_or_default();
        if count > 0 {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            parts.push(ngettext_f(
                "{n} destination",
                "{n} destinations",
                count,
                &[],
            ));
        }
        if seen.listens.unwrap_or_default() > 0 {
            // Translators: of a program that waits for connections.
            parts.push(gettext("Listens"));
        }
        parts.push(moment(seen.last));
        let caption = in_direction(parts.join(" · "));
        let standing = standing(rules);
        let values = [
            ("app", name.as_str()),
            ("standing", &standing),
            ("circumstances", &caption),
        ];
        // Translators: as in “Firefox: allowed, Package · 12 destinations · 14:05”.
        let spoken = gettext_f("{app}: {standing}, {circumstances}", &values);
        let path = isolate(&shown_within(&seen.path, LONGEST_PATH));
        Self {
            spoken: plain(&spoken),
            path: if seen.verified {
                path
            } else {
                // Translators: {path} is what a program says is its path.
                gettext_f("{path}, not verified", &[("path", &path)])
            },
            name,
            kind,
            caption,
            standing,
        }
    }

    /// Whether every word of `search`, in lower case, occurs in it.
    pub fn matches(&self, search: &str) -> bool {
        let text = plain(&format!("{} {}", self.spoken, self.path)).to_lowercase();
        search.split_whitespace().all(|word| text.contains(word))
    }
}

/// How it is known.
fn kind(seen: &SeenProgram, program: &Program) -> Option<String> {
    let key = seen.subject.as_str();
    if key.starts_with("flatpak:") {
        return Some("Flatpak".to_owned());
    }
    if key.starts_with("snap:") {
        return Some("Snap".to_owned());
    }
    if key.starts_with("sha256:") {
        // Translators: of a program that is known by what is in its file.
        return Some(gettext("Known by its contents"));
    }
    if !seen.verified {
        // Translators: of a program to whose file no path leads.
        return Some(gettext("Not verified"));
    }
    match program.package {
        Package::Unknown => None,
        // Translators: of a program that is from no package.
        Package::None => Some(gettext("From no package")),
        // Translators: of a program that is from a package.
        Package::Some { .. } => Some(gettext("Package")),
    }
}

fn standing(rules: &ProgramRules) -> String {
    match rules.standing {
        // Translators: of a program that no rule is about.
        Standing::NoRule => gettext("No rules"),
        Standing::Some => ngettext_f("{n} rule", "{n} rules", rules.count, &[]),
        Standing::Allowed => gettext("Allowed"),
        Standing::Denied => gettext("Denied"),
        // Translators: of a program about which it is asked whenever it connects.
        Standing::Asked => gettext("Asks"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(key: &str) -> SeenProgram {
        SeenProgram {
            subject: key.into(),
            name: "curl".into(),
            path: key.into(),
            verified: true,
            last: 1_700_000_000_000_000,
            destinations: Some(12),
            listens: Some(0),
            ..SeenProgram::default()
        }
    }

    fn words(seen: &SeenProgram) -> ProgramWords {
        ProgramWords::new(seen, &Program::default(), &ProgramRules::default())
    }

    #[test]
    fn a_program_is_told_in_one_sentence() {
        let spoken = words(&seen("/usr/bin/curl")).spoken;
        let begin = "curl: No rules, 12 destinations · ";
        assert!(spoken.starts_with(begin), "{spoken}");
        let rules = ProgramRules {
            count: 2,
            standing: Standing::Some,
            changed: true,
            ..ProgramRules::default()
        };
        let program = Program {
            title: Some("Transfer".into()),
            package: Package::Some {
                name: "curl".into(),
                version: "8".into(),
            },
            ..Program::default()
        };
        let listens = SeenProgram {
            listens: Some(1),
            destinations: Some(1),
            ..seen("/usr/bin/curl")
        };
        let words = ProgramWords::new(&listens, &program, &rules);
        let begin = "Transfer: 2 rules, Changed · Package · 1 destination · Listens · ";
        assert!(words.spoken.starts_with(begin), "{}", words.spoken);
        assert!(words.matches("transfer bin/curl package") && !words.matches("snap"));
    }

    #[test]
    fn what_is_known_otherwise_is_said() {
        let kind = |key: &str| words(&seen(key)).kind;
        assert_eq!(kind("flatpak:org.example.App").as_deref(), Some("Flatpak"));
        assert_eq!(kind("snap:app").as_deref(), Some("Snap"));
        assert_eq!(kind("sha256:00").as_deref(), Some("Known by its contents"));
        assert_eq!(kind("/usr/bin/curl"), None, "no package manager was asked");
    }

    #[test]
    fn a_claim_is_shown_as_one() {
        let words = words(&SeenProgram {
            path: "/tmp/x\u{202e}y".into(),
            verified: false,
            ..seen("file:5:7")
        });
        assert_eq!(plain(&words.path), "/tmp/xy, not verified");
        assert_eq!(words.kind.as_deref(), Some("Not verified"));
    }
}
