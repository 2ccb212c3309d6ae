//! Commands inside a Debian tree, entered with bubblewrap.

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

/// Where packages are built.
const BUILD: &str = "/build";

/// Whether cargo keeps what makes the next build of a changed crate shorter.
const INCREMENTAL: &str = "CARGO_INCREMENTAL";

/// A Debian tree, ready to run commands.
///
/// A command sees the tree's system read-only, some folders of the host, nothing else of it, and no
/// network.
#[derive(Debug)]
pub(crate) struct Sandbox {
    root: PathBuf,
    /// Folders of the host, each with where commands see it.
    folders: Vec<(PathBuf, PathBuf)>,
    /// Where commands begin.
    start: PathBuf,
    path: Vec<PathBuf>,
    variables: Vec<(&'static str, PathBuf)>,
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
    /// One that sees the work tree and the Rust toolchain at their own paths.
    pub(crate) fn new(tree: &Tree, log: &mut Log, root: PathBuf) -> Result<Self> {
        let cargo_home = home("CARGO_HOME", ".cargo")?;
        let rustup_home = home("RUSTUP_HOME", ".rustup")?;
        let folders = [tree.root(), &cargo_home, &rustup_home];
        let sandbox = Self {
            root,
            folders: folders.map(|it| (it.to_owned(), it.to_owned())).into(),
            start: tree.root().to_owned(),
            path: vec![cargo_home.join("bin"), sysroot(tree, log)?.join("bin")],
            variables: vec![
                ("CARGO_HOME", cargo_home),
                ("RUSTUP_HOME", rustup_home),
                ("CARGO_TARGET_DIR", tree.lab("cargo")),
            ],
            translations: None,
        };
        sandbox.make_places()?;
        Ok(sandbox)
    }

    /// One that sees `dir` as /build and what else it takes to build below that: no path tells on which
    /// computer something was built. Commands begin in `start`, a folder of `dir`.
    pub(crate) fn apart(
        tree: &Tree,
        log: &mut Log,
        root: PathBuf,
        dir: &Path,
        start: &str,
    ) -> Result<Self> {
        let build = Path::new(BUILD);
        let (cargo_home, rust) = (build.join("cargo"), build.join("rust"));
        let sandbox = Self {
            root,
            folders: vec![
                (dir.to_owned(), build.to_owned()),
                (home("CARGO_HOME", ".cargo")?, cargo_home.clone()),
                (sysroot(tree, log)?, rust.clone()),
            ],
            start: build.join(start),
            path: vec![rust.join("bin")],
            variables: vec![
                ("CARGO_HOME", cargo_home),
                ("CARGO_TARGET_DIR", build.join("target")),
            ],
            translations: None,
        };
        sandbox.make_places()?;
        Ok(sandbox)
    }

    /// The same with the programs of `tools` on the path.
    pub(crate) fn with_tools(mut self, tools: &Path) -> Self {
        self.path.insert(0, tools.join("bin"));
        self
    }

    /// The same with translations.
    pub(crate) fn with_translations(mut self, translations: Translations) -> Self {
        self.translations = Some(translations);
        self
    }

    /// The same with the programs of `tools` on the path, seen as `name` below /build.
    pub(crate) fn with_tools_apart(mut self, tools: PathBuf, name: &str) -> Self {
        let place = Path::new(BUILD).join(name);
        self.folders.push((tools, place.clone()));
        self.with_tools(&place)
    }

    /// Where the commands' folders will be: a tree that is read only has to have them.
    fn make_places(&self) -> Result<()> {
        for (_, place) in &self.folders {
            let place = self.root.join(place.strip_prefix("/").unwrap_or(place));
            fs::create_dir_all(&place)
                .with_context(|| format!("cannot create {}", place.display()))?;
        }
        Ok(())
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
            .arg(&self.start);
        for (folder, place) in &self.folders {
            command.arg("--bind").arg(folder).arg(place);
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
        for (name, value) in &self.variables {
            command.arg("--setenv").arg(name).arg(value);
        }
        command.args(["--setenv", "CARGO_TERM_COLOR", "never"]);
        // What the compiler keeps to build a changed crate sooner is more than all it has built.
        let incremental = env::var_os(INCREMENTAL).unwrap_or_else(|| "0".into());
        command.args(["--setenv", INCREMENTAL]).arg(incremental);
        command
    }

    fn path(&self) -> String {
        let system = ["/usr/bin", "/usr/sbin"].map(PathBuf::from);
        let dirs: Vec<String> = self
            .path
            .iter()
            .chain(&system)
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
