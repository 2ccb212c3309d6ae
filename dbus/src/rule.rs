//! Rules as they cross the bus, and their conversion from and to the policy's.

use portreeve_policy::{
    Action, Alteration, BuiltIn, Deadline, Destination, For, Lifespan, Note, ObjectPattern,
    Operation, Operations, Process, Program, Rule as PolicyRule, RuleId, Span, SubjectPattern,
};
use zbus::{DeserializeDict, SerializeDict, Type};

use crate::Error;

mod subject;

pub(crate) use subject::check_starter;

/// One rule as the broker lists it.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Rule {
    /// Names the rule.
    pub id: u64,
    /// The user it is for; absent for those of everybody: built-in rules, unless the user has had one say
    /// something else, and some of administrators.
    pub uid: Option<u32>,
    /// Key of the program: its path, or `flatpak:ID` or `snap:NAME` of an application; absent for those for
    /// any program: built-in rules, and some of administrators.
    pub program: Option<String>,
    /// Path of the program that has to have started it, in the end; absent if that does not matter.
    pub started_by: Option<String>,
    /// Whether it is for everything that the program starts as well; absent if not.
    pub and_what_it_starts: Option<bool>,
    /// Operations: `connect`, …
    pub operations: Vec<String>,
    /// Where to, or whence where the operation is `listen` or `accept`: `anywhere`, `local-network`,
    /// `this-computer`, `name-servers`, `multicast`, `internet`, `host`, `domain` or `network`.
    pub destination: String,
    /// Name of the host, for `host`; of the domain, with everything below it, for `domain`.
    pub host: Option<String>,
    /// Network in CIDR form, for `network`.
    pub network: Option<String>,
    /// The ports, as in `443` or `80,443,8000-8999`; absent for any.
    pub ports: Option<String>,
    /// The one protocol, or absent for any.
    pub protocol: Option<String>,
    /// `allow`, `ask`, `deny-and-ask` or `deny`.
    pub action: String,
    /// What a denied call fails with; absent for `allow` and `ask`.
    pub errno: Option<u16>,
    /// `process`, `logout` (until the user's last session ends), `until` or `always`.
    pub lifespan: String,
    /// The process, for `process`.
    pub pid: Option<u32>,
    /// When it ends, for `until`: microseconds on `CLOCK_BOOTTIME`.
    pub ends: Option<u64>,
    /// Whether it is in force.
    pub enabled: bool,
    /// Who made it: `prompt`, `window`, `command-line`, `import`, `learned`, `administrator` or `built-in`.
    pub origin: String,
    /// When, seconds since 1970.
    pub created: i64,
    /// Which of the built-in rules it is, if it is one: `this-computer` or `name-lookups`.
    pub built_in: Option<String>,
    /// What is to be known about it.
    pub note: Option<String>,
    /// Whether it lets its program do nothing, because the latest process of that which has made a call runs from
    /// a file that the user has not let it run from; absent if not, or if that is not known.
    pub paused: Option<bool>,
}

