//! Debian's packages: the lists of files below `/var/lib/dpkg`, read as they are.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use memchr::memmem;

use super::{Owner, Records};

/// The records of dpkg.
pub(super) struct Dpkg(PathBuf);

/// What was merged into `/usr`: packages may say either.
const MERGED: &[&str] = &["/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"];

impl Dpkg {
    /// Those of the system below `root`, if it has any.
    pub(super) fn below(root: &Path) -> Option<Self> {
        let here = Self(root.join("var/lib/dpkg"));
        here.0.join("status").is_file().then_some(here)
    }

    /// Names by which the file can be listed, and the package that must not be the one: a diversion puts the
    /// file of one package where another's had been, and that elsewhere.
    fn listed(&self, path: &str) -> io::Result<(Vec<String>, Option<String>)> {
        let text = match fs::read_to_string(self.0.join("diversions")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let lines: Vec<&str> = text.lines().collect();
        let names = spellings(path);
        for [from, to, by] in lines.as_chunks().0 {
            if names.iter().any(|name| name == to) {
                return Ok((spellings(from), Some((*by).to_owned())));
            }
        }
        Ok((names, None))
    }

    /// The version of an installed package: its paragraph of `status` says.
    fn version(&self, package: &str) -> io::Result<Option<String>> {
        let (name, architecture) = match package.split_once(':') {
            Some((name, architecture)) => (name, Some(architecture)),
            None => (package, None),
        };
        let status = fs::read_to_string(self.0.join("status"))?;
        Ok(status.split("\n\n").find_map(|paragraph| {
            let field = |key: &str| {
                let mut lines = paragraph.lines();
                lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
            };
            let same = field("Package") == Some(name)
                && architecture.is_none_or(|it| field("Architecture") == Some(it));
            same.then(|| field("Version").map(str::to_owned)).flatten()
        }))
    }
}

impl Records for Dpkg {
    fn stamp(&self) -> io::Result<SystemTime> {
        fs::metadata(self.0.join("status"))?.modified()
    }

    fn owner(&self, path: &str) -> io::Result<Option<Owner>> {
        let (names, but) = self.listed(path)?;
        let lines: Vec<String> = names.iter().map(|name| format!("\n{name}\n")).collect();
        let finders: Vec<_> = lines.iter().map(memmem::Finder::new).collect();
        for file in fs::read_dir(self.0.join("info"))? {
            let file = file?.path();
            let package = file.file_stem().and_then(|stem| stem.to_str());
            let (Some(package), Some("list")) = (package, extension(&file)) else {
                continue;
            };
            if but.as_deref() == package.split(':').next() {
                continue;
            }
            let list = fs::read(&file)?;
            if finders.iter().any(|finder| finder.find(&list).is_some()) {
                let list = String::from_utf8_lossy(&list);
                return Ok(Some(Owner {
                    version: self.version(package)?.unwrap_or_default(),
                    name: package.split(':').next().unwrap_or(package).to_owned(),
                    entries: entries(list.lines()),
                }));
            }
        }
        Ok(None)
    }
}

fn extension(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

/// The desktop entries among some files.
pub(super) fn entries<'a>(files: impl Iterator<Item = &'a str>) -> Vec<PathBuf> {
    let entry = |file: &&str| file.starts_with("/usr/share/applications/");
    files
        .filter(entry)
        .map(PathBuf::from)
        .filter(|file| extension(file) == Some("desktop"))
        .collect()
}

/// The path, and what it was before `/bin` and the like were merged into `/usr`.
fn spellings(path: &str) -> Vec<String> {
    let before = path
        .strip_prefix("/usr")
        .filter(|rest| MERGED.iter().any(|directory| rest.starts_with(directory)));
    let now = MERGED.iter().any(|directory| path.starts_with(directory));
    let now = now.then(|| format!("/usr{path}"));
    [Some(path.to_owned()), before.map(str::to_owned), now]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dpkg(dir: &Path) -> Dpkg {
        let dpkg = dir.join("var/lib/dpkg");
        fs::create_dir_all(dpkg.join("info")).unwrap();
        let write = |name: &str, text: &str| fs::write(dpkg.join(name), text).unwrap();
        write(
            "status",
            "Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 8.14.1-2\n\n\
             Package: libx\nArchitecture: i386\nVersion: 1\n\nPackage: libx\nArchitecture: amd64\n\
             Version: 2\nDescription: Version: 9\n Package: curl\n",
        );
        write("info/curl.list", "/.\n/usr\n/usr/bin\n/usr/bin/curl\n");
        write("info/curl.md5sums", "\n/usr/bin/none\n");
        write(
            "info/libx:amd64.list",
            "/.\n/lib/x/helper\n/usr/share/applications/x.desktop\n",
        );
        write("info/old.list", "/.\n/usr/bin/sh\n");
        write("info/new.list", "/.\n/usr/bin/sh\n");
        write("diversions", "/bin/sh\n/bin/sh.distrib\nnew\n");
        Dpkg::below(dir).unwrap()
    }

    #[test]
    fn a_file_has_the_package_that_lists_it() {
        let dir = tempfile::tempdir().unwrap();
        let dpkg = dpkg(dir.path());
        let curl = dpkg.owner("/usr/bin/curl").unwrap().unwrap();
        assert_eq!(
            (curl.name.as_str(), curl.version.as_str()),
            ("curl", "8.14.1-2")
        );
        assert_eq!(curl.entries, Vec::<PathBuf>::new());
        for none in [
            "/usr/bin/cur",
            "/usr/bin/curl2",
            "/usr/bin/none",
            "/home/a/curl",
            "",
        ] {
            assert_eq!(dpkg.owner(none).unwrap(), None, "{none}");
        }
    }

    #[test]
    fn what_was_merged_into_usr_is_found_by_either_name() {
        let dir = tempfile::tempdir().unwrap();
        let helper = dpkg(dir.path())
            .owner("/usr/lib/x/helper")
            .unwrap()
            .unwrap();
        assert_eq!(
            (helper.name.as_str(), helper.version.as_str()),
            ("libx", "2")
        );
        let entry = PathBuf::from("/usr/share/applications/x.desktop");
        assert_eq!(helper.entries, [entry]);
    }

    #[test]
    fn a_diverted_file_is_that_of_the_other_package() {
        let dir = tempfile::tempdir().unwrap();
        let owner = dpkg(dir.path()).owner("/usr/bin/sh.distrib").unwrap();
        assert_eq!(owner.unwrap().name, "old");
    }

    #[test]
    fn without_dpkg_there_are_no_records() {
        assert!(Dpkg::below(tempfile::tempdir().unwrap().path()).is_none());
    }
}
