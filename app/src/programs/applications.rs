//! What applications of Flatpak and Snap are called: from the desktop entries that these have made for everybody.

use std::{
    fs,
    path::{Path, PathBuf},
};

use portreeve_policy::{Application, Packaging};

use super::{
    Package, Program,
    desktop::{Entry, entry_of},
};

/// Where Flatpak has the entries of what is installed for all users, each with the id in its name and inside.
const OF_FLATPAKS: &str = "var/lib/flatpak/exports/share/applications";
const FLATPAK_ID: &str = "X-Flatpak";
/// Where snapd has those of snaps.
const OF_SNAPS: &str = "var/lib/snapd/desktop/applications";
const SNAP_NAME: &str = "X-SnapInstanceName";

/// An application as its entry presents it, on the system below this directory.
pub(super) fn present(root: &Path, application: &Application) -> Program {
    let entry = match application.packaging() {
        Packaging::Flatpak => flatpak(root, application.id()),
        Packaging::Snap => snap(root, application.id()),
    };
    let entry = entry.unwrap_or_default();
    Program {
        title: entry.title,
        icon: entry.icon,
        package: Package::Unknown,
    }
}

fn flatpak(root: &Path, id: &str) -> Option<Entry> {
    let path = root.join(OF_FLATPAKS).join(format!("{id}.desktop"));
    entry_of(&path, FLATPAK_ID, id)
}

/// The entry that is called as the snap is, or the only one that says it is the snap's: snaps can have the names of
/// such files granted to them (`desktop-file-ids`).
fn snap(root: &Path, name: &str) -> Option<Entry> {
    let directory = root.join(OF_SNAPS);
    let main = directory.join(format!("{name}_{name}.desktop"));
    entry_of(&main, SNAP_NAME, name).or_else(|| {
        let is_entry = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "desktop");
        let paths = fs::read_dir(directory).ok()?.flatten();
        let paths = paths.map(|found| found.path()).filter(is_entry);
        let mut entries = paths.filter_map(|path| entry_of(&path, SNAP_NAME, name));
        let first = entries.next()?;
        entries.next().is_none().then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::*;

    fn title(root: &Path, key: &str) -> Option<String> {
        present(root, &Application::of_key(key).unwrap()).title
    }

    #[test]
    fn an_application_is_called_what_its_own_entry_says() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let write = |path: String, name: &str, more: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = format!("[Desktop Entry]\nType=Application\nName={name}\nIcon=i\n{more}\n");
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            // Only root's are taken, and only root can make any.
            chown(&path, Some(0), None).is_ok()
        };
        let web = format!("{OF_FLATPAKS}/org.example.Web.desktop");
        let exec = "Exec=/usr/bin/flatpak run org.example.Web";
        if !write(
            web.clone(),
            "Web",
            &format!("{exec}\nX-Flatpak=org.example.Web"),
        ) {
            return;
        }
        assert_eq!(
            title(root, "flatpak:org.example.Web").as_deref(),
            Some("Web")
        );
        assert_eq!(title(root, "flatpak:org.example.Other"), None);
        write(
            web.clone(),
            "Web",
            &format!("{exec}\nX-Flatpak=org.example.Other"),
        );
        assert_eq!(title(root, "flatpak:org.example.Web"), None, "another's");
        write(web.clone(), "Web", "X-Flatpak=org.example.Web");
        chown(root.join(web), Some(1000), None).unwrap();
        assert_eq!(title(root, "flatpak:org.example.Web"), None, "a user's");

        let snap = |file: &str, name: &str, more: &str| {
            write(format!("{OF_SNAPS}/{file}.desktop"), name, more);
        };
        snap("office_writer", "Writer", "X-SnapInstanceName=office");
        snap("office_b_writer", "B", "X-SnapInstanceName=office_b");
        assert_eq!(title(root, "snap:office").as_deref(), Some("Writer"));
        assert_eq!(title(root, "snap:office_b").as_deref(), Some("B"));
        snap("office_calc", "Calc", "X-SnapInstanceName=office");
        assert_eq!(title(root, "snap:office"), None, "which of the two?");
        snap("office_office", "Office", "X-SnapInstanceName=office");
        assert_eq!(title(root, "snap:office").as_deref(), Some("Office"));
        assert_eq!(title(root, "snap:off"), None);
        snap("org.example.Mail", "Mail", "X-SnapInstanceName=mail");
        snap("mail_web", "Another", "X-SnapInstanceName=mail-web");
        assert_eq!(title(root, "snap:mail").as_deref(), Some("Mail"));
    }
}
