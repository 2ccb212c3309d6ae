//! Arch Linux's packages: a directory for each below `/var/lib/pacman/local`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{Owner, Records, dpkg::entries};

/// The records of pacman.
pub(super) struct Pacman(PathBuf);

impl Pacman {
    /// Those of the system below `root`, if it has any.
    pub(super) fn below(root: &Path) -> Option<Self> {
        let here = Self(root.join("var/lib/pacman/local"));
        here.0.is_dir().then_some(here)
    }
}

impl Records for Pacman {
    /// A package that comes, goes or changes has another directory.
    fn stamp(&self) -> io::Result<SystemTime> {
        fs::metadata(&self.0)?.modified()
    }

    fn owner(&self, path: &str) -> io::Result<Option<Owner>> {
        let Some(wanted) = path.strip_prefix('/') else {
            return Ok(None);
        };
        for package in fs::read_dir(&self.0)? {
            let package = package?.path();
            let Ok(files) = fs::read_to_string(package.join("files")) else {
                continue;
            };
            let files = || section(&files, "%FILES%");
            if !files().any(|file| file == wanted) {
                continue;
            }
            let desc = fs::read_to_string(package.join("desc"))?;
            let value = |key| section(&desc, key).next().unwrap_or_default().to_owned();
            let absolute: Vec<String> = files().map(|file| format!("/{file}")).collect();
            return Ok(Some(Owner {
                name: value("%NAME%"),
                version: value("%VERSION%"),
                entries: entries(absolute.iter().map(String::as_str)),
            }));
        }
        Ok(None)
    }
}

/// The lines below a heading, up to an empty one.
fn section<'a>(text: &'a str, heading: &str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().skip_while(move |line| *line != heading);
    lines.skip(1).take_while(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_package_that_lists_it() {
        let dir = tempfile::tempdir().unwrap();
        let package = dir.path().join("var/lib/pacman/local/curl-8.14.1-1");
        fs::create_dir_all(&package).unwrap();
        let desc = "%NAME%\ncurl\n\n%VERSION%\n8.14.1-1\n\n%DESC%\nusr/bin/none\n\n";
        fs::write(package.join("desc"), desc).unwrap();
        let files = "%FILES%\nusr/\nusr/bin/\nusr/bin/curl\n\n%BACKUP%\netc/curlrc\n";
        fs::write(package.join("files"), files).unwrap();
        fs::write(
            dir.path().join("var/lib/pacman/local/ALPM_DB_VERSION"),
            "9\n",
        )
        .unwrap();
        let pacman = Pacman::below(dir.path()).unwrap();
        let curl = pacman.owner("/usr/bin/curl").unwrap().unwrap();
        assert_eq!(
            (curl.name.as_str(), curl.version.as_str()),
            ("curl", "8.14.1-1")
        );
        for none in [
            "/usr/bin/none",
            "/etc/curlrc",
            "/usr/bin/cur",
            "usr/bin/curl",
        ] {
            assert_eq!(pacman.owner(none).unwrap(), None, "{none}");
        }
    }
}
