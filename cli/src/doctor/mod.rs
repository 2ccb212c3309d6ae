//! `portreevectl doctor`: checks everything the firewall needs, with or without a broker.

mod broker;
mod kernel;
mod names;

use std::{fs, path::Path, process::ExitCode};

use serde::Serialize;

use crate::{
    error::{self, Result},
    output::{Output, clean},
};

/// What one check found.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// Stable name of the check.
    check: &'static str,
    /// Whether all is well; nothing if it could not be told.
    ok: Option<bool>,
    /// What was found, a sentence without its period.
    found: String,
    /// What puts it right, where something has to be put right.
    fix: Option<String>,
}

impl Finding {
    fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            ok: Some(true),
            found: found.into(),
            fix: None,
        }
    }

    fn bad(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            check,
            ok: Some(false),
            found: found.into(),
            fix: Some(fix.into()),
        }
    }

    fn unknown(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            ok: None,
            found: found.into(),
            fix: None,
        }
    }
}

/// Checks all, for user `uid`, and says what has to be done.
pub(crate) async fn run(uid: u32, output: &mut Output) -> Result<ExitCode> {
    let mut findings = kernel::check(Path::new("/"));
    findings.push(names::check(Path::new("/")));
    findings.extend(broker::check(uid).await);
    output.result(&findings, |findings| text(findings))?;
    Ok(
        if findings.iter().any(|finding| finding.ok == Some(false)) {
            ExitCode::from(error::PROBLEM)
        } else {
            ExitCode::SUCCESS
        },
    )
}

/// What puts something right: the words, and the commands below them.
fn fix(words: &str, commands: &[&str]) -> String {
    let lines = [words].into_iter().chain(commands.iter().copied());
    lines.collect::<Vec<_>>().join("\n")
}

/// A small file's text without the space around it; empty if it cannot be read.
fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path))
        .map_or_else(|_| String::new(), |text| text.trim().to_owned())
}

fn text(findings: &[Finding]) -> String {
    findings.iter().flat_map(lines).collect()
}

/// The finding, and its fix below it.
fn lines(finding: &Finding) -> impl Iterator<Item = String> {
    let (mark, colour) = match finding.ok {
        Some(true) => ('✔', 32),
        Some(false) => ('✘', 31),
        None => ('?', 33),
    };
    let found = clean(&finding.found);
    let fix = finding.fix.iter().flat_map(|fix| fix.lines());
    std::iter::once(format!("\u{1b}[{colour}m{mark}\u{1b}[0m {found}\n"))
        .chain(fix.map(|line| format!("  {}\n", clean(line))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_stands_below_its_finding() {
        let findings = [
            Finding::good("kernel", "the kernel is 6.12"),
            Finding::bad("fuse", "FUSE is missing", "run this:\nmodprobe fuse"),
            Finding::unknown("store", "not told"),
        ];
        let plain = anstream::adapter::strip_str(&text(&findings)).to_string();
        assert_eq!(
            plain,
            "✔ the kernel is 6.12\n✘ FUSE is missing\n  run this:\n  modprobe fuse\n? not told\n"
        );
    }

    #[test]
    fn programs_get_every_field() {
        assert_eq!(
            serde_json::to_value([Finding::bad("fuse", "FUSE is missing", "modprobe fuse")])
                .unwrap(),
            serde_json::json!([{
                "check": "fuse", "ok": false, "found": "FUSE is missing", "fix": "modprobe fuse",
            }])
        );
    }
}
