//! A page with all lines of one part of what an import would change.

use std::sync::Arc;

use gtk::{gio, glib, prelude::*};

use super::{
    clamped::{clamp, row_in},
    line::Line,
};
use crate::model::{ImportLine, ImportPart};

/// How wide a line may be, in the units of layouts.
const WIDTH: i32 = 600;

/// The page; there can be as many lines as a user can have rules.
pub(super) fn lines_page(part: ImportPart, lines: &Arc<Vec<ImportLine>>) -> adw::NavigationPage {
    let places = gio::ListStore::new::<glib::BoxedAnyObject>();
    let objects: Vec<_> = (0..lines.len()).map(glib::BoxedAnyObject::new).collect();
    places.extend_from_slice(&objects);
    let list = gtk::ListView::builder()
        .model(&gtk::NoSelection::new(Some(places)))
        .factory(&factory(lines.clone()))
        .show_separators(true)
        .build();
    list.update_property(&[gtk::accessible::Property::Label(&part.title())]);
    let scroll = gtk::ScrolledWindow::builder()
        .hscrollbar_policy(gtk::PolicyType::Never)
        .child(&list)
        .build();
    let view = adw::ToolbarView::builder().content(&scroll).build();
    let header = adw::HeaderBar::builder()
        .show_start_title_buttons(false)
        .show_end_title_buttons(false)
        .build();
    view.add_top_bar(&header);
    adw::NavigationPage::new(&view, &part.title())
}

/// Makes rows and has them show lines. Their words are found when they come into sight.
fn factory(lines: Arc<Vec<ImportLine>>) -> gtk::SignalListItemFactory {
    let factory = gtk::SignalListItemFactory::new();
    factory.connect_setup(|_, object| {
        if let Some(place) = object.downcast_ref::<gtk::ListItem>() {
            let line = Line::default();
            line.set_margin_top(10);
            line.set_margin_bottom(10);
            line.set_margin_start(10);
            line.set_margin_end(10);
            place.set_child(Some(&clamp(&line, WIDTH)));
            place.set_activatable(false);
        }
    });
    factory.connect_bind(move |_, object| {
        let Some(place) = object.downcast_ref::<gtk::ListItem>() else {
            return;
        };
        let row = row_in::<Line>(place.child());
        let item = place.item().and_downcast::<glib::BoxedAnyObject>();
        let line = item.and_then(|item| lines.get(*item.borrow::<usize>()));
        if let Some((row, line)) = row.zip(line) {
            let words = line.words();
            row.show_heading(&words.heading);
            match &words.rule {
                Some(rule) => row.show_rule(rule),
                None => row.show_text(&words.text),
            }
            row.show_caption(&words.caption);
            place.set_accessible_label(&words.spoken);
        }
    });
    factory
}
