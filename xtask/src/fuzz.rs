//! `fuzz`: programs of fuzz/ that give the gate whatever input they can think of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::cache;
use crate::command_line::{FuzzOptions, FuzzTarget};
use crate::root;
use crate::sandbox::Sandbox;
use crate::step::Steps;
use crate::tree::{self, Tree};

/// What a fuzzer needs to see which way an input has taken (as cargo-fuzz has it), and the address
/// sanitizer, which the pinned compiler has behind `RUSTC_BOOTSTRAP`.
const RUSTFLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                         -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                         -Cllvm-args=-sanitizer-coverage-pc-table \
                         -Cllvm-args=-sanitizer-coverage-trace-compares \
                         -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
                         -Zsanitizer=address -Ccodegen-units=1";
/// The sanitizer remembers less of freed memory than it would: the fuzzer is twice as fast then.
const SANITIZER: &str = "ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=4";
/// The probe is not built: nobody loads it.
pub(crate) const NO_PROBE: &str = "PORTREEVE_PROBE_OBJECT=/dev/null";
/// An input that takes longer, or more memory, has found something.
const LIMITS: [&str; 4] = [
    "-max_len=4096",
    "-timeout=20",
    "-rss_limit_mb=1024",
    "-malloc_limit_mb=64",
];
const ALL: [FuzzTarget; 4] = [
    FuzzTarget::Requests,
    FuzzTarget::Holds,
    FuzzTarget::Rules,
    FuzzTarget::Answers,
];

/// Runs one fuzzer or all of them; what one finds does not keep the others from running.
pub(crate) fn run(tree: &Tree, steps: &Steps, options: &FuzzOptions) -> Result<ExitCode> {
    let preparing = tree.lock("prepare")?;
    let sandbox = root::enter(tree, steps)?;
    steps.step("fuzzers", |log| log.run(&mut cargo(&sandbox, "build")))?;
    drop(preparing);
    let targets = options
        .target
        .as_ref()
        .map_or(&ALL[..], std::slice::from_ref);
    let mut failed = 0;
    for target in targets {
        let fuzzer = Fuzzer::new(tree, *target)?;
        let result = steps.step(&format!("fuzz {}", fuzzer.name), |log| {
            log.run(fuzzer.command(&sandbox).args(LIMITS).args([
                "-print_final_stats=1".to_owned(),
                format!("-max_total_time={}", options.minutes * 60),
            ]))
        });
        match result {
            Ok(()) if options.keep => {
                steps.step(&format!("corpus of {}", fuzzer.name), |log| {
                    fuzzer.minimise(|command| log.run(command), &sandbox)
                })?;
            }
            Ok(()) => {}
            Err(error) => {
                eprintln!("    {error:#}");
                if fuzzer.found.exists() {
                    eprintln!("x: it fails with the input {}", fuzzer.found.display());
                }
                failed += 1;
            }
        }
    }
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("x: {failed} fuzzers failed");
    Ok(ExitCode::FAILURE)
}

/// A fuzzer and its files.
struct Fuzzer {
    name: &'static str,
    /// Inputs in the work tree, with which it begins.
    seeds: PathBuf,
    /// Inputs that it has come upon.
    corpus: PathBuf,
    /// The input that it fails with.
    found: PathBuf,
}

impl Fuzzer {
    fn new(tree: &Tree, target: FuzzTarget) -> Result<Self> {
        let name = match target {
            FuzzTarget::Requests => "requests",
            FuzzTarget::Holds => "holds",
            FuzzTarget::Rules => "rules",
            FuzzTarget::Answers => "answers",
        };
        let fuzzer = Self {
            name,
            seeds: tree.file("fuzz/corpus").join(name),
            corpus: tree.target("fuzz").join(name),
            found: tree.target("fuzz").join(format!("{name}.found")),
        };
        cache::remove(&fuzzer.found)?;
        fs::create_dir_all(&fuzzer.corpus)
            .with_context(|| format!("cannot create {}", fuzzer.corpus.display()))?;
        Ok(fuzzer)
    }

    /// Its program, writing to its corpus.
    fn command(&self, sandbox: &Sandbox) -> Command {
        let mut command = self.program(sandbox);
        command
            .arg(format!("-exact_artifact_path={}", self.found.display()))
            .args([&self.corpus, &self.seeds]);
        command
    }

    fn program(&self, sandbox: &Sandbox) -> Command {
        let mut command = cargo(sandbox, "run");
        command.args(["--quiet", "--bin", self.name, "--"]);
        command
    }

    /// Makes the seeds the fewest inputs that take all ways that are known.
    fn minimise(
        &self,
        mut run: impl FnMut(&mut Command) -> Result<()>,
        sandbox: &Sandbox,
    ) -> Result<()> {
        let fewest = self.corpus.with_extension("fewest");
        tree::clear_dir(&fewest)?;
        let dirs = [&fewest, &self.seeds, &self.corpus];
        let mut program = self.program(sandbox);
        // How often each way is taken is left out: that would keep five times as many.
        program.args(["-set_cover_merge=1", "-use_counters=0"]);
        run(program.args(dirs))?;
        tree::clear_dir(&self.seeds)?;
        for entry in fs::read_dir(&fewest).context("cannot list the corpus")? {
            let path = entry.context("cannot list the corpus")?.path();
            copy_into(&path, &self.seeds)?;
        }
        cache::remove(&fewest)
    }
}

fn copy_into(file: &Path, dir: &Path) -> Result<()> {
    let name = file.file_name().unwrap_or_default();
    fs::copy(file, dir.join(name))
        .map(drop)
        .with_context(|| format!("cannot copy {}", file.display()))
}

/// Cargo for the fuzzers' workspace. With a target, so that the flags are not for build scripts.
fn cargo(sandbox: &Sandbox, command: &str) -> Command {
    let mut cargo = sandbox.command("env");
    cargo
        .args(["RUSTC_BOOTSTRAP=1", SANITIZER, NO_PROBE])
        .arg(format!("RUSTFLAGS={RUSTFLAGS}"))
        .args(["cargo", command, "--release", "--offline", "--locked"])
        .args(["--manifest-path", "fuzz/Cargo.toml"])
        .args(["--target", "host-tuple", "--target-dir", "target/lab/fuzz"]);
    cargo
}
