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
/// Room for what tests write; the file is sparse.
const SIZE: &str = "4G";

/// Returns the image of the base system, made unless it is there.
pub(crate) fn image(tree: &Tree, steps: &Steps, sandbox: &Sandbox) -> Result<PathBuf> {
    let packages = root::packages(tree, "machine")?;
    let key = cache::key(&[mirror::SUITE, SETUP, SIZE, &packages.join(" ")]);
    cache::kept(tree, "machine", &key, |image| {
        steps.step("lab machine", |log| {
            let archive = image.with_extension("tar");
            mirror::debootstrap(log, &packages, SETUP, &archive)?;
            let mut mkfs = sandbox.command("mkfs.ext4");
            mkfs.args(["-q", "-O", "^has_journal", "-L", "lab", "-d"]);
            log.run(mkfs.arg(&archive).arg(image).arg(SIZE))?;
            cache::remove(&archive)
        })
    })
}
