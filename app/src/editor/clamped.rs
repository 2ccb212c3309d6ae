//! Rows that are no wider than can be read, in lists that are as wide as the window.

use adw::prelude::*;

/// What has this row as its child, in a list's place.
pub(super) fn clamp(row: &impl IsA<gtk::Widget>, width: i32) -> adw::Clamp {
    let clamp = adw::Clamp::builder().maximum_size(width);
    clamp.child(row).build()
}

/// The row in what is in a list's place, which may be a clamp around it.
pub(super) fn row_in<T: IsA<gtk::Widget>>(child: Option<gtk::Widget>) -> Option<T> {
    match child?.downcast::<adw::Clamp>() {
        Ok(clamp) => clamp.child().and_downcast(),
        Err(child) => child.downcast().ok(),
    }
}

/// The rows that a list has: only a part of what is in it has any.
pub(super) fn rows_of<T: IsA<gtk::Widget>>(list: &gtk::ListView) -> impl Iterator<Item = T> {
    let places = std::iter::successors(list.first_child(), WidgetExt::next_sibling);
    places.filter_map(|place| row_in(place.first_child()))
}
