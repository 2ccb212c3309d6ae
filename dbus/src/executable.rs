//! For clients: the key by which a rule names a program.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use portreeve_policy::{Application, Packaging, Program};

use crate::{
    Error,
    rule::{check_program, check_starter},
};

/// Where snapd mounts snaps (`dirs.SnapMountDir`), with what starts their applications in `bin`: links to `snap`
/// that are called `NAME` or `NAME.APP`, and links to those.
const SNAPS: &[&str] = &["snap", "var/lib/snapd/snap"];
/// Where Flatpak has the applications of all users, and what starts them, called as they are.
const FLATPAKS: &str = "var/lib/flatpak";
const FLATPAK_STARTERS: &str = "exports/bin";
/// As many symbolic links as the kernel follows (`MAXSYMLINKS` of include/linux/namei.h).
const LINKS: usize = 40;

/// The key of the program that somebody means: an application's (`flatpak:ID`, `snap:NAME`) as it is, so that of what
/// is in a file (`sha256:` and its digest), and else the path under which the kernel knows the program at this path: symbolic links are followed, so
/// that `/bin/curl` becomes `/usr/bin/curl` where `/bin` is a link. A path of an application's is that
/// application: of what starts it (`/snap/bin/firefox`, which is a link to another program), and of an executable
/// in any version of it. (Scripts in it are programs of their own.)
///
/// Refuses applications that there cannot be; and what is relative, has `..` in it (after a link that leads
/// elsewhere than it looks), or is no file. The error names what was meant.
pub fn program_key(program: &Path) -> Result<String, Error> {
    let word = program.to_str().and_then(|text| text.split_once(':'));
    let is_key = word.is_some_and(|(word, _)| {
        word == "sha256" || Packaging::ALL.iter().any(|it| it.as_str() == word)
    });
    match program.to_str().filter(|_| is_key) {
        Some(key) => check_program(key).map(|program| program.to_string()),
        None => executable(Path::new("/"), program),
    }
}

/// The path by which a rule speaks of what a program starts, found in the same way. No application can be such a
/// program, nor an interpreter; and no script, of which only the interpreter runs.
pub fn starter_key(program: &Path) -> Result<String, Error> {
    let key = program_key(program)?;
    check_starter(&key)?;
    if is_script(Path::new(&key)) {
        return Err(Error::InvalidArgument(format!(
            "cannot make a rule for what “{}” starts: it is a script, and what starts others is its interpreter",
            key.escape_debug()
        )));
    }
    Ok(key)
}

/// The key of the program at `path`, on the system below `root`. The error names `path`.
fn executable(root: &Path, path: &Path) -> Result<String, Error> {
    let refused = |why: String| {
        let shown = path.to_string_lossy();
        Error::InvalidArgument(format!(
            "cannot use program “{}”: {why}",
            shown.escape_debug()
        ))
    };
    if !path.is_absolute() {
        return Err(refused("expected an absolute path".to_owned()));
    }
    if path.components().any(|part| part.as_os_str() == "..") {
        return Err(refused("expected a path without “..”".to_owned()));
    }
    if let Some(application) = started_by(root, path) {
        return Ok(application.key().to_owned());
    }
    let real = fs::canonicalize(path).map_err(|error| refused(error.to_string()))?;
    if !real.is_file() {
        return Err(refused("it is not a file".to_owned()));
    }
    if let Some(application) = containing(root, &real).filter(|_| !is_script(&real)) {
        return Ok(application.key().to_owned());
    }
    real.to_str()
        .filter(|real| Program::at(real).is_some())
        .map(str::to_owned)
        .ok_or_else(|| refused("a rule cannot spell its path".to_owned()))
}

/// The application that this starts, or a link on the way from it.
fn started_by(root: &Path, path: &Path) -> Option<Application> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let directory = path.parent()?.canonicalize().ok()?;
        let name = path.file_name()?.to_owned();
        let file = directory.join(&name);
        file.symlink_metadata().ok()?;
        let target = file.read_link().ok().map(|target| directory.join(target));
        match target {
            // What another one there is called says more.
            Some(neighbour) if neighbour.parent() == Some(directory.as_path()) => path = neighbour,
            target => {
                let application = starter(root, &directory, name.to_str()?);
                if application.is_some() {
                    return application;
                }
                path = target?;
            }
        }
    }
    None
}

