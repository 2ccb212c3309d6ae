//! The words for what an answer to a prompt will do.

use portreeve_policy::{For, Scope};

use super::{Kind, Question};
use crate::{
    i18n::{fill, gettext, gettext_f},
    model::clock::in_words,
};

impl Question {
    /// What answering with this scope and lifespan will do.
    pub fn consequence(&self, scope: Scope, lifespan: For) -> String {
        let text = match self.kind {
            Kind::Listen => of_listening(scope, lifespan, self.by_udp),
            Kind::Raw => of_raw(lifespan),
            Kind::Connect | Kind::Lookup | Kind::Other => {
                of_connecting(scope, lifespan, self.by_udp)
            }
        };
        let port = self.port.to_string();
        let time = match lifespan {
            For::Time(span) => in_words(span),
            For::Once | For::Process | For::Logout | For::Always => String::new(),
        };
        let text = fill(
            &text,
            &[
                ("app", &self.name),
                ("host", &self.host),
                ("domain", &self.domain),
                ("port", &port),
                ("time", &time),
            ],
        );
        if self.by_contents && !matches!(lifespan, For::Once | For::Process) {
            // Translators: {consequence} is what an answer does, and this is said of it.
            return gettext_f(
                "{consequence} The program is known by what is in its file, wherever that runs.",
                &[("consequence", &text)],
            );
        }
        text
    }
}

fn of_connecting(scope: Scope, lifespan: For, by_udp: bool) -> String {
    match (lifespan, scope) {
        (_, Scope::NameServers) => of_looking_up(lifespan),
        (For::Once, Scope::Domain) => {
            gettext("Your answer applies to {domain} and its subdomains, just this time.")
        }
        (For::Process, Scope::Domain) => {
            gettext("Your answer applies to {domain} and its subdomains, until “{app}” quits.")
        }
        (For::Time(_), Scope::Domain) => {
            gettext("Your answer applies to {domain} and its subdomains, for {time}.")
        }
        (For::Logout, Scope::Domain) => {
            gettext("Your answer applies to {domain} and its subdomains, until you log out.")
        }
        (For::Always, Scope::Domain) => {
            gettext("Your answer applies to {domain} and its subdomains, always.")
        }
        (For::Once, Scope::Host) => {
            gettext("Your answer applies to {host} on any port, just this time.")
        }
        (For::Once, Scope::Any) => {
            gettext("Your answer applies to all connections of “{app}”, just this time.")
        }
        (For::Once, _) if by_udp => {
            gettext("Your answer applies to {host} on UDP port {port}, just this time.")
        }
        (For::Once, _) => gettext("Your answer applies to {host} on port {port}, just this time."),
        (For::Process, Scope::Host) => {
            gettext("Your answer applies to {host} on any port, until “{app}” quits.")
        }
        (For::Process, Scope::Any) => {
            gettext("Your answer applies to all connections of “{app}”, until it quits.")
        }
        (For::Process, _) if by_udp => {
            gettext("Your answer applies to {host} on UDP port {port}, until “{app}” quits.")
        }
        (For::Process, _) => {
            gettext("Your answer applies to {host} on port {port}, until “{app}” quits.")
        }
        (For::Time(_), Scope::Host) => {
            gettext("Your answer applies to {host} on any port, for {time}.")
        }
        (For::Logout, Scope::Host) => {
            gettext("Your answer applies to {host} on any port, until you log out.")
        }
        (For::Always, Scope::Host) => gettext("Your answer applies to {host} on any port, always."),
        (For::Time(_), Scope::Any) => {
            gettext("Your answer applies to all connections of “{app}”, for {time}.")
        }
        (For::Logout, Scope::Any) => {
            gettext("Your answer applies to all connections of “{app}”, until you log out.")
        }
        (For::Always, Scope::Any) => {
            gettext("Your answer applies to all connections of “{app}”, always.")
        }
        (For::Time(_), _) if by_udp => {
            gettext("Your answer applies to {host} on UDP port {port}, for {time}.")
        }
        (For::Logout, _) if by_udp => {
            gettext("Your answer applies to {host} on UDP port {port}, until you log out.")
        }
        (For::Always, _) if by_udp => {
            gettext("Your answer applies to {host} on UDP port {port}, always.")
        }
        (For::Time(_), _) => gettext("Your answer applies to {host} on port {port}, for {time}."),
        (For::Logout, _) => {
            gettext("Your answer applies to {host} on port {port}, until you log out.")
        }
        (For::Always, _) => gettext("Your answer applies to {host} on port {port}, always."),
    }
}

