//! A rule while it is being written, and what is still wrong with it.

use std::net::IpAddr;

use portreeve_dbus::{ANY, RuleSpec};
use portreeve_policy::{Action, For};

mod network;
mod processes;

use crate::i18n::gettext;
pub use network::DraftNetwork;
pub use processes::DraftProcesses;

/// Which destination is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DraftDestination {
    /// Any.
    #[default]
    Anywhere,
    /// A domain with all that is below it.
    Domain,
    /// A host by its name.
    Host,
    /// An address or a network.
    Network,
    /// The local network.
    LocalNetwork,
    /// What is beyond that.
    Internet,
    /// This computer itself.
    ThisComputer,
    /// What is reached by a tunnel.
    Vpn,
    /// Its name servers, to look names up.
    NameServers,
    /// Groups of computers.
    Multicast,
    /// What is in a list.
    List,
}

impl DraftDestination {
    /// Whether there is something to type for it.
    pub const fn is_typed(self) -> bool {
        matches!(self, Self::Domain | Self::Host | Self::Network)
    }

    /// The word for it in rules, of those that have nothing typed.
    const fn word(self) -> Option<&'static str> {
        match self {
            Self::Anywhere | Self::Domain | Self::Host | Self::Network | Self::List => None,
            Self::LocalNetwork => Some("local-network"),
            Self::Internet => Some("internet"),
            Self::ThisComputer => Some("this-computer"),
            Self::Vpn => Some("vpn"),
            Self::NameServers => Some("name-servers"),
            Self::Multicast => Some("multicast"),
        }
    }

    /// That of a rule, if it is known here.
    fn of(rule: &RuleSpec) -> Option<Self> {
        let all = [
            Self::LocalNetwork,
            Self::Internet,
            Self::ThisComputer,
            Self::Vpn,
            Self::NameServers,
            Self::Multicast,
        ];
        match rule.place.as_deref() {
            Some(word) => all.into_iter().find(|it| it.word() == Some(word)),
            None if rule.domain.is_some() => Some(Self::Domain),
            None if rule.host.is_some() => Some(Self::Host),
            None if rule.network.is_some() => Some(Self::Network),
            None if rule.list.is_some() => Some(Self::List),
            None => Some(Self::Anywhere),
        }
    }
}

/// What a draft can say, in the order in which it is offered.
pub const ACTIONS: [Action; 4] = [
    Action::Allow,
    Action::DENY,
    Action::Ask,
    Action::DenyAndAsk(1),
];

/// The protocols that a draft can be about; `None` for any.
pub const PROTOCOLS: [Option<&str>; 3] = [None, Some("tcp"), Some("udp")];

/// The parts of a rule as they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Path of the program, or key of an application or of what is in a file.
    pub program: String,
    /// Which processes are meant.
    pub processes: DraftProcesses,
    /// Path of the program that has to have started it, if that matters.
    pub starter: String,
    /// What it says; of those that deny, with any errno.
    pub action: Action,
    /// Which destination is meant.
    pub destination: DraftDestination,
    /// The domain, host, address or network.
    pub place: String,
    /// What the list is called that is chosen.
    pub list: Option<String>,
    /// The ports; nothing for any.
    pub port: String,
    /// The protocol; `None` for any.
    pub protocol: Option<&'static str>,
    /// The network that it is for; `None` for any.
    pub network: Option<DraftNetwork>,
    /// How long it lives; `None` for always.
    pub lifespan: Option<For>,
    /// The rule in whose place it will be: what is not said above stays as it was there.
    pub base: Option<RuleSpec>,
}

/// What is wrong, by the field it is wrong in. Texts are translated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftError {
    /// With the program.
    pub program: Option<String>,
    /// With the program that has started it.
    pub starter: Option<String>,
    /// With what it says.
    pub action: Option<String>,
    /// With the domain, host, address or network.
    pub place: Option<String>,
    /// With the ports.
    pub port: Option<String>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            program: String::new(),
            processes: DraftProcesses::default(),
            starter: String::new(),
            action: Action::Allow,
            destination: DraftDestination::default(),
            place: String::new(),
            list: None,
            port: String::new(),
            protocol: None,
            network: None,
            lifespan: None,
            base: None,
        }
    }
}

