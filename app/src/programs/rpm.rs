//! Fedora's and openSUSE's packages: what `rpm` says, because only that can read its records.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, SystemTime},
};

use super::{Owner, Records, dpkg::entries};

const TOOL: &str = "/usr/bin/rpm";
/// Where its database may be.
const PLACES: &[&str] = &["usr/lib/sysimage/rpm", "var/lib/rpm"];
/// The files of a database that change with a package; the last is an older openSUSE's.
const FILES: &[&str] = &["rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db"];
/// A paragraph for each package: its name, its version, its files.
const FORMAT: &str = r"%{NAME}\n%{EVR}\n[%{FILENAMES}\n]\n";
/// How long it may take. No question waits for that, but what is found is there for the next one.
const LONGEST: Duration = Duration::from_secs(3);
/// Bytes that it may say: there are packages of a hundred thousand files.
const MOST: u64 = 16 * 1024 * 1024;

/// The records of rpm: the directory of its database.
pub(super) struct Rpm(PathBuf);

impl Rpm {
    /// Those of the system below `root`, if it has any, and what reads them: they stay when that is removed.
    pub(super) fn below(root: &Path) -> Option<Self> {
        let has_any = |place: &PathBuf| FILES.iter().any(|file| place.join(file).is_file());
        let mut places = PLACES.iter().map(|place| root.join(place));
        places
            .find(has_any)
            .filter(|_| Path::new(TOOL).is_file())
            .map(Self)
    }
}

