//! Commands inside the lab root, entered with bubblewrap.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::step::Log;
use crate::tree::Tree;

/// Host variables that fetching depends on.
const NETWORK_VARIABLES: [&str; 6] = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];
/// Where hosts keep the certificates they trust, which may include a company's own.
const HOST_CERTIFICATES: [&str; 2] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];
/// Where the lab root's programs look for them.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Whether cargo keeps what makes the next build of a changed crate shorter.
const INCREMENTAL: &str = "CARGO_INCREMENTAL";

/// The lab root, ready to run commands.
///
/// A command sees the lab root's system read-only, the work tree and the Rust toolchain at their
/// own paths, nothing else of the host, and no network.
#[derive(Debug)]
pub(crate) struct Sandbox {
    root: PathBuf,
    work_tree: PathBuf,
    cargo_target: PathBuf,
    cargo_home: PathBuf,
    rustup_home: PathBuf,
    sysroot: PathBuf,
    tools: Option<PathBuf>,
    translations: Option<Translations>,
}

/// Translations as they are installed, and locales in which they are used.
#[derive(Debug, Clone)]
pub(crate) struct Translations {
    /// What is in /usr/share/locale.
    pub(crate) catalogs: PathBuf,
    /// The lab root has no locale but C, in which the C library translates nothing.
    pub(crate) locales: PathBuf,
}

/// Where the pinned Rust toolchain is.
pub(crate) fn sysroot(tree: &Tree, log: &mut Log) -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "sysroot"]).current_dir(tree.root());
    let sysroot = log
        .read(&mut rustc)
        .context("cannot find the Rust toolchain")?;
    Ok(sysroot.trim_end().into())
}

impl Sandbox {
    pub(crate) fn new(tree: &Tree, log: &mut Log, root: PathBuf) -> Result<Self> {
        let sandbox = Self {
            root,
            work_tree: tree.root().to_owned(),
            cargo_target: tree.lab("cargo"),
            cargo_home: home("CARGO_HOME", ".cargo")?,
            rustup_home: home("RUSTUP_HOME", ".rustup")?,
            sysroot: sysroot(tree, log)?,
            tools: None,
            translations: None,
        };
        for dir in sandbox.host_dirs() {
            let place = sandbox.root.join(dir.strip_prefix("/").unwrap_or(dir));
            fs::create_dir_all(&place)
                .with_context(|| format!("cannot create {}", place.display()))?;
        }
        Ok(sandbox)
    }

    /// The same with the programs of `tools` on the path.
    pub(crate) fn with_tools(mut self, tools: PathBuf) -> Self {
        self.tools = Some(tools);
        self
    }

    /// The same with translations.
    pub(crate) fn with_translations(mut self, translations: Translations) -> Self {
        self.translations = Some(translations);
        self
    }

    /// A command without a network.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.enter();
        command.args(["--unshare-net", "--setenv", "CARGO_NET_OFFLINE", "true"]);
        command.arg("--").arg(program);
        command
    }

    /// A command that reaches the host's network, to fetch something.
    pub(crate) fn online(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.enter();
        for file in ["/etc/resolv.conf", "/etc/hosts"] {
            command.arg("--ro-bind-try").arg(file).arg(file);
        }
        for file in HOST_CERTIFICATES {
            command.arg("--ro-bind-try").arg(file).arg(CERTIFICATES);
        }
        for name in NETWORK_VARIABLES {
            if let Some(value) = env::var_os(name) {
                command.arg("--setenv").arg(name).arg(value);
            }
        }
        command.arg("--").arg(program);
        command
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("bwrap");
        command.args([
            "--die-with-parent",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
        ]);
        for dir in ["usr", "etc", "var"] {
            command
                .arg("--ro-bind")
                .arg(self.root.join(dir))
                .arg(Path::new("/").join(dir));
        }
        for dir in ["bin", "sbin", "lib", "lib64"] {
            command
                .arg("--symlink")
                .arg(Path::new("usr").join(dir))
                .arg(Path::new("/").join(dir));
        }
        command.args([
            "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/run",
        ]);
        command
            .args(["--dir", "/tmp/home", "--chdir"])
            .arg(&self.work_tree);
        for dir in self.host_dirs() {
            command.arg("--bind").arg(dir).arg(dir);
        }
        if let Some(translations) = &self.translations {
            command.arg("--ro-bind").arg(&translations.catalogs);
            command.arg("/usr/share/locale");
        }
        command.arg("--clearenv");
        if let Some(translations) = &self.translations {
            command.args(["--setenv", "LOCPATH"]);
            command.arg(&translations.locales);
        }
        for (name, value) in [("HOME", "/tmp/home"), ("LANG", "C.UTF-8")] {
            command.arg("--setenv").arg(name).arg(value);
        }
        command.arg("--setenv").arg("PATH").arg(self.path());
        command
            .arg("--setenv")
            .arg("CARGO_HOME")
            .arg(&self.cargo_home);
        command
            .arg("--setenv")
            .arg("RUSTUP_HOME")
            .arg(&self.rustup_home);
        command
            .arg("--setenv")
            .arg("CARGO_TARGET_DIR")
            .arg(&self.cargo_target);
        command.args(["--setenv", "CARGO_TERM_COLOR", "never"]);
        // What the compiler keeps to build a changed crate sooner is more than all it has built.
        let incremental = env::var_os(INCREMENTAL).unwrap_or_else(|| "0".into());
        command.args(["--setenv", INCREMENTAL]).arg(incremental);
        command
    }

    fn host_dirs(&self) -> [&Path; 3] {
        [&self.work_tree, &self.cargo_home, &self.rustup_home]
    }

    fn path(&self) -> String {
        let own = self.tools.iter().map(|dir| dir.join("bin"));
        let rust = [self.cargo_home.join("bin"), self.sysroot.join("bin")];
        let system = ["/usr/bin", "/usr/sbin"].map(PathBuf::from);
        let dirs: Vec<String> = own
            .chain(rust)
            .chain(system)
            .map(|dir| dir.display().to_string())
            .collect();
        dirs.join(":")
    }
}

/// Where cargo or rustup keeps its files.
fn home(variable: &str, default: &str) -> Result<PathBuf> {
    let path = env::var_os(variable).map(PathBuf::from);
    path.or_else(|| env::home_dir().map(|home| home.join(default)))
        .with_context(|| format!("cannot find the folder that {variable} stands for"))
}
