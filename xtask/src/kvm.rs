//! Whether Debian's kernel really boots with KVM here; if not, the lab emulates.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::kernel::Kernel;
use crate::qemu::{End, Machine, Processors};
use crate::step::{Log, Steps};
use crate::tree::Tree;

/// A kernel that boots at all says so within this time.
const LIMIT: Duration = Duration::from_secs(20);
/// What the initramfs prints to the console when it runs with `lab.probe`.
const SIGN: &str = "lab: alive";

/// Tries once for each kernel of the machine and of the host, and remembers the answer.
pub(crate) fn works(tree: &Tree, steps: &Steps, kernel: &Kernel) -> Result<bool> {
    let opened = fs::File::options().read(true).write(true).open("/dev/kvm");
    if opened.is_err() {
        return Ok(false);
    }
    let host = fs::read_to_string("/proc/sys/kernel/osrelease").context("cannot read uname")?;
    let answer = kernel.file(&format!("kvm-{}", host.trim()));
    if !answer.exists() {
        steps.step("trying KVM", |log| {
            let works = boots(
                kernel,
                log,
                &tree.target("logs/kvm-console.log"),
                &tree.lab(""),
            );
            fs::write(&answer, works.to_string()).context("cannot remember whether KVM works")
        })?;
    }
    let text = fs::read_to_string(answer).context("cannot read whether KVM works")?;
    Ok(text == "true")
}

fn boots(kernel: &Kernel, log: &Log, console: &Path, scratch: &Path) -> bool {
    let machine = Machine {
        kernel: kernel.image(),
        initramfs: kernel.initramfs(),
        kernel_words: vec!["lab.probe".to_owned()],
        megabytes: 512,
        processors: Processors::Kvm,
        disks: Vec::new(),
        ports: Vec::new(),
        terminal: None,
        console: console.to_owned(),
        scratch: scratch.to_owned(),
        report: None,
        limit: LIMIT,
        silence: None,
    };
    let end = log.output().and_then(|errors| machine.run(errors));
    let powered_off = end.is_ok_and(|end| end == End::PoweredOff);
    let said = fs::read(console).unwrap_or_default();
    powered_off && String::from_utf8_lossy(&said).contains(SIGN)
}
