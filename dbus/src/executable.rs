//! For clients: the key by which a rule names a program.

use std::{fs, path::Path};

use portreeve_policy::{Packaging, Program};

use crate::{Error, rule::check_program};

/// The key of the program that somebody means: an application's (`flatpak:ID`, `snap:NAME`) as it is, and
/// else the path under which the kernel knows the program at this path: symbolic links are followed, so
/// that `/bin/curl` becomes `/usr/bin/curl` where `/bin` is a link.
///
/// Refuses applications that there cannot be; and what is relative, has `..` in it (after a link that leads
/// elsewhere than it looks), or is no file. The error names what was meant.
pub fn program_key(program: &Path) -> Result<String, Error> {
    let word = program.to_str().and_then(|text| text.split_once(':'));
    let of_application =
        word.is_some_and(|(word, _)| Packaging::ALL.iter().any(|it| it.as_str() == word));
    match program.to_str().filter(|_| of_application) {
        Some(key) => check_program(key).map(|_program| key.to_owned()),
        None => executable(program),
    }
}

/// The path under which the kernel knows the program at `path`. The error names `path`.
fn executable(path: &Path) -> Result<String, Error> {
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
    let real = fs::canonicalize(path).map_err(|error| refused(error.to_string()))?;
    if !real.is_file() {
        return Err(refused("it is not a file".to_owned()));
    }
    real.to_str()
        .filter(|real| Program::at(real).is_some())
        .map(str::to_owned)
        .ok_or_else(|| refused("a rule cannot spell its path".to_owned()))
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