impl Draft {
    /// A rule that is to be changed; `None` if there is something in it that a draft has no words for.
    pub fn of(rule: RuleSpec) -> Option<Self> {
        let typed = [&rule.domain, &rule.host, &rule.network];
        let place = typed.into_iter().flatten().next().cloned();
        let protocol = PROTOCOLS
            .into_iter()
            .find(|known| *known == rule.protocol.as_deref())?;
        let lifespan = rule.lifespan.as_deref().map(str::parse).transpose().ok()?;
        Some(Self {
            program: rule.program.clone(),
            processes: match (&rule.started_by, rule.and_what_it_starts) {
                (Some(_), _) => DraftProcesses::StartedBy,
                (None, Some(true)) => DraftProcesses::AndStarted,
                (None, _) => DraftProcesses::Own,
            },
            starter: rule.started_by.clone().unwrap_or_default(),
            action: rule.action.parse().ok()?,
            destination: DraftDestination::of(&rule)?,
            place: place.unwrap_or_default(),
            list: rule.list.clone(),
            port: rule.ports.clone().unwrap_or_default(),
            protocol,
            network: DraftNetwork::of(&rule),
            lifespan: lifespan.filter(|it| *it != For::Always),
            base: Some(rule),
        })
    }

    /// Whether the program is another than before, or it matters now what it starts.
    pub fn is_of_another_program(&self) -> bool {
        let base = self.base.as_ref();
        let before = base.map(|base| base.program.as_str());
        let started = base.is_some_and(|base| base.and_what_it_starts == Some(true));
        let starts = self.processes == DraftProcesses::AndStarted && !started;
        before != Some(self.program.trim()) || starts
    }

    /// Whether the program that has to have started it is another than before.
    pub fn is_of_another_starter(&self) -> bool {
        let before = self
            .base
            .as_ref()
            .and_then(|base| base.started_by.as_deref());
        self.processes == DraftProcesses::StartedBy && before != Some(self.starter.trim())
    }

    /// What to do about the place that was entered.
    fn place_mistake(&self, is_wrong: bool) -> Option<String> {
        let by_name = matches!(
            self.destination,
            DraftDestination::Domain | DraftDestination::Host
        );
        if by_name && self.place.trim().parse::<IpAddr>().is_ok() {
            return Some(gettext(
                "This is an address. Choose “Address” above for it.",
            ));
        }
        is_wrong.then(|| {
            if by_name {
                gettext("Enter a name such as www.example.org.")
            } else if self.destination == DraftDestination::List {
                gettext("Choose a list.")
            } else {
                gettext("Enter an address or a network such as 192.0.2.0/24.")
            }
        })
    }

