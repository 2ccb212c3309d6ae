//! The dialog that shows what rules from a file would change, and has that changed.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gio, glib};
use portreeve_dbus::Rule;
use portreeve_exchange::{self as exchange, Difference, Format, Found, Imported, Settings};

use super::{
    lines::lines_page,
    mistake::show_mistake,
    program::{choose_program, is_sandboxed, key_of},
};
use crate::{
    client::Broker,
    i18n::gettext,
    model::{ImportLine, ImportPart, ImportPreview, shown, summary},
    user_facing_error::UserFacingError as _,
};

mod imp;

/// The dialog's action that has the rules taken.
const TAKE: &str = "import.take";
const CANCEL: &str = "import.cancel";
const CHOOSE_PROGRAM: &str = "import.choose-program";

type ChangesHandler = Box<dyn Fn(&ImportDialog, Arc<Difference>)>;

glib::wrapper! {
    /// The dialog that shows what rules from a file would change.
    pub struct ImportDialog(ObjectSubclass<imp::ImportDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

/// What is to be taken, and what that changes.
type Prepared = Result<(Imported, Difference), exchange::Error>;

impl ImportDialog {
    /// A dialog that reads; `on_changes` gets what is to be changed, and closes the dialog.
    pub fn new(on_changes: impl Fn(&Self, Arc<Difference>) + 'static) -> Self {
        let dialog: Self = glib::Object::new();
        dialog.imp().on_changes.replace(Some(Box::new(on_changes)));
        dialog
    }

    /// The broker is there, or is not; or the user's rules have changed.
    pub(super) fn set_broker(&self, broker: Option<Broker>) {
        self.imp().broker.replace(broker);
        self.prepare();
    }

    /// Takes the rules of this file or folder.
    pub(super) async fn read(&self, path: PathBuf) {
        // A file system may take its time.
        match gio::spawn_blocking(move || exchange::read(&path)).await {
            Ok(Ok(found)) => {
                self.imp().found.replace(Some(Arc::new(found)));
                self.prepare();
            }
            Ok(Err(error)) => self.show_failure(&error.to_user_facing()),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Whether the user's rules are to be replaced.
    fn replaces(&self) -> bool {
        self.imp().yours.selected() == 1
    }

    /// Replaces the user's rules, or keeps them.
    pub fn set_replaces(&self, replaces: bool) {
        self.imp().yours.set_selected(u32::from(replaces));
    }

    /// Says what becomes of the user's rules.
    fn show_meaning(&self) {
        let meaning = if self.replaces() {
            gettext("What the file does not have is deleted, but for rules that end by themselves.")
        } else {
            gettext("What the file has is added, and denials are switched on.")
        };
        // Beside the choice there is no room for it in a narrow window.
        self.imp().changes_group.set_description(Some(&meaning));
    }

    /// Finds out what would be changed, and once more if something is different meanwhile.
    fn prepare(&self) {
        let imp = self.imp();
        imp.stale.set(true);
        imp.difference.take();
        self.action_set_enabled(TAKE, false);
        if imp.naming.get() || imp.preparing.replace(true) {
            return;
        }
        let dialog = self.clone();
        glib::spawn_future_local(async move {
            let imp = dialog.imp();
            while !imp.naming.get() && imp.stale.take() {
                dialog.prepare_once().await;
            }
            imp.preparing.set(false);
        });
    }

    /// Another program is being named: what was found out was for the one before.
    fn name_program(&self) {
        self.imp().naming.set(true);
        self.prepare();
    }

    /// The program is the one that is named now.
    fn apply_program(&self) {
        self.imp().naming.set(false);
        self.prepare();
    }

    async fn prepare_once(&self) {
        let imp = self.imp();
        let (found, broker) = (imp.found.borrow().clone(), imp.broker.borrow().clone());
        let Some((found, broker)) = found.zip(broker) else {
            return;
        };
        let program = imp.program.text();
        let app = match program.trim() {
            "" => None,
            program => match key_of(program.to_owned()).await {
                Ok(key) => Some(key),
                Err(error) => return self.show_program_error(Some(&error.to_user_facing())),
            },
        };
        self.show_program_error(None);
        let rules = match broker.list_rules().await {
            Ok(rules) => rules,
            Err(error) => return self.show_failure(&error.to_user_facing()),
        };
        let (name, replace) = (name_of(&found).to_owned(), self.replaces());
        let imported = in_background(move || imported(&found, app)).await;
        let prepared = match imported {
            Ok(imported) => {
                let names = imported.lists.iter().map(|it| it.name.clone()).collect();
                let lists = match broker.lists(Some(names)).await {
                    Ok(lists) => lists,
                    Err(error) => return self.show_failure(&error.to_user_facing()),
                };
                let there = lists.into_iter().map(|(info, text)| (info.name, text));
                let there: BTreeMap<String, String> = there.collect();
                Ok(in_background(move || prepared(imported, &rules, &there, replace)).await)
            }
            Err(error) => Err(error),
        };
        if !imp.stale.get() {
            self.show_prepared(&name, prepared);
        }
    }

    /// Shows what the file or folder of this name has, and what would be changed.
    pub fn show_prepared(&self, name: &str, prepared: Prepared) {
        let imp = self.imp();
        imp.changes.remove_all();
        let (title, format) = match &prepared {
            Ok((imported, difference)) => {
                let preview = ImportPreview::new(imported, difference);
                let title = preview.kind();
                self.show_parts(preview, difference);
                (title, imported.format)
            }
            Err(error) => return self.show_failure(&error.to_user_facing()),
        };
        imp.file.set_title(&title);
        imp.file.set_subtitle(&shown(name));
        imp.program.set_visible(format != Format::Portreeve);
        let difference = prepared.ok().map(|(_, difference)| Arc::new(difference));
        let changes = difference.as_ref().is_some_and(|it| !it.is_empty());
        let deletes = difference.as_ref().is_some_and(|it| !it.remove.is_empty());
        let (class, other) = if deletes {
            ("destructive-action", "suggested-action")
        } else {
            ("suggested-action", "destructive-action")
        };
        imp.take.add_css_class(class);
        imp.take.remove_css_class(other);
        imp.difference.replace(difference);
        self.action_set_enabled(TAKE, changes && !imp.taking.get());
        let shown = imp.states.visible_child_name();
        imp.states.set_visible_child_name("preview");
        if shown.is_none_or(|name| name != "preview") {
            // Where there is something to be chosen.
            imp.yours.grab_focus();
        }
    }

    fn show_parts(&self, preview: ImportPreview, difference: &Difference) {
        let changes = &self.imp().changes;
        if difference.is_empty() {
            let row = adw::ActionRow::builder()
                .title(gettext("There is nothing to change"))
                .build();
            changes.append(&row);
        }
        for (part, lines) in preview.parts {
            changes.append(&self.part_row(part, lines));
        }
    }

    /// A row that opens the lines of a part.
    fn part_row(&self, part: ImportPart, lines: Vec<ImportLine>) -> adw::ActionRow {
        let row = adw::ActionRow::builder()
            .title(part.title())
            .subtitle(summary(&lines))
            .subtitle_lines(2)
            .use_markup(false)
            .activatable(true)
            .build();
        let count = gtk::Label::builder()
            .label(lines.len().to_string())
            .css_classes(["numeric"])
            .build();
        row.add_suffix(&count);
        let arrow = gtk::Image::builder()
            .icon_name("go-next-symbolic")
            .accessible_role(gtk::AccessibleRole::Presentation)
            .build();
        row.add_suffix(&arrow);
        let lines = Arc::new(lines);
        row.connect_activated(glib::clone!(
            #[weak(rename_to = dialog)]
            self,
            move |_| dialog.imp().navigation.push(&lines_page(part, &lines))
        ));
        row
    }

    /// Opens the lines of the first part.
    pub fn open_first_part(&self) {
        let row = self.imp().changes.row_at_index(0);
        if let Some(row) = row.and_downcast::<adw::ActionRow>() {
            ActionRowExt::activate(&row);
        }
    }

    /// Nothing can be taken.
    fn show_failure(&self, text: &str) {
        let (imp, text) = (self.imp(), glib::markup_escape_text(text));
        imp.failure.set_description(Some(&text));
        imp.states.set_visible_child_name("failed");
    }

    fn show_program_error(&self, text: Option<&str>) {
        let imp = self.imp();
        show_mistake(imp.program.upcast_ref(), &imp.program_error, text);
    }

    /// Says that something did not go as it should.
    pub(super) fn show_error(&self, text: &str) {
        let toast = adw::Toast::builder().title(text).use_markup(false).build();
        self.imp().toasts.add_toast(toast);
    }

    fn take(&self) {
        let imp = self.imp();
        let Some(difference) = imp.difference.borrow().clone() else {
            return;
        };
        imp.taking.set(true);
        self.action_set_enabled(TAKE, false);
        if let Some(handler) = &*imp.on_changes.borrow() {
            handler(self, difference);
        }
    }

    /// The rules could not be taken, for this reason.
    pub(super) fn refuse(&self, text: &str) {
        self.imp().taking.set(false);
        self.show_error(text);
        self.prepare();
    }

    async fn choose_program(&self) {
        if let Some(program) = choose_program(self).await {
            self.imp().program.set_text(&program);
            self.apply_program();
        }
    }
}

fn name_of(found: &Found) -> &str {
    match found {
        Found::File(file) => &file.name,
        Found::Directory { name, .. } => name,
    }
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = gio::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What is to be taken of what was read, for this program where none is named.
fn imported(found: &Found, app: Option<String>) -> Result<Imported, exchange::Error> {
    let settings = Settings {
        format: None,
        app_is_script: app.as_deref().is_some_and(exchange::is_script),
        app,
        lists: None,
        uid: rustix::process::getuid().as_raw(),
        user: glib::user_name().into_string().ok(),
    };
    exchange::import(found, &settings)
}

/// What that changes, where there are these rules and the lists of these names.
fn prepared(
    mut imported: Imported,
    rules: &[Rule],
    lists: &BTreeMap<String, String>,
    replace: bool,
) -> (Imported, Difference) {
    let difference =
        Difference::new(rules, &imported.rules, replace).with_lists(&imported.lists, lists);
    if !is_sandboxed() {
        imported.warn_of_programs(&difference);
    }
    (imported, difference)
}
