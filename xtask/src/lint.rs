//! `lint`: everything that can be checked without running the product.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::root;
use crate::sandbox::Sandbox;
use crate::step::Steps;
use crate::tidy;
use crate::tree::{self, Tree};

/// Runs every check, even after one has failed.
pub(crate) fn run(tree: &Tree, steps: &Steps) -> Result<ExitCode> {
    let preparing = tree.lock("prepare")?;
    let sandbox = root::enter(tree, steps)?;
    drop(preparing);
    let mut failed = 0;
    let mut check = |result: Result<()>| {
        if let Err(error) = result {
            eprintln!("    {error:#}");
            failed += 1;
        }
    };
    check(steps.step("tidy", |log| tidy::check(tree, log)));
    check(steps.step("rustfmt", |log| {
        log.run(
            Command::new("cargo")
                .args(["fmt", "--all", "--check"])
                .current_dir(tree.root()),
        )
    }));
    for (name, words) in cargo_checks() {
        check(steps.step(name, |log| log.run(&mut cargo(&sandbox, words))));
    }
    for (name, mut command) in file_checks(tree, &sandbox)? {
        check(steps.step(name, |log| log.run(&mut command)));
    }
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("x: {failed} checks failed");
    Ok(ExitCode::FAILURE)
}

fn cargo_checks() -> [(&'static str, &'static [&'static str]); 2] {
    [
        (
            "clippy",
            &[
                "cargo",
                "clippy",
                "--workspace",
                "--all-targets",
                "--offline",
                "--locked",
            ],
        ),
        (
            "rustdoc",
            &[
                "cargo",
                "doc",
                "--workspace",
                "--no-deps",
                "--offline",
                "--locked",
            ],
        ),
    ]
}

/// A cargo command whose warnings are errors.
///
/// It has a target folder of its own: other flags would make the product's be built again.
fn cargo(sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.command("env");
    command
        .args(["RUSTFLAGS=-Dwarnings", "RUSTDOCFLAGS=-Dwarnings"])
        .args(words);
    command.args(["--target-dir", "target/lab/lint"]);
    command
}

/// Checks of files that are not Rust, each only where there are such files.
fn file_checks(tree: &Tree, sandbox: &Sandbox) -> Result<Vec<(&'static str, Command)>> {
    let data = tree::files_of(tree, "data")?;
    let with_end = |ends: &[&str]| -> Vec<PathBuf> {
        let ends_so = |path: &&PathBuf| {
            let name = path.display().to_string();
            ends.iter().any(|end| name.ends_with(end))
        };
        data.iter().filter(ends_so).cloned().collect()
    };
    let checks: [(&str, &[&str], Vec<PathBuf>); 4] = [
        (
            "desktop files",
            &["desktop-file-validate"],
            with_end(&[".desktop", ".desktop.in"]),
        ),
        (
            "metainfo",
            &["appstreamcli", "validate", "--no-net"],
            with_end(&[".metainfo.xml", ".metainfo.xml.in"]),
        ),
        (
            "xml",
            &["xmllint", "--nonet", "--noout"],
            with_end(&[
                ".xml",
                ".xml.in",
                ".policy",
                ".policy.in",
                ".conf.xml",
                ".ui",
                ".svg",
            ]),
        ),
        (
            "shell scripts",
            &["sh", "-ec", "for file; do sh -n \"$file\"; done", "sh"],
            shell_scripts(tree)?,
        ),
    ];
    let mut commands = Vec::new();
    for (name, words, files) in checks {
        if !files.is_empty() {
            let mut command = sandbox.command(words[0]);
            command.args(&words[1..]).args(files);
            commands.push((name, command));
        }
    }
    Ok(commands)
}

/// The files that begin like shell scripts.
fn shell_scripts(tree: &Tree) -> Result<Vec<PathBuf>> {
    let mut scripts = tree::files_of(tree, ".")?;
    scripts.retain(|path| {
        let Ok(bytes) = std::fs::read(tree.file(path)) else {
            return false;
        };
        ["#!/bin/sh\n", "#!/bin/busybox sh\n"]
            .iter()
            .any(|start| bytes.starts_with(start.as_bytes()))
    });
    Ok(scripts)
}
