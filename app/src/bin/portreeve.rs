//! Shows the rules, and has them changed.

use adw::prelude::*;
use gtk::glib;
use portreeve_app::{editor::EditorApplication, hardening, i18n, init_logging};

fn main() -> glib::ExitCode {
    init_logging();
    hardening::close();
    i18n::init();
    glib::set_application_name("Portreeve");
    EditorApplication::default().run()
}
