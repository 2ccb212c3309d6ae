//! The dialog that shows the last changes of rules, and has them undone.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{accessible::Property, glib};
use portreeve_dbus::{Change, Error};

use super::line::Line;
use crate::{
    client::Broker, i18n::gettext, model::ChangeWords, user_facing_error::UserFacingError as _,
};

/// The dialog's action that undoes a change; its parameter is the change's number.
const UNDO: &str = "history.undo";

type UndoneHandler = Box<dyn Fn(u64)>;

mod imp {
    use std::cell::{Cell, RefCell};

    use adw::subclass::prelude::*;
    use gtk::glib;
    use portreeve_dbus::Change;

    use super::{UNDO, UndoneHandler};
    use crate::client::Broker;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "history_dialog/history_dialog.ui")]
    pub struct HistoryDialog {
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        pub(super) states: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) failure: TemplateChild<adw::StatusPage>,
        #[template_child]
        pub(super) list: TemplateChild<gtk::ListBox>,
        pub(super) on_undone: RefCell<Option<UndoneHandler>>,
        pub(super) broker: RefCell<Option<Broker>>,
        /// What is shown.
        pub(super) changes: RefCell<Vec<Change>>,
        /// Whether changes are being read, and whether there are others since that began.
        pub(super) reading: Cell<bool>,
        pub(super) stale: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for HistoryDialog {
        const NAME: &'static str = "PortreeveHistoryDialog";
        type Type = super::HistoryDialog;
        type ParentType = adw::Dialog;

        fn class_init(klass: &mut Self::Class) {
            klass.bind_template();
            let number = Some(glib::VariantTy::UINT64);
            klass.install_action_async(UNDO, number, async |dialog, _, change| {
                if let Some(change) = change.and_then(|change| change.get()) {
                    dialog.undo(change).await;
                }
            });
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for HistoryDialog {}
    impl WidgetImpl for HistoryDialog {}
    impl AdwDialogImpl for HistoryDialog {}
}

glib::wrapper! {
    /// The dialog that shows the last changes of rules.
    pub struct HistoryDialog(ObjectSubclass<imp::HistoryDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl HistoryDialog {
    /// A dialog that reads; `on_undone` gets the number of each change that was undone here.
    pub(super) fn new(on_undone: impl Fn(u64) + 'static) -> Self {
        let dialog: Self = glib::Object::new();
        dialog.imp().on_undone.replace(Some(Box::new(on_undone)));
        dialog
    }

    /// The broker is there, or is not; or rules have changed: reads the changes anew.
    pub(super) fn set_broker(&self, broker: Option<Broker>) {
        let imp = self.imp();
        self.action_set_enabled(UNDO, broker.is_some());
        imp.broker.replace(broker);
        imp.stale.set(true);
        // What reads now looks once more.
        if imp.reading.replace(true) {
            return;
        }
        let dialog = self.clone();
        glib::spawn_future_local(async move {
            while dialog.imp().stale.take() {
                dialog.read().await;
            }
            dialog.imp().reading.set(false);
        });
    }

    async fn read(&self) {
        let Some(broker) = self.imp().broker.borrow().clone() else {
            return;
        };
        match broker.changes().await {
            Ok(changes) => self.show_changes(changes),
            Err(error) => self.show_failure(&error),
        }
    }

    /// These are the last changes, the newest first.
    pub fn show_changes(&self, changes: Vec<Change>) {
        let imp = self.imp();
        let state = if changes.is_empty() { "empty" } else { "list" };
        imp.states.set_visible_child_name(state);
        // Whoever stands on a row stays there when nothing is different.
        if *imp.changes.borrow() == changes {
            return;
        }
        let focused = self.focused_row();
        imp.list.remove_all();
        for change in &changes {
            imp.list.append(&row(change));
        }
        imp.changes.replace(changes);
        if let Some(row) = focused.and_then(|index| imp.list.row_at_index(index)) {
            row.grab_focus();
        }
    }

    /// The place of the row that has the keyboard, or has what has it.
    fn focused_row(&self) -> Option<i32> {
        let focus = self.root()?.focus()?;
        let row = focus.ancestor(gtk::ListBoxRow::static_type());
        let row = row.and_downcast::<gtk::ListBoxRow>()?;
        row.is_ancestor(&*self.imp().list).then(|| row.index())
    }

    /// There is no telling what the changes are.
    pub fn show_failure(&self, error: &Error) {
        tracing::warn!(%error, "cannot read the changes of rules");
        let imp = self.imp();
        let text = glib::markup_escape_text(&error.to_user_facing());
        imp.failure.set_description(Some(&text));
        imp.states.set_visible_child_name("failed");
    }

    async fn undo(&self, change: u64) {
        let Some(broker) = self.imp().broker.borrow().clone() else {
            return;
        };
        // Another press means the same, and not that nothing is left to be undone.
        self.action_set_enabled(UNDO, false);
        let undone = broker.undo(change).await;
        self.action_set_enabled(UNDO, self.imp().broker.borrow().is_some());
        match undone {
            Ok(()) => {
                if let Some(handler) = &*self.imp().on_undone.borrow() {
                    handler(change);
                }
            }
            Err(error) => {
                tracing::warn!(%error, change, "the broker does not undo a change");
                let title = error.to_user_facing();
                let toast = adw::Toast::builder().title(title).use_markup(false).build();
                self.imp().toasts.add_toast(toast);
            }
        }
    }
}

fn row(change: &Change) -> gtk::ListBoxRow {
    let words = ChangeWords::new(change);
    let line = Line::default();
    line.show_heading(&words.title);
    match (&words.rules, &words.rule) {
        (Some(rules), _) => line.show_text(rules),
        (None, Some(rule)) => line.show_rule(rule),
        (None, None) => line.show_text(""),
    }
    line.show_caption(&words.circumstances);
    let content = gtk::Box::builder()
        .spacing(12)
        .margin_top(10)
        .margin_bottom(10)
        .margin_start(12)
        .margin_end(8)
        .build();
    content.append(&line);
    if change.undone_by.is_none() {
        let undo = gtk::Button::builder()
            .icon_name("edit-undo-symbolic")
            .tooltip_text(gettext("Undo"))
            .valign(gtk::Align::Center)
            .action_name(UNDO)
            .action_target(&change.number.to_variant())
            .css_classes(["flat"])
            .build();
        undo.update_property(&[Property::Label(&words.spoken_undo)]);
        content.append(&undo);
    }
    let row = gtk::ListBoxRow::builder()
        .activatable(false)
        .child(&content)
        .build();
    row.update_property(&[Property::Label(&words.spoken)]);
    row
}
