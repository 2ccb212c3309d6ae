//! Where a prompt comes up: above all windows where the compositor has layers, else where any window does.

use gtk::{gdk, glib::translate::ToGlibPtr as _, prelude::*};
use gtk4_layer_shell_sys as layer;

use super::prompt_window::PromptWindow;

/// By this, compositors' settings can tell prompts from other surfaces.
const NAMESPACE: &std::ffi::CStr = c"portreeve-prompt";
/// How far it is from the edges of the screen, pixels.
const MARGIN: i32 = 12;
/// The first version of the protocol in which a surface can have the keyboard as windows have it.
const ON_DEMAND: u32 = 4;

/// Puts a window that has not been shown yet above all others, into a corner of the screen, if there are layers.
pub(super) fn raise(window: &PromptWindow) {
    let display = WidgetExt::display(window);
    let Some((width, height)) = smallest_monitor(&display).filter(|_| has_layers(&display)) else {
        return;
    };
    let pointer = window.upcast_ref::<gtk::Window>().to_glib_none();
    // SAFETY: the window is there until the end of this function, and what the library keeps of it goes with it. The
    // name is copied.
    unsafe {
        layer::gtk_layer_init_for_window(pointer.0);
        layer::gtk_layer_set_namespace(pointer.0, NAMESPACE.as_ptr());
        layer::gtk_layer_set_layer(pointer.0, layer::GTK_LAYER_SHELL_LAYER_OVERLAY);
        for edge in [
            layer::GTK_LAYER_SHELL_EDGE_TOP,
            layer::GTK_LAYER_SHELL_EDGE_RIGHT,
        ] {
            layer::gtk_layer_set_anchor(pointer.0, edge, true.into());
            layer::gtk_layer_set_margin(pointer.0, edge, MARGIN);
        }
        // Exclusively, it would take every key away from everything else.
        let keyboard = layer::GTK_LAYER_SHELL_KEYBOARD_MODE_ON_DEMAND;
        layer::gtk_layer_set_keyboard_mode(pointer.0, keyboard);
    }
    window.raise_within(width - 2 * MARGIN, height - 2 * MARGIN);
}

/// Whether it is a compositor's that has layers on which a surface can have the keyboard.
fn has_layers(display: &gdk::Display) -> bool {
    if !display.backend().is_wayland() {
        return false;
    }
    // SAFETY: GTK is in use, by this thread; both only look at its display.
    unsafe {
        layer::gtk_layer_is_supported() != 0 && layer::gtk_layer_get_protocol_version() >= ON_DEMAND
    }
}

/// As wide and as high as the prompt may be, on whichever monitor the compositor puts it.
fn smallest_monitor(display: &gdk::Display) -> Option<(i32, i32)> {
    let monitors = display.monitors();
    let sizes = monitors.iter::<gdk::Monitor>().flatten().map(|monitor| {
        let geometry = monitor.geometry();
        (geometry.width(), geometry.height())
    });
    sizes.reduce(|one, other| (one.0.min(other.0), one.1.min(other.1)))
}
