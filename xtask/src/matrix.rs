//! `matrix`: the system tests on several kernels, and what the verifier of each makes of the probe.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::command_line::{MatrixOptions, VmOptions};
use crate::kernel::NotInArchive;
use crate::step::Steps;
use crate::tree::{self, Tree};
use crate::vm::{self, Special};

/// Tested unless others are named: the baseline, and Debian's newer ones.
pub(crate) const KERNELS: [&str; 6] = ["6.12", "6.16", "6.18", "7.0", "7.2", "7.3"];
/// How long the tests may take on one kernel, in seconds.
const TIMEOUT: u64 = 5400;

/// Runs the tests on each kernel; a failure on one does not keep the others from their turn.
pub(crate) fn run(tree: &Tree, steps: &Steps, options: &MatrixOptions) -> Result<ExitCode> {
    let logs = tree.target("matrix");
    tree::clear_dir(&logs)?;
    let (mut passed, mut failed, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for kernel in &options.kernels {
        let begun = Instant::now();
        let dir = logs.join(kernel.replace('/', "-"));
        let which = if options.hooks {
            Some("--hooks")
        } else {
            options.filter.as_deref()
        };
        let result = passes(tree, steps, kernel, which, &dir);
        let (mark, kernels, found) = match result {
            Ok((true, found)) => ("PASS", &mut passed, found),
            Ok((false, found)) => ("FAIL", &mut failed, found),
            // That Debian lets a kernel go is no failure of ours.
            Err(error) if error.downcast_ref::<NotInArchive>().is_some() => {
                ("GONE", &mut gone, format!("{error:#}"))
            }
            Err(error) => ("FAIL", &mut failed, format!("{error:#}")),
        };
        let seconds = begun.elapsed().as_secs();
        println!("{mark} {kernel:<8} {seconds:>5} s  {found}");
        kernels.push(kernel.as_str());
    }
    println!(
        "{} of {} kernels passed; the logs are in {}",
        passed.len(),
        options.kernels.len(),
        logs.display()
    );
    if !gone.is_empty() {
        println!("no longer in Debian's archive: {}", gone.join(", "));
    }
    if failed.is_empty() && !passed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "x: the tests failed on these kernels: {}",
        failed.join(", ")
    );
    Ok(ExitCode::FAILURE)
}

/// Whether the tests pass on a kernel, and what there is to say about it.
fn passes(
    tree: &Tree,
    steps: &Steps,
    kernel: &str,
    which: Option<&str>,
    dir: &Path,
) -> Result<(bool, String)> {
    tree::clear_dir(dir)?;
    let mut script = vec!["tests/matrix/run".to_owned()];
    script.extend(which.map(str::to_owned));
    let options = VmOptions {
        kernel: Some(kernel.to_owned()),
        gui: true,
        ram: None,
        timeout: TIMEOUT,
        script,
    };
    let output = dir.join("tests.log");
    let special = Special {
        terminal: Some(output.clone()),
        silence: Some(vm::SILENCE),
        ..Special::default()
    };
    let status = vm::run_special(tree, steps, &options, &special);
    for (from, to) in [
        (tree.target("logs/vm-console.log"), "console.log"),
        (tree.target("vm/out/journal.txt"), "journal.txt"),
    ] {
        if from.exists() {
            fs::copy(&from, dir.join(to))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    let passed = status? == 0;
    let text = fs::read_to_string(&output).context("cannot read the tests' output")?;
    Ok((passed, summary(&text)))
}

/// The running kernel, the probe's programs and the count of the tests, on one line.
fn summary(output: &str) -> String {
    let wanted = |line: &&str| {
        let line = *line;
        line.starts_with("kernel ") || line.starts_with("probe ") || is_count(line)
    };
    let lines: Vec<&str> = output.lines().filter(wanted).collect();
    lines.join("; ")
}

/// Whether a line is the runner's last: “83 passed, 0 failed, 5 failed as expected”.
fn is_count(line: &str) -> bool {
    line.starts_with(|first: char| first.is_ascii_digit())
        && line.contains(" passed, ")
        && line.contains(" failed")
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn sums_up_what_the_tests_have_printed() {
        let output = "kernel 7.2.13\nprobe connect: 900 instructions in 12 ms\nPASS  1.0 s  a\n\
                      12 passed, 0 failed, 3 failed as expected\n";
        assert_eq!(
            summary(output),
            "kernel 7.2.13; probe connect: 900 instructions in 12 ms; 12 passed, 0 failed, \
             3 failed as expected"
        );
    }
}
