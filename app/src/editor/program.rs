//! Choosing a program, and the key by which rules name it.

use std::path::Path;

use gtk::{gio, prelude::*};
use portreeve_dbus::{Error, program_key, starter_key};
use portreeve_policy::{Program, Starter};

use crate::i18n::gettext;

/// Lets the person choose a program's file; `None` if nothing was chosen.
pub(super) async fn choose_program(above: &impl IsA<gtk::Widget>) -> Option<String> {
    let folder = gio::File::for_path("/usr/bin");
    let chooser = gtk::FileDialog::builder()
        .title(gettext("Choose a Program"))
        .initial_folder(&folder)
        .modal(true)
        .build();
    let window = above.root().and_downcast::<gtk::Window>();
    // An error says that the person chose nothing.
    let file = chooser.open_future(window.as_ref()).await.ok()?;
    Some(file.path()?.to_string_lossy().into_owned())
}

/// Whether this runs in a sandbox: paths lead elsewhere there than on the computer.
pub(super) fn is_sandboxed() -> bool {
    Path::new("/.flatpak-info").exists()
}

/// The key of the program that this path leads to, or of this application; in a sandbox, what it says.
pub(super) async fn key_of(program: String) -> Result<String, Error> {
    find(program, program_key, |program| {
        Program::of_key(program).is_some()
    })
    .await
}

/// The path of the program that this one leads to, by which a rule speaks of what that starts.
pub(super) async fn starter_key_of(program: String) -> Result<String, Error> {
    find(program, starter_key, |program| {
        Starter::at(program).is_some()
    })
    .await
}

async fn find(
    program: String,
    key: fn(&Path) -> Result<String, Error>,
    is_one: impl Fn(&str) -> bool,
) -> Result<String, Error> {
    if is_sandboxed() {
        let refused = || {
            let text = format!("cannot use program “{}”", program.escape_debug());
            Error::InvalidArgument(text)
        };
        return is_one(&program)
            .then_some(program.clone())
            .ok_or_else(refused);
    }
    // A file system may take its time.
    let found = gio::spawn_blocking(move || key(Path::new(&program))).await;
    found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
