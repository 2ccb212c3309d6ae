//! Kernels of the lab machine, from Debian's packages.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;

use crate::cache;
use crate::root;
use crate::sandbox::Sandbox;
use crate::step::Steps;
use crate::tree::Tree;

/// Fetches a kernel and makes of it what qemu needs; it runs in the lab root.
const SCRIPT: &str = include_str!("../scripts/kernel.sh");
/// What runs in the initramfs.
const INIT: &str = include_str!("../../tests/lab/init");

/// Debian does not have this kernel, or no longer all of it.
#[derive(Debug)]
pub(crate) struct NotInArchive(String);

impl fmt::Display for NotInArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot get kernel {}: it is not in the archive", self.0)
    }
}

/// One kernel, ready to boot.
#[derive(Debug)]
pub(crate) struct Kernel {
    dir: PathBuf,
}

impl Kernel {
    /// The kernel of this version or suite, fetched unless it is there.
    pub(crate) fn get(
        tree: &Tree,
        steps: &Steps,
        sandbox: &Sandbox,
        version: Option<&str>,
    ) -> Result<Self> {
        let version = version.unwrap_or(crate::mirror::SUITE);
        let kind = format!("kernel-{version}");
        let key = cache::key(&[SCRIPT, INIT, &root::key(tree)?]);
        let dir = cache::kept(tree, &kind, &key, |dir| {
            steps.step(&format!("kernel {version}"), |log| {
                let mut shell = sandbox.online("sh");
                shell
                    .args(["-ec", SCRIPT, "kernel.sh", version])
                    .arg(dir)
                    .arg(tree.lab("apt"));
                log.run(shell.arg(tree.file("tests/lab/init")))
                    .map_err(|error| {
                        if dir.join("not-in-archive").exists() {
                            error.context(NotInArchive(version.to_owned()))
                        } else {
                            error.context(format!("cannot get kernel {version}: see the log"))
                        }
                    })
            })
        })?;
        Ok(Self { dir })
    }

    /// The kernel itself.
    pub(crate) fn image(&self) -> PathBuf {
        self.file("vmlinuz")
    }

    /// What mounts the lab machine's disks and unpacks the product.
    pub(crate) fn initramfs(&self) -> PathBuf {
        self.file("initramfs")
    }

    /// A disk with the kernel's modules.
    pub(crate) fn modules(&self) -> PathBuf {
        self.file("modules.ext4")
    }

    /// A file that is kept as long as the kernel is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}
