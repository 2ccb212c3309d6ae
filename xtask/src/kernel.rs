//! Kernels of the lab machine, from Debian's packages.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::cache;
use crate::root;
use crate::sandbox::Sandbox;
use crate::step::Steps;
use crate::tree::Tree;

/// Fetches a kernel and makes of it what qemu needs; it runs in the lab root.
const SCRIPT: &str = include_str!("../scripts/kernel.sh");
/// What runs in the initramfs.
const INIT: &str = include_str!("../../tests/lab/init");

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
                    .with_context(|| {
                        let missing = dir.join("not-in-archive").exists();
                        let reason = if missing {
                            "it is not in the archive"
                        } else {
                            "see the log"
                        };
                        format!("cannot get kernel {version}: {reason}")
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