/// The application that is started by what has this name in this directory.
fn starter(root: &Path, directory: &Path, name: &str) -> Option<Application> {
    let is = |other: &Path| {
        root.join(other)
            .canonicalize()
            .is_ok_and(|it| it == directory)
    };
    if is(&Path::new(FLATPAKS).join(FLATPAK_STARTERS)) {
        return Application::new(Packaging::Flatpak, name);
    }
    let of_snaps = SNAPS.iter().any(|snaps| is(&Path::new(snaps).join("bin")));
    let snap = name.split('.').next().filter(|_| of_snaps)?;
    Application::new(Packaging::Snap, snap)
}

/// The application that has the file with this path, which is without links.
fn containing(root: &Path, file: &Path) -> Option<Application> {
    let within = |directory: &str| -> Option<PathBuf> {
        let directory = root.join(directory).canonicalize().ok()?;
        Some(file.strip_prefix(directory).ok()?.to_owned())
    };
    let parts = |path: &Path| -> Option<Vec<String>> {
        let parts = path.iter().map(|part| part.to_str().map(str::to_owned));
        parts.collect()
    };
    if let Some(parts) = within(FLATPAKS).as_deref().and_then(parts) {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        return match parts.as_slice() {
            ["app", id, _architecture, _branch, _commit, "files", _, ..] => {
                Application::new(Packaging::Flatpak, id)
            }
            _ => None,
        };
    }
    let within = SNAPS.iter().find_map(|snaps| within(snaps))?;
    let mut parts = within.iter();
    let (name, revision) = (parts.next()?.to_str()?, parts.next()?.to_str()?);
    let number = revision.strip_prefix('x').unwrap_or(revision);
    let is_revision = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    parts.next()?;
    Application::new(Packaging::Snap, name).filter(|_| is_revision)
}

fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"#!"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn refused(path: &Path) -> String {
        match program_key(path) {
            Err(Error::InvalidArgument(text)) => text,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn links_are_followed_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        fs::create_dir_all(dir.join("usr/bin")).unwrap();
        fs::write(dir.join("usr/bin/curl"), "").unwrap();
        symlink("usr/bin", dir.join("bin")).unwrap();
        symlink("curl", dir.join("usr/bin/get")).unwrap();
        let real = dir.join("usr/bin/curl").to_str().unwrap().to_owned();
        for path in ["bin/curl", "bin/get", "usr//bin/./curl", "usr/bin/curl"] {
            assert_eq!(program_key(&dir.join(path)).unwrap(), real, "{path}");
        }
    }

    #[test]
    fn what_starts_others_is_an_executable_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        for (name, text) in [("make", "ELF"), ("wrapper", "#!/bin/sh\n"), ("bash", "ELF")] {
            fs::write(dir.join(name), text).unwrap();
        }
        symlink("make", dir.join("gmake")).unwrap();
        let make = dir.join("make").to_str().unwrap().to_owned();
        assert_eq!(starter_key(&dir.join("gmake")).unwrap(), make);
        for (path, why) in [
            (dir.join("wrapper"), "a script"),
            (dir.join("bash"), "whatever it is given"),
            (Path::new("snap:example").to_owned(), "absolute path"),
        ] {
            let Err(Error::InvalidArgument(text)) = starter_key(&path) else {
                panic!("{path:?} is taken");
            };
            assert!(text.contains(why), "{text}");
        }
    }

    #[test]
    fn what_is_in_a_file_is_meant_by_its_digest() {
        let digest = "0123456789abcdef".repeat(4);
        for digest in [digest.clone(), digest.to_uppercase()] {
            let key = format!("sha256:{digest}");
            let expected = key.to_lowercase();
            assert_eq!(program_key(Path::new(&key)).unwrap(), expected);
        }
        for key in ["sha256:", "sha256:0123", "sha256:/usr/bin/curl"] {
            let text = refused(Path::new(key));
            assert!(text.contains("64 hexadecimal digits"), "{text}");
        }
    }

    #[test]
    fn an_application_is_meant_by_its_key() {
        for key in ["flatpak:org.example.App", "snap:example", "snap:example_b"] {
            assert_eq!(program_key(Path::new(key)).unwrap(), key);
        }
        for key in [
            "flatpak:example",
            "snap:Example",
            "snap:/bin/curl",
            "flatpak:",
        ] {
            let text = refused(Path::new(key));
            assert!(text.contains(&format!("“{key}”")), "{text}");
            assert!(text.contains("snap:example"), "{text}");
        }
    }

    #[test]
    fn a_path_of_an_applications_means_that() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let link = |target: &str, path: &str| {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            symlink(target, root.join(path)).unwrap();
        };
        let write = |path: &str, text: &str| {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        };
        write("usr/bin/snap", "ELF");
        write("var/lib/snapd/snap/example/12/bin/tool", "ELF");
        write("var/lib/snapd/snap/example/12/bin/script", "#!/bin/sh\n");
        link("12", "var/lib/snapd/snap/example/current");
        write("var/lib/snapd/snap/README", "");
        let snap = root.join("usr/bin/snap");
        for name in ["example", "example.other", "example_b", "example_b.other"] {
            link(
                snap.to_str().unwrap(),
                &format!("var/lib/snapd/snap/bin/{name}"),
            );
        }
        link("example.other", "var/lib/snapd/snap/bin/oth");
        link("var/lib/snapd/snap", "snap");
        link("../snap/bin/example_b", "home/link");
        let flatpak = "var/lib/flatpak/app/org.example.App";
        write(&format!("{flatpak}/x86_64/stable/c0ffee/files/bin/app"), "");
        let starter = format!("{flatpak}/x86_64/stable/c0ffee/export/bin/org.example.App");
        write(&starter, "#!/bin/sh\n");
        link("x86_64/stable", &format!("{flatpak}/current"));
        link("c0ffee", &format!("{flatpak}/x86_64/stable/active"));
        link(
            "../../app/org.example.App/current/active/export/bin/org.example.App",
            "var/lib/flatpak/exports/bin/org.example.App",
        );
        let key = |path: &str| executable(&root, &root.join(path)).unwrap();
        for (path, application) in [
            ("snap/bin/example", "snap:example"),
            ("snap/bin/example.other", "snap:example"),
            ("snap/bin/example_b.other", "snap:example_b"),
            ("snap/bin/oth", "snap:example"),
            ("var/lib/snapd/snap/bin/example", "snap:example"),
            ("home/link", "snap:example_b"),
            ("snap/example/12/bin/tool", "snap:example"),
            ("snap/example/current/bin/tool", "snap:example"),
            (
                "var/lib/flatpak/exports/bin/org.example.App",
                "flatpak:org.example.App",
            ),
            (
                "var/lib/flatpak/app/org.example.App/current/active/files/bin/app",
                "flatpak:org.example.App",
            ),
        ] {
            assert_eq!(key(path), application, "{path}");
        }
        for path in [
            "usr/bin/snap",
            "var/lib/snapd/snap/example/12/bin/script",
            "var/lib/snapd/snap/README",
            &starter,
        ] {
            assert_eq!(Path::new(&key(path)), root.join(path), "{path}");
        }
        assert!(executable(&root, &root.join("snap/bin/none")).is_err());
    }

    #[test]
    fn what_no_rule_can_name_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        fs::create_dir(dir.join("bin")).unwrap();
        fs::write(dir.join("bin/a\nb"), "").unwrap();
        fs::write(dir.join("bin/curl"), "").unwrap();
        symlink("loop", dir.join("loop")).unwrap();
        for (path, why) in [
            (Path::new("curl").to_owned(), "absolute"),
            (Path::new("bin/curl").to_owned(), "absolute"),
            (Path::new("").to_owned(), "absolute"),
            (dir.join("bin/../bin/curl"), "“..”"),
            (dir.join("bin/wget"), "No such file"),
            (dir.join("bin/curl/"), "Not a directory"),
            (dir.join("loop"), "symbolic link"),
            (dir.join("bin"), "not a file"),
            ("/dev/null".into(), "not a file"),
            (dir.join("bin/a\nb"), "spell"),
        ] {
            let text = refused(&path);
            assert!(text.contains(why), "{text}");
            let shown = path.to_str().unwrap().escape_debug().to_string();
            assert!(text.contains(&format!("“{shown}”")), "{text}");
        }
    }
}
