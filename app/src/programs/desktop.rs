//! Desktop entries: what an application is called, and its icon.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use gtk::glib;

use super::is_of_root;

const GROUP: &str = "Desktop Entry";

/// What a desktop entry says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub title: Option<String>,
    pub icon: Option<String>,
}

/// What the one entry says that starts a program of this name: helpers of the same package are not the
/// application. `None` if there is none, or more than one.
pub(super) fn entry(path: &str, entries: &[PathBuf]) -> Option<Entry> {
    let name = Path::new(path).file_name()?.to_str()?;
    let entries = entries.iter().filter(|entry| is_of_root(entry));
    let mut fitting = entries.filter_map(|entry| read(entry, name));
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

/// What an entry of root's says that has this value for a key.
pub(super) fn entry_of(path: &Path, key: &str, value: &str) -> Option<Entry> {
    let fits = |file: &glib::KeyFile| file.string(GROUP, key).is_ok_and(|it| it == value);
    is_of_root(path).then(|| read_if(path, fits)).flatten()
}

/// What an entry says, if it is for everybody to see and starts a program of this name.
fn read(path: &Path, name: &str) -> Option<Entry> {
    read_if(path, |file| {
        let command = file.string(GROUP, "Exec").ok();
        let command = command
            .as_deref()
            .and_then(|it| it.split_ascii_whitespace().next());
        let file = command.and_then(|it| Path::new(it.trim_matches('"')).file_name());
        file.and_then(OsStr::to_str) == Some(name)
    })
}

/// What an entry says, if it is for everybody to see and fits.
fn read_if(path: &Path, fits: impl Fn(&glib::KeyFile) -> bool) -> Option<Entry> {
    let file = glib::KeyFile::new();
    file.load_from_file(path, glib::KeyFileFlags::NONE).ok()?;
    let text = |key| file.string(GROUP, key).ok();
    let is = |key| file.boolean(GROUP, key).unwrap_or(false);
    if text("Type")? != "Application" || is("NoDisplay") || is("Hidden") || is("Terminal") {
        return None;
    }
    if !fits(&file) {
        return None;
    }
    let title = file.locale_string(GROUP, "Name", None).ok()?;
    Some(Entry {
        title: Some(title.into()),
        icon: text("Icon").map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_application_is_called_what_its_entry_says() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, more: &str| {
            let path = dir.path().join(name);
            let text = format!("[Desktop Entry]\nType=Application\nIcon=web\nName=Web\n{more}\n");
            fs::write(&path, text).unwrap();
            path
        };
        let web = write("web.desktop", "Exec=/usr/bin/web %u");
        let read = |path: &Path, name: &str| super::read(path, name).and_then(|it| it.title);
        assert_eq!(read(&web, "web").as_deref(), Some("Web"));
        assert_eq!(read(&web, "web-helper"), None);
        for more in [
            "Exec=web\nNoDisplay=true",
            "Exec=web\nHidden=true",
            "Exec=web\nTerminal=true",
            "Exec=other web",
            "TryExec=web",
        ] {
            assert_eq!(read(&write("other.desktop", more), "web"), None, "{more}");
        }
        assert_eq!(read(&dir.path().join("none.desktop"), "web"), None);
    }
}
