//! Tests of what is read of executables, and what is not.

use std::{
    fs::{self, Permissions},
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
};

use rustix::fs::{MemfdFlags, fcntl_add_seals, memfd_create};

use super::{
    super::process::{statx_at, statx_straight},
    *,
};

/// What this process sees, where all mounts are believed.
fn view() -> View<'static> {
    View {
        root: Path::new("/"),
        others: 0,
        ..View::first()
    }
}

fn at(path: &Path) -> Program {
    Program::at(path.to_str().unwrap()).unwrap()
}

#[tokio::test]
async fn what_others_can_change_is_told_by_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let open = Permissions::from_mode(0o777);
    fs::set_permissions(dir.path(), open).unwrap();
    let path = dir.path().canonicalize().unwrap().join("tool");
    let reader = Reader::default();
    let read = async || {
        let stat = statx_straight(&path).unwrap();
        match reader.look(&view(), &at(&path), &stat, &path, Kind::default()) {
            Found::Told(contents) | Found::Left(contents) => contents,
            Found::Changeable(changeable) => reader.read(1000, changeable).await.unwrap(),
        }
    };
    fs::write(&path, "abc").unwrap();
    // The first test vector of FIPS 180-2.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let abc = Contents::Known(abc.parse().unwrap());
    let first = read().await;
    assert_eq!(first, abc);
    assert!(lock(&reader.known).is_empty(), "it was written just now");
    fs::write(&path, "abd").unwrap();
    let second = read().await;
    assert!(matches!(second, Contents::Known(_)), "{second:?}");
    assert_ne!(second, first);
}

#[tokio::test]
async fn a_file_that_has_settled_is_read_once() {
    let path = fs::canonicalize("/usr/bin/env").unwrap();
    let version = Version::of(&statx_at(&path).unwrap());
    let of = |file, version, honest| Changeable {
        file,
        version,
        of_root: false,
        is_image: false,
        honest,
    };
    let open = || File::open(&path).unwrap();
    let empty = || tempfile::tempfile().unwrap();
    let reader = Reader::default();
    let first = reader.read(1000, of(open(), version, false)).await;
    assert!(matches!(first, Some(Contents::Known(_))));
    // On this file system it may be another one by now.
    let unknown = Some(Contents::Unknown);
    assert_eq!(reader.read(1000, of(empty(), version, true)).await, unknown);
    assert_eq!(reader.read(1000, of(open(), version, true)).await, first);
    // Were it read again, it would be something else.
    assert_eq!(reader.read(1000, of(empty(), version, true)).await, first);
    let other = Version {
        changed: (version.changed.0, version.changed.1 ^ 1),
        ..version
    };
    assert_eq!(reader.read(1000, of(open(), other, true)).await, unknown);
}

#[test]
fn another_file_behind_the_link_is_not_taken_for_the_one_that_was_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let path = dir.path().canonicalize().unwrap().join("tool");
    fs::write(&path, "evil").unwrap();
    let stat = statx_straight(&path).unwrap();
    let other = dir.path().join("good");
    fs::write(&other, "good").unwrap();
    let reader = Reader::default();
    let found = reader.look(&view(), &at(&path), &stat, &other, Kind::default());
    assert!(matches!(found, Found::Told(Contents::Unknown)));
}

const IS_RULED: Kind = Kind {
    is_image: false,
    runs_anything: false,
    is_ruled: true,
};

#[tokio::test]
async fn what_root_alone_can_change_is_read_where_a_rule_is_about_contents() {
    let path = Path::new("/usr/bin/env").canonicalize().unwrap();
    let stat = statx_straight(&path).unwrap();
    let reader = Reader::default();
    let look =
        |program: &Program, link: &Path, kind| reader.look(&view(), program, &stat, link, kind);
    let nowhere = Path::new("/nowhere");
    let application = Program::of_key("snap:firefox").unwrap();
    for program in [&at(&path), &at(&path), &application] {
        let found = look(program, nowhere, Kind::default());
        assert!(matches!(found, Found::Left(Contents::OfRoot)), "{program}");
        // What is there is not known then, and that is said.
        let found = look(program, nowhere, IS_RULED);
        assert!(matches!(found, Found::Told(Contents::OfRoot)), "{program}");
        let Found::Changeable(changeable) = look(program, &path, IS_RULED) else {
            panic!("{program} is not to be read");
        };
        let read = reader.read(1000, changeable).await;
        let digest: Digest = Digest(Sha256::digest(fs::read(&path).unwrap()).into());
        assert_eq!(read, Some(Contents::OfRootNow(digest)), "{program}");
    }
    // At another path it may be of others.
    let other = Program::at("/tmp/env").unwrap();
    let found = look(&other, &path, Kind::default());
    assert!(matches!(found, Found::Changeable(_)));
}

#[test]
fn what_no_path_leads_to_is_read_unless_it_runs_what_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("tool");
    fs::write(&path, "abc").unwrap();
    let stat = statx_straight(&path).unwrap();
    let program = Program::File {
        device: 1,
        inode: 2,
        claim: "/usr/bin/tool".into(),
    };
    let reader = Reader::default();
    let look = |runs_anything, is_ruled| {
        let kind = Kind {
            is_image: false,
            runs_anything,
            is_ruled,
        };
        reader.look(&view(), &program, &stat, &path, kind)
    };
    assert!(matches!(look(false, false), Found::Changeable(_)));
    assert!(matches!(look(true, false), Found::Left(Contents::Unknown)));
    assert!(matches!(look(true, true), Found::Changeable(_)));
}

#[test]
fn a_clock_that_was_set_back_settles_nothing() {
    let version = |changed| Version {
        file: Fileid {
            device: 1,
            inode: 2,
        },
        size: 3,
        born: (0, 0),
        changed,
    };
    let now = UNIX_EPOCH + Duration::from_secs(1000);
    assert!(version((900, 0)).is_settled(now));
    for seconds in [998, 999, 1000, 2000, -5] {
        assert!(!version((seconds, 0)).is_settled(now), "{seconds}");
    }
}

#[test]
fn memory_that_can_be_written_to_while_it_runs_is_not_read() {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = memfd_create("tool", flags).unwrap();
    rustix::io::write(&memory, b"abc").unwrap();
    let stat = statx_of(memory.as_fd()).unwrap();
    let link = format!("/proc/self/fd/{}", memory.as_raw_fd());
    let program = Program::File {
        device: 1,
        inode: 2,
        claim: "/memfd:tool (deleted)".into(),
    };
    let reader = Reader::default();
    let look = || reader.look(&view(), &program, &stat, Path::new(&link), Kind::default());
    assert!(matches!(look(), Found::Told(Contents::Unknown)));
    fcntl_add_seals(&memory, SealFlags::WRITE).unwrap();
    assert!(matches!(look(), Found::Changeable(_)));
}
