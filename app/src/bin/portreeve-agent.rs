//! Shows prompts in the user's session. It has no options; the session starts it.

use adw::prelude::*;
use gtk::glib;
use portreeve_app::{agent::AgentApplication, hardening, i18n, init_logging};

fn main() -> glib::ExitCode {
    init_logging();
    hardening::close();
    i18n::init();
    glib::set_application_name("Portreeve");
    AgentApplication::default().run()
}
