//! Rules as they cross the bus, and their conversion from and to the policy's.

use portreeve_policy::{
    Destination, For, Lifespan, ObjectPattern, Operation, Operations, Program, Rule as PolicyRule,
    Span, SubjectPattern,
};
use zbus::{DeserializeDict, SerializeDict, Type};

use crate::Error;

/// One rule as the broker lists it.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Rule {
    /// Names the rule.
    pub id: u64,
    /// The user it is for; absent for built-in rules.
    pub uid: Option<u32>,
    /// Path of the program; absent for built-in rules, which are for any program.
    pub program: Option<String>,
    /// Operations: `connect`, …
    pub operations: Vec<String>,
    /// Where to, or whence where the operation is `listen` or `accept`: `anywhere`, `local-network`,
    /// `this-computer`, `host` or `network`.
    pub destination: String,
    /// Name of the host, for `host`.
    pub host: Option<String>,
    /// Network in CIDR form, for `network`.
    pub network: Option<String>,
    /// The one port, or absent for any.
    pub port: Option<u16>,
    /// The one protocol, or absent for any.
    pub protocol: Option<String>,
    /// `allow` or `deny`.
    pub action: String,
    /// What a denied call fails with; absent for `allow`.
    pub errno: Option<u16>,
    /// `process`, `logout` (until the user's last session ends), `until` or `always`.
    pub lifespan: String,
    /// The process, for `process`.
    pub pid: Option<u32>,
    /// When it ends, for `until`: microseconds on `CLOCK_BOOTTIME`.
    pub ends: Option<u64>,
    /// Whether it is in force.
    pub enabled: bool,
    /// Who made it: `prompt`, `window`, `command-line` or `built-in`.
    pub origin: String,
    /// When, seconds since 1970.
    pub created: i64,
}

impl From<&PolicyRule> for Rule {
    fn from(rule: &PolicyRule) -> Self {
        let (destination, host, network) = match &rule.object.destination {
            Destination::Anywhere => ("anywhere", None, None),
            Destination::LocalNetwork => ("local-network", None, None),
            Destination::ThisComputer => ("this-computer", None, None),
            Destination::Host(host) => ("host", Some(host.to_string()), None),
            Destination::Network(network) => ("network", None, Some(network.to_string())),
        };
        Self {
            id: rule.id.0,
            uid: rule.uid,
            program: match &rule.subject {
                SubjectPattern::Any => None,
                SubjectPattern::Program(program) => Some(program.shown_path().to_owned()),
            },
            operations: rule
                .operations
                .iter()
                .map(|operation| operation.to_string())
                .collect(),
            destination: destination.to_owned(),
            host,
            network,
            port: rule.object.port,
            protocol: rule.object.protocol.map(|protocol| protocol.to_string()),
            action: rule.action.as_str().to_owned(),
            errno: match rule.action {
                portreeve_policy::Action::Allow => None,
                portreeve_policy::Action::Deny(errno) => Some(errno),
            },
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
        }
    }
}

/// A rule to be added. It always names a program.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct RuleSpec {
    /// Path of the program's executable, as the kernel names it: absolute, and without symbolic
    /// links, `.`, `..` and empty components ([`crate::executable()`] finds it).
    pub program: String,
    /// Operations, at least one: `connect`, …
    pub operations: Vec<String>,
    /// Only this host.
    pub host: Option<String>,
    /// Only this address or network (CIDR; host bits are cut off, IPv4-mapped is IPv4). Not together
    /// with `host`.
    pub network: Option<String>,
    /// Only there: `local-network` or `this-computer`. Not together with `host` or `network`.
    pub place: Option<String>,
    /// Only this port, 1 to 65535.
    pub port: Option<u16>,
    /// Only this protocol: `tcp`, `udp`, … or its number (MPTCP is TCP).
    pub protocol: Option<String>,
    /// `allow` or `deny`.
    pub action: String,
    /// How long it lives: a time in seconds as in `3600s`, `logout` or `always`; that, if it is left
    /// out.
    pub lifespan: Option<String>,
}

