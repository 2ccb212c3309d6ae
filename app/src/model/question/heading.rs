//! The question itself: who wants to do what.

use portreeve_dbus::Prompt;

use super::{Kind, is_by_contents, isolate, shown};
use crate::i18n::{fill, gettext, ngettext_f};

/// Who asks, as far as the words go.
enum Who {
    /// A service of the system's, by the name of its unit.
    Service,
    /// A program of root's, or of a system user's.
    System,
    Program,
    Script,
    /// An interpreter, whatever it was given.
    Commands,
    /// A program that is known by what is in its file, since no path leads to that.
    Contained,
    /// A program that no path leads to.
    NoFile,
}

impl Who {
    fn of(prompt: &Prompt) -> Self {
        if prompt.service.is_some() {
            Self::Service
        } else if prompt.unanswered.is_some() {
            Self::System
        } else if prompt.runs_anything {
            Self::Commands
        } else if is_by_contents(prompt) {
            Self::Contained
        } else if !prompt.verified {
            Self::NoFile
        } else if prompt.interpreter.is_some() {
            Self::Script
        } else {
            Self::Program
        }
    }
}

/// The question, with these names in it.
pub(super) fn heading(prompt: &Prompt, name: &str, host: &str, by_udp: bool) -> String {
    let who = Who::of(prompt);
    let msgid = match Kind::of(prompt) {
        Kind::Lookup => looking_up(&who),
        Kind::Connect if matches!(prompt.protocol.as_str(), "tcp" | "sctp") => connecting(&who),
        Kind::Connect => sending(&who),
        Kind::Listen if by_udp => receiving(&who),
        Kind::Listen => listening(&who),
        Kind::Raw => raw(&who),
        Kind::Other => other(&who),
    };
    fill(&msgid, &[("app", &called(prompt, name)), ("host", host)])
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
        return fill(&flooding(&who), &names);
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

fn flooding(who: &Who) -> String {
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

fn connecting(who: &Who) -> String {
    match who {
        // Translators: {app} is the name of a unit of systemd's, such as cups.service.
        Who::Service => gettext("Allow the system service “{app}” to connect to {host}?"),
        Who::System => gettext("Allow the system program “{app}” to connect to {host}?"),
        Who::Program => gettext("Allow “{app}” to connect to {host}?"),
        Who::Script => gettext("Allow the script “{app}” to connect to {host}?"),
        Who::Commands => gettext("Allow commands run in “{app}” to connect to {host}?"),
        // Translators: a program whose file is somewhere that only it sees.
        Who::Contained => {
            gettext("Allow a program in a container or similar (“{app}”) to connect to {host}?")
        }
        Who::NoFile => gettext("Allow a program without a file (“{app}”) to connect to {host}?"),
    }
}

fn sending(who: &Who) -> String {
    match who {
        Who::Service => gettext("Allow the system service “{app}” to send data to {host}?"),
        Who::System => gettext("Allow the system program “{app}” to send data to {host}?"),
        Who::Program => gettext("Allow “{app}” to send data to {host}?"),
        Who::Script => gettext("Allow the script “{app}” to send data to {host}?"),
        Who::Commands => gettext("Allow commands run in “{app}” to send data to {host}?"),
        Who::Contained => {
            gettext("Allow a program in a container or similar (“{app}”) to send data to {host}?")
        }
        Who::NoFile => gettext("Allow a program without a file (“{app}”) to send data to {host}?"),
    }
}

fn looking_up(who: &Who) -> String {
    match who {
        Who::Service => gettext("Allow the system service “{app}” to look up names?"),
        Who::System => gettext("Allow the system program “{app}” to look up names?"),
        // Translators: names of computers on the network.
        Who::Program => gettext("Allow “{app}” to look up names?"),
        Who::Script => gettext("Allow the script “{app}” to look up names?"),
        Who::Commands => gettext("Allow commands run in “{app}” to look up names?"),
        Who::Contained => {
            gettext("Allow a program in a container or similar (“{app}”) to look up names?")
        }
        Who::NoFile => gettext("Allow a program without a file (“{app}”) to look up names?"),
    }
}

fn receiving(who: &Who) -> String {
    match who {
        Who::Service => gettext("Let other devices send data to the system service “{app}”?"),
        Who::System => gettext("Let other devices send data to the system program “{app}”?"),
        Who::Program => gettext("Let other devices send data to “{app}”?"),
        Who::Script => gettext("Let other devices send data to the script “{app}”?"),
        Who::Commands => gettext("Let other devices send data to commands run in “{app}”?"),
        Who::Contained => {
            gettext("Let other devices send data to a program in a container or similar (“{app}”)?")
        }
        Who::NoFile => {
            gettext("Let other devices send data to a program without a file (“{app}”)?")
        }
    }
}

fn listening(who: &Who) -> String {
    match who {
        Who::Service => gettext("Let other devices connect to the system service “{app}”?"),
        Who::System => gettext("Let other devices connect to the system program “{app}”?"),
        Who::Program => gettext("Let other devices connect to “{app}”?"),
        Who::Script => gettext("Let other devices connect to the script “{app}”?"),
        Who::Commands => gettext("Let other devices connect to commands run in “{app}”?"),
        Who::Contained => {
            gettext("Let other devices connect to a program in a container or similar (“{app}”)?")
        }
        Who::NoFile => gettext("Let other devices connect to a program without a file (“{app}”)?"),
    }
}

fn raw(who: &Who) -> String {
    match who {
        Who::Service => {
            gettext("Allow the system service “{app}” to send and receive raw packets?")
        }
        Who::System => gettext("Allow the system program “{app}” to send and receive raw packets?"),
        Who::Program => gettext("Allow “{app}” to send and receive raw packets?"),
        Who::Script => gettext("Allow the script “{app}” to send and receive raw packets?"),
        Who::Commands => gettext("Allow commands run in “{app}” to send and receive raw packets?"),
        Who::Contained => gettext(
            "Allow a program in a container or similar (“{app}”) to send and receive raw packets?",
        ),
        Who::NoFile => {
            gettext("Allow a program without a file (“{app}”) to send and receive raw packets?")
        }
    }
}

fn other(who: &Who) -> String {
    match who {
        Who::Service => gettext("Allow the system service “{app}” to use the network?"),
        Who::System => gettext("Allow the system program “{app}” to use the network?"),
        Who::Program => gettext("Allow “{app}” to use the network?"),
        Who::Script => gettext("Allow the script “{app}” to use the network?"),
        Who::Commands => gettext("Allow commands run in “{app}” to use the network?"),
        Who::Contained => {
            gettext("Allow a program in a container or similar (“{app}”) to use the network?")
        }
        Who::NoFile => gettext("Allow a program without a file (“{app}”) to use the network?"),
    }
}
