//! What is wrong with a field of a dialog: said below it, and shown by its colour.

use gtk::{
    accessible::{Relation, State},
    prelude::*,
};

/// Mistakes of the field are said by the label.
pub(super) fn tell_mistakes_by(field: &gtk::Widget, label: &gtk::Label) {
    field.update_relation(&[Relation::ErrorMessage(&[label.upcast_ref()])]);
}

/// Says what is wrong with the field, or nothing.
pub(super) fn show_mistake(field: &gtk::Widget, label: &gtk::Label, text: Option<&str>) {
    label.set_label(text.unwrap_or_default());
    label.set_visible(text.is_some());
    if text.is_some() {
        field.add_css_class("error");
        field.update_state(&[State::Invalid(gtk::AccessibleInvalidState::True)]);
    } else {
        field.remove_css_class("error");
        field.reset_state(gtk::AccessibleState::Invalid);
    }
}