/// The parts of a [`RuleSpec`], checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The program.
    pub program: Program,
    /// What it does.
    pub operations: Operations,
    /// To what.
    pub object: ObjectPattern,
    /// What happens then.
    pub action: portreeve_policy::Action,
    /// How long: [`For::Time`], [`For::Logout`] or [`For::Always`].
    pub lifespan: For,
}

/// Longest host name taken, bytes (RFC 1035).
const HOST_MAX: usize = 253;

impl RuleSpec {
    /// Checks every part; the error names the one that is wrong.
    pub fn check(&self) -> Result<Checked, Error> {
        let invalid = |text: String| Error::InvalidArgument(text);
        let parsed = |error: portreeve_policy::ParseError| invalid(error.to_string());
        let program = Program::at(&self.program).ok_or_else(|| {
            invalid(format!(
                "cannot use program “{}”: expected the absolute path of an executable, without \
                 “.”, “..” and empty parts",
                self.program.escape_debug()
            ))
        })?;
        let operations = self
            .operations
            .iter()
            .map(|word| word.parse::<Operation>().map_err(parsed))
            .collect::<Result<Vec<_>, _>>()?;
        let operations = Operations::of(operations)
            .ok_or_else(|| invalid("cannot make a rule without an operation".to_owned()))?;
        let destination = match (&self.host, &self.network, &self.place) {
            (None, None, None) => Destination::Anywhere,
            (Some(host), None, None) => Destination::Host(check_host(host)?),
            (None, Some(network), None) => check_network(network)?,
            (None, None, Some(place)) => check_place(place)?,
            _ => {
                return Err(invalid(
                    "cannot use more than one of host, network and place in a rule".to_owned(),
                ));
            }
        };
        let incoming = [Operation::Listen, Operation::Accept];
        if self.host.is_some() && incoming.iter().any(|it| operations.contains(*it)) {
            return Err(invalid(
                "cannot use a host in a rule about who may connect, because no name is known of \
                 those: use an address"
                    .to_owned(),
            ));
        }
        if self.port == Some(0) {
            return Err(invalid("cannot use port 0: expected 1 to 65535".to_owned()));
        }
        Ok(Checked {
            program,
            operations,
            object: ObjectPattern {
                destination,
                port: self.port,
                protocol: self
                    .protocol
                    .as_deref()
                    .map(|word| word.parse().map_err(parsed))
                    .transpose()?,
            },
            action: self.action.parse().map_err(parsed)?,
            lifespan: check_lifespan(self.lifespan.as_deref())?,
        })
    }
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

fn check_host(host: &str) -> Result<Box<str>, Error> {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
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
            "cannot use host “{}”: expected a name such as www.example.org (ASCII form)",
            host.escape_debug()
        )));
    }
    Ok(name.into())
}

