//! Rules of this work tree that no other tool checks.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::step::Log;
use crate::tree::{self, Tree};

/// Longer files hold more than one thing.
const MOST_LINES: usize = 500;
/// Which of our crates each of our crates may build on.
const DIRECTIONS: [(&str, &[&str]); 10] = [
    ("portreeve-abi", &[]),
    ("portreeve-policy", &[]),
    ("portreeve-dbus", &["portreeve-policy"]),
    (
        "portreeve-broker",
        &["portreeve-abi", "portreeve-policy", "portreeve-dbus"],
    ),
    (
        "portreeve-exchange",
        &["portreeve-dbus", "portreeve-policy"],
    ),
    ("portreeve-i18n", &["portreeve-dbus"]),
    (
        "portreeve-app",
        &[
            "portreeve-dbus",
            "portreeve-policy",
            "portreeve-exchange",
            "portreeve-i18n",
        ],
    ),
    (
        "portreeve-cli",
        &[
            "portreeve-dbus",
            "portreeve-policy",
            "portreeve-exchange",
            "portreeve-i18n",
        ],
    ),
    ("portreeve-probe-ebpf", &["portreeve-abi"]),
    ("xtask", &[]),
];

/// The manifests of the workspaces; the probe and the fuzzers are some of their own.
pub(crate) const WORKSPACES: [&str; 3] = ["Cargo.toml", "probe-ebpf/Cargo.toml", "fuzz/Cargo.toml"];

/// Checks all rules and names every breach.
pub(crate) fn check(tree: &Tree, log: &mut Log) -> Result<()> {
    let mut breaches = Vec::new();
    for path in tree::files_of(tree, ".")? {
        if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(tree.file(&path))
                .with_context(|| format!("cannot read {}", path.display()))?;
            breaches.extend(breaches_of_file(&path, &text));
        }
    }
    for manifest in WORKSPACES {
        let mut cargo = Command::new("cargo");
        cargo.args([
            "metadata",
            "--no-deps",
            "--format-version=1",
            "--manifest-path",
            manifest,
        ]);
        let metadata = log.read(cargo.current_dir(tree.root()))?;
        let metadata = serde_json::from_str(&metadata).context("cannot parse cargo's metadata")?;
        breaches.extend(breaches_of_direction(&metadata));
    }
    if !breaches.is_empty() {
        bail!("the work tree is not tidy:\n{}", breaches.join("\n"));
    }
    Ok(())
}

fn breaches_of_file(path: &Path, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    if !text.starts_with("//! ") {
        breaches.push(format!(
            "{}: does not begin with what it is for (//!)",
            path.display()
        ));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        breaches.push(format!(
            "{}: has {lines} lines, more than {MOST_LINES}",
            path.display()
        ));
    }
    breaches
}

/// Dependencies that go against the order of the rooms; those of tests are free.
fn breaches_of_direction(metadata: &Value) -> Vec<String> {
    let is_ours = |name: &str| DIRECTIONS.iter().any(|(it, _)| *it == name);
    let mut breaches = Vec::new();
    for package in list(&metadata["packages"]) {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(it, _)| *it == name) else {
            continue;
        };
        let built_on = list(&package["dependencies"])
            .filter(|it| it["kind"].as_str() != Some("dev"))
            .filter_map(|it| it["name"].as_str());
        for dependency in built_on {
            if is_ours(dependency) && !allowed.contains(&dependency) {
                breaches.push(format!("{name} may not depend on {dependency}"));
            }
        }
    }
    breaches
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::{breaches_of_direction, breaches_of_file};
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn a_file_says_what_it_is_for_and_is_short() {
        let path = Path::new("a.rs");
        assert!(breaches_of_file(path, "//! Fine.\n").is_empty());
        assert_eq!(breaches_of_file(path, "fn main() {}\n").len(), 1);
        assert_eq!(
            breaches_of_file(path, &format!("//! Long.\n{}", "\n".repeat(500))).len(),
            1
        );
    }

    #[test]
    fn dependencies_go_one_way() {
        let package = |dependency: &str, kind: Option<&str>| {
            json!({"packages": [
                {"name": "portreeve-policy", "dependencies": [{"name": dependency, "kind": kind}]},
                {"name": "portreeve-dbus", "dependencies": []},
            ]})
        };
        assert_eq!(
            breaches_of_direction(&package("portreeve-dbus", None)).len(),
            1
        );
        assert!(breaches_of_direction(&package("portreeve-dbus", Some("dev"))).is_empty());
        assert!(breaches_of_direction(&package("ipnet", None)).is_empty());
    }
}
