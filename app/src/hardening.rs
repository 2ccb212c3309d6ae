//! Closes a program of Portreeve's to other programs of the user, before it does anything else.

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// What GTK is to draw with, so that it needs no code but that of files: drivers for OpenGL and
/// Vulkan compile some in memory, which the broker could not tell from an intruder's.
const DRAWING: [(&str, &str); 2] = [("GSK_RENDERER", "cairo"), ("GDK_DISABLE", "gl,vulkan")];

/// To be called first of all in `main`.
pub fn close() {
    // Others can then neither trace it nor read or write its memory. The broker asks for that.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "cannot close the process to others");
    }
    for (name, value) in DRAWING {
        // SAFETY: there is no other thread yet that could look at the environment.
        unsafe { std::env::set_var(name, value) };
    }
}
