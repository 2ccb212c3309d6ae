//! The window's part that takes rules from files, and writes them to one.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{gio, glib};
use portreeve_dbus::ListInfo;
use portreeve_exchange::{Difference, Exported, IncomingList, export};
use portreeve_policy::List;

use super::RulesWindow;
use crate::{
    editor::import_dialog::ImportDialog,
    i18n::{gettext, gettext_f, ngettext_f},
    model::changed,
    user_facing_error::UserFacingError as _,
};

/// The action that takes rules from a file.
pub(super) const IMPORT_FILE: &str = "import-file";
/// The action that takes rules from a folder.
pub(super) const IMPORT_FOLDER: &str = "import-folder";
/// The action that writes rules to a file.
pub(super) const EXPORT: &str = "export";

/// Where OpenSnitch has its rules.
const OPENSNITCH: &str = "/etc/opensnitchd/rules";

impl RulesWindow {
    /// Opens the dialog that takes the rules of this file or folder.
    pub fn open_import_dialog(&self, path: Option<PathBuf>) -> ImportDialog {
        let window = self.downgrade();
        let dialog = ImportDialog::new(move |dialog, difference| {
            if let Some(window) = window.upgrade() {
                let dialog = dialog.clone();
                glib::spawn_future_local(async move { window.import(&dialog, difference).await });
            }
        });
        let imp = self.imp();
        imp.import.set(Some(&dialog));
        dialog.set_broker(self.broker());
        dialog.present(Some(self));
        if let Some(path) = path {
            let dialog = dialog.clone();
            glib::spawn_future_local(async move { dialog.read(path).await });
        }
        dialog
    }

    /// Makes the changes that the dialog has shown.
    async fn import(&self, dialog: &ImportDialog, difference: Arc<Difference>) {
        let changes = difference.changes();
        let counts = [
            changes.add.as_ref().map_or(0, Vec::len),
            changes.remove.as_ref().map_or(0, Vec::len),
            changes.enable.as_ref().map_or(0, Vec::len),
            changes.disable.as_ref().map_or(0, Vec::len),
        ];
        let Some(broker) = self.broker() else {
            return dialog.refuse(&gettext("The Portreeve service is not running."));
        };
        let done = if difference.lists.is_empty() {
            broker.change_rules(changes).await
        } else {
            let keep = gio::spawn_blocking(move || difference.new_lists()).await;
            match keep.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                Ok(keep) => broker.change_lists(changes, keep).await,
                Err(error) => {
                    tracing::warn!(%error, "cannot hand lists over");
                    return dialog.refuse(&gettext("The lists cannot be handed over."));
                }
            }
        };
        match done {
            Ok(change) => {
                dialog.close();
                self.offer_undo(&changed(counts, false), change);
            }
            Err(error) => dialog.refuse(&error.to_user_facing()),
        }
    }

    async fn choose_import(&self, folder: bool) {
        let chooser = gtk::FileDialog::builder()
            .title(gettext("Import Rules"))
            .accept_label(gettext("_Open"))
            .modal(true)
            .build();
        let chosen = if folder {
            if Path::new(OPENSNITCH).is_dir() {
                chooser.set_initial_folder(Some(&gio::File::for_path(OPENSNITCH)));
            }
            chooser.select_folder_future(Some(self)).await
        } else {
            chooser.open_future(Some(self)).await
        };
        // An error says that the person chose nothing.
        let Ok(file) = chosen else { return };
        match file.path() {
            Some(path) => {
                self.open_import_dialog(Some(path));
            }
            None => self.tell(&gettext("Only files of this computer can be taken.")),
        }
    }

    /// Writes these rules to a file, or all, with the lists that they are about.
    pub(super) async fn export_rules(&self, ids: Option<HashSet<u64>>) {
        let Some(broker) = self.broker() else { return };
        let mut rules = match broker.list_rules().await {
            Ok(rules) => rules,
            Err(error) => return self.show_error(&error),
        };
        let mut names = None;
        if let Some(ids) = ids {
            rules.retain(|rule| ids.contains(&rule.id));
            names = Some(rules.iter().filter_map(|it| it.list.clone()).collect());
        }
        let lists = match broker.lists(names).await {
            Ok(lists) => lists,
            Err(error) => return self.show_error(&error),
        };
        let exported = gio::spawn_blocking(move || export(&rules, &kept(lists))).await;
        let exported = exported.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let chooser = gtk::FileDialog::builder()
            .title(gettext("Export Rules"))
            .initial_name("portreeve-rules.json")
            .modal(true)
            .build();
        // An error says that the person chose nothing.
        let Ok(file) = chooser.save_future(Some(self)).await else {
            return;
        };
        let told = told(&exported);
        let text = exported.text.into_bytes();
        // What is there the person has agreed to replace; it is, once all is written.
        let written = file
            .replace_contents_future(text, None, false, gio::FileCreateFlags::NONE)
            .await;
        match written {
            Ok(_) => self.tell(&told),
            Err((_, error)) => {
                tracing::warn!(%error, "cannot write rules to a file");
                // Translators: {reason} says why a file cannot be written.
                let values = [("reason", error.message())];
                self.tell(&gettext_f("The rules were not exported: {reason}", &values));
            }
        }
    }

    pub(super) fn add_exchange_actions(&self) {
        let import = |name: &str, folder: bool| {
            gio::ActionEntry::builder(name)
                .activate(move |window: &Self, _, _| {
                    let window = window.clone();
                    glib::spawn_future_local(async move { window.choose_import(folder).await });
                })
                .build()
        };
        let export = gio::ActionEntry::builder(EXPORT)
            .activate(|window: &Self, _, _| {
                let window = window.clone();
                glib::spawn_future_local(async move { window.export_rules(None).await });
            })
            .build();
        let (file, folder) = (import(IMPORT_FILE, false), import(IMPORT_FOLDER, true));
        self.add_action_entries([file, folder, export]);
    }
}

/// Lists as they are written; the broker's can be read.
fn kept(lists: Vec<(ListInfo, String)>) -> Vec<IncomingList> {
    let lists = lists.into_iter().filter_map(|(info, text)| {
        Some(IncomingList {
            name: info.name,
            source: info.source,
            list: Arc::new(List::read(&text).ok()?),
        })
    });
    lists.collect()
}

/// What was written, and what could not be.
fn told(exported: &Exported) -> String {
    let written = ngettext_f(
        "{n} rule exported",
        "{n} rules exported",
        exported.count,
        &[],
    );
    match exported.left_out.len() {
        0 => written,
        left => ngettext_f(
            // Translators: {written} is as “12 rules exported”.
            "{written}; {n} that ends by itself is not in the file",
            "{written}; {n} that end by themselves are not in the file",
            left,
            &[("written", &written)],
        ),
    }
}
