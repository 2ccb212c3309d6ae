//! Opens Portreeve's window.

use gtk::{gdk, gio, prelude::*};
use portreeve_dbus::APPLICATION_ID;

/// Whether it could be opened.
pub(super) fn open_window(display: &gdk::Display) -> bool {
    let id = format!("{APPLICATION_ID}.desktop");
    let apps = gio::AppInfo::all();
    let app = apps.iter().find(|app| app.id().is_some_and(|it| it == id));
    let context = display.app_launch_context();
    app.is_some_and(|app| app.launch(&[], Some(&context)).is_ok())
}
