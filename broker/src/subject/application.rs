//! Applications of Flatpak and Snap, told by where the host has the executables that run.
//!
//! What a sandbox says of itself (`/.flatpak-info`, the name of a control group) anybody can have one of his own
//! say, so none of it is read. The kernel knows which file runs, and its table of mounts gives hints as to where
//! the host has that; what is found there is an application's if root alone can have put it there.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use portreeve_abi::Fileid;
use portreeve_policy::{Application, Packaging, Program};
use rustix::fs::{Statx, statfs};

use super::{
    ProcessHandle, fileid,
    process::statx_at,
    script::{NOT_BELIEVED, ROOT, Way, follow_below},
};

/// Where Flatpak has the applications of all users; other such places are named by files in the directory.
const INSTALLATION: &str = "/var/lib/flatpak";
const INSTALLATIONS: &str = "/etc/flatpak/installations.d";
/// Where it has those of one user, below the home directory.
const OWN_INSTALLATION: &str = ".local/share/flatpak";
/// Where snapd mounts snaps (`dirs.SnapMountDir`).
const SNAPS: &[&str] = &["/snap", "/var/lib/snapd/snap"];
/// `SQUASHFS_MAGIC` of include/uapi/linux/magic.h: nobody can write to it, and users cannot mount it.
const IMAGE: u64 = 0x7371_7368;
/// Bytes that are read of what describes an application.
const DESCRIPTION_MAX: u64 = 1 << 18;

/// An executable whose place on the host says more than its path.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    /// The application; or the file, where its user can change that.
    pub program: Program,
    /// The file on the host.
    pub file: Program,
}

/// What the executable is that a process runs, if its place says so. `executable` is what it is by its path.
pub(super) fn find(
    process: &ProcessHandle,
    running: &Statx,
    path: &Path,
    executable: &Program,
) -> Option<Found> {
    let places = match executable {
        Program::Path(path) => vec![PathBuf::from(&**path)],
        _ => process.elsewhere(running, path),
    };
    let file = fileid(running);
    places.iter().find_map(|place| HOST.find(place, file))
}

/// The files of the host, as the first process sees them.
const HOST: Host<'static> = Host {
    root: ROOT,
    others: NOT_BELIEVED,
    image: IMAGE,
};

struct Host<'a> {
    root: &'a str,
    /// Flags of mounts that others than root can have brought.
    others: u64,
    /// The kind of file system that a snap is.
    image: u64,
}

