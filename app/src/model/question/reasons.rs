//! Why it is asked, in sentences.

use portreeve_policy::For;

use super::Question;
use crate::i18n::{gettext, gettext_f};

impl Question {
    /// Why it is asked, and what comes of it if it is not answered.
    pub fn reasons(&self) -> String {
        let names = [("app", self.name.as_str())];
        let only_once = self.lifespans.iter().all(|it| it.value == For::Once);
        let why = if self.is_altered {
            gettext_f(
                "Rules that allow “{app}” something do not count at the moment, for the reason that stands above.",
                &names,
            )
        } else if only_once {
            gettext_f(
                "A rule wants you to be asked each time “{app}” does this.",
                &names,
            )
        } else {
            gettext_f("Your rules leave open whether “{app}” may do this.", &names)
        };
        let waits = if self.process.is_some() {
            gettext(
                "It waits for your answer. Without one the attempt fails after a while, no rule is made, and you can still answer for the next attempt.",
            )
        } else {
            gettext("It no longer waits. Your answer counts from its next attempt.")
        };
        format!("{why}\n\n{waits}")
    }
}
