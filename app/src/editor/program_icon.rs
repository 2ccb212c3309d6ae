//! The icon of a program.

use gtk::prelude::*;

use crate::programs::Icons;

/// Shows the program's own icon this large, in pixels, or the one of programs that have none.
pub(super) fn show_icon(image: &gtk::Image, icon: Option<&str>, size: i32) {
    image.set_pixel_size(size);
    let own = icon.and_then(|icon| Icons::default().find(icon, size, image.upcast_ref()));
    match own {
        Some(own) => image.set_paintable(Some(&own)),
        None => image.set_icon_name(Some("application-x-executable-symbolic")),
    }
}
