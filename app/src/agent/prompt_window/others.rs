//! The window's part that tells which other programs wait for their turn, and lets one be chosen.

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;

use super::{Outcome, PromptWindow};
use crate::{
    i18n::{gettext, ngettext_f},
    model::plain,
};

/// The list gets no higher, pixels.
const HIGHEST: i32 = 320;
/// A name takes up no more, letters.
const WIDEST: i32 = 32;

/// A program that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The subject.
    pub subject: String,
    /// What it is called, as questions call it.
    pub name: String,
}

impl PromptWindow {
    /// These wait for their turn.
    pub fn show_others(&self, others: &[Other]) {
        let imp = self.imp();
        if *imp.waiting.borrow() == others {
            return;
        }
        imp.waiting.replace(others.to_vec());
        let button = &imp.others;
        button.set_visible(!others.is_empty());
        let text = ngettext_f("{n} more program", "{n} more programs", others.len(), &[]);
        button.set_label(&text);
        self.fit_title();
        if others.is_empty() {
            button.popdown();
            return;
        }
        while let Some(row) = imp.others_list.first_child() {
            imp.others_list.remove(&row);
        }
        for other in others {
            imp.others_list.append(&self.row(other));
        }
    }

    /// Leaves the title out where it would be cut beside the button, as in large text.
    pub(super) fn fit_title(&self) {
        let imp = self.imp();
        imp.title.set_visible(true);
        let (_, wanted, ..) = imp.header.measure(gtk::Orientation::Horizontal, -1);
        // As wide as it is to be; it may not be laid out so yet.
        let fits = wanted <= self.default_width();
        imp.title.set_visible(!imp.others.get_visible() || fits);
    }

    /// Opens the list of those that wait.
    pub fn open_others(&self) {
        self.imp().others.popup();
    }

    fn row(&self, other: &Other) -> gtk::Widget {
        let label = gtk::Label::builder()
            .label(&other.name)
            .xalign(0.0)
            .ellipsize(gtk::pango::EllipsizeMode::Middle)
            .max_width_chars(WIDEST)
            .tooltip_text(plain(&other.name))
            .build();
        let button = gtk::Button::builder().child(&label).build();
        button.add_css_class("flat");
        let subject = other.subject.clone();
        button.connect_clicked(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.tell_of_others(Outcome::Choose(subject.clone()))
        ));
        button.upcast()
    }

    pub(super) fn set_up_others(&self) {
        let imp = self.imp();
        imp.others_scroll.set_max_content_height(HIGHEST);
        let label = gettext("Programs that wait for their turn");
        imp.others_list
            .update_property(&[gtk::accessible::Property::Label(&label)]);
        for (button, outcome) in [
            (&imp.all_later, Outcome::AllLater),
            (&imp.snooze, Outcome::Snooze),
        ] {
            button.connect_clicked(glib::clone!(
                #[weak(rename_to = window)]
                self,
                move |_| window.tell_of_others(outcome.clone())
            ));
        }
    }

    fn tell_of_others(&self, outcome: Outcome) {
        let imp = self.imp();
        imp.others.popdown();
        if !imp.guard().is_busy() {
            imp.tell(outcome);
        }
    }
}
