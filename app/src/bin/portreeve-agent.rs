//! Shows prompts in the user's session. It has no options; the session starts it.

use adw::prelude::*;
use gtk::glib;
use portreeve_app::{agent::AgentApplication, i18n, init_logging};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

fn main() -> glib::ExitCode {
    init_logging();
    // Other programs of the user can then neither trace it nor read its memory.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "cannot close the process to others");
    }
    i18n::init();
    glib::set_application_name("Portreeve");
    AgentApplication::default().run()
}
