//! The page's part that shows where the program went, and what it listens on.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{accessible::Property, glib};
use portreeve_dbus::Destination;

use super::ProgramPage;
use crate::{
    i18n::gettext,
    model::{DestinationGroup, DestinationPlace, Destinations, Draft, ListeningPort, can_be_ruled},
    sentence::without_hyphens,
};

impl ProgramPage {
    /// It went here, and there the next page begins.
    pub(in crate::editor) fn show_destinations(&self, rows: Vec<Destination>, next: String) {
        let imp = self.imp();
        let found = Destinations::of(&rows);
        imp.rows.replace(rows);
        imp.more.set_visible(!next.is_empty());
        imp.next.replace(next);
        let same = imp.shown.borrow().as_ref().map(|it| it.is_same_as(&found));
        let is_used = imp.destinations.focus_child().is_some() && !imp.read_on.get();
        if same == Some(true) || (same.is_some() && is_used) {
            // Rows stay where the person is: only the times are others.
            return self.show_times(&found);
        }
        self.show_groups(&found);
        imp.ports.remove_all();
        for port in &found.ports {
            imp.ports.append(&port_row(port));
        }
        imp.ports_group.set_visible(!found.ports.is_empty());
        imp.shown.replace(Some(found));
    }

    fn show_groups(&self, found: &Destinations) {
        let imp = self.imp();
        let expanders = imp.expanders.take();
        let is_open = |title: &String| {
            let mut open = expanders.iter().filter(|(_, row)| row.is_expanded());
            open.any(|(known, _)| known == title)
        };
        imp.places.borrow_mut().clear();
        imp.destinations.remove_all();
        for group in &found.groups {
            if let [place] = group.places() {
                imp.destinations.append(&self.place_row(place));
                continue;
            }
            let row = self.group_row(group);
            let title = group.title();
            row.set_expanded(is_open(&title));
            imp.destinations.append(&row);
            imp.expanders.borrow_mut().push((title, row));
        }
        imp.destinations.set_visible(!found.groups.is_empty());
        imp.nowhere.set_visible(found.groups.is_empty());
    }

    fn show_times(&self, found: &Destinations) {
        let rows = self.imp().places.borrow();
        for place in found.groups.iter().flat_map(DestinationGroup::places) {
            if let Some(row) = rows.get(&place.name) {
                row.set_subtitle(&without_hyphens(&place.subtitle()));
            }
        }
    }

    fn group_row(&self, group: &DestinationGroup) -> adw::ExpanderRow {
        let row = adw::ExpanderRow::builder()
            .title(without_hyphens(&group.title()))
            .subtitle(without_hyphens(&group.subtitle()))
            .build();
        let draft = self.item().and_then(|item| group.draft(&item.key()));
        if let Some(draft) = draft {
            row.add_suffix(&self.rule_button(draft, &group.spoken_rule()));
        }
        for place in group.places() {
            row.add_row(&self.place_row(place));
        }
        row
    }

    fn place_row(&self, place: &DestinationPlace) -> adw::ActionRow {
        let row = adw::ActionRow::builder()
            .title(without_hyphens(&place.title()))
            .subtitle(without_hyphens(&place.subtitle()))
            .build();
        row.add_suffix(&verdict(place.allowed));
        if let Some(item) = self.item() {
            let draft = place.draft(&item.key());
            row.add_suffix(&self.rule_button(draft, &place.spoken_rule()));
        }
        let mut rows = self.imp().places.borrow_mut();
        rows.insert(place.name.clone(), row.clone());
        row
    }

    /// A button that begins a rule, unless no rule can name the program.
    fn rule_button(&self, draft: Draft, spoken: &str) -> gtk::Button {
        let button = gtk::Button::builder()
            .icon_name("list-add-symbolic")
            .tooltip_text(gettext("Add Rule"))
            .valign(gtk::Align::Center)
            .visible(can_be_ruled(&draft.program))
            .css_classes(["flat"])
            .build();
        button.update_property(&[Property::Label(spoken)]);
        button.connect_clicked(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.begin_rule(&draft)
        ));
        button
    }
}

fn port_row(port: &ListeningPort) -> adw::ActionRow {
    let row = adw::ActionRow::builder()
        .title(without_hyphens(&port.title))
        .subtitle(without_hyphens(&port.subtitle))
        .build();
    row.add_suffix(&verdict(port.allowed));
    row
}

/// What was said the last time.
fn verdict(allowed: bool) -> gtk::Box {
    let (icon, class, text) = if allowed {
        ("object-select-symbolic", "success", gettext("Allowed"))
    } else {
        ("action-unavailable-symbolic", "error", gettext("Denied"))
    };
    let image = gtk::Image::builder()
        .icon_name(icon)
        .accessible_role(gtk::AccessibleRole::Presentation)
        .build();
    let verdict = gtk::Box::builder().spacing(4).css_classes([class]).build();
    verdict.append(&image);
    verdict.append(&gtk::Label::new(Some(&text)));
    verdict
}
