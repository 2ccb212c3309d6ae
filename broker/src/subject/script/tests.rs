//! Tests of where names lead, and of first lines.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
};

use super::*;

fn below(root: &Path) -> View<'_> {
    View {
        root,
        others: 0,
        image: IMAGE,
    }
}

#[test]
fn a_first_line_names_what_env_looks_for() {
    for (line, word) in [
        ("#!/usr/bin/env python3\nimport os\n", Some("python3")),
        ("#! /usr/bin/env  node  \n", Some("node")),
        ("#!/usr/bin/env -S python3 -I\n", Some("python3")),
        ("#!/usr/bin/env\tperl5.40", Some("perl5.40")),
        ("#!/usr/bin/env -i python3\n", None),
        ("#!/usr/bin/env -S PATH=/tmp python3\n", None),
        ("#!/usr/bin/env PATH=/tmp\n", None),
        ("#!/usr/bin/env /tmp/python3\n", None),
        ("#!/usr/bin/env ../python3\n", None),
        ("#!/usr/bin/env -S\n", None),
        ("#!/usr/bin/env\n", None),
        ("#!/usr/bin/python3\n", None),
        ("#!\n", None),
        ("", None),
        ("\u{7f}ELF", None),
    ] {
        assert_eq!(sought(line.as_bytes()), word, "{line:?}");
    }
    assert_eq!(sought(b"#!/usr/bin/env \xff\n"), None);
}

#[test]
fn a_way_that_others_can_change_leads_to_no_other_name() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let absolute = |name: &str| Path::new("/").join(name);
    let view = below(dir.path());
    let follow = |name: &str| view.follow(&absolute(name));
    let of_root = |name: &str| Some(Way::OfRoot(absolute(name)));
    fs::write(at("script"), "#!/bin/sh\n").unwrap();
    fs::create_dir(at("more")).unwrap();
    symlink("../script", at("more/link")).unwrap();
    symlink("/more/link", at("far")).unwrap();
    assert_eq!(follow("script"), of_root("script"));
    assert_eq!(follow("more/link"), of_root("script"));
    assert_eq!(follow("far"), of_root("script"));
    assert_eq!(follow("more"), None, "a directory");
    assert_eq!(follow("nothing"), None);

    // What a user could change: a file, a directory on the way, a link to the file.
    fs::write(at("own"), "#!/bin/sh\n").unwrap();
    chown(at("own"), Some(1000), None).unwrap();
    assert_eq!(follow("own"), Some(Way::OfOthers));
    fs::create_dir(at("open")).unwrap();
    fs::set_permissions(at("open"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::write(at("open/script"), "#!/bin/sh\n").unwrap();
    assert_eq!(follow("open/script"), Some(Way::OfOthers));
    symlink("../script", at("open/link")).unwrap();
    assert_eq!(follow("open/link"), Some(Way::OfOthers));
    symlink("open/link", at("through")).unwrap();
    assert_eq!(follow("through"), Some(Way::OfOthers));
    fs::set_permissions(at("script"), fs::Permissions::from_mode(0o775)).unwrap();
    assert_eq!(follow("script"), Some(Way::OfOthers));
}

#[test]
fn names_that_mean_something_else_to_each_process_name_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    fs::write(&file, "").unwrap();
    let open = File::open(&file).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&open);
    for path in [
        format!("/dev/fd/{number}"),
        format!("/proc/self/fd/{number}"),
        "/proc/self/cmdline".to_owned(),
    ] {
        assert!(Path::new(&path).exists());
        let here = |path: &Path| below(Path::new("/")).follow(path);
        assert_eq!(here(Path::new(&path)), None, "{path}");
        symlink(&path, &link).unwrap();
        assert_eq!(here(&link), None, "{path}");
        fs::remove_file(&link).unwrap();
    }
    symlink(&link, &link).unwrap();
    assert_eq!(
        below(Path::new("/")).follow(&link),
        None,
        "it leads to itself"
    );
}

#[test]
fn what_env_finds_is_what_packages_have_installed_by_that_name() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    let file = |path: &str| fileid(&statx_at(Path::new(path)).unwrap());
    fs::write(&script, "#!/usr/bin/env cat\n").unwrap();
    assert_eq!(names(&script, file("/usr/bin/cat")), Some(true));
    assert_eq!(names(&script, file("/usr/bin/env")), Some(false));
    // It is also what runs a text called so.
    fs::write(&script, "#!/usr/bin/env sh\n").unwrap();
    assert_eq!(names(&script, file("/bin/sh")), None);
    assert_eq!(names(dir.path(), file("/usr/bin/cat")), None, "a directory");
}
