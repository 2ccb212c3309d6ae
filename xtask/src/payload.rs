//! What one run brings into the lab machine besides the product: the tests and the script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::step::Log;
use crate::tree::{self, Tree};

/// Where the work tree's tests/ is in the machine.
const TESTS: &str = "/lab/tests";

/// Packs the lab's own files, the tests, the script and `files`, which get into the machine's
/// /lab, into an archive for the machine's root.
pub(crate) fn pack(
    tree: &Tree,
    log: &mut Log,
    script: &[String],
    files: &[PathBuf],
    dir: &Path,
) -> Result<PathBuf> {
    let run = dir.join("run");
    tree::clear_dir(&run.join("lab"))?;
    for file in files {
        let name = file.file_name().context("cannot name a file")?;
        fs::copy(file, run.join("lab").join(name))
            .with_context(|| format!("cannot copy {}", file.display()))?;
    }
    let words = place_script(tree, script, &run)?;
    let command = format!("#!/bin/sh\nexec {}\n", words.join(" "));
    fs::write(run.join("lab/command"), command).context("cannot write the machine's command")?;

    let archive = dir.join("run.tar");
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--owner=0",
        "--group=0",
        "--hard-dereference",
        "--exclude=__pycache__",
        "--file",
    ]);
    tar.arg(&archive);
    tar.args(["--transform=flags=r;s,^bin,usr/local/bin,"]);
    tar.args(["--transform=flags=r;s,^labui,usr/local/lib/lab/labui,"]);
    tar.args(["--transform=flags=r;s,^\\(tests\\|docs\\),lab/\\1,"]);
    tar.arg("--directory").arg(&run).arg("lab");
    tar.arg("--directory")
        .arg(tree.file("tests/lab/machine"))
        .args(["etc", "usr"]);
    tar.arg("--directory")
        .arg(tree.file("tests/lab"))
        .args(["bin", "labui"]);
    tar.arg("--directory")
        .arg(tree.root())
        .args(["tests", "docs/examples"]);
    log.run(&mut tar).context("cannot pack the tests")?;
    Ok(archive)
}

/// The shell words that run the script in the machine.
///
/// A script that is a file of the tests is run from where they are in the machine; any other file
/// is taken along; anything else is a command of the machine.
fn place_script(tree: &Tree, script: &[String], run: &Path) -> Result<Vec<String>> {
    let mut words: Vec<String> = script.iter().map(|word| quote(word)).collect();
    let file = tree.file(&script[0]);
    if script[0].contains('/') && file.is_file() {
        let tests = tree.file("tests");
        words[0] = if let Ok(path) = file.strip_prefix(&tests) {
            quote(&Path::new(TESTS).join(path).display().to_string())
        } else {
            fs::copy(&file, run.join("lab/script"))
                .with_context(|| format!("cannot copy {}", file.display()))?;
            "/lab/script".to_owned()
        };
    }
    Ok(words)
}

/// Quotes a word for the shell.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn quotes_words_for_the_shell() {
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's"), r"'it'\''s'");
    }
}
