//! Tests of which places on the host are those of applications.

use std::os::unix::fs::{PermissionsExt, chown, symlink};

use tempfile::TempDir;

use super::{super::script::IMAGE, *};

const DEPLOYED: &str = "/var/lib/flatpak/app/org.example.App/x86_64/stable/c0ffee/files";

/// A host's files below a directory, all of them root's; `None` if the tests are not run by root.
struct Made(TempDir, Deployments);

impl Made {
    fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap(), Deployments::default()))
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
    }

    /// Whatever this directory is on counts as an image that users cannot mount.
    fn host(&self) -> Host<'_> {
        let image = statfs(self.0.path()).unwrap().f_type.cast_unsigned();
        self.host_with(0, image)
    }

    fn host_with(&self, others: u64, image: u64) -> Host<'_> {
        Host {
            view: View {
                root: self.0.path(),
                others,
                image,
            },
            deployments: &self.1,
        }
    }

    /// What the file is that is there, as a key.
    fn find(&self, path: &str) -> Option<String> {
        let file = fileid(&statx_at(&self.at(path)).unwrap());
        self.find_file(path, file)
    }

    fn find_file(&self, path: &str, file: Fileid) -> Option<String> {
        let found = self.host().find(Path::new(path), file)?;
        assert_eq!(found.file.key(), Some(path));
        Some(found.program.to_string())
    }

    fn give_away(&self, path: &str) {
        chown(self.at(path), Some(1000), None).unwrap();
    }
}

fn app() -> String {
    "flatpak:org.example.App".to_owned()
}

#[test]
fn a_flatpak_is_what_is_deployed_of_it() {
    let Some(made) = Made::new() else { return };
    for (path, id) in [
        (format!("{DEPLOYED}/bin/app"), Some(app())),
        (format!("{DEPLOYED}/lib/app/files/app/helper"), Some(app())),
        (DEPLOYED.replace("c0ffee", "1dea") + "/bin/app", Some(app())),
        (DEPLOYED.replace("stable", "beta") + "/bin/app", Some(app())),
        // Not in it, or not an application's.
        (DEPLOYED.replace("files", "export") + "/bin/app", None),
        (DEPLOYED.replace("app/", "runtime/") + "/bin/app", None),
        (
            DEPLOYED.replace("org.example.App", "example") + "/bin/app",
            None,
        ),
        (DEPLOYED.replace("/var/lib", "/opt") + "/bin/app", None),
        (
            DEPLOYED.replace("/flatpak", "/flatpak/more") + "/bin/app",
            None,
        ),
        ("/usr/bin/app".to_owned(), None),
    ] {
        made.write(&path, "");
        assert_eq!(made.find(&path), id, "{path}");
    }
}

#[test]
fn another_file_than_the_one_that_is_there_is_no_application() {
    let Some(made) = Made::new() else { return };
    let path = format!("{DEPLOYED}/bin/app");
    made.write(&path, "");
    made.write("/home/alice/app", "");
    let other = fileid(&statx_at(&made.at("/home/alice/app")).unwrap());
    assert_eq!(made.find_file(&path, other), None);
    fs::remove_file(made.at(&path)).unwrap();
    assert_eq!(made.find_file(&path, other), None, "it is gone");
}

