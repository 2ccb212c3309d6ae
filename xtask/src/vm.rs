//! `vm`: boots the lab machine with this build installed and runs a script in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::command_line::VmOptions;
use crate::kernel::Kernel;
use crate::kvm;
use crate::machine::{self, Base};
use crate::payload;
use crate::product::{self, Profile};
use crate::qemu::{End, GRACE, Machine, Processors};
use crate::root;
use crate::step::Steps;
use crate::tree::{self, Tree};

/// Memory of a machine with and without a desktop, in MiB.
const RAM: u32 = 2048;
const RAM_WITH_DESKTOP: u32 = 3072;
/// Virtio ports the machine reports through.
const STATUS_PORT: &str = "lab.status";
const OUT_PORT: &str = "lab.out";
/// Where a script says how far it has come, a line each time; one that begins anew is given the last of these
/// lines on the kernel's command line, after [`RESUME_WORD`].
const PROGRESS_PORT: &str = "lab.progress";
const RESUME_WORD: &str = "lab.resume=";

/// Tells tests not to send the machine to sleep: it has died of that as often as [`SLEEPS`] says.
const AWAKE_WORD: &str = "lab.awake";
const SLEEPS: u32 = 2;
/// How often a machine is booted that stumbles.
const BOOTS: u32 = 6;
/// Longest pause in the output of tests and of the story: no step of them takes as long.
pub(crate) const SILENCE: Duration = Duration::from_secs(400);
/// How many lines of its console are shown of a machine that had to be switched off.
const LAST_WORDS: usize = 40;

/// What is special about a machine that is not the usual one.
#[derive(Debug, Default)]
pub(crate) struct Special {
    pub(crate) base: Base,
    pub(crate) profile: Profile,
    /// What is unpacked into the machine's root instead of the product.
    pub(crate) instead: Option<PathBuf>,
    /// Whether the machine's time is counted in instructions.
    pub(crate) counted: bool,
    /// Files that get into the machine's /lab.
    pub(crate) files: Vec<PathBuf>,
    /// Where the script's output goes instead of standard output.
    pub(crate) terminal: Option<PathBuf>,
    /// The machine is switched off if its output pauses for longer than this.
    pub(crate) silence: Option<Duration>,
}

/// Runs the script; its exit status is the task's.
pub(crate) fn run(tree: &Tree, steps: &Steps, options: &VmOptions) -> Result<ExitCode> {
    let status = run_special(tree, steps, options, &Special::default())?;
    Ok(ExitCode::from(status))
}

/// Runs a script that says something again and again; its exit status is the task's.
pub(crate) fn run_watched(tree: &Tree, steps: &Steps, options: &VmOptions) -> Result<ExitCode> {
    let special = Special {
        silence: Some(SILENCE),
        ..Special::default()
    };
    let status = run_special(tree, steps, options, &special)?;
    Ok(ExitCode::from(status))
}

/// Runs the script in a special machine and returns its exit status.
pub(crate) fn run_special(
    tree: &Tree,
    steps: &Steps,
    options: &VmOptions,
    special: &Special,
) -> Result<u8> {
    let preparing = tree.lock("prepare")?;
    let sandbox = root::enter(tree, steps)?;
    let product = match &special.instead {
        Some(archive) => archive.clone(),
        None => product::build(tree, steps, &sandbox, special.profile)?,
    };
    let kernel = Kernel::get(tree, steps, &sandbox, options.kernel.as_deref())?;
    let base = machine::image(tree, steps, &sandbox, special.base)?;
    let processors = if special.counted {
        Processors::Counted
    } else if kvm::works(tree, steps, &kernel)? {
        Processors::Kvm
    } else {
        Processors::Emulated
    };
    let running = tree.lock("machine")?;
    drop(preparing);

    let dir = tree.target("vm");
    tree::clear_dir(&dir)?;
    let mut log = steps.log("pack")?;
    let run = payload::pack(tree, &mut log, &options.script, &special.files, &dir)?;
    let default_ram = if options.gui { RAM_WITH_DESKTOP } else { RAM };
    let progress = dir.join("progress");
    let mut machine = Machine {
        kernel: kernel.image(),
        initramfs: kernel.initramfs(),
        kernel_words: kernel_words(options),
        megabytes: options.ram.unwrap_or(default_ram),
        processors,
        disks: vec![base, kernel.modules(), product, run],
        ports: vec![
            (STATUS_PORT, dir.join("status")),
            (OUT_PORT, dir.join("out.tar")),
            (PROGRESS_PORT, progress.clone()),
        ],
        terminal: special.terminal.clone(),
        console: tree.target("logs/vm-console.log"),
        scratch: dir.clone(),
        report: Some(dir.join("status")),
        limit: Duration::from_secs(options.timeout),
        silence: special.silence,
    };
    let begun = Instant::now();
    let end = boot(&mut machine, &progress)?;
    eprintln!(
        "  the machine ran for {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    unpack(steps, &dir)?;
    if end != End::PoweredOff {
        show_last_words(&machine.console);
    }
    match end {
        End::PoweredOff => {}
        End::Lingered => eprintln!(
            "  ! the machine had done its work, but not switched itself off {} s later",
            GRACE.as_secs()
        ),
        End::FellSilent => bail!(
            "the machine stood still; its console is in {}",
            machine.console.display()
        ),
        End::TimedOut => bail!(
            "switched the machine off after {} s (--timeout); its console is in {}",
            options.timeout,
            machine.console.display()
        ),
    }
    let status = status(&dir, &machine.console)?;
    drop(running);
    Ok(status)
}

/// Shows the end of the console of a machine that had to be switched off.
fn show_last_words(console: &Path) {
    let log = printed(console);
    let lines: Vec<_> = log.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(LAST_WORDS)) {
        eprintln!("  console: {}", line.escape_debug());
    }
}

