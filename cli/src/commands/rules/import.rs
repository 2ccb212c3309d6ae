//! `portreevectl rules import`: takes rules from a file, in one change that can be undone.

mod preview;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use nix::unistd::{Uid, User};
use portreeve_dbus::program_key;
use portreeve_exchange::{Difference, Settings, import, is_script, read, read_lists};
use portreeve_i18n::gettext;

use self::preview::Preview;
use super::{super::lists, patient_proxy};
use crate::{
    args::ImportRules,
    bus::{Bus, call_with_leave},
    error::{Error, Result},
    output::Output,
    user,
};

/// Takes rules for user `uid`.
pub(super) async fn run(uid: u32, arguments: &ImportRules, output: &mut Output) -> Result<()> {
    let asks = !arguments.yes && !arguments.dry_run;
    if asks && (output.is_json() || !io::stdin().is_terminal()) {
        return Err(Error::Usage(gettext(
            "cannot ask whether to change rules: use --yes, or --dry-run to look only",
        )));
    }
    let settings = settings(uid, arguments)?;
    let mut imported = import(&read(&arguments.path)?, &settings)?;
    let rules = Bus::connect().await?.rules().await?.list(uid).await?;
    let names: Vec<&str> = imported.lists.iter().map(|it| it.name.as_str()).collect();
    let there = lists::texts(uid, &names).await?;
    let difference = Difference::new(&rules, &imported.rules, arguments.replace)
        .with_lists(&imported.lists, &there);
    imported.warn_of_programs(&difference);
    let mut preview = Preview::new(&imported, &difference);
    if arguments.dry_run || difference.is_empty() {
        return output.result(&preview, Preview::text);
    }
    if asks {
        output.result(&preview, Preview::text)?;
        if !ask()? {
            return output.result(&preview, |_| gettext("Nothing was changed."));
        }
    }
    let (change, ids) = if difference.lists.is_empty() {
        let body = (uid, difference.changes());
        call_with_leave(patient_proxy().await?.inner(), "Change", &body).await?
    } else {
        let keep = difference.new_lists()?;
        lists::change(uid, &difference.changes(), keep, &[]).await?
    };
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
        lists: arguments.lists.as_deref().map(read_lists).transpose()?,
        uid,
        user: found.map(|user| user.name),
    })
}

/// Waits for a yes; whatever else is typed, text or not, is a no.
fn ask() -> Result<bool> {
    let mut stderr = io::stderr().lock();
    // Translators: y is a key to press, and so it stays; whatever else is pressed is a no.
    let question = gettext("Change the rules? [y/N]");
    write!(stderr, "{question} ")?;
    stderr.flush()?;
    let mut answer = Vec::new();
    io::stdin().lock().read_until(b'\n', &mut answer)?;
    Ok(matches!(answer.trim_ascii(), b"y" | b"Y" | b"yes"))
}