impl From<&PolicyRule> for Rule {
    fn from(rule: &PolicyRule) -> Self {
        let (destination, host, network) = match &rule.object.destination {
            Destination::Anywhere => ("anywhere", None, None),
            Destination::LocalNetwork => ("local-network", None, None),
            Destination::ThisComputer => ("this-computer", None, None),
            Destination::NameServers => ("name-servers", None, None),
            Destination::Multicast => ("multicast", None, None),
            Destination::Internet => ("internet", None, None),
            Destination::Domain(domain) => ("domain", Some(domain.to_string()), None),
            Destination::Host(host) => ("host", Some(host.to_string()), None),
            Destination::Network(network) => ("network", None, Some(network.to_string())),
        };
        Self {
            id: rule.id.0,
            uid: rule.uid,
            program: rule
                .subject
                .program()
                .map(|program| program.shown_path().to_owned()),
            started_by: match &rule.subject {
                SubjectPattern::StartedBy(_, starter) => Some(starter.path().to_owned()),
                _ => None,
            },
            and_what_it_starts: matches!(rule.subject, SubjectPattern::AndStarted(_))
                .then_some(true),
            operations: rule
                .operations
                .iter()
                .map(|operation| operation.to_string())
                .collect(),
            destination: destination.to_owned(),
            host,
            network,
            ports: rule.object.ports.as_ref().map(ToString::to_string),
            protocol: rule.object.protocol.map(|protocol| protocol.to_string()),
            action: rule.action.as_str().to_owned(),
            errno: rule.action.errno(),
            lifespan: rule.lifespan.as_str().to_owned(),
            pid: match rule.lifespan {
                Lifespan::Process(process) => Some(process.pid),
                Lifespan::Logout | Lifespan::Until(_) | Lifespan::Always => None,
            },
            ends: match rule.lifespan {
                Lifespan::Until(deadline) => Some(deadline.boottime),
                Lifespan::Process(_) | Lifespan::Logout | Lifespan::Always => None,
            },
            enabled: rule.enabled,
            origin: rule.origin.as_str().to_owned(),
            created: rule.created,
            built_in: BuiltIn::of_id(rule.id).map(|it| it.to_string()),
            note: rule.note.as_ref().map(|note| note.as_str().to_owned()),
            // The broker's rules do not know.
            paused: None,
        }
    }
}

impl Rule {
    /// The same rule to be added once more, if it is for a program, and not for one of its processes.
    /// `boottime` is now, microseconds on `CLOCK_BOOTTIME`: what ends is given what it has left.
    pub fn spec(&self, boottime: u64) -> Option<RuleSpec> {
        let place = || match self.destination.as_str() {
            "anywhere" | "host" | "domain" | "network" => None,
            place => Some(place.to_owned()),
        };
        let lifespan = match (self.lifespan.as_str(), self.ends) {
            ("until", Some(ends)) => {
                let left = ends.checked_sub(boottime)?.div_ceil(1_000_000);
                For::Time(Span::of_seconds(left)?).to_string()
            }
            ("logout" | "always", None) => self.lifespan.clone(),
            _ => return None,
        };
        Some(RuleSpec {
            program: self.program.clone()?,
            started_by: self.started_by.clone(),
            and_what_it_starts: self.and_what_it_starts,
            operations: self.operations.clone(),
            host: self.host.clone().filter(|_| self.destination == "host"),
            domain: self.host.clone().filter(|_| self.destination == "domain"),
            network: self.network.clone(),
            place: place(),
            ports: self.ports.clone(),
            protocol: self.protocol.clone(),
            action: self.action.clone(),
            errno: self.errno,
            lifespan: Some(lifespan),
            enabled: Some(self.enabled),
            note: self.note.clone(),
        })
    }
}

impl Rule {
    /// The rule as the policy has it, for who compares it with others. It is not to decide by: of a process only its
    /// id is known here, and of what ends only the clock of [`Self::ends`].
    pub fn compared(&self) -> Option<PolicyRule> {
        let lifespan = match (self.lifespan.as_str(), self.pid, self.ends) {
            ("process", Some(pid), _) => Lifespan::Process(Process {
                pid,
                began: 0,
                run: 0,
                alteration: Alteration::NONE,
            }),
            ("until", _, Some(boottime)) => Lifespan::Until(Deadline {
                boottime,
                wall: 0,
                by_wall: false,
            }),
            ("logout", ..) => Lifespan::Logout,
            ("always", ..) => Lifespan::Always,
            _ => return None,
        };
        // Of rules for any program all but that is the same as of one for some, and how long they live says nothing
        // of the rest.
        let named = Self {
            program: Some(self.program.clone().unwrap_or_else(|| "/any".to_owned())),
            lifespan: "always".to_owned(),
            ends: None,
            ..self.clone()
        };
        let parts = named.spec(0)?.check().ok()?;
        Some(PolicyRule {
            id: RuleId(self.id),
            uid: self.uid,
            subject: match &self.program {
                Some(_) => parts.subject,
                None => SubjectPattern::Any,
            },
            operations: parts.operations,
            object: parts.object,
            action: parts.action,
            lifespan,
            enabled: self.enabled,
            origin: self.origin.parse().ok()?,
            created: self.created,
            note: parts.note,
        })
    }
}