/// Boots the machine, whose disks keep nothing; if an emulated one stumbles, once more, and its script goes on from
/// where it was if it can.
fn boot(machine: &mut Machine, progress: &Path) -> Result<End> {
    let mut asleep = 0;
    for _ in 1..BOOTS {
        eprintln!("  … booting the lab machine");
        let end = machine.run(Stdio::inherit())?;
        let log = printed(&machine.console);
        let stumbled = end == End::FellSilent || is_stumble(&log);
        if machine.processors == Processors::Kvm || machine.has_reported() || !stumbled {
            return Ok(end);
        }
        if died_asleep(&log) {
            asleep += 1;
            if asleep == SLEEPS {
                machine.kernel_words.push(AWAKE_WORD.to_owned());
            }
        }
        show_last_words(&machine.console);
        eprintln!("  ! the emulation has stumbled: once more");
        // The machine's port begins with an empty file.
        let text = fs::read_to_string(progress).unwrap_or_default();
        if let Some(done) = last_line(&text) {
            let words = &mut machine.kernel_words;
            words.retain(|word| !word.starts_with(RESUME_WORD));
            words.push(format!("{RESUME_WORD}{done}"));
        }
    }
    machine.run(Stdio::inherit())
}

/// The last line that was written to its end, if it is one word.
fn last_line(text: &str) -> Option<&str> {
    let (lines, _) = text.rsplit_once('\n')?;
    let line = lines.lines().next_back()?;
    let word = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_graphic());
    word.then_some(line)
}

/// Whether an emulated machine has ended because of the emulation: when code of the kernel is patched,
/// another processor may run into the `int3` that is there for a moment and not know it; and it may
/// die while it wakes up, when its processors are started again.
fn is_stumble(log: &str) -> bool {
    let mut rest = log.lines().skip_while(|line| !line.contains("Oops: int3"));
    // Code that has been freed is filled with `int3` too, and has no name any more: whoever runs that is
    // no victim of the emulation.
    let place = rest.find(|line| line.contains("RIP: 0010:"));
    let patched = place.is_some_and(|line| !line.contains("RIP: 0010:0x"));
    patched || died_asleep(log)
}

fn died_asleep(log: &str) -> bool {
    let mark = log.lines().rfind(|line| line.starts_with("lab: "));
    mark == Some("lab: suspending")
}

/// What the machine has printed to its console.
fn printed(console: &Path) -> String {
    String::from_utf8_lossy(&fs::read(console).unwrap_or_default()).into_owned()
}

fn kernel_words(options: &VmOptions) -> Vec<String> {
    let mut words = vec![
        "quiet",
        // Emulation pays for these and nothing here is protected by them.
        "mitigations=off",
        "init_on_alloc=0",
        "audit=0",
        "systemd.show_status=error",
        "systemd.unit=multi-user.target",
        "systemd.wants=lab-peer.service",
        "systemd.wants=lab-run.service",
    ];
    if options.gui {
        words.push("systemd.wants=lab-session.service");
    }
    words.into_iter().map(str::to_owned).collect()
}

/// The script's exit status, as the machine reported it.
fn status(dir: &Path, console: &Path) -> Result<u8> {
    let text = fs::read_to_string(dir.join("status")).context("cannot read the exit status")?;
    if let Ok(status) = text.trim().parse() {
        return Ok(status);
    }
    let log = printed(console);
    if let Some(line) = log.lines().find(|line| line.contains("Kernel panic")) {
        bail!(
            "the machine's kernel gave up: {line} (see {})",
            console.display()
        );
    }
    bail!(
        "the machine went off before the script's end; its console is in {}",
        console.display()
    )
}

/// Unpacks what the script left in /out into target/vm/out/.
fn unpack(steps: &Steps, dir: &Path) -> Result<()> {
    let out: PathBuf = dir.join("out");
    fs::create_dir_all(&out).context("cannot create target/vm/out")?;
    let archive = dir.join("out.tar");
    if fs::metadata(&archive).is_ok_and(|it| it.len() > 0) {
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--no-same-owner", "--file"])
            .arg(&archive);
        steps.log("out")?.run(tar.arg("--directory").arg(&out))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_the_last_whole_line() {
        assert_eq!(last_line("a,1\nb,2\nc,"), Some("b,2"));
        assert_eq!(last_line("a,1\n"), Some("a,1"));
        for text in ["", "a,1", "\n", "two words\n"] {
            assert_eq!(last_line(text), None, "{text:?}");
        }
    }

    #[test]
    fn freed_code_is_no_stumble_of_the_emulation() {
        let oops = |place| format!("[ 1.0] Oops: int3: 0000 [#1]\n[ 1.0] RIP: 0010:{place}\n");
        assert!(is_stumble(&oops("__schedule+0x343/0xbe0")));
        assert!(!is_stumble(&oops("0xffffffffc0288164")));
        assert!(is_stumble("lab: suspending\n"));
        assert!(!is_stumble("lab: suspending\nlab: awake\n"));
        assert!(!is_stumble(
            "Kernel panic - not syncing: Attempted to kill init!\n"
        ));
    }
}
