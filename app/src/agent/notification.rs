//! The notification beside a prompt's window: the way back to it. It never answers anything, since
//! a notification can neither be armed nor told from a look-alike.

use gtk::{gio, glib::prelude::*};
use portreeve_dbus::Prompt;

use crate::{
    i18n::{gettext, gettext_f, ngettext_f},
    model::shown,
};

/// Name of the action that shows a subject's prompt; its parameter is the subject.
pub(super) const SHOW_ACTION: &str = "show-prompt";

/// Name of the action that shows all prompts.
pub(super) const SHOW_ALL_ACTION: &str = "show-prompts";
/// Id of the notification of what was stopped.
pub(super) const STOPPED: &str = "stopped";
/// Name of the action that opens the window.
pub(super) const OPEN_ACTION: &str = "open";
/// Id of the notification that it is to be chosen how to start.
pub(super) const UNDECIDED: &str = "undecided";
/// Programs that it names; the others are counted.
const NAMED: usize = 3;

/// Id of a subject's notification.
pub(super) fn id(subject: &str) -> String {
    format!("prompt-{subject}")
}

/// The notification for this prompt; one that is quiet does not press for an answer, and one that is not is urgent, if
/// its user wants that. Its title does not say where to, as lock screens show it.
pub(super) fn new(prompt: &Prompt, is_quiet: bool, may_be_urgent: bool) -> gio::Notification {
    let name = shown(&prompt.name);
    let host = shown(prompt.host.as_deref().unwrap_or(&prompt.address));
    let title = gettext_f("“{app}” asks to use the network", &[("app", &name)]);
    let notification = gio::Notification::new(&title);
    notification.set_body(Some(&gettext_f("Destination: {host}", &[("host", &host)])));
    let presses = prompt.held > 0 && !is_quiet;
    notification.set_priority(match (presses, may_be_urgent) {
        (true, true) => gio::NotificationPriority::Urgent,
        (true, false) => gio::NotificationPriority::High,
        (false, _) => gio::NotificationPriority::Normal,
    });
    let action = format!("app.{SHOW_ACTION}");
    let subject = prompt.subject.to_variant();
    notification.set_default_action_and_target_value(&action, Some(&subject));
    notification.add_button_with_target_value(&gettext("Show"), &action, Some(&subject));
    notification
}

/// The notification that it is to be chosen how to start.
pub(super) fn undecided() -> gio::Notification {
    let notification = gio::Notification::new(&gettext("Portreeve is only watching"));
    let body = gettext("No program is stopped until you choose how to start.");
    notification.set_body(Some(&body));
    let action = format!("app.{OPEN_ACTION}");
    notification.set_default_action(&action);
    notification.add_button(&gettext("Choose…"), &action);
    notification
}

/// The notification for programs with these names, which were stopped while the user was away.
pub(super) fn stopped(names: &[String]) -> gio::Notification {
    let title = ngettext_f(
        "{n} program was stopped while you were away",
        "{n} programs were stopped while you were away",
        names.len(),
        &[],
    );
    let notification = gio::Notification::new(&title);
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| shown(name)).collect();
    let mut body = shown.join("\n");
    if let Some(more) = names.len().checked_sub(NAMED).filter(|more| *more > 0) {
        body.push('\n');
        body.push_str(&ngettext_f("{n} more", "{n} more", more, &[]));
    }
    notification.set_body(Some(&body));
    let action = format!("app.{SHOW_ALL_ACTION}");
    notification.set_default_action(&action);
    notification.add_button(&gettext("Show"), &action);
    notification
}
