//! `lint`: everything that can be checked without running the product.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::fuzz::NO_PROBE;
use crate::root;
use crate::sandbox::Sandbox;
use crate::step::Steps;
use crate::tidy;
use crate::translations;
use crate::tree::{self, Tree};

/// Without them, some code is not there.
const FEATURES: &str = "portreeve-broker/fuzzing,portreeve-tests/surroundings";
/// desktop-file-validate takes only files with the right ending.
const CHECK_DESKTOP_FILES: &str = r#"
for file; do
    copy=/tmp/$(basename "${file%.in}")
    cp "$file" "$copy"
    desktop-file-validate "$copy"
done"#;
const CHECK_SHELL_SCRIPTS: &str = r#"for file; do sh -n "$file"; done"#;
/// The ends of the names of XML files in data/, templates apart.
const XML: [&str; 5] = [".xml", ".policy", ".conf", ".ui", ".svg"];

/// Runs every check, even after one has failed.
pub(crate) fn run(tree: &Tree, steps: &Steps) -> Result<ExitCode> {
    let preparing = tree.lock("prepare")?;
    let sandbox = root::enter_to_check(tree, steps)?;
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
        tidy::WORKSPACES.iter().try_for_each(|manifest| {
            let mut cargo = Command::new("cargo");
            cargo.args(["fmt", "--all", "--check", "--manifest-path", manifest]);
            log.run(cargo.current_dir(tree.root()))
        })
    }));
    check(steps.step("translations", |log| {
        translations::check(tree, &sandbox, log)
    }));
    check(steps.step("dependencies", |log| {
        tidy::WORKSPACES
            .iter()
            .try_for_each(|manifest| log.run(&mut dependencies(&sandbox, manifest)))
    }));
    let commands = cargo_checks(&sandbox)
        .into_iter()
        .chain(file_checks(tree, &sandbox)?);
    for (name, mut command) in commands {
        check(steps.step(name, |log| log.run(&mut command)));
    }
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("x: {failed} checks failed");
    Ok(ExitCode::FAILURE)
}

/// Checks a workspace's dependencies by deny.toml: licences, what is banned, where they come from. Advisories are looked
/// for before a release (docs/packaging.md), since that takes a connection to their database.
fn dependencies(sandbox: &Sandbox, manifest: &str) -> Command {
    let mut deny = sandbox.command("cargo");
    deny.args(["deny", "--offline", "--locked", "--manifest-path", manifest]);
    deny.args(["--all-features", "--config", "deny.toml"]);
    deny.args(["check", "bans", "licenses", "sources"]);
    deny
}

/// Checks by cargo of all our crates.
///
/// They share the product's target folder, so that what it is built on is not built again.
fn cargo_checks(sandbox: &Sandbox) -> [(&'static str, Command); 3] {
    let all = ["--workspace", "--offline", "--locked"];
    let clippy = |before: &[&str], which: [&str; 2]| {
        let mut clippy = sandbox.command("env");
        clippy.args(before).args(["cargo", "clippy"]);
        clippy.args(all).args(which);
        clippy.args(["--all-targets", "--", "-Dwarnings"]);
        clippy
    };
    let product = clippy(&[], ["--features", FEATURES]);
    let fuzzers = clippy(&[NO_PROBE], ["--manifest-path", "fuzz/Cargo.toml"]);
    let mut doc = sandbox.command("env");
    doc.args(["RUSTDOCFLAGS=-Dwarnings", "cargo", "doc"]);
    doc.args(all)
        .args(["--no-deps", "--document-private-items"]);
    [
        ("clippy", product),
        ("clippy of fuzzers", fuzzers),
        ("rustdoc", doc),
    ]
}

/// Checks of files that are not Rust, each only where there are such files.
fn file_checks(tree: &Tree, sandbox: &Sandbox) -> Result<Vec<(&'static str, Command)>> {
    let data = tree::files_of(tree, "data")?;
    let ending_in = |ends: &[&str]| -> Vec<PathBuf> {
        let files = data.iter().filter(|path| ends_in(path, ends));
        files.cloned().collect()
    };
    let manuals = tree::files_of(tree, "docs/man")?;
    let manuals = manuals.into_iter().filter(|path| is_manual(path)).collect();
    let checks: [(&str, &[&str], Vec<PathBuf>); 5] = [
        (
            "desktop files",
            &["sh", "-ec", CHECK_DESKTOP_FILES, "sh"],
            ending_in(&[".desktop"]),
        ),
        (
            "metainfo",
            &["appstreamcli", "validate", "--no-net"],
            ending_in(&[".metainfo.xml"]),
        ),
        ("xml", &["xmllint", "--nonet", "--noout"], ending_in(&XML)),
        (
            "manuals",
            &["mandoc", "-T", "lint", "-W", "warning"],
            manuals,
        ),
        (
            "shell scripts",
            &["sh", "-ec", CHECK_SHELL_SCRIPTS, "sh"],
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

/// Whether a file's name ends with a section of manuals.
fn is_manual(path: &Path) -> bool {
    let section = path.extension().and_then(|section| section.to_str());
    section.is_some_and(|section| section.parse::<u8>().is_ok())
}

/// Whether a file's name, without the `.in` of templates, has one of these ends.
fn ends_in(path: &Path, ends: &[&str]) -> bool {
    let name = path.to_string_lossy();
    let name = name.strip_suffix(".in").unwrap_or(&name);
    ends.iter().any(|end| name.ends_with(end))
}

/// The files that begin like shell scripts.
fn shell_scripts(tree: &Tree) -> Result<Vec<PathBuf>> {
    let mut scripts = tree::files_of(tree, ".")?;
    scripts.retain(|path| {
        let text = fs::read(tree.file(path)).unwrap_or_default();
        text.starts_with(b"#!/bin/sh\n") || text.starts_with(b"#!/bin/busybox sh\n")
    });
    Ok(scripts)
}
