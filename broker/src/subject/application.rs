//! Applications of Flatpak and Snap, told by where the host has the executables that run.
//!
//! What a sandbox says of itself (`/.flatpak-info`, the name of a control group) anybody can have one of his own
//! say, so none of it is read. The kernel knows which file runs, and its table of mounts gives hints as to where
//! the host has that; what is found there is an application's if root alone can have put it there.

mod deployments;

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
    script::{View, Way},
};

pub(super) use deployments::Deployments;

/// Where Flatpak has the applications of all users; other such places are named by files in the directory.
const INSTALLATION: &str = "/var/lib/flatpak";
const INSTALLATIONS: &str = "/etc/flatpak/installations.d";
/// Where it has those of one user, below the home directory.
const OWN_INSTALLATION: &str = ".local/share/flatpak";
/// Where snapd mounts snaps (`dirs.SnapMountDir`).
const SNAPS: &[&str] = &["/snap", "/var/lib/snapd/snap"];
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
    deployments: &Deployments,
) -> Option<Found> {
    let places = match executable {
        Program::Path(path) => vec![PathBuf::from(&**path)],
        _ => process.elsewhere(running, path),
    };
    let file = fileid(running);
    let host = Host {
        view: View::first(),
        deployments,
    };
    places.iter().find_map(|place| host.find(place, file))
}

/// The files of the host, and what was found there before.
struct Host<'a> {
    view: View<'a>,
    deployments: &'a Deployments,
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
                ["app", id, architecture, branch, commit, "files", _, ..] => {
                    let application = Application::new(Packaging::Flatpak, id)?;
                    if installation().ends_with(OWN_INSTALLATION) {
                        return Some(at.clone());
                    }
                    if !self.is_installed(&within(), place) {
                        return None;
                    }
                    let deployment: PathBuf =
                        ["app", id, architecture, branch, commit].iter().collect();
                    let deployment = statx_at(&self.path(&installation().join(deployment)));
                    self.deployments.note(&deployment.ok()?, &application);
                    Some(Program::Application(application))
                }
                // Replaced by another version while it is in use.
                [".removed", deployment, "files", _, ..] => {
                    if !self.is_installed(&within(), place) {
                        return None;
                    }
                    let deployment = installation().join(".removed").join(deployment);
                    let deployment = statx_at(&self.path(&deployment)).ok()?;
                    let application = self.deployments.application(&deployment)?;
                    Some(Program::Application(application))
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
            system.is_ok_and(|system| system.f_type.cast_unsigned() == self.view.image)
        };
        let is_there = self.view.follow_into(&image, place)? == Way::OfRoot(place.to_owned());
        let is_snap = is_there && is_image(place) && is_image(&description);
        let description = self.view.follow_into(&image, &description)?;
        (is_snap && has_applications(&self.read_at(description)?)).then_some(application)
    }

    /// Whether the path leads to the file at that place, and root alone can change that.
    fn is_of_root(&self, path: &Path, place: &Path) -> bool {
        self.view
            .follow(path)
            .is_some_and(|way| way == Way::OfRoot(place.to_owned()))
    }

    /// A text of root's; `None` if others can write to it.
    fn read(&self, path: &Path) -> Option<String> {
        self.read_at(self.view.follow(path)?)
    }

    fn read_at(&self, way: Way) -> Option<String> {
        let Way::OfRoot(end) = way else {
            return None;
        };
        let mut text = String::new();
        let file = File::open(self.path(&end)).ok()?;
        file.take(DESCRIPTION_MAX).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// The path by which the broker gets to a file of the host.
    fn path(&self, path: &Path) -> PathBuf {
        let path = path.strip_prefix("/").unwrap_or(path);
        self.view.root.join(path)
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
