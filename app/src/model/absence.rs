//! Whether the user is away, and what was stopped meanwhile.

use std::collections::BTreeMap;

use portreeve_dbus::Prompt;

/// Whether the user is there, and the programs of which calls were stopped while not. Until it is known, nobody is.
#[derive(Debug)]
pub struct Absence {
    away: bool,
    /// Their names by their subjects.
    stopped: BTreeMap<String, String>,
}

impl Default for Absence {
    fn default() -> Self {
        Self {
            away: true,
            stopped: BTreeMap::new(),
        }
    }
}

impl Absence {
    /// Whether the user is away.
    pub fn is_away(&self) -> bool {
        self.away
    }

    /// The user has left or come back; whether that is news.
    pub fn set_away(&mut self, away: bool) -> bool {
        std::mem::replace(&mut self.away, away) != away
    }

    /// A prompt is new or has changed: what waited for an answer does so no longer, if nothing is held any more.
    pub fn note(&mut self, prompt: &Prompt) {
        if self.away && prompt.held == 0 {
            let name = prompt.name.clone();
            self.stopped.insert(prompt.subject.clone(), name);
        }
    }

    /// The programs of which calls were stopped: subjects and names, each told once.
    pub fn take_stopped(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(subject: &str, held: u32) -> Prompt {
        Prompt {
            subject: subject.to_owned(),
            name: format!("name of {subject}"),
            held,
            ..Prompt::default()
        }
    }

    #[test]
    fn programs_that_are_stopped_meanwhile_are_told_of_once() {
        let mut absence = Absence::default();
        assert!(absence.is_away() && absence.set_away(false));
        absence.note(&prompt("there", 0));
        assert!(absence.set_away(true) && !absence.set_away(true));
        for (subject, held) in [("a", 1), ("b", 1), ("a", 0), ("c", 0), ("a", 0)] {
            absence.note(&prompt(subject, held));
        }
        assert!(absence.is_away());
        assert!(absence.set_away(false));
        let stopped = absence.take_stopped();
        let stopped: Vec<_> = stopped.values().map(String::as_str).collect();
        assert_eq!(stopped, ["name of a", "name of c"]);
        assert!(absence.take_stopped().is_empty());
    }
}
