//! The private half of [`super::ImportDialog`].

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_exchange::{Difference, Found};

use super::{CANCEL, CHOOSE_PROGRAM, ChangesHandler, TAKE};
use crate::{client::Broker, editor::mistake::tell_mistakes_by};

#[derive(Default, gtk::CompositeTemplate)]
#[template(file = "import_dialog.ui")]
pub struct ImportDialog {
    #[template_child]
    pub(super) toasts: TemplateChild<adw::ToastOverlay>,
    #[template_child]
    pub(super) navigation: TemplateChild<adw::NavigationView>,
    #[template_child]
    pub(super) take: TemplateChild<gtk::Button>,
    #[template_child]
    pub(super) states: TemplateChild<gtk::Stack>,
    #[template_child]
    pub(super) failure: TemplateChild<adw::StatusPage>,
    #[template_child]
    pub(super) file: TemplateChild<adw::ActionRow>,
    #[template_child]
    pub(super) program: TemplateChild<adw::EntryRow>,
    #[template_child]
    pub(super) program_error: TemplateChild<gtk::Label>,
    #[template_child]
    pub(super) yours: TemplateChild<adw::ComboRow>,
    #[template_child]
    pub(super) changes_group: TemplateChild<adw::PreferencesGroup>,
    #[template_child]
    pub(super) changes: TemplateChild<gtk::ListBox>,
    pub(super) on_changes: RefCell<Option<ChangesHandler>>,
    pub(super) broker: RefCell<Option<Broker>>,
    /// What was read.
    pub(super) found: RefCell<Option<Arc<Found>>>,
    /// Whether another program is being named, and not yet applied.
    pub(super) naming: Cell<bool>,
    /// What it would change, once that is known.
    pub(super) difference: RefCell<Option<Arc<Difference>>>,
    /// Whether that is being found out, and whether something is different since that began.
    pub(super) preparing: Cell<bool>,
    pub(super) stale: Cell<bool>,
    /// Whether the changes are being made.
    pub(super) taking: Cell<bool>,
}

#[glib::object_subclass]
impl ObjectSubclass for ImportDialog {
    const NAME: &'static str = "PortreeveImportDialog";
    type Type = super::ImportDialog;
    type ParentType = adw::Dialog;

    fn class_init(klass: &mut Self::Class) {
        klass.bind_template();
        klass.install_action(TAKE, None, |dialog, _, _| dialog.take());
        klass.install_action(CANCEL, None, |dialog, _, _| {
            dialog.close();
        });
        klass.install_action_async(CHOOSE_PROGRAM, None, async |dialog, _, _| {
            dialog.choose_program().await;
        });
    }

    fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
        object.init_template();
    }
}

impl ObjectImpl for ImportDialog {
    fn constructed(&self) {
        self.parent_constructed();
        let dialog = self.obj();
        dialog.action_set_enabled(TAKE, false);
        // Paths read from left to right in every language.
        if let Some(text) = self.program.delegate() {
            text.set_direction(gtk::TextDirection::Ltr);
        }
        tell_mistakes_by(self.program.upcast_ref(), &self.program_error);
        self.program.connect_changed(glib::clone!(
            #[weak]
            dialog,
            move |_| dialog.name_program()
        ));
        self.program.connect_apply(glib::clone!(
            #[weak]
            dialog,
            move |_| dialog.apply_program()
        ));
        dialog.show_meaning();
        self.yours.connect_selected_notify(glib::clone!(
            #[weak]
            dialog,
            move |_| {
                dialog.show_meaning();
                dialog.prepare();
            }
        ));
    }
}

impl WidgetImpl for ImportDialog {}
impl AdwDialogImpl for ImportDialog {}
