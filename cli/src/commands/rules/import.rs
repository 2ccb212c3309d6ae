//! `portreevectl rules import`: takes rules from a file, in one change that can be undone.

mod preview;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    path::Path,
};

use nix::unistd::{Uid, User};
use portreeve_dbus::program_key;
use portreeve_exchange::{Difference, Imported, Settings, import, read};

use self::preview::Preview;
pub(super) use self::preview::counted;
use super::patient_proxy;
use crate::{
    args::ImportRules,
    bus::{Bus, call_with_leave},
    error::{Error, Result},
    output::Output,
    user,
};

/// Most programs that are named in a warning.
const NAMED_MOST: usize = 10;

/// Takes rules for user `uid`.
pub(super) async fn run(uid: u32, arguments: &ImportRules, output: &mut Output) -> Result<()> {
    let asks = !arguments.yes && !arguments.dry_run;
    if asks && (output.is_json() || !io::stdin().is_terminal()) {
        return Err(Error::Usage(
            "cannot ask whether to change rules: use --yes, or --dry-run to look only".to_owned(),
        ));
    }
    let settings = settings(uid, arguments)?;
    let mut imported = import(&read(&arguments.path)?, &settings)?;
    let rules = Bus::connect().await?.rules().await?.list(uid).await?;
    let difference = Difference::new(&rules, &imported.rules, arguments.replace);
    warn_of_programs(&difference, &mut imported);
    let mut preview = Preview::new(&imported, &difference);
    if arguments.dry_run || difference.is_empty() {
        return output.result(&preview, Preview::text);
    }
    if asks {
        output.result(&preview, Preview::text)?;
        if !ask()? {
            return output.result(&preview, |_| "Nothing was changed.".to_owned());
        }
    }
    let body = (uid, difference.changes());
    let (change, ids): (u64, Vec<u64>) =
        call_with_leave(patient_proxy().await?.inner(), "Change", &body).await?;
    preview.made(change, ids);
    output.result(&preview, |preview| {
        let before = if asks { String::new() } else { preview.text() };
        format!("{before}{}", preview.done())
    })
}

fn settings(uid: u32, arguments: &ImportRules) -> Result<Settings> {
    let app = arguments.app.as_deref().map(program_key).transpose()?;
    let uid = user::real(uid);
    let found = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    Ok(Settings {
        format: arguments.format.0,
        app_is_script: app.as_deref().is_some_and(is_script),
        app,
        uid,
        user: found.map(|user| user.name),
    })
}

/// Whether a program is run by another one. What cannot be read may be such a one.
fn is_script(program: &str) -> bool {
    // No application is.
    if !program.starts_with('/') {
        return false;
    }
    let mut start = Vec::new();
    let read = File::open(program).and_then(|file| file.take(2).read_to_end(&mut start));
    read.is_err() || start == b"#!"
}

/// Waits for a yes; whatever else is typed, text or not, is a no.
fn ask() -> Result<bool> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "Change the rules? [y/N] ")?;
    stderr.flush()?;
    let mut answer = Vec::new();
    io::stdin().lock().read_until(b'\n', &mut answer)?;
    Ok(matches!(answer.trim_ascii(), b"y" | b"Y" | b"yes"))
}

/// Says which rules are for programs that the kernel knows by another name, or not at all.
fn warn_of_programs(difference: &Difference, imported: &mut Imported) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in &difference.add {
        *counts.entry(rule.spec.program.as_str()).or_default() += 1;
    }
    let mut strange: Vec<String> = counts
        .into_iter()
        .filter_map(|(program, count)| {
            let key = program_key(Path::new(program)).map_err(Error::from);
            strangeness(program, count, key)
        })
        .collect();
    let more = strange.len().saturating_sub(NAMED_MOST);
    strange.truncate(NAMED_MOST);
    if more > 0 {
        strange.push(format!(
            "{more} more programs cannot be looked at, or are links or applications"
        ));
    }
    imported.warnings.extend(strange);
}

/// What is to be known of a program that rules name, if the kernel has another key for it or none.
fn strangeness(program: &str, count: usize, key: Result<String>) -> Option<String> {
    let what = match key {
        Ok(real) if real == program => return None,
        Ok(real) if real.starts_with('/') => {
            format!("is a link to “{real}”, which no rule for it is about")
        }
        Ok(application) => format!(
            "is of the application “{application}”: a rule for its path is never about a call, one for “{application}” is"
        ),
        // It names the program.
        Err(error) => return Some(format!("{error}; {count} of the rules are for it")),
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
        let why = Error::Usage("cannot use program “/snap/bin/a”: Permission denied".to_owned());
        let lost = strangeness("/snap/bin/a", 3, Err(why)).unwrap();
        assert!(lost.contains("Permission denied; 3 of the rules"), "{lost}");
    }
}
