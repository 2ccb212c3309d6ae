//! The lab root: a Debian tree with everything needed to build the product.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cache;
use crate::mirror;
use crate::sandbox::{Sandbox, sysroot};
use crate::step::{Log, Steps};
use crate::tidy;
use crate::tree::Tree;

/// Links the probe; it must be of an LLVM no older than the pinned Rust's.
const BPF_LINKER: Tool = Tool {
    kept_as: "tools",
    name: "bpf-linker",
    version: "0.10.3",
};
/// Notes in the programs of packages which crates they were made of.
const AUDITABLE: Tool = Tool {
    kept_as: "auditable",
    name: "cargo-auditable",
    version: "0.7.7",
};
/// Checks what comes in with dependencies, by deny.toml.
const DENY: Tool = Tool {
    kept_as: "deny",
    name: "cargo-deny",
    version: "0.20.2",
};
/// The message bus will not start without a machine id.
const HOOK: &str = "chroot \"$1\" dbus-uuidgen --ensure=/etc/machine-id";

/// A program that Debian has no package of.
struct Tool {
    kept_as: &'static str,
    name: &'static str,
    version: &'static str,
}

/// Makes the lab root unless it is there, fetches the crates, and returns a way into it.
pub(crate) fn enter(tree: &Tree, steps: &Steps) -> Result<Sandbox> {
    let list = packages(tree, "root")?;
    let key = key(tree)?;
    let root = cache::kept(tree, "root", &key, |root| {
        steps.step("lab root", |log| {
            make(log, &list, HOOK, root)?;
            // What was configured against the older root would be wrong for this one.
            cache::remove(&tree.lab("meson"))?;
            cache::remove(&tree.lab("meson-release"))
        })
    })?;
    let sandbox = Sandbox::new(tree, &mut steps.log("toolchain")?, root)?;
    let tools = tool(tree, steps, &sandbox, &BPF_LINKER)?;
    steps.step("crates", |log| fetch(tree, log))?;
    Ok(sandbox.with_tools(&tools))
}

/// The same with what checks dependencies.
pub(crate) fn enter_to_check(tree: &Tree, steps: &Steps) -> Result<Sandbox> {
    let sandbox = enter(tree, steps)?;
    let deny = tool(tree, steps, &sandbox, &DENY)?;
    Ok(sandbox.with_tools(&deny))
}

/// The same for packages: a tree with `packages` and not more, and a way into it that sees `dir` as
/// /build and begins in its folder `start`.
pub(crate) fn enter_apart(
    tree: &Tree,
    steps: &Steps,
    packages: &[String],
    dir: &Path,
    start: &str,
) -> Result<Sandbox> {
    let lab = enter(tree, steps)?;
    let key = cache::key(&[mirror::SUITE, &packages.join(" ")]);
    let root = cache::kept(tree, "package-root", &key, |root| {
        steps.step("root for packages", |log| make(log, packages, "true", root))
    })?;
    let bpf_linker = tool(tree, steps, &lab, &BPF_LINKER)?;
    let auditable = tool(tree, steps, &lab, &AUDITABLE)?;
    let sandbox = Sandbox::apart(tree, &mut steps.log("toolchain")?, root, dir, start)?;
    Ok(sandbox
        .with_tools_apart(bpf_linker, "bpf-linker")
        .with_tools_apart(auditable, "cargo-auditable"))
}

/// Changes when the lab root's contents do.
pub(crate) fn key(tree: &Tree) -> Result<String> {
    Ok(cache::key(&[
        mirror::SUITE,
        HOOK,
        &packages(tree, "root")?.join(" "),
    ]))
}

/// The packages of a list in tests/lab.
pub(crate) fn packages(tree: &Tree, name: &str) -> Result<Vec<String>> {
    let path = tree.file(format!("tests/lab/{name}.packages"));
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let words = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(words
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

fn make(log: &mut Log, packages: &[String], hook: &str, root: &Path) -> Result<()> {
    let archive = root.with_extension("tar");
    mirror::debootstrap(log, packages, hook, &archive)?;
    fs::create_dir_all(root).with_context(|| format!("cannot create {}", root.display()))?;
    let mut tar = Command::new("tar");
    tar.args([
        "--extract",
        "--no-same-owner",
        "--exclude=./dev/*",
        "--file",
    ])
    .arg(&archive);
    log.run(tar.arg("--directory").arg(root))?;
    cache::remove(&archive)
}

/// Builds a tool unless it is there; returns the folder whose `bin` it is in.
fn tool(tree: &Tree, steps: &Steps, sandbox: &Sandbox, tool: &Tool) -> Result<PathBuf> {
    let toolchain = fs::read_to_string(tree.file("rust-toolchain.toml"))
        .context("cannot read rust-toolchain.toml")?;
    let key = cache::key(&[tool.version, &toolchain, &key(tree)?]);
    cache::kept(tree, tool.kept_as, &key, |dir| {
        steps.step(tool.name, |log| {
            let mut cargo = sandbox.online("cargo");
            cargo.args(["install", tool.name, "--locked", "--version", tool.version]);
            cargo
                .arg("--target-dir")
                .arg(dir.join("build"))
                .arg("--root")
                .arg(dir);
            log.run(&mut cargo)?;
            cache::remove(&dir.join("build"))
        })
    })
}

/// Fetches the crates of all workspaces, because the lab root has no network, and those of Rust's own
/// library, which is built anew for the probe.
fn fetch(tree: &Tree, log: &mut Log) -> Result<()> {
    let library = sysroot(tree, log)?.join("lib/rustlib/src/rust/library/Cargo.toml");
    for manifest in tidy::WORKSPACES.iter().map(Path::new).chain([&*library]) {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["fetch", "--locked", "--manifest-path"])
            .arg(manifest);
        // As for building it: its manifest says what a stable cargo does not read.
        if manifest == library {
            cargo.env("RUSTC_BOOTSTRAP", "1");
        }
        log.run(cargo.current_dir(tree.root()))?;
    }
    Ok(())
}