/// A rule to be added. It always names a program.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct RuleSpec {
    /// Key of the program: `flatpak:ID` or `snap:NAME` of an application, or the path of an executable as the
    /// kernel names it: absolute, and without symbolic links, `.`, `..` and empty components
    /// ([`crate::program_key`] finds it).
    pub program: String,
    /// Only where this program has started it, or what that has started: the path of an executable, as above, and of
    /// no interpreter. Not for listening and accepting.
    pub started_by: Option<String>,
    /// Whether it is for everything that the program starts as well, and what that starts. The program has to be one
    /// that could be `started_by`, which cannot be there too.
    pub and_what_it_starts: Option<bool>,
    /// Operations, at least one: `connect`, …
    pub operations: Vec<String>,
    /// Only this host.
    pub host: Option<String>,
    /// Only the host of this name and those whose names end with it. Of this, `host`, `network` and `place`
    /// there can be one.
    pub domain: Option<String>,
    /// Only this address or network (CIDR; host bits are cut off, IPv4-mapped is IPv4).
    pub network: Option<String>,
    /// Only there: `local-network`, `this-computer`, `name-servers`, `multicast` or `internet`.
    pub place: Option<String>,
    /// Only these ports of 1 to 65535, as in `443` or `80,443,8000-8999`.
    pub ports: Option<String>,
    /// Only this protocol: `tcp`, `udp`, … or its number (MPTCP is TCP).
    pub protocol: Option<String>,
    /// `allow`, `ask` (each time), `deny-and-ask` (meanwhile: the answer is for the next attempt) or `deny`.
    /// Nobody can be asked about who connects, or about listening for some only.
    pub action: String,
    /// What a denied call is to fail with, one of [`portreeve_policy::Action::ERRNOS`]; 1 (`EPERM`), if it is
    /// left out.
    pub errno: Option<u16>,
    /// How long it lives: a time in seconds as in `3600s`, `logout` or `always`; that, if it is left
    /// out.
    pub lifespan: Option<String>,
    /// Whether it is in force; it is, if that is left out.
    pub enabled: Option<bool>,
    /// What is to be known about it: at most [`Note::LONGEST`] bytes, without control characters.
    pub note: Option<String>,
}

/// The parts of a [`RuleSpec`], checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The program.
    pub program: Program,
    /// Whose calls: the program's, or not only or not all of those.
    pub subject: SubjectPattern,
    /// What it does.
    pub operations: Operations,
    /// To what.
    pub object: ObjectPattern,
    /// What happens then.
    pub action: Action,
    /// How long: [`For::Time`], [`For::Logout`] or [`For::Always`].
    pub lifespan: For,
    /// Whether it is in force.
    pub enabled: bool,
    /// What is to be known about it.
    pub note: Option<Note>,
}

/// Longest host name taken, bytes (RFC 1035).
const HOST_MAX: usize = 253;

impl RuleSpec {
    /// Checks every part; the error names the one that is wrong.
    pub fn check(&self) -> Result<Checked, Error> {
        let invalid = |text: String| Error::InvalidArgument(text);
        let parsed = |error: portreeve_policy::ParseError| invalid(error.to_string());
        let program = check_program(&self.program)?;
        let operations = self
            .operations
            .iter()
            .map(|word| word.parse::<Operation>().map_err(parsed))
            .collect::<Result<Vec<_>, _>>()?;
        let operations = Operations::of(operations)
            .ok_or_else(|| invalid("cannot make a rule without an operation".to_owned()))?;
        let destination = self.destination()?;
        let incoming = [Operation::Listen, Operation::Accept];
        let subject = self.subject(&program)?;
        if incoming.iter().any(|it| operations.contains(*it)) {
            check_whence(&destination)?;
            if subject.starter().is_some() {
                return Err(invalid(
                    "cannot use who has started a program in a rule about who may connect: that is set for a \
                     program and a port, whatever has started it"
                        .to_owned(),
                ));
            }
        }
        let action = self.action()?;
        if action.asks() {
            check_asked(operations, &destination)?;
        }
        Ok(Checked {
            program,
            subject,
            operations,
            object: ObjectPattern {
                destination,
                ports: self
                    .ports
                    .as_deref()
                    .map(|text| text.parse().map_err(parsed))
                    .transpose()?,
                protocol: self
                    .protocol
                    .as_deref()
                    .map(|word| word.parse().map_err(parsed))
                    .transpose()?,
            },
            action,
            lifespan: check_lifespan(self.lifespan.as_deref())?,
            enabled: self.enabled.unwrap_or(true),
            note: self.note.as_deref().map(check_note).transpose()?,
        })
    }

