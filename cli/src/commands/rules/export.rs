//! `portreevectl rules export`: writes rules to a file.

use std::{fs::File, io::Write as _, path::Path};

use portreeve_exchange::{Exported, LeftOut, export};
use portreeve_i18n::{gettext, gettext_f, ngettext_f};
use serde::Serialize;

use super::super::lists;
use crate::{
    args::ExportRules,
    bus::Bus,
    error::{Error, Result},
    output::{Output, clean},
};

/// What was written, as programs read it.
#[derive(Debug, Serialize)]
struct Written<'a> {
    /// `null` for standard output.
    file: Option<&'a Path>,
    rules: usize,
    left_out: &'a [LeftOut],
    /// What is in the file; `null` if it was written to one.
    document: Option<serde_json::Value>,
}

/// Writes the rules of user `uid`.
pub(super) async fn run(uid: u32, arguments: &ExportRules, output: &mut Output) -> Result<()> {
    let rules = Bus::connect().await?.rules().await?.list(uid).await?;
    let exported = export(&rules, &lists::kept(uid).await?);
    let Some(file) = arguments.file.as_deref() else {
        return print(&exported, output);
    };
    write(file, &exported.text).map_err(|source| Error::File {
        file: file.display().to_string(),
        source,
    })?;
    let written = Written {
        file: Some(file),
        rules: exported.count,
        left_out: &exported.left_out,
        document: None,
    };
    output.result(&written, |_| {
        let text = ngettext_f(
            "{n} rule written to {file}.",
            "{n} rules written to {file}.",
            exported.count,
            &[("file", &clean(&file.to_string_lossy()))],
        );
        text + &left_out(&exported)
    })
}

/// A file that is there may be somebody's rules: it stays.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create_new(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn print(exported: &Exported, output: &mut Output) -> Result<()> {
    let written = Written {
        file: None,
        rules: exported.count,
        left_out: &exported.left_out,
        document: serde_json::from_str(&exported.text).ok(),
    };
    output.result(&written, |_| Output::plain_json(&exported.text))?;
    // Standard output is the file.
    output.remark(&left_out(exported));
    Ok(())
}

fn left_out(exported: &Exported) -> String {
    let rules: Vec<String> = exported
        .left_out
        .iter()
        .map(|rule| {
            let id = rule.id.to_string();
            let values = [("rule", id.as_str()), ("reason", rule.reason)];
            // Translators: {reason} is why no file can have the rule, a technical text in English.
            gettext_f("rule {rule}: {reason}", &values)
        })
        .collect();
    match &rules[..] {
        [] => String::new(),
        rules => format!(
            "\n{}\n  {}",
            gettext("Left out, because no file can have them:"),
            rules.join("\n  ")
        ),
    }
}
