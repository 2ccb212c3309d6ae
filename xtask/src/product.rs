//! Builds the product in the lab root and packs what `meson install` would install.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cache;
use crate::sandbox::Sandbox;
use crate::step::{Log, Steps};
use crate::tree::{self, Tree};

/// Enables the product's units the way a package's installation does, drops the line tables
/// (half of the bytes the lab machine has to unpack) and packs.
const PACK: &str = r#"
systemctl --root="$1" preset-all
systemctl --root="$1" --global preset-all
find "$1" -type f -perm -u+x -exec strip --strip-debug {} + 2>/dev/null || true
tar --owner=0 --group=0 --sort=name -cf "$2" -C "$1" .
"#;

/// How the product is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Profile {
    /// All of it, quickly.
    #[default]
    Dev,
    /// As it is shipped, but without the windows.
    Release,
}

impl Profile {
    /// meson's options, and the ends of the names of what is kept.
    fn choices(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Dev => (&["-Dprofile=dev"], ""),
            Self::Release => (&["-Dprofile=release", "-Dgui=false"], "-release"),
        }
    }
}

/// Builds the product and returns the archive of its installed files.
pub(crate) fn build(
    tree: &Tree,
    steps: &Steps,
    sandbox: &Sandbox,
    profile: Profile,
) -> Result<PathBuf> {
    let (options, end) = profile.choices();
    let stage = tree.lab(format!("stage{end}"));
    let archive = tree.lab(format!("product{end}.tar"));
    tree::clear_dir(&stage)?;
    let build = tree.lab(format!("meson{end}"));
    steps.step("build", |log| compile(tree, log, sandbox, &build, options))?;
    steps.step("install", |log| {
        let mut env = sandbox.command("env");
        let mut destination = std::ffi::OsString::from("DESTDIR=");
        destination.push(&stage);
        env.arg(destination)
            .args(["meson", "install", "--no-rebuild", "-C"])
            .arg(&build);
        log.run(&mut env)?;
        pack(log, sandbox, &stage, &archive)
    })?;
    Ok(archive)
}

fn compile(
    tree: &Tree,
    log: &mut Log,
    sandbox: &Sandbox,
    build: &Path,
    options: &[&str],
) -> Result<()> {
    if !build.join("build.ninja").exists() {
        let mut setup = sandbox.command("meson");
        setup.arg("setup").arg(build).arg(tree.root());
        setup.args(["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var"]);
        log.run(setup.args(options))?;
    }
    log.run(sandbox.command("meson").args(["compile", "-C"]).arg(build))
}

fn pack(log: &mut Log, sandbox: &Sandbox, stage: &Path, archive: &Path) -> Result<()> {
    // A machine that is running still reads the old archive: do not write over it.
    cache::remove(archive)?;
    let mut shell = sandbox.command("sh");
    log.run(shell.args(["-ec", PACK, "sh"]).arg(stage).arg(archive))
}