impl Host<'_> {
    /// What this file is, if it is at that place.
    fn find(&self, place: &Path, file: Fileid) -> Option<Found> {
        let at = Program::at(place.to_str()?)?;
        // A look at the words first: no file system is asked that could not have an application.
        let program = self
            .flatpak(place, &at)
            .or_else(|| self.snap(place).map(Program::Application))?;
        let found = statx_at(&self.path(place)).ok()?;
        (fileid(&found) == file).then_some(Found { program, file: at })
    }

    fn flatpak(&self, place: &Path, at: &Program) -> Option<Program> {
        let parts: Vec<&str> = place.to_str()?.split('/').skip(1).collect();
        (0..parts.len()).find_map(|start| {
            let (before, behind) = parts.split_at_checked(start)?;
            let within = || behind.iter().collect::<PathBuf>();
            let installation = || ["/"].iter().chain(before).collect::<PathBuf>();
            match behind {
                ["app", id, _architecture, _branch, _commit, "files", _, ..] => {
                    let application = Application::new(Packaging::Flatpak, id)?;
                    if installation().ends_with(OWN_INSTALLATION) {
                        return Some(at.clone());
                    }
                    let is_there = self.is_installed(&within(), place);
                    is_there.then_some(Program::Application(application))
                }
                // Replaced by another version while it is in use.
                [".removed", deployment, "files", _, ..] => {
                    if !self.is_installed(&within(), place) {
                        return None;
                    }
                    let metadata = installation().join(".removed").join(deployment);
                    let metadata = self.read(&metadata.join("metadata"))?;
                    let id = values(&metadata, "[Application]", "name").next()?;
                    Application::new(Packaging::Flatpak, id).map(Program::Application)
                }
                _ => None,
            }
        })
    }

    /// Whether this is the place to which a path in one of the installations for all users leads, and root
    /// alone could have it lead elsewhere.
    fn is_installed(&self, within: &Path, place: &Path) -> bool {
        let is_there = |installation: &Path| self.is_of_root(&installation.join(within), place);
        is_there(Path::new(INSTALLATION)) || self.installations().any(|it| is_there(&it))
    }

    /// Installations of Flatpak that there are beside the usual one (`flatpak-installation(5)`).
    fn installations(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(self.path(Path::new(INSTALLATIONS)));
        let names = entries.into_iter().flatten();
        let names = names.filter_map(|entry| Some(entry.ok()?.file_name()));
        let files = names.map(|name| Path::new(INSTALLATIONS).join(name));
        let files = files.filter(|path| path.extension().is_some_and(|kind| kind == "conf"));
        files
            .filter_map(|path| self.read(&path))
            .flat_map(|text| -> Vec<PathBuf> {
                let paths = values(&text, "[Installation ", "Path");
                paths.map(PathBuf::from).collect()
            })
    }

    fn snap(&self, place: &Path) -> Option<Application> {
        let directory = SNAPS.iter().find(|it| place.starts_with(it))?;
        let within = place.strip_prefix(directory).ok()?;
        let mut parts = within.to_str()?.split('/');
        let (name, revision) = (parts.next()?, parts.next()?);
        parts.next()?;
        let number = revision.strip_prefix('x').unwrap_or(revision);
        let is_revision = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let application = Application::new(Packaging::Snap, name).filter(|_| is_revision)?;
        let image = Path::new(directory).join(name).join(revision);
        let description = image.join("meta/snap.yaml");
        let is_image = |path: &Path| {
            let system = statfs(self.path(path));
            system.is_ok_and(|system| system.f_type.cast_unsigned() == self.image)
        };
        let is_snap = self.is_of_root(place, place) && is_image(place) && is_image(&description);
        (is_snap && has_applications(&self.read(&description)?)).then_some(application)
    }

    /// Whether the path leads to the file at that place, and root alone can change that.
    fn is_of_root(&self, path: &Path, place: &Path) -> bool {
        match follow_below(Path::new(self.root), self.others, path) {
            Some(Way::OfRoot(end)) => end == place,
            Some(Way::OfOthers) | None => false,
        }
    }

    /// A text of root's; `None` if others can write to it.
    fn read(&self, path: &Path) -> Option<String> {
        let end = match follow_below(Path::new(self.root), self.others, path)? {
            Way::OfRoot(end) => end,
            Way::OfOthers => return None,
        };
        let mut text = String::new();
        let file = File::open(self.path(&end)).ok()?;
        file.take(DESCRIPTION_MAX).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// The path by which the broker gets to a file of the host.
    fn path(&self, path: &Path) -> PathBuf {
        let path = path.strip_prefix("/").unwrap_or(path);
        Path::new(self.root).join(path)
    }
}

/// The values of a key in groups that begin so, of a text in the form of desktop entries.
fn values<'a>(text: &'a str, group: &str, key: &str) -> impl Iterator<Item = &'a str> {
    let mut within = false;
    text.lines().map(str::trim).filter_map(move |line| {
        if line.starts_with('[') {
            within = line.starts_with(group);
        }
        let (word, value) = line.split_once('=').filter(|_| within)?;
        (word.trim_end() == key).then(|| value.trim_start())
    })
}

/// Whether a snap has applications of its own: what others run of those that do not (bases, snapd, libraries that
/// are shared) is theirs. Told by its description, as snapcraft writes it, one key on a line.
fn has_applications(description: &str) -> bool {
    let keys = description.lines().filter_map(|line| line.split_once(':'));
    let mut has = false;
    for (key, value) in keys {
        match key.trim_matches(['"', '\'']) {
            "type" if value.trim() != "app" => return false,
            "apps" => has = true,
            _ => {}
        }
    }
    has
}

#[cfg(test)]
mod tests;