fn of_looking_up(lifespan: For) -> String {
    match lifespan {
        For::Once => {
            gettext("Your answer applies to all of this computer’s name servers, just this time.")
        }
        For::Process => gettext(
            "Your answer applies to all of this computer’s name servers, until “{app}” quits.",
        ),
        For::Time(_) => {
            gettext("Your answer applies to all of this computer’s name servers, for {time}.")
        }
        For::Logout => gettext(
            "Your answer applies to all of this computer’s name servers, until you log out.",
        ),
        For::Always => {
            gettext("Your answer applies to all of this computer’s name servers, always.")
        }
    }
}

fn of_listening(scope: Scope, lifespan: For, by_udp: bool) -> String {
    match (lifespan, scope) {
        (For::Once, Scope::Any) => {
            gettext("Your answer applies to any port of “{app}”, just this time.")
        }
        (For::Process, Scope::Any) => {
            gettext("Your answer applies to any port of “{app}”, until it quits.")
        }
        (For::Time(_), Scope::Any) => {
            gettext("Your answer applies to any port of “{app}”, for {time}.")
        }
        (For::Logout, Scope::Any) => {
            gettext("Your answer applies to any port of “{app}”, until you log out.")
        }
        (For::Always, Scope::Any) => gettext("Your answer applies to any port of “{app}”, always."),
        (For::Once, Scope::LocalNetwork) => gettext(
            "Allow opens the port to the local network only, Deny to nobody, just this time.",
        ),
        (For::Process, Scope::LocalNetwork) => gettext(
            "Allow opens the port to the local network only, Deny to nobody, until “{app}” quits.",
        ),
        (For::Time(_), Scope::LocalNetwork) => {
            gettext("Allow opens the port to the local network only, Deny to nobody, for {time}.")
        }
        (For::Logout, Scope::LocalNetwork) => gettext(
            "Allow opens the port to the local network only, Deny to nobody, until you log out.",
        ),
        (For::Always, Scope::LocalNetwork) => {
            gettext("Allow opens the port to the local network only, Deny to nobody, always.")
        }
        (For::Once, Scope::ThisComputer) => {
            gettext("Allow opens the port to this computer only, Deny to nobody, just this time.")
        }
        (For::Process, Scope::ThisComputer) => gettext(
            "Allow opens the port to this computer only, Deny to nobody, until “{app}” quits.",
        ),
        (For::Time(_), Scope::ThisComputer) => {
            gettext("Allow opens the port to this computer only, Deny to nobody, for {time}.")
        }
        (For::Logout, Scope::ThisComputer) => gettext(
            "Allow opens the port to this computer only, Deny to nobody, until you log out.",
        ),
        (For::Always, Scope::ThisComputer) => {
            gettext("Allow opens the port to this computer only, Deny to nobody, always.")
        }
        (For::Once, _) if by_udp => {
            gettext("Your answer applies to UDP port {port}, just this time.")
        }
        (For::Process, _) if by_udp => {
            gettext("Your answer applies to UDP port {port}, until “{app}” quits.")
        }
        (For::Time(_), _) if by_udp => {
            gettext("Your answer applies to UDP port {port}, for {time}.")
        }
        (For::Logout, _) if by_udp => {
            gettext("Your answer applies to UDP port {port}, until you log out.")
        }
        (For::Always, _) if by_udp => gettext("Your answer applies to UDP port {port}, always."),
        (For::Once, _) => gettext("Your answer applies to port {port}, just this time."),
        (For::Process, _) => gettext("Your answer applies to port {port}, until “{app}” quits."),
        (For::Time(_), _) => gettext("Your answer applies to port {port}, for {time}."),
        (For::Logout, _) => gettext("Your answer applies to port {port}, until you log out."),
        (For::Always, _) => gettext("Your answer applies to port {port}, always."),
    }
}

fn of_raw(lifespan: For) -> String {
    match lifespan {
        For::Once => gettext("Your answer applies to raw packets of “{app}”, just this time."),
        For::Process => gettext("Your answer applies to raw packets of “{app}”, until it quits."),
        For::Time(_) => gettext("Your answer applies to raw packets of “{app}”, for {time}."),
        For::Logout => gettext("Your answer applies to raw packets of “{app}”, until you log out."),
        For::Always => gettext("Your answer applies to raw packets of “{app}”, always."),
    }
}
