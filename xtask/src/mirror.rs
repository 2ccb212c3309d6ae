//! Where Debian packages come from: the host's own mirror, and mmdebstrap to fetch from it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::step::Log;

/// The release the product is built for and the lab machine runs.
pub(crate) const SUITE: &str = "trixie";
/// Used when the host has no Debian mirror of its own.
const DEFAULT_MIRROR: &str = "http://deb.debian.org/debian";
/// Settings of the host's apt that its fetching depends on.
const HOST_SETTINGS: [&str; 4] = [
    "Acquire::http",
    "Acquire::https",
    "Acquire::Retries",
    "Acquire::Check-",
];
/// What the lab never reads.
const LEFT_OUT: [&str; 3] = [
    "/usr/share/man/*",
    "/usr/share/doc/*",
    "/usr/share/locale/*",
];

/// Makes a Debian tree with these packages as a tar archive.
///
/// `hook` is a shell command run before packing, with the tree as its first argument.
pub(crate) fn debootstrap(
    log: &mut Log,
    packages: &[String],
    hook: &str,
    archive: &Path,
) -> Result<()> {
    let mut command = Command::new("mmdebstrap");
    command.args(["--variant=minbase", "--format=tar"]);
    command.arg("--aptopt=Apt::Install-Recommends \"false\"");
    for setting in host_settings(log)? {
        command.arg(format!("--aptopt={setting}"));
    }
    // A tree that a fall of the host has left half written is made anew: nothing of it need reach the disk before the
    // archive is packed.
    command.arg("--dpkgopt=force-unsafe-io");
    for path in LEFT_OUT {
        command.arg(format!("--dpkgopt=path-exclude={path}"));
    }
    command.arg(format!("--include={}", packages.join(",")));
    command.arg(format!("--customize-hook={hook}"));
    command.arg(SUITE).arg(archive).arg(host_mirror());
    log.run(&mut command)
}

/// The host's mirror of Debian.
///
/// Hosts that run Debian name one in their sources; a mirror that other releases come from has
/// this one too.
fn host_mirror() -> String {
    source_files()
        .iter()
        .flat_map(|text| mirrors_in(text))
        .next()
        .unwrap_or_else(|| DEFAULT_MIRROR.to_owned())
}

fn source_files() -> Vec<String> {
    let parts = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|it| it == "list" || it == "sources")
        });
    let mut paths: Vec<_> = parts.collect();
    paths.push("/etc/apt/sources.list".into());
    paths.sort();
    paths
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect()
}

/// The addresses of Debian mirrors in a file of apt sources, of either format.
fn mirrors_in(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| line.starts_with("URIs:") || line.starts_with("deb "))
        .flat_map(str::split_whitespace)
        .filter(|word| word.contains("://"))
        .map(|word| word.trim_end_matches('/'))
        .filter(|address| is_debian(address))
        .map(str::to_owned)
        .collect()
}

/// Whether an address is of the main archive: `…/debian`, or a snapshot `…/debian/20250520T000000Z`.
fn is_debian(address: &str) -> bool {
    let mut folders = address.rsplit('/');
    match folders.next() {
        Some("debian") => true,
        Some(last) => is_snapshot(last) && folders.next() == Some("debian"),
        None => false,
    }
}

fn is_snapshot(folder: &str) -> bool {
    folder.ends_with('Z') && folder.starts_with(|first: char| first.is_ascii_digit())
}

/// The host's proxies and similar settings, as lines of apt configuration.
fn host_settings(log: &mut Log) -> Result<Vec<String>> {
    let mut command = Command::new("apt-config");
    let text = log
        .read(command.arg("dump"))
        .context("cannot read apt's configuration")?;
    let wanted = |line: &&str| HOST_SETTINGS.iter().any(|name| line.starts_with(name));
    Ok(text.lines().filter(wanted).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::mirrors_in;

    #[test]
    fn finds_the_mirror_in_both_formats() {
        let deb822 = "Types: deb\n# http://old.example/debian\nURIs: http://a.example/debian/\n";
        assert_eq!(mirrors_in(deb822), ["http://a.example/debian"]);
        let lines = "# deb http://no.example/debian x main\ndeb [arch=amd64] https://b.example/debian bookworm main\n";
        assert_eq!(mirrors_in(lines), ["https://b.example/debian"]);
    }

    #[test]
    fn takes_snapshots_but_no_other_archives() {
        let text = "URIs: http://a.example/debian-security\nURIs: http://a.example/archive/debian/20250520T000000Z\n";
        assert_eq!(
            mirrors_in(text),
            ["http://a.example/archive/debian/20250520T000000Z"]
        );
        assert!(mirrors_in("deb http://a.example/ubuntu noble main").is_empty());
    }
}
