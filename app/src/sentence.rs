//! Sentences with names in them, as labels show them.

use gtk::{accessible::Property, glib, pango, prelude::*};

use crate::model::{Wrapping, plain};

/// Shows a sentence whose names are in isolation. Read aloud it is without their marks.
///
/// `room` is how long a line can be, pixels: names for which that is enough stay whole. Without it each
/// name may be broken, which is right for one that the sentence begins with.
pub(crate) fn show_sentence(label: &gtk::Label, sentence: &str, room: Option<i32>) {
    let fits = |name: &str| {
        let width = || label.create_pango_layout(Some(name)).pixel_size().0;
        room.is_some_and(|room| width() <= room)
    };
    label.set_label(sentence);
    label.set_attributes(Some(&attributes(&Wrapping::of(sentence, fits))));
    label.update_property(&[Property::Label(&plain(sentence))]);
}

/// Markup of this text for a place that breaks lines and takes no attributes: a name or path is not to get hyphens that
/// are not its own.
pub(crate) fn without_hyphens(text: &str) -> String {
    let text = glib::markup_escape_text(text);
    format!("<span insert_hyphens=\"false\">{text}</span>")
}

/// How the sentence is broken into lines.
fn attributes(wrapping: &Wrapping) -> pango::AttrList {
    let Wrapping { words, ends } = wrapping;
    let attributes = pango::AttrList::new();
    attributes.insert(pango::AttrInt::new_insert_hyphens(false));
    let words = words
        .iter()
        .map(|place| (pango::AttrInt::new_word(), place));
    let ends = ends
        .iter()
        .map(|place| (pango::AttrInt::new_allow_breaks(false), place));
    for (mut attribute, place) in words.chain(ends) {
        // No sentence is so long that a place in it would not fit.
        attribute.set_start_index(u32::try_from(place.start).unwrap_or(u32::MAX));
        attribute.set_end_index(u32::try_from(place.end).unwrap_or(u32::MAX));
        attributes.insert(attribute);
    }
    attributes
}
