//! What the application says of itself.

use crate::{VERSION, i18n::gettext};

/// “About Portreeve”.
pub(super) fn about_dialog() -> adw::AboutDialog {
    adw::AboutDialog::builder()
        .application_name("Portreeve")
        .application_icon(portreeve_dbus::APPLICATION_ID)
        .developer_name(gettext("The Portreeve developers"))
        .version(VERSION)
        .website("https://github.com/portreeve/portreeve")
        .issue_url("https://github.com/portreeve/portreeve/issues")
        .license_type(gtk::License::Gpl30)
        // Translators: your name and address, one translator a line.
        .translator_credits(gettext("translator-credits"))
        .build()
}

/// “Keyboard Shortcuts”.
///
/// # Panics
///
/// Never: the dialog's description is part of the program.
pub fn shortcuts_dialog() -> adw::Dialog {
    gtk::Builder::from_string(include_str!("shortcuts.ui"))
        .object("dialog")
        .expect("shortcuts.ui describes a dialog")
}
