//! The question itself: who wants to do what.

use portreeve_dbus::Prompt;

use super::{isolate, shown};
use crate::i18n::{
    fill, gettext, ngettext_f,
    question::{Who, template},
};

/// The question, with these names in it.
pub(super) fn heading(prompt: &Prompt, name: &str, host: &str) -> String {
    fill(
        &template(prompt),
        &[("app", &called(prompt, name)), ("host", host)],
    )
}

/// What the question calls the program: a service by its unit.
fn called(prompt: &Prompt, name: &str) -> String {
    let unit = prompt.service.as_deref().map(|unit| isolate(&shown(unit)));
    unit.unwrap_or_else(|| name.to_owned())
}

/// The question about several places, or about any, if it is a flood.
pub(super) fn of_places(prompts: &[Prompt], name: &str, is_flood: bool) -> String {
    let Some(first) = prompts.first() else {
        return String::new();
    };
    let (who, name) = (Who::of(first), called(first, name));
    let names = [("app", name.as_str())];
    if is_flood {
        return fill(&flooding(who), &names);
    }
    match who {
        Who::Service => ngettext_f(
            "Allow the system service “{app}” to connect to {n} place?",
            "Allow the system service “{app}” to connect to {n} places?",
            prompts.len(),
            &names,
        ),
        Who::System => ngettext_f(
            "Allow the system program “{app}” to connect to {n} place?",
            "Allow the system program “{app}” to connect to {n} places?",
            prompts.len(),
            &names,
        ),
        Who::Program => ngettext_f(
            "Allow “{app}” to connect to {n} place?",
            "Allow “{app}” to connect to {n} places?",
            prompts.len(),
            &names,
        ),
        Who::Script => ngettext_f(
            "Allow the script “{app}” to connect to {n} place?",
            "Allow the script “{app}” to connect to {n} places?",
            prompts.len(),
            &names,
        ),
        Who::Commands => ngettext_f(
            "Allow commands run in “{app}” to connect to {n} place?",
            "Allow commands run in “{app}” to connect to {n} places?",
            prompts.len(),
            &names,
        ),
        Who::Contained => ngettext_f(
            "Allow a program in a container or similar (“{app}”) to connect to {n} place?",
            "Allow a program in a container or similar (“{app}”) to connect to {n} places?",
            prompts.len(),
            &names,
        ),
        Who::NoFile => ngettext_f(
            "Allow a program without a file (“{app}”) to connect to {n} place?",
            "Allow a program without a file (“{app}”) to connect to {n} places?",
            prompts.len(),
            &names,
        ),
    }
}

fn flooding(who: Who) -> String {
    match who {
        Who::Service => gettext(
            "The system service “{app}” is contacting many computers. Allow it to connect anywhere?",
        ),
        Who::System => gettext(
            "The system program “{app}” is contacting many computers. Allow it to connect anywhere?",
        ),
        Who::Program => {
            gettext("“{app}” is contacting many computers. Allow it to connect anywhere?")
        }
        Who::Script => gettext(
            "The script “{app}” is contacting many computers. Allow it to connect anywhere?",
        ),
        Who::Commands => gettext(
            "Commands run in “{app}” are contacting many computers. Allow them to connect anywhere?",
        ),
        Who::Contained => gettext(
            "A program in a container or similar (“{app}”) is contacting many computers. Allow it to connect anywhere?",
        ),
        Who::NoFile => gettext(
            "A program without a file (“{app}”) is contacting many computers. Allow it to connect anywhere?",
        ),
    }
}
