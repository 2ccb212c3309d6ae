//! How high a prompt is that stands on a layer: there, nothing but itself looks after that.

use adw::prelude::*;
use gtk::{glib, subclass::prelude::ObjectSubclassIsExt as _};

use super::PromptWindow;

impl PromptWindow {
    /// It stands above all windows, and has at most this room.
    pub fn raise_within(&self, width: i32, height: i32) {
        self.add_css_class("raised");
        self.set_default_width(self.default_width().min(width));
        self.imp().room.set(Some(height));
    }

    /// Whether it stands above all windows.
    pub fn is_raised(&self) -> bool {
        self.imp().room.get().is_some()
    }

    /// Makes it as high as what is in it, as far as there is room; beyond that it scrolls.
    pub(super) fn fit(&self) {
        let Some(room) = self.imp().room.get() else {
            return;
        };
        let (_, natural, _, _) = self.measure(gtk::Orientation::Vertical, self.default_width());
        let height = natural.min(room);
        // Even the same height would have it laid out again.
        if self.default_height() == height {
            return;
        }
        self.set_default_height(height);
        // The buttons are elsewhere now.
        self.imp().guard().change();
    }

    /// The same, once what is being laid out is.
    pub(super) fn fit_soon(&self) {
        if self.is_raised() {
            let weak = self.downgrade();
            glib::idle_add_local_once(move || {
                if let Some(window) = weak.upgrade() {
                    window.fit();
                }
            });
        }
    }
}
