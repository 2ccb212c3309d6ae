//! The question of a prompt, in the words that windows and terminals share.

use portreeve_dbus::Prompt;

use crate::gettext;

/// Who asks, as far as the words go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A service of the system's, by the name of its unit.
    Service,
    /// A program of root's, or of a system user's.
    System,
    /// A program of the user's.
    Program,
    /// A script.
    Script,
    /// An interpreter, whatever it was given.
    Commands,
    /// A program that is known by what is in its file, since no path leads to that.
    Contained,
    /// A program that no path leads to.
    NoFile,
}

impl Who {
    /// Who asks.
    pub fn of(prompt: &Prompt) -> Self {
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

/// What kind of thing is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To connect, or to send data.
    Connect,
    /// To have the computer's name servers look names up.
    Lookup,
    /// To wait for others.
    Listen,
    /// To send and receive raw packets.
    Raw,
    /// Something of a newer broker.
    Other,
}

impl Kind {
    /// What is asked about.
    pub fn of(prompt: &Prompt) -> Self {
        match prompt.operation.as_str() {
            "connect" if prompt.name_server == Some(true) => Self::Lookup,
            "connect" => Self::Connect,
            "listen" => Self::Listen,
            "create" => Self::Raw,
            _ => Self::Other,
        }
    }
}

/// Whether the program is known by what is in its file, and no path of this computer leads to that.
pub fn is_by_contents(prompt: &Prompt) -> bool {
    prompt.by_contents == Some(true) && !prompt.verified
}

/// Whether it is about a port of UDP's, which has its own beside TCP's.
pub fn is_by_udp(prompt: &Prompt) -> bool {
    matches!(prompt.protocol.as_str(), "udp" | "udplite")
}

/// The question, with a place for each name: `{app}`, which is the unit of a service's, and `{host}`.
pub fn template(prompt: &Prompt) -> String {
    let who = Who::of(prompt);
    match Kind::of(prompt) {
        Kind::Lookup => looking_up(who),
        Kind::Connect if matches!(prompt.protocol.as_str(), "tcp" | "sctp") => connecting(who),
        Kind::Connect => sending(who),
        Kind::Listen if is_by_udp(prompt) => receiving(who),
        Kind::Listen => listening(who),
        Kind::Raw => raw(who),
        Kind::Other => other(who),
    }
}

fn connecting(who: Who) -> String {
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

fn sending(who: Who) -> String {
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

fn looking_up(who: Who) -> String {
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

fn receiving(who: Who) -> String {
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

fn listening(who: Who) -> String {
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

fn raw(who: Who) -> String {
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

fn other(who: Who) -> String {
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
