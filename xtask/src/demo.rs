//! `demo`: plays the story of a first connection in the lab machine and keeps its pictures.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::command_line::{DemoOptions, VmOptions};
use crate::step::Steps;
use crate::tree::{self, Tree};
use crate::vm;

const TIMEOUT: u64 = 900;

/// Plays the story; it succeeds only if everything in it happened.
pub(crate) fn run(tree: &Tree, steps: &Steps, options: &DemoOptions) -> Result<ExitCode> {
    let machine = VmOptions {
        kernel: None,
        gui: true,
        ram: None,
        timeout: TIMEOUT,
        script: vec!["tests/demo/run".to_owned()],
    };
    let code = vm::run_watched(tree, steps, &machine)?;
    let demo = tree.target("demo");
    tree::clear_dir(&demo)?;
    for entry in fs::read_dir(tree.target("vm/out")).context("cannot list target/vm/out")? {
        let path = entry.context("cannot list target/vm/out")?.path();
        let Some(name) = path.file_name().filter(|_| path.is_file()) else {
            continue;
        };
        fs::copy(&path, demo.join(name))
            .with_context(|| format!("cannot copy {}", path.display()))?;
    }
    println!("The pictures are in {}", demo.display());
    if options.display {
        open(&demo)?;
    }
    Ok(code)
}

/// Opens the folder with whatever shows folders on this desktop.
fn open(folder: &Path) -> Result<()> {
    let mut command = Command::new("xdg-open");
    command
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().context("cannot run xdg-open")?;
    Ok(())
}