    fn action(&self) -> Result<Action, Error> {
        let parsed = self.action.parse::<Action>();
        let action = parsed.map_err(|error| Error::InvalidArgument(error.to_string()))?;
        let Some(errno) = self.errno else {
            return Ok(action);
        };
        check_errno(errno)?;
        action.with_errno(errno).ok_or_else(|| {
            Error::InvalidArgument(format!(
                "cannot have a call fail that is to {action}: an errno needs action deny or deny-and-ask"
            ))
        })
    }

    fn destination(&self) -> Result<Destination, Error> {
        match (&self.host, &self.domain, &self.network, &self.place) {
            (None, None, None, None) => Ok(Destination::Anywhere),
            (Some(host), None, None, None) => check_name("host", host).map(Destination::Host),
            (None, Some(domain), None, None) => {
                check_name("domain", domain).map(Destination::Domain)
            }
            (None, None, Some(network), None) => check_network(network),
            (None, None, None, Some(place)) => check_place(place),
            _ => Err(Error::InvalidArgument(
                "cannot use more than one of host, domain, network and place in a rule".to_owned(),
            )),
        }
    }
}

pub(crate) fn check_program(key: &str) -> Result<Program, Error> {
    Program::of_key(key).ok_or_else(|| {
        Error::InvalidArgument(format!(
            "cannot use program “{}”: expected the absolute path of an executable, without “.”, \
             “..” and empty parts, or an application as in flatpak:org.example.App and snap:example",
            key.escape_debug()
        ))
    })
}

/// Checks where those are who may connect.
fn check_whence(destination: &Destination) -> Result<(), Error> {
    let text = match destination {
        Destination::Host(_) | Destination::Domain(_) => {
            "cannot use a name in a rule about who may connect, because no name is known of those: \
             use an address"
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
fn check_asked(operations: Operations, destination: &Destination) -> Result<(), Error> {
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

fn check_errno(errno: u16) -> Result<(), Error> {
    if Action::is_errno(errno) {
        return Ok(());
    }
    let known = Action::ERRNOS.map(|(name, number)| format!("{number} ({name})"));
    Err(Error::InvalidArgument(format!(
        "cannot have a call fail with errno {errno}: expected one of {}",
        known.join(", ")
    )))
}

fn check_lifespan(word: Option<&str>) -> Result<For, Error> {
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

fn check_note(text: &str) -> Result<Note, Error> {
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
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    // An address is no name: nothing is ever known by it.
    let address = name.parse::<std::net::IpAddr>().is_ok();
    if name.len() > HOST_MAX || address || !name.split('.').all(label) {
        return Err(Error::InvalidArgument(format!(
            "cannot use {kind} “{}”: expected a name such as www.example.org (ASCII form)",
            text.escape_debug()
        )));
    }
    Ok(name.into())
}

fn check_place(place: &str) -> Result<Destination, Error> {
    match place {
        "local-network" => Ok(Destination::LocalNetwork),
        "this-computer" => Ok(Destination::ThisComputer),
        "name-servers" => Ok(Destination::NameServers),
        "multicast" => Ok(Destination::Multicast),
        "internet" => Ok(Destination::Internet),
        _ => Err(Error::InvalidArgument(format!(
            "cannot use place “{}”: expected local-network, this-computer, name-servers, multicast or internet",
            place.escape_debug()
        ))),
    }
}

fn check_network(network: &str) -> Result<Destination, Error> {
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

#[cfg(test)]
mod tests;
