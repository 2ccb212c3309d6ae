//! `test`: the four kinds of tests.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::command_line::{TestKind, TestOptions, VmOptions};
use crate::package;
use crate::root;
use crate::sandbox::Sandbox;
use crate::step::Steps;
use crate::translations;
use crate::tree::Tree;
use crate::vm;

/// How long the system tests may take altogether, in seconds.
const SYSTEM_TIMEOUT: u64 = 5400;
/// The system test that is run by its name only, since it takes packages.
const PACKAGE: &str = "package";
/// The feature of the tests that need a bus or a display.
const SURROUNDINGS: &str = "portreeve-tests/surroundings";
const ALL: [TestKind; 4] = [
    TestKind::Unit,
    TestKind::Bus,
    TestKind::Gui,
    TestKind::System,
];

/// Runs one kind of tests or all of them; a failure of one kind does not keep the others from
/// running.
pub(crate) fn run(tree: &Tree, steps: &Steps, options: &TestOptions) -> Result<ExitCode> {
    let slow = options.slow.then_some(&[TestKind::System][..]);
    let kind = options.kind.as_ref().map(std::slice::from_ref);
    let kinds = slow.or(kind).unwrap_or(&ALL);
    let mut failed = Vec::new();
    for kind in kinds {
        println!("── {} tests", name(*kind));
        if !passes(tree, steps, *kind, options)? {
            failed.push(name(*kind));
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("x: these tests failed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

fn name(kind: TestKind) -> &'static str {
    match kind {
        TestKind::Unit => "unit",
        TestKind::Bus => "bus",
        TestKind::Gui => "gui",
        TestKind::System => "system",
    }
}

fn passes(tree: &Tree, steps: &Steps, kind: TestKind, options: &TestOptions) -> Result<bool> {
    let filter = options.filter.as_deref();
    if kind == TestKind::System && filter == Some(PACKAGE) {
        return package::test(tree, steps);
    }
    if kind == TestKind::System {
        let mut script = vec!["tests/system/run".to_owned()];
        script.extend(options.slow.then(|| "--slow".to_owned()));
        script.extend(filter.map(str::to_owned));
        let options = VmOptions {
            kernel: None,
            gui: true,
            ram: None,
            timeout: SYSTEM_TIMEOUT,
            script,
        };
        return Ok(vm::run_watched(tree, steps, &options)? == ExitCode::SUCCESS);
    }
    let preparing = tree.lock("prepare")?;
    let sandbox = root::enter(tree, steps)?;
    drop(preparing);
    let sandbox = match kind {
        TestKind::Bus | TestKind::Gui => {
            let compiled = steps.step("translations", |log| {
                translations::compile(tree, &sandbox, log)
            })?;
            sandbox.with_translations(compiled)
        }
        _ => sandbox,
    };
    let mut command = command(&sandbox, kind);
    command.args(filter);
    Ok(steps.stream(name(kind), &mut command)?.success())
}

/// The command that runs tests of a kind in the lab root.
fn command(sandbox: &Sandbox, kind: TestKind) -> Command {
    // Always all crates: what they need of others is then the same, and is built once.
    let cargo = ["cargo", "test", "--offline", "--locked", "--workspace"];
    let (around, which): (&[&str], &[&str]) = match kind {
        TestKind::Unit => (&[], &[]),
        TestKind::Bus => (&[], &["--features", SURROUNDINGS, "--test", "bus", "--"]),
        _ => (
            &["xvfb-run", "--auto-servernum", "dbus-run-session", "--"],
            &["--features", SURROUNDINGS, "--test", "gui", "--"],
        ),
    };
    let words: Vec<&str> = around.iter().chain(&cargo).chain(which).copied().collect();
    // GTK draws by software, as it does in the lab machine.
    let mut command = sandbox.command("env");
    command.args([
        "GSK_RENDERER=cairo",
        "LIBGL_ALWAYS_SOFTWARE=1",
        "GDK_BACKEND=x11",
    ]);
    command.args(words);
    command
}
