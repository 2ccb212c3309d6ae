//! `shots`: pictures every screen and state of the windows into target/shots/.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::command_line::ShotsOptions;
use crate::root;
use crate::sandbox::Sandbox;
use crate::step::Steps;
use crate::translations;
use crate::tree::{self, Tree};

const SCRIPT: &str = "tests/shots/run";

/// Runs the script that takes the pictures, on a display nobody sees.
pub(crate) fn run(tree: &Tree, steps: &Steps, options: &ShotsOptions) -> Result<ExitCode> {
    if !tree.file(SCRIPT).exists() {
        bail!("cannot find {SCRIPT}, which takes the pictures");
    }
    let preparing = tree.lock("prepare")?;
    let sandbox = root::enter(tree, steps)?;
    drop(preparing);
    let out = tree.target("shots");
    tree::clear_dir(&out)?;
    let (sandbox, locale) = match &options.language {
        Some(language) => in_language(tree, steps, sandbox, language)?,
        None => (sandbox, Vec::new()),
    };
    let mut command = sandbox.command("env");
    command.args(locale);
    command.arg(format!("OUT={}", out.display()));
    command.arg(format!("ONLY={}", options.filter));
    command.args([
        "GSK_RENDERER=cairo",
        "LIBGL_ALWAYS_SOFTWARE=1",
        "GDK_BACKEND=x11",
    ]);
    command.args([
        "xvfb-run",
        "--auto-servernum",
        "--server-args=-screen 0 1280x800x24",
    ]);
    command
        .args(["dbus-run-session", "--"])
        .arg(tree.file(SCRIPT));
    let status = steps.stream("shots", &mut command)?;
    if !status.success() {
        return Ok(ExitCode::FAILURE);
    }
    println!("The pictures are in {}", out.display());
    Ok(ExitCode::SUCCESS)
}

/// The same with translations, and the variables that choose this language.
fn in_language(
    tree: &Tree,
    steps: &Steps,
    sandbox: Sandbox,
    language: &str,
) -> Result<(Sandbox, Vec<String>)> {
    let translations = steps.step("translations", |log| {
        translations::compile(tree, &sandbox, log)
    })?;
    if !translations.catalogs.join(language).exists() {
        bail!("there is no translation into {language}");
    }
    let locale = format!("LANG={}", translations::LOCALE);
    let variables = vec![locale, format!("LANGUAGE={language}")];
    Ok((sandbox.with_translations(translations), variables))
}
