//! Checks of the parts of a rule that is to be added.

use portreeve_policy::{
    Action, Destination, For, InList, Note, Operation, Operations, Program, Span, SubjectPattern,
    host_name,
};

use crate::Error;

pub(crate) fn check_program(key: &str) -> Result<Program, Error> {
    Program::of_key(key).ok_or_else(|| {
        Error::InvalidArgument(format!(
            "cannot use program “{}”: expected the absolute path of an executable, without “.”, \
             “..” and empty parts, an application as in flatpak:org.example.App and snap:example, or \
             sha256: and 64 hexadecimal digits",
            key.escape_debug()
        ))
    })
}

/// Checks where those are who may connect.
pub(super) fn check_whence(destination: &Destination) -> Result<(), Error> {
    let text = match destination {
        Destination::Host(_) | Destination::Domain(_) => {
            "cannot use a name in a rule about who may connect, because no name is known of those: \
             use an address"
        }
        Destination::Vpn => {
            "cannot use the VPN in a rule about who may connect, because those are told by their \
             addresses: use its network"
        }
        // What is left of all addresses is many networks, nobody connects from a multicast address, and name
        // servers are asked.
        Destination::Internet | Destination::Multicast | Destination::NameServers => {
            "cannot use this place in a rule about who may connect: expected local-network or \
             this-computer"
        }
        _ => return Ok(()),
    };
    Err(Error::InvalidArgument(text.to_owned()))
}

/// Checks what a rule that asks is about: when a packet comes there is nobody who could wait for an answer.
pub(super) fn check_asked(operations: Operations, destination: &Destination) -> Result<(), Error> {
    let text = if operations.contains(Operation::Accept) {
        "cannot ask about who connects, because a connection cannot wait for an answer: \
         ask about listening"
    } else if operations.contains(Operation::Listen) && *destination != Destination::Anywhere {
        "cannot ask about listening for some only: the answer says who may connect"
    } else {
        return Ok(());
    };
    Err(Error::InvalidArgument(text.to_owned()))
}

pub(super) fn check_errno(errno: u16) -> Result<(), Error> {
    if Action::is_errno(errno) {
        return Ok(());
    }
    let known = Action::ERRNOS.map(|(name, number)| format!("{number} ({name})"));
    Err(Error::InvalidArgument(format!(
        "cannot have a call fail with errno {errno}: expected one of {}",
        known.join(", ")
    )))
}

pub(super) fn check_lifespan(word: Option<&str>) -> Result<For, Error> {
    let Some(word) = word else {
        return Ok(For::Always);
    };
    match word.parse() {
        Ok(lifespan @ (For::Time(_) | For::Logout | For::Always)) => Ok(lifespan),
        // What is for certain calls or processes can only be said of them.
        Ok(For::Once | For::Process) | Err(_) => Err(Error::InvalidArgument(format!(
            "cannot use lifespan “{}”: expected logout, always or seconds from 1s to {}s",
            word.escape_debug(),
            Span::LONGEST.seconds()
        ))),
    }
}

pub(super) fn check_note(text: &str) -> Result<Note, Error> {
    Note::new(text).ok_or_else(|| {
        Error::InvalidArgument(format!(
            "cannot use note “{}”: expected a text of at most {} bytes, without control characters",
            text.escape_debug(),
            Note::LONGEST
        ))
    })
}

/// A name of a host or a domain, in the form in which those of calls come.
pub(crate) fn check_name(kind: &str, text: &str) -> Result<Box<str>, Error> {
    host_name(text).ok_or_else(|| {
        Error::InvalidArgument(format!(
            "cannot use {kind} “{}”: expected a name such as www.example.org (ASCII form)",
            text.escape_debug()
        ))
    })
}

pub(crate) fn check_list(name: &str) -> Result<InList, Error> {
    InList::named(name).ok_or_else(|| {
        Error::InvalidArgument(format!(
            "cannot call a list “{}”: expected at most {} bytes, without slashes and control characters",
            name.escape_debug(),
            InList::LONGEST_NAME
        ))
    })
}

/// Checks what a rule about a list is about, and that only such a rule, which denies, is for any program.
pub(super) fn check_listed(
    subject: &SubjectPattern,
    operations: Operations,
    destination: &Destination,
    action: Action,
) -> Result<(), Error> {
    let is_of_list = matches!(destination, Destination::List(_));
    let text = if is_of_list && operations != Operations::only(Operation::Connect) {
        "cannot use a list in a rule about anything but connecting"
    } else if *subject == SubjectPattern::Any && !(is_of_list && matches!(action, Action::Deny(_)))
    {
        "cannot make a rule for any program, but one that denies what is in a list: name a program"
    } else {
        return Ok(());
    };
    Err(Error::InvalidArgument(text.to_owned()))
}

pub(super) fn check_place(place: &str) -> Result<Destination, Error> {
    match place {
        "local-network" => Ok(Destination::LocalNetwork),
        "this-computer" => Ok(Destination::ThisComputer),
        "name-servers" => Ok(Destination::NameServers),
        "vpn" => Ok(Destination::Vpn),
        "multicast" => Ok(Destination::Multicast),
        "internet" => Ok(Destination::Internet),
        _ => Err(Error::InvalidArgument(format!(
            "cannot use place “{}”: expected local-network, this-computer, name-servers, vpn, multicast or internet",
            place.escape_debug()
        ))),
    }
}

pub(super) fn check_network(network: &str) -> Result<Destination, Error> {
    network
        .parse::<ipnet::IpNet>()
        .or_else(|_| network.parse::<std::net::IpAddr>().map(ipnet::IpNet::from))
        .map(Destination::network)
        .map_err(|_not_an_address| {
            Error::InvalidArgument(format!(
                "cannot use address “{}”: expected an address or a network such as 192.0.2.0/24",
                network.escape_debug()
            ))
        })
}
