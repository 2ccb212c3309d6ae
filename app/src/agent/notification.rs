//! The notification beside a prompt's window: the way back to it. It never answers anything, since
//! a notification can neither be armed nor told from a look-alike.

use gtk::{gio, glib::prelude::*};
use portreeve_dbus::Prompt;

use crate::{
    i18n::{gettext, gettext_f},
    model::shown,
};

/// Name of the action that shows a subject's prompt; its parameter is the subject.
pub(super) const SHOW_ACTION: &str = "show-prompt";

/// Id of a subject's notification.
pub(super) fn id(subject: &str) -> String {
    format!("prompt-{subject}")
}

/// The notification for this prompt. Its title does not say where to, as lock screens show it.
pub(super) fn new(prompt: &Prompt) -> gio::Notification {
    let name = shown(&prompt.name);
    let host = shown(prompt.host.as_deref().unwrap_or(&prompt.address));
    let title = gettext_f("“{app}” asks to use the network", &[("app", &name)]);
    let notification = gio::Notification::new(&title);
    notification.set_body(Some(&gettext_f("Destination: {host}", &[("host", &host)])));
    notification.set_priority(if prompt.held > 0 {
        gio::NotificationPriority::Urgent
    } else {
        gio::NotificationPriority::Normal
    });
    let action = format!("app.{SHOW_ACTION}");
    let subject = prompt.subject.to_variant();
    notification.set_default_action_and_target_value(&action, Some(&subject));
    notification.add_button_with_target_value(&gettext("Show"), &action, Some(&subject));
    notification
}
