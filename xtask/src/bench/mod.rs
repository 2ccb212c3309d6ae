//! `bench`: what the firewall costs, beside no firewall and beside OpenSnitch in the same boot.

mod figures;
mod report;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::command_line::{BenchOptions, VmOptions};
use crate::machine::Base;
use crate::product::Profile;
use crate::root;
use crate::step::Steps;
use crate::tree::{self, Tree};
use crate::vm::{self, Special};

use figures::Figures;

/// The package of the timed program, and the program's name.
const PROGRAM: &str = "portreeve-bench";
/// How long one machine may take, in seconds.
const TIMEOUT: u64 = 1800;

/// Measures by counted instructions, then by real time; fails if a limit is exceeded.
pub(crate) fn run(tree: &Tree, steps: &Steps, options: &BenchOptions) -> Result<ExitCode> {
    tree::clear_dir(&tree.target("bench"))?;
    let program = build(tree, steps)?;
    let counted = measure(tree, steps, &program, "counted")?;
    if options.counted {
        let rows = report::counted_rows(&counted)?;
        print!("{}", report::counted_table(&rows));
        return conclude(counted, report::too_many_instructions(&rows));
    }
    let real = measure(tree, steps, &program, "real")?;
    let rows = report::rows(&counted, &real)?;
    if options.json {
        println!("{}", report::json(&rows));
    } else {
        print!("{}", report::table(&rows));
    }
    conclude(counted, report::exceeded(&rows))
}

/// Says what the broker takes and which limits are exceeded.
fn conclude(counted: Figures, mut exceeded: Vec<String>) -> Result<ExitCode> {
    let broker = counted.broker.context("cannot find the broker's figures")?;
    // The figures of the operations are all that --json promises on standard output.
    eprint!("{}", report::about_broker(&broker));
    exceeded.extend(broker.exceeded());
    if exceeded.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("x: over the limit:\n{}", exceeded.join("\n"));
    Ok(ExitCode::FAILURE)
}

/// Builds the timed program, linked statically: starting it is one of the things that are timed.
fn build(tree: &Tree, steps: &Steps) -> Result<PathBuf> {
    let preparing = tree.lock("prepare")?;
    let sandbox = root::enter(tree, steps)?;
    steps.step("timed program", |log| {
        let mut cargo = sandbox.command("cargo");
        cargo.args(["rustc", "--release", "--offline", "--locked"]);
        cargo.args(["--package", PROGRAM, "--bin", PROGRAM]);
        log.run(cargo.args(["--", "-Ctarget-feature=+crt-static"]))
    })?;
    drop(preparing);
    Ok(tree.lab("cargo/release").join(PROGRAM))
}

/// Boots a machine and has it measure; `mode` is what `tests/bench/run` calls it.
fn measure(tree: &Tree, steps: &Steps, program: &Path, mode: &str) -> Result<Figures> {
    let options = VmOptions {
        kernel: None,
        gui: false,
        ram: None,
        timeout: TIMEOUT,
        script: vec!["tests/bench/run".to_owned(), mode.to_owned()],
    };
    let output = tree.target(format!("logs/bench-{mode}.log"));
    let counted = mode == "counted";
    let special = Special {
        // The other firewall is measured by real time only.
        base: if counted { Base::Tests } else { Base::Bench },
        profile: Profile::Release,
        counted,
        files: vec![program.to_owned()],
        terminal: Some(output.clone()),
        ..Special::default()
    };
    let status = vm::run_special(tree, steps, &options, &special)?;
    if status != 0 {
        bail!(
            "cannot measure in the lab machine (status {status}); its output is in {}",
            output.display()
        );
    }
    // Kept for whoever wants the figures of each round.
    let path = tree.target(format!("bench/{mode}.json"));
    let found = tree.target("vm/out/bench.json");
    fs::copy(&found, &path).with_context(|| format!("cannot copy {}", found.display()))?;
    let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    Figures::read(file)
}
