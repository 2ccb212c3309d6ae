//! The look of prompts, which a theme or the user's own style sheet cannot take away.

use gtk::gdk;

/// Above `GTK_STYLE_PROVIDER_PRIORITY_USER`, which a program of the user could have written to.
const PRIORITY: u32 = gtk::STYLE_PROVIDER_PRIORITY_USER + 100;

/// Puts the style of prompts on the display.
pub fn install(display: &gdk::Display) {
    let provider = gtk::CssProvider::new();
    provider.load_from_string(include_str!("prompt.css"));
    gtk::style_context_add_provider_for_display(display, &provider, PRIORITY);
}
