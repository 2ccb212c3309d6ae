//! Rules as they cross the bus, and their conversion from and to the policy's.

use portreeve_policy::{
    Action, Alteration, BuiltIn, Deadline, Destination, For, InList, Lifespan, Network, Note,
    ObjectPattern, Operation, Operations, Process, Program, Rule as PolicyRule, RuleId, Span,
    SubjectPattern,
};
use zbus::{DeserializeDict, SerializeDict, Type};

use crate::{Error, network};

mod check;
mod subject;

use check::{
    check_asked, check_errno, check_lifespan, check_listed, check_network, check_note, check_place,
    check_whence,
};
pub(crate) use check::{check_list, check_name, check_program};
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
    /// Key of the program: its path, `flatpak:ID` or `snap:NAME` of an application, or `sha256:` and the SHA-256 of
    /// its file, wherever that is; absent for those for any program: built-in rules, some of administrators, and those
    /// of users that deny what is in a list.
    pub program: Option<String>,
    /// What the file of a program that is known by its SHA-256 was called where it was asked about: a claim.
    pub called: Option<String>,
    /// Path of the program that has to have started it, in the end; absent if that does not matter.
    pub started_by: Option<String>,
    /// Whether it is for everything that the program starts as well; absent if not.
    pub and_what_it_starts: Option<bool>,
    /// Operations: `connect`, …
    pub operations: Vec<String>,
    /// Where to, or whence where the operation is `listen` or `accept`: `anywhere`, `local-network`,
    /// `this-computer`, `name-servers`, `vpn`, `multicast`, `internet`, `host`, `domain`, `network` or `list`.
    pub destination: String,
    /// Name of the host, for `host`; of the domain, with everything below it, for `domain`.
    pub host: Option<String>,
    /// Network in CIDR form, for `network`.
    pub network: Option<String>,
    /// The list, for `list`: its name, or the path of an administrator's.
    pub list: Option<String>,
    /// How many entries that has.
    pub entries: Option<u32>,
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
    /// UUID of the one network that it is for; absent for any.
    pub only_in: Option<String>,
    /// What that was called when the rule was made.
    pub only_in_name: Option<String>,
    /// Whether it is out of force for now, because that network is not active; absent if not.
    pub away: Option<bool>,
    /// Whether it is switched on.
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
            Destination::Vpn => ("vpn", None, None),
            Destination::Multicast => ("multicast", None, None),
            Destination::Internet => ("internet", None, None),
            Destination::Domain(domain) => ("domain", Some(domain.to_string()), None),
            Destination::Host(host) => ("host", Some(host.to_string()), None),
            Destination::Network(network) => ("network", None, Some(network.to_string())),
            Destination::List(_) => ("list", None, None),
        };
        let list = match &rule.object.destination {
            Destination::List(list) => Some(list),
            _ => None,
        };
        Self {
            id: rule.id.0,
            uid: rule.uid,
            program: rule.subject.program().map(|program| {
                let key = program.key();
                key.unwrap_or(program.shown_path()).to_owned()
            }),
            called: match rule.subject.program() {
                Some(Program::Contents(it)) => it.claim().map(str::to_owned),
                _ => None,
            },
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
            list: list.map(|list| list.name().to_owned()),
            entries: list.and_then(|list| u32::try_from(list.list()?.len()).ok()),
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
            only_in: rule.network_id().map(|id| id.to_string()),
            only_in_name: rule
                .network
                .as_ref()
                .and_then(|network| network.name.as_ref())
                .map(|name| name.as_str().to_owned()),
            // The broker knows which are active, its rules do not.
            away: None,
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
    /// The same rule to be added once more, if it is one that a user can have, and not for a process.
    /// `boottime` is now, microseconds on `CLOCK_BOOTTIME`: what ends is given what it has left.
    pub fn spec(&self, boottime: u64) -> Option<RuleSpec> {
        let place = || match self.destination.as_str() {
            "anywhere" | "host" | "domain" | "network" | "list" => None,
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
            program: match &self.program {
                Some(program) => program.clone(),
                None if self.list.is_some() && self.action == "deny" => ANY.to_owned(),
                None => return None,
            },
            called: self.called.clone(),
            started_by: self.started_by.clone(),
            and_what_it_starts: self.and_what_it_starts,
            operations: self.operations.clone(),
            host: self.host.clone().filter(|_| self.destination == "host"),
            domain: self.host.clone().filter(|_| self.destination == "domain"),
            network: self.network.clone(),
            list: self.list.clone(),
            place: place(),
            ports: self.ports.clone(),
            protocol: self.protocol.clone(),
            action: self.action.clone(),
            errno: self.errno,
            lifespan: Some(lifespan),
            only_in: self.only_in.clone(),
            only_in_name: self.only_in_name.clone(),
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
            // Those of administrators are called otherwise.
            list: self.list.as_ref().map(|_| "list".to_owned()),
            ..self.clone()
        };
        let mut parts = named.spec(0)?.check().ok()?;
        if let Some(list) = &self.list {
            parts.object.destination = Destination::List(InList::at(list));
        }
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
            network: parts.network,
            enabled: self.enabled,
            origin: self.origin.parse().ok()?,
            created: self.created,
            note: parts.note,
        })
    }
}