    /// The rule, or what is wrong. The last word on a rule has [`RuleSpec::check`], here as in the
    /// broker.
    pub fn spec(&self) -> Result<RuleSpec, DraftError> {
        let rule_that = |action: Action, change: &dyn Fn(&mut RuleSpec)| {
            let base = self.base.as_ref();
            let operations = base.map(|base| base.operations.clone());
            let mut spec = RuleSpec {
                // Any that is right: the parts are checked one by one.
                program: "/program".to_owned(),
                operations: operations.unwrap_or_else(|| vec!["connect".to_owned()]),
                action: action.to_string(),
                errno: base
                    .and_then(|base| base.errno)
                    .filter(|_| action.errno().is_some()),
                enabled: base.and_then(|base| base.enabled),
                note: base.and_then(|base| base.note.clone()),
                ..RuleSpec::default()
            };
            change(&mut spec);
            spec
        };
        let rule = |change: &dyn Fn(&mut RuleSpec)| rule_that(self.action, change);
        // Nobody can be asked about everything; the other parts may be right all the same.
        let part = |change: &dyn Fn(&mut RuleSpec)| rule_that(Action::DENY, change);
        let wrong = |spec: &RuleSpec| spec.check().is_err();

        let program = self.program.trim();
        let place = self.place.trim();
        let starter = self.starter.trim();
        let put_starter = |spec: &mut RuleSpec| match self.processes {
            DraftProcesses::Own => {}
            DraftProcesses::AndStarted => spec.and_what_it_starts = Some(true),
            DraftProcesses::StartedBy => spec.started_by = Some(starter.to_owned()),
        };
        let put_place = |spec: &mut RuleSpec| match self.destination {
            DraftDestination::Anywhere => {}
            DraftDestination::Domain => spec.domain = Some(place.to_owned()),
            DraftDestination::Host => spec.host = Some(place.to_owned()),
            DraftDestination::Network => spec.network = Some(place.to_owned()),
            // None is called nothing: that is no rule about anywhere.
            DraftDestination::List => spec.list = Some(self.list.clone().unwrap_or_default()),
            place => spec.place = place.word().map(str::to_owned),
        };
        let ports = Some(self.port.trim()).filter(|text| !text.is_empty());
        let put_ports = |spec: &mut RuleSpec| spec.ports = ports.map(str::to_owned);

        // Any program can be denied what is in a list.
        let with_program = part(&|spec| {
            program.clone_into(&mut spec.program);
            if program == ANY {
                put_place(spec);
            }
        });
        let said_of_program = rule(&|spec| {
            program.clone_into(&mut spec.program);
            put_place(spec);
        });
        let starting = part(&|spec| {
            put_starter(spec);
            if self.processes == DraftProcesses::AndStarted {
                program.clone_into(&mut spec.program);
            }
        });
        let listens = |word: &String| matches!(word.as_str(), "listen" | "accept");
        let is_about_peers =
            self.processes != DraftProcesses::Own && part(&|_| {}).operations.iter().any(listens);
        let with_place = part(&put_place);
        let error = DraftError {
            program: if program == ANY && wrong(&with_program) {
                Some(gettext("A rule for any program can only be about what is in a list."))
            } else if wrong(&with_program) {
                Some(gettext("Enter the full path of a program, such as /usr/bin/curl, or an application, such as flatpak:org.mozilla.firefox."))
            } else if self.processes == DraftProcesses::AndStarted && !is_about_peers && wrong(&starting) {
                Some(gettext("What this starts cannot be told. Enter the full path of a program that does not run other programs’ code."))
            } else {
                None
            },
            starter: if is_about_peers {
                Some(gettext("Who may connect does not depend on what has started a program."))
            } else if self.processes == DraftProcesses::StartedBy && wrong(&starting) {
                Some(gettext("Enter the full path of a program that does not run other programs’ code, such as /usr/bin/git."))
            } else {
                None
            },
            action: action_mistake(
                program == ANY && !wrong(&with_program) && wrong(&said_of_program),
                !wrong(&with_place) && wrong(&rule(&put_place)),
            ),
            place: self.place_mistake(wrong(&with_place)),
            port: wrong(&part(&put_ports)).then(|| {
                gettext("Enter ports from 1 to 65535, such as 443 or 80, 8000-8999, or nothing for any.")
            }),
        };
        if error != DraftError::default() {
            return Err(error);
        }
        Ok(rule(&|spec| {
            program.clone_into(&mut spec.program);
            put_starter(spec);
            // What the one before was called says nothing of another.
            let same = self.base.as_ref().filter(|base| base.program == program);
            spec.called = same.and_then(|base| base.called.clone());
            put_place(spec);
            put_ports(spec);
            spec.protocol = self.protocol.map(str::to_owned);
            let network = self.network.clone();
            spec.only_in = network.as_ref().map(|network| network.uuid.clone());
            spec.only_in_name = network.and_then(|network| network.name);
            spec.lifespan = self.lifespan.map(|lifespan| lifespan.to_string());
        }))
    }
}

/// What to do about what is said, if it is too much for any program, or nobody could be asked.
fn action_mistake(is_of_any: bool, is_of_nobody: bool) -> Option<String> {
    if is_of_any {
        Some(gettext("A rule for any program can only deny."))
    } else if is_of_nobody {
        Some(gettext(
            "You can be asked when a program starts to listen, if it is for anybody, and not when somebody connects.",
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
