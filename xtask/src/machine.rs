//! The lab machine's base system: a disk image with Debian, the users and nothing of the product.

use std::path::PathBuf;

use anyhow::Result;

use crate::cache;
use crate::mirror;
use crate::root;
use crate::sandbox::Sandbox;
use crate::step::Steps;
use crate::tree::Tree;

/// Makes a Debian tree the lab machine: users, names, and nothing started that is not needed.
const SETUP: &str = include_str!("../scripts/machine.sh");
/// The other firewall runs only while it is measured.
const BENCH_SETUP: &str = "\nchroot \"$1\" systemctl disable opensnitch.service\n";
/// Room for what tests write; the file is sparse.
const SIZE: &str = "4G";

/// What a lab machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Base {
    /// To test the product.
    #[default]
    Tests,
    /// To measure it beside another firewall, which is installed too.
    Bench,
}

/// Returns the image of a base system, made unless it is there.
pub(crate) fn image(tree: &Tree, steps: &Steps, sandbox: &Sandbox, base: Base) -> Result<PathBuf> {
    let mut packages = root::packages(tree, "machine")?;
    let (kind, setup) = match base {
        Base::Tests => ("machine", SETUP.to_owned()),
        Base::Bench => {
            packages.extend(root::packages(tree, "bench")?);
            ("bench-machine", format!("{SETUP}{BENCH_SETUP}"))
        }
    };
    let key = cache::key(&[mirror::SUITE, &setup, SIZE, &packages.join(" ")]);
    cache::kept(tree, kind, &key, |image| {
        steps.step(&kind.replace("machine", "lab machine"), |log| {
            let archive = image.with_extension("tar");
            mirror::debootstrap(log, &packages, &setup, &archive)?;
            let mut mkfs = sandbox.command("mkfs.ext4");
            mkfs.args(["-q", "-O", "^has_journal", "-L", "lab", "-d"]);
            log.run(mkfs.arg(&archive).arg(image).arg(SIZE))?;
            cache::remove(&archive)
        })
    })
}