impl Records for Rpm {
    fn stamp(&self) -> io::Result<SystemTime> {
        let changed = |file| fs::metadata(self.0.join(file))?.modified();
        let times = FILES.iter().map(changed).filter_map(Result::ok);
        times.max().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn owner(&self, path: &str) -> io::Result<Option<Owner>> {
        // Others could be options, or hold macros: rpm 4.20 expands those of a path that no package has, and
        // `%(…)` is a command.
        if !path.starts_with('/') || path.contains('%') {
            return Err(io::Error::other("rpm cannot be asked about such a path"));
        }
        let mut command = Command::new(TOOL);
        // A user's own settings (`~/.rpmmacros`, `~/.popt`) could have it say anything.
        command.env_clear().env("HOME", "/");
        command.args(["--query", "--queryformat", FORMAT, "--dbpath"]);
        command.arg(&self.0).args(["--file", path]);
        let said = ask(command, LONGEST)?;
        if said.status.code() == Some(1) && said.stderr.is_empty() {
            // It has no complaint but that the file is no package's.
            return Ok(None);
        }
        if !said.status.success() {
            let complaints = String::from_utf8_lossy(&said.stderr);
            let first = complaints.lines().next().unwrap_or_default();
            return Err(io::Error::other(format!("rpm: {}: {first:?}", said.status)));
        }
        let said = String::from_utf8_lossy(&said.stdout);
        Ok(said.split("\n\n").find_map(|package| owner(package, path)))
    }
}

/// The package of a paragraph, if it has a file of that name: it may do no more than provide what is called like the
/// path. The directory can be spelled otherwise, which is rpm's to know.
fn owner(package: &str, path: &str) -> Option<Owner> {
    let mut lines = package.lines();
    let (name, version) = (lines.next()?, lines.next()?);
    let file = Path::new(path).file_name()?;
    let mut files = lines.clone().map(Path::new);
    files.any(|it| it.file_name() == Some(file)).then(|| Owner {
        name: name.to_owned(),
        version: version.to_owned(),
        entries: entries(lines),
    })
}

/// What a command says and how it ends; it is killed if that takes longer, or if it says too much.
fn ask(mut command: Command, longest: Duration) -> io::Result<Output> {
    command.stdin(Stdio::null());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (sender, said) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let listen = move || {
        // Nobody may be left to be told.
        sender.send(read(stdout).and_then(|stdout| Ok((stdout, read(stderr)?))))
    };
    // Without the thread there is no sender, so nothing will have been said.
    drop(thread::Builder::new().spawn(listen));
    let late = |error| io::Error::new(io::ErrorKind::TimedOut, error);
    let said = said.recv_timeout(longest).map_err(late).flatten();
    if said.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let (stdout, stderr) = said?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

/// All that is said, unless it is too much.
fn read(stream: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(MOST + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > MOST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &mut Command) {
        let output = command.output().unwrap_or_else(|error| {
            panic!("these tests run in the lab root, which has rpm and rpmbuild: {error}")
        });
        assert!(output.status.success(), "{command:?}: {output:?}");
    }

    /// Has rpm record a package with these files on the system below `root`.
    fn install(root: &Path, name: &str, files: &[&str]) -> Rpm {
        let work = tempfile::tempdir().unwrap();
        let make = |file| format!("install -D /dev/null '%{{buildroot}}{file}'\n");
        let spec = format!(
            "Name: {name}\nEpoch: 1\nVersion: 8.1\nRelease: 2\nSummary: A test\nLicense: None\n\
             BuildArch: noarch\nAutoReqProv: no\nProvides: /usr/bin/true\n\
             %description\nA test.\n%install\n{}%files\n/usr\n",
            files.iter().map(make).collect::<String>(),
        );
        let file = work.path().join("spec");
        fs::write(&file, spec).unwrap();
        let dir = work.path().to_str().unwrap();
        let mut build = Command::new("rpmbuild");
        for (name, value) in [
            ("_topdir", dir),
            ("_tmppath", dir),
            ("_rpmfilename", "package.rpm"),
            ("__os_install_post", "%{nil}"),
        ] {
            build.args(["--define", &format!("{name} {value}")]);
        }
        run(build.arg("-bb").arg(file));
        let database = root.join(PLACES[0]);
        fs::create_dir_all(&database).unwrap();
        let mut rpm = Command::new(TOOL);
        rpm.args(["--install", "--justdb", "--nodeps", "--dbpath"]);
        run(rpm.arg(database).arg(work.path().join("RPMS/package.rpm")));
        Rpm::below(root).unwrap()
    }

    #[test]
    fn a_file_has_the_package_that_lists_it() {
        let dir = tempfile::tempdir().unwrap();
        let entry = "/usr/share/applications/web.desktop";
        let rpm = install(dir.path(), "web", &["/usr/bin/web", entry]);
        // What was merged into `/usr` is found by either name.
        for path in ["/usr/bin/web", "/bin/web"] {
            let web = rpm.owner(path).unwrap().unwrap();
            assert_eq!(
                (web.name.as_str(), web.version.as_str()),
                ("web", "1:8.1-2")
            );
            assert_eq!(web.entries, [PathBuf::from(entry)]);
        }
        // One is there and no package's, one is only provided.
        for none in ["/usr/bin/env", "/usr/bin/true"] {
            assert_eq!(rpm.owner(none).unwrap(), None, "{none}");
        }
    }

    #[test]
    fn a_path_is_nothing_but_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let odd = ["/usr/bin/-qa", "/usr/bin/we*"];
        let rpm = install(dir.path(), "odd", &odd);
        for path in odd {
            let owner = rpm.owner(path).unwrap();
            assert_eq!(owner.map(|it| it.name).as_deref(), Some("odd"), "{path}");
        }
        let trace = dir.path().join("trace");
        let command = format!("/usr/bin/%(touch {})", trace.display());
        for path in [
            "",
            "-qa",
            "--all",
            "usr/bin/-qa",
            "/usr/bin/*",
            "/usr/bin/-q?",
            "/usr/bin/-qa\n",
            &command,
            command.trim_start_matches('/'),
        ] {
            assert!(rpm.owner(path).is_err(), "{path}");
        }
        assert!(!trace.exists());
    }

    #[test]
    fn of_packages_with_the_same_file_one_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let entry = |name| format!("/usr/share/applications/{name}.desktop");
        install(dir.path(), "a", &["/usr/bin/web", &entry("a")]);
        let rpm = install(dir.path(), "b", &["/usr/bin/web", &entry("b")]);
        let web = rpm.owner("/usr/bin/web").unwrap().unwrap();
        assert_eq!(web.entries, [PathBuf::from(entry(&web.name))]);
    }

    #[test]
    fn a_change_of_any_of_its_files_is_one_of_packages() {
        let dir = tempfile::tempdir().unwrap();
        let before = install(dir.path(), "a", &["/usr/bin/a"]).stamp().unwrap();
        let rpm = install(dir.path(), "b", &["/usr/bin/b"]);
        let mut last = rpm.stamp().unwrap();
        assert!(before < last);
        for file in ["rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db"] {
            last += Duration::from_secs(1);
            let file = fs::File::create(rpm.0.join(file)).unwrap();
            file.set_modified(last).unwrap();
            assert_eq!(rpm.stamp().unwrap(), last);
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_no_package() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Rpm::below(dir.path()).is_none());
        let database = dir.path().join(PLACES[1]);
        fs::create_dir_all(&database).unwrap();
        fs::write(database.join(FILES[0]), "no database").unwrap();
        let error = Rpm::below(dir.path()).unwrap().owner("/usr/bin/env");
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("rpm: exit status: 1: \"error: "),
            "{error}"
        );
    }

    #[test]
    fn who_takes_long_or_says_much_is_not_heard_out() {
        let mut sleep = Command::new("sleep");
        sleep.arg("1000");
        let error = ask(sleep, Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let error = ask(Command::new("yes"), Duration::from_mins(10)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