fn check_place(place: &str) -> Result<Destination, Error> {
    match place {
        "local-network" => Ok(Destination::LocalNetwork),
        "this-computer" => Ok(Destination::ThisComputer),
        _ => Err(Error::InvalidArgument(format!(
            "cannot use place “{}”: expected local-network or this-computer",
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
mod tests {
    use super::*;

    fn spec() -> RuleSpec {
        RuleSpec {
            program: "/usr/bin/curl".into(),
            operations: vec!["connect".into()],
            action: "allow".into(),
            ..RuleSpec::default()
        }
    }

    fn refused(spec: &RuleSpec) -> String {
        match spec.check() {
            Err(Error::InvalidArgument(text)) => text,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_good_rule_is_taken() {
        let checked = RuleSpec {
            host: Some("WWW.Example.org.".into()),
            port: Some(443),
            protocol: Some("tcp".into()),
            ..spec()
        }
        .check()
        .unwrap();
        assert_eq!(
            checked.object.destination,
            Destination::Host("www.example.org".into())
        );
        assert_eq!(checked.object.to_string(), "www.example.org port 443 (tcp)");
    }

    #[test]
    fn networks_and_protocols_are_taken_in_the_form_of_calls() {
        let network = |text: &str| {
            RuleSpec {
                network: Some(text.into()),
                ..spec()
            }
            .check()
            .unwrap()
            .object
            .destination
        };
        assert_eq!(
            network("192.0.2.7"),
            Destination::Network("192.0.2.7/32".parse().unwrap())
        );
        assert_eq!(
            network("192.0.2.7/24"),
            Destination::Network("192.0.2.0/24".parse().unwrap())
        );
        for (text, means) in [
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ] {
            let means = Destination::Network(means.parse().unwrap());
            assert_eq!(network(text), means, "{text}");
        }
        let mptcp = RuleSpec {
            protocol: Some("262".into()),
            ..spec()
        };
        let object = mptcp.check().unwrap().object;
        assert_eq!(object.protocol, Some(portreeve_policy::Protocol::TCP));
    }

    #[test]
    fn a_program_that_could_never_match_is_refused() {
        for path in [
            "/usr/bin/../bin/curl",
            "/usr//bin/curl",
            "/usr/bin/curl/",
            "/usr/\u{9b}2J",
        ] {
            let program = path.to_owned();
            let text = refused(&RuleSpec { program, ..spec() });
            assert!(text.contains(&*path.escape_debug().to_string()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(
            refused(&RuleSpec {
                program: "curl".into(),
                ..spec()
            })
            .contains("“curl”")
        );
        assert!(
            refused(&RuleSpec {
                operations: vec![],
                ..spec()
            })
            .contains("operation")
        );
        assert!(
            refused(&RuleSpec {
                host: Some("a b".into()),
                ..spec()
            })
            .contains("“a b”")
        );
        assert!(
            refused(&RuleSpec {
                host: Some("192.0.2.1".into()),
                ..spec()
            })
            .contains("“192.0.2.1”")
        );
        assert!(
            refused(&RuleSpec {
                network: Some("1.2.3".into()),
                ..spec()
            })
            .contains("1.2.3")
        );
        assert!(
            refused(&RuleSpec {
                port: Some(0),
                ..spec()
            })
            .contains("port 0")
        );
        assert!(
            refused(&RuleSpec {
                place: Some("mars".into()),
                ..spec()
            })
            .contains("“mars”")
        );
        let here = || Some("this-computer".to_owned());
        for (host, network) in [(Some("a.example".into()), None), (None, Some("::1".into()))] {
            let both = RuleSpec {
                host,
                network,
                place: here(),
                ..spec()
            };
            assert!(refused(&both).contains("more than one"));
        }
        for operation in ["listen", "accept"] {
            let named = RuleSpec {
                operations: vec!["connect".into(), operation.into()],
                host: Some("a.example".into()),
                ..spec()
            };
            assert!(refused(&named).contains("who may connect"));
        }
        assert!(
            refused(&RuleSpec {
                action: "maybe".into(),
                ..spec()
            })
            .contains("“maybe”")
        );
        for word in ["0s", "31622401s", "1h", "once", "process", "ever"] {
            let lifespan = Some(word.to_owned());
            let text = refused(&RuleSpec { lifespan, ..spec() });
            assert!(text.contains(&format!("“{word}”")), "{text}");
        }
    }

    #[test]
    fn a_rule_may_end() {
        for (word, means) in [
            (None, For::Always),
            (Some("always"), For::Always),
            (Some("logout"), For::Logout),
            (Some("3600s"), For::Time(Span::HOUR)),
        ] {
            let lifespan = word.map(str::to_owned);
            let spec = RuleSpec { lifespan, ..spec() };
            assert_eq!(spec.check().unwrap().lifespan, means, "{word:?}");
        }
    }
}