/// The word for any program.
pub const ANY: &str = "any";

/// A rule to be added. It names a program, unless it denies what is in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct RuleSpec {
    /// Key of the program: `flatpak:ID` or `snap:NAME` of an application, `sha256:` and the SHA-256 of a file in
    /// hexadecimal digits, wherever that is, or the path of an executable as the kernel names it: absolute, and
    /// without symbolic links, `.`, `..` and empty components ([`crate::program_key`] finds it). Or `any`, in a rule that
    /// denies what is in a list.
    pub program: String,
    /// What the file is called of a program that is known by its SHA-256, to be shown; of others nothing.
    pub called: Option<String>,
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
    /// Only the host of this name and those whose names end with it. Of this, `host`, `network`, `list` and `place`
    /// there can be one.
    pub domain: Option<String>,
    /// Only this address or network (CIDR; host bits are cut off, IPv4-mapped is IPv4).
    pub network: Option<String>,
    /// Only what is in this list of the user's, which has to be there by then; for connecting.
    pub list: Option<String>,
    /// Only there: `local-network`, `this-computer`, `name-servers`, `vpn`, `multicast` or `internet`.
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
    /// Only while this network is active: the UUID of a connection of `NetworkManager`'s.
    pub only_in: Option<String>,
    /// What that is called: at most [`portreeve_policy::NetworkName::LONGEST`] bytes, without control characters. It decides nothing.
    pub only_in_name: Option<String>,
    /// Whether it is switched on; it is, if that is left out.
    pub enabled: Option<bool>,
    /// What is to be known about it: at most [`Note::LONGEST`] bytes, without control characters.
    pub note: Option<String>,
}

/// The parts of a [`RuleSpec`], checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whose calls: a program's, not only or not all of those, or any program's.
    pub subject: SubjectPattern,
    /// What it does.
    pub operations: Operations,
    /// To what.
    pub object: ObjectPattern,
    /// What happens then.
    pub action: Action,
    /// How long: [`For::Time`], [`For::Logout`] or [`For::Always`].
    pub lifespan: For,
    /// The one network that it is for.
    pub network: Option<Network>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// What is to be known about it.
    pub note: Option<Note>,
}

impl RuleSpec {
    /// Checks every part; the error names the one that is wrong.
    pub fn check(&self) -> Result<Checked, Error> {
        let invalid = |text: String| Error::InvalidArgument(text);
        let parsed = |error: portreeve_policy::ParseError| invalid(error.to_string());
        let operations = self
            .operations
            .iter()
            .map(|word| word.parse::<Operation>().map_err(parsed))
            .collect::<Result<Vec<_>, _>>()?;
        let operations = Operations::of(operations)
            .ok_or_else(|| invalid("cannot make a rule without an operation".to_owned()))?;
        let destination = self.destination()?;
        let incoming = [Operation::Listen, Operation::Accept];
        let subject = self.subject()?;
        check_listed(&subject, operations, &destination, self.action()?)?;
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
            network: network::check(self.only_in.as_deref(), self.only_in_name.as_deref())?,
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
        let parts = (
            &self.host,
            &self.domain,
            &self.network,
            &self.list,
            &self.place,
        );
        match parts {
            (None, None, None, None, None) => Ok(Destination::Anywhere),
            (Some(host), None, None, None, None) => check_name("host", host).map(Destination::Host),
            (None, Some(domain), None, None, None) => {
                check_name("domain", domain).map(Destination::Domain)
            }
            (None, None, Some(network), None, None) => check_network(network),
            (None, None, None, Some(list), None) => check_list(list).map(Destination::List),
            (None, None, None, None, Some(place)) => check_place(place),
            _ => Err(Error::InvalidArgument(
                "cannot use more than one of host, domain, network, list and place in a rule"
                    .to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
