//! Icons of programs, from where packages put them: a user's own could show anything.

use std::path::Path;

use gtk::{gdk, gio, prelude::*};

use super::is_of_root;

/// Where packages put icons.
const DIRECTORIES: &[&str] = &[
    "/usr/share/icons",
    "/usr/share/pixmaps",
    "/var/lib/flatpak/exports/share/icons",
];
/// Where those are that snaps name by their paths.
const OF_SNAPS: &[&str] = &["/snap", "/var/lib/snapd/snap"];
/// The theme that applications install theirs in.
const THEME: &str = "hicolor";

/// Icons that root has installed.
#[derive(Debug, Clone)]
pub struct Icons(gtk::IconTheme);

thread_local! {
    /// To read what there is takes a while, so it is done once, in the one thread that shows anything.
    static ICONS: Icons = Icons::read();
}

impl Default for Icons {
    fn default() -> Self {
        ICONS.with(Clone::clone)
    }
}

impl Icons {
    fn read() -> Self {
        let theme = gtk::IconTheme::new();
        let directories: Vec<&Path> = DIRECTORIES.iter().map(Path::new).collect();
        theme.set_search_path(&directories);
        theme.set_theme_name(Some(THEME));
        Self(theme)
    }
}

impl Icons {
    /// The icon of this name or path, to be shown by `widget` this large, in pixels.
    pub fn find(&self, icon: &str, size: i32, widget: &gtk::Widget) -> Option<gdk::Paintable> {
        let scale = widget.scale_factor();
        if icon.starts_with('/') {
            let path = Path::new(icon);
            let mut directories = DIRECTORIES.iter().chain(OF_SNAPS);
            let below = directories.any(|it| path.starts_with(it));
            let file = gio::File::for_path(path);
            return (below && is_of_root(path))
                .then(|| gtk::IconPaintable::for_file(&file, size, scale).upcast());
        }
        self.0.has_icon(icon).then(|| {
            let flags = gtk::IconLookupFlags::empty();
            let direction = widget.direction();
            let found = self.0.lookup_icon(icon, &[], size, scale, direction, flags);
            found.upcast()
        })
    }
}
