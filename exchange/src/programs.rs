//! What is to be known of the programs that rules are for: the kernel may know them by another name, or not at all.

use std::{collections::BTreeMap, fs::File, io::Read as _, path::Path};

use portreeve_dbus::{ANY, Error as BusError, program_key};

use crate::{Difference, Imported};

/// Most programs that are named in a warning.
const NAMED_MOST: usize = 10;

/// Whether the program of this key is run by another one. What cannot be read may be such a one.
pub fn is_script(program: &str) -> bool {
    // No application is.
    if !program.starts_with('/') {
        return false;
    }
    let mut start = Vec::new();
    let read = File::open(program).and_then(|file| file.take(2).read_to_end(&mut start));
    read.is_err() || start == b"#!"
}

impl Imported {
    /// Adds warnings of the rules to be added that are for programs which the kernel knows by another name, or not
    /// at all. Looks at every program: not from a sandbox, where paths lead elsewhere.
    pub fn warn_of_programs(&mut self, difference: &Difference) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for rule in difference.add.iter().filter(|it| it.spec.program != ANY) {
            *counts.entry(rule.spec.program.as_str()).or_default() += 1;
        }
        let mut strange: Vec<String> = counts
            .into_iter()
            .filter_map(|(program, count)| {
                strangeness(program, count, program_key(Path::new(program)))
            })
            .collect();
        let more = strange.len().saturating_sub(NAMED_MOST);
        strange.truncate(NAMED_MOST);
        if more > 0 {
            strange.push(format!(
                "{more} more programs cannot be looked at, or are links or applications"
            ));
        }
        self.warnings.extend(strange);
    }
}

/// What is to be known of a program that rules name, if the kernel has another key for it or none.
fn strangeness(program: &str, count: usize, key: Result<String, BusError>) -> Option<String> {
    let what = match key {
        Ok(real) if real == program => return None,
        Ok(real) if real.starts_with('/') => {
            format!("is a link to “{real}”, which no rule for it is about")
        }
        Ok(application) => format!(
            "is of the application “{application}”: a rule for its path is never about a call, one for “{application}” is"
        ),
        // It names the program.
        Err(BusError::InvalidArgument(error)) => {
            return Some(format!("{error}; {count} of the rules are for it"));
        }
        Err(error) => format!("cannot be looked at: {error}"),
    };
    Some(format!("“{program}”, for {count} of the rules, {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_rule_is_about_is_told_as_it_is() {
        let told = |key: &str| strangeness("/snap/bin/a", 3, Ok(key.to_owned()));
        assert_eq!(told("/snap/bin/a"), None);
        let link = told("/usr/bin/snap").unwrap();
        assert!(link.contains("a link to “/usr/bin/snap”"), "{link}");
        let application = told("snap:aa").unwrap();
        assert!(
            application.contains("of the application “snap:aa”"),
            "{application}"
        );
        assert!(!application.contains("link"), "{application}");
        let why = "cannot use program “/snap/bin/a”: Permission denied".to_owned();
        let why = BusError::InvalidArgument(why);
        let lost = strangeness("/snap/bin/a", 3, Err(why)).unwrap();
        assert!(lost.contains("Permission denied; 3 of the rules"), "{lost}");
    }
}