#[test]
fn what_others_than_root_can_change_is_no_application() {
    let Some(made) = Made::new() else { return };
    let path = format!("{DEPLOYED}/bin/app");
    let on_the_way = ["/var/lib/flatpak/app", DEPLOYED, &path];
    for changed in on_the_way {
        made.write(&path, "");
        assert_eq!(made.find(&path), Some(app()));
        let before = fs::metadata(made.at(changed)).unwrap().permissions();
        fs::set_permissions(made.at(changed), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(made.find(&path), None, "{changed} can be written");
        fs::set_permissions(made.at(changed), before).unwrap();
        made.give_away(changed);
        assert_eq!(made.find(&path), None, "{changed} is another's");
        chown(made.at(changed), Some(0), None).unwrap();
    }
    // A link at the place of a deployment.
    made.write("/srv/app/bin/app", "");
    let deployed = DEPLOYED.replace("c0ffee", "link");
    fs::create_dir_all(made.at(&deployed).parent().unwrap()).unwrap();
    symlink("/srv/app", made.at(&deployed)).unwrap();
    let file = fileid(&statx_at(&made.at("/srv/app/bin/app")).unwrap());
    assert_eq!(made.find_file(&format!("{deployed}/bin/app"), file), None);
}

#[test]
fn installations_are_where_root_says() {
    let Some(made) = Made::new() else { return };
    let config = "/etc/flatpak/installations.d/extra.conf";
    let path = DEPLOYED.replace("/var/lib/flatpak", "/mnt/extra") + "/bin/app";
    made.write(&path, "");
    assert_eq!(made.find(&path), None);
    let text = "[Installation \"first\"]\nPath=/mnt/first\n\n\
                [Installation \"extra\"]\nDisplayName=Extra\nPath = /mnt/extra\n";
    made.write(config, text);
    assert_eq!(made.find(&path), Some(app()));
    made.give_away(config);
    assert_eq!(made.find(&path), None, "anybody says so");
    made.write("/etc/flatpak/installations.d/extra.conf.bak", text);
    assert_eq!(made.find(&path), None, "it is no settings file");
    made.write(
        "/etc/flatpak/installations.d/more.conf",
        "[More]\nPath=/mnt/extra\n",
    );
    assert_eq!(made.find(&path), None, "another group");
    // The usual one can be a link of root's to it.
    fs::create_dir_all(made.at("/var/lib")).unwrap();
    symlink("/mnt/extra", made.at("/var/lib/flatpak")).unwrap();
    assert_eq!(made.find(&path), Some(app()));
}

#[test]
fn what_is_replaced_while_in_use_stays_what_it_was_installed_as() {
    let Some(made) = Made::new() else { return };
    let installed = format!("{DEPLOYED}/bin/app");
    let removed = "/var/lib/flatpak/.removed/c0ffee-1234";
    let path = format!("{removed}/files/bin/app");
    let deployment = DEPLOYED.trim_end_matches("/files");
    fs::create_dir_all(made.at("/var/lib/flatpak/.removed")).unwrap();
    made.write(&installed, "");
    assert_eq!(made.find(&installed), Some(app()));
    // Whatever it calls itself.
    let metadata = "[Application]\nname=org.example.Other\n";
    made.write(&format!("{deployment}/metadata"), metadata);
    fs::rename(made.at(deployment), made.at(removed)).unwrap();
    assert_eq!(made.find(&path), Some(app()));
    made.give_away(removed);
    assert_eq!(made.find(&path), None, "others can change it");

    // Never seen where it was installed, though it says what it is.
    let unseen = removed.replace("c0ffee", "1dea");
    let path = format!("{unseen}/files/bin/app");
    made.write(&path, "");
    let metadata = "[Application]\nname=org.example.App\n";
    made.write(&format!("{unseen}/metadata"), metadata);
    assert_eq!(made.find(&path), None);
}

#[test]
fn deployments_are_remembered_up_to_a_number() {
    let directory = tempfile::tempdir().unwrap();
    let mut stat = statx_at(directory.path()).unwrap();
    let deployments = Deployments::default();
    let first = Application::of_key("flatpak:org.example.First").unwrap();
    let other = Application::of_key("flatpak:org.example.Other").unwrap();
    deployments.note(&stat, &other);
    deployments.note(&stat, &first);
    assert_eq!(deployments.application(&stat), Some(first.clone()));
    // The same number, given again.
    stat.stx_btime.tv_sec += 1;
    assert_eq!(deployments.application(&stat), None);
    stat.stx_btime.tv_sec -= 1;
    for inode in 0..2000 {
        stat.stx_ino = inode;
        deployments.note(&stat, &other);
    }
    assert!(deployments.count() <= 1024);
    assert_eq!(deployments.application(&stat), Some(other));
}

#[test]
fn a_flatpak_of_the_users_own_is_a_file_of_theirs() {
    let Some(made) = Made::new() else { return };
    let path = DEPLOYED.replace("/var/lib", "/home/alice/.local/share") + "/bin/app";
    made.write(&path, "");
    made.give_away(&path);
    assert_eq!(made.find(&path).as_ref(), Some(&path));
    // Even if all of it is root's: it need not stay so.
    chown(made.at(&path), Some(0), None).unwrap();
    assert_eq!(made.find(&path).as_ref(), Some(&path));
}

#[test]
fn a_snap_is_what_is_in_its_image() {
    let Some(made) = Made::new() else { return };
    let snap = |name: &str, revision: &str, description: &str| {
        let image = format!("/snap/{name}/{revision}");
        made.write(&format!("{image}/meta/snap.yaml"), description);
        let path = format!("{image}/bin/tool");
        made.write(&path, "");
        made.find(&path)
    };
    let own = "name: example\nversion: '1'\napps:\n  example:\n    command: bin/tool\n";
    let named = |name: &str| Some(format!("snap:{name}"));
    assert_eq!(snap("example", "1", own), named("example"));
    assert_eq!(snap("example", "x22", own), named("example"));
    assert_eq!(snap("example_b", "1", own), named("example_b"));
    assert_eq!(
        snap("typed", "1", &format!("{own}type: app\n")),
        named("typed")
    );
    for (name, revision) in [
        ("Example", "1"),
        ("example", "current"),
        ("example", "x"),
        ("e", "1"),
    ] {
        assert_eq!(snap(name, revision, own), None, "{name} {revision}");
    }
    for kind in [
        "base",
        "os",
        "snapd",
        "\"base\"",
        "base # all of it",
        "kernel",
    ] {
        let description = format!("{own}type: {kind}\n");
        assert_eq!(snap("core22", "1", &description), None, "{kind}");
    }
    assert_eq!(snap("libraries", "1", "name: libraries\n"), None);
    made.write("/snap/bare/1/bin/tool", "");
    assert_eq!(
        made.find("/snap/bare/1/bin/tool"),
        None,
        "nothing describes it"
    );
    made.write("/snap/example/tool", "");
    assert_eq!(made.find("/snap/example/tool"), None);
    made.write("/var/lib/snapd/snap/example/3/meta/snap.yaml", own);
    made.write("/var/lib/snapd/snap/example/3/tool", "");
    assert_eq!(
        made.find("/var/lib/snapd/snap/example/3/tool"),
        named("example")
    );

    // Nobody can write to a directory in the image, whatever its mode says; but to one that it is mounted in.
    let tool = "/snap/example/1/bin/tool";
    let set = |path: &str, mode| {
        fs::set_permissions(made.at(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    for directory in [
        "/snap/example/1",
        "/snap/example/1/bin",
        "/snap/example/1/meta",
    ] {
        set(directory, 0o777);
        assert_eq!(made.find(tool), named("example"), "{directory}");
        made.give_away(directory);
        assert_eq!(made.find(tool), named("example"), "{directory}");
    }
    for path in ["/snap/example", tool, "/snap/example/1/meta/snap.yaml"] {
        set(path, 0o775);
        assert_eq!(made.find(tool), None, "{path}");
        set(path, 0o755);
        assert_eq!(made.find(tool), named("example"), "{path}");
    }
    symlink("tool", made.at("/snap/example/1/bin/link")).unwrap();
    let link = made.find("/snap/example/1/bin/link");
    assert_eq!(link, None, "a link to it is another place");

    let directory = made.host_with(0, IMAGE);
    let path = Path::new("/snap/example/1/bin/tool");
    let file = fileid(&statx_at(&directory.path(path)).unwrap());
    assert_eq!(
        directory.find(path, file),
        None,
        "a directory that is tried"
    );
    made.give_away("/snap/example/1/bin/tool");
    assert_eq!(made.find("/snap/example/1/bin/tool"), None);
    made.give_away("/snap/typed/1/meta/snap.yaml");
    assert_eq!(made.find("/snap/typed/1/bin/tool"), None);
}

#[test]
fn a_mount_that_users_can_have_brought_has_no_application() {
    let Some(made) = Made::new() else { return };
    let path = format!("{DEPLOYED}/bin/app");
    made.write(&path, "");
    let flags = statfs(made.0.path()).unwrap().f_flags.cast_unsigned();
    let brought = made.host_with(flags, IMAGE);
    let file = fileid(&statx_at(&made.at(&path)).unwrap());
    assert_ne!(flags, 0, "ST_VALID at least");
    assert_eq!(brought.find(Path::new(&path), file), None);
}
