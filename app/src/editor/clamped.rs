//! Rows that are no wider than can be read, in lists that are as wide as the window.

use adw::prelude::*;
use gtk::glib;

/// What has this row as its child, in a list's place.
pub(super) fn clamp(row: &impl IsA<gtk::Widget>, width: i32) -> adw::Clamp {
    let clamp = adw::Clamp::builder().maximum_size(width);
    clamp.child(row).build()
}

/// The row in what is in a list's place.
pub(super) fn row_in<T: IsA<gtk::Widget>>(child: Option<gtk::Widget>) -> Option<T> {
    let clamp = child.and_downcast::<adw::Clamp>()?;
    clamp.child().and_downcast()
}
