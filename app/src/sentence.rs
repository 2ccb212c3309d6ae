//! Sentences with names in them, as labels show them.

use gtk::{accessible::Property, pango, prelude::*};

use crate::model::{Wrapping, plain};

/// Shows a sentence whose names are in isolation. Read aloud it is without their marks.
pub(crate) fn show_sentence(label: &gtk::Label, sentence: &str) {
    label.set_label(sentence);
    label.set_attributes(Some(&attributes(sentence)));
    label.update_property(&[Property::Label(&plain(sentence))]);
}

/// How the sentence is broken into lines.
fn attributes(sentence: &str) -> pango::AttrList {
    let Wrapping { words, ends } = Wrapping::of(sentence);
    let attributes = pango::AttrList::new();
    attributes.insert(pango::AttrInt::new_insert_hyphens(false));
    let words = words
        .into_iter()
        .map(|place| (pango::AttrInt::new_word(), place));
    let ends = ends
        .into_iter()
        .map(|place| (pango::AttrInt::new_allow_breaks(false), place));
    for (mut attribute, place) in words.chain(ends) {
        // No sentence is so long that a place in it would not fit.
        attribute.set_start_index(u32::try_from(place.start).unwrap_or(u32::MAX));
        attribute.set_end_index(u32::try_from(place.end).unwrap_or(u32::MAX));
        attributes.insert(attribute);
    }
    attributes
}
