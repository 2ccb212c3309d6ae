//! The words of a rule.

mod list;
mod program;

use portreeve_dbus::Rule;
use portreeve_policy::Action;

pub(crate) use list::entries;
pub(crate) use program::name;

use super::{
    clock::by_the_wall,
    text::{isolate, plain, shown, shown_within},
};
use crate::i18n::{fill, gettext, gettext_f};

/// Longest note shown, characters: all that there can be.
const LONGEST_NOTE: usize = 500;

/// What a row of the list shows of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleWords {
    /// Name of the program.
    pub name: String,
    /// Path of the program; `None` where the rule is for any program.
    pub path: Option<String>,
    /// What it says.
    pub says: Action,
    /// The same in words, as in “Allow”.
    pub action: String,
    /// Where to.
    pub destination: String,
    /// Until when.
    pub lifespan: String,
    /// Who made it.
    pub origin: String,
    /// What is to be known about it.
    pub note: Option<String>,
    /// The whole rule, to be read aloud.
    pub spoken: String,
    /// Name of the switch, to be read aloud.
    pub spoken_switch: String,
    /// Name of the button that opens it to be changed, to be read aloud.
    pub spoken_edit: String,
    /// Name of the button that deletes, to be read aloud.
    pub spoken_delete: String,
    /// Name of the choice of what a built-in rule says, to be read aloud.
    pub spoken_says: String,
}

impl RuleWords {
    /// The words for this rule.
    pub fn new(rule: &Rule) -> Self {
        // What is not known here is nothing that it allows.
        let says = rule.action.parse().unwrap_or(Action::DENY);
        let name = name(rule);
        let destination = destination(rule);
        let lifespan = match (rule.lifespan.as_str(), rule.pid) {
            ("process", Some(pid)) => {
                gettext_f("until process {pid} ends", &[("pid", &pid.to_string())])
            }
            ("process", None) => gettext("until its process ends"),
            ("logout", _) => gettext("until you log out"),
            ("until", _) => {
                let time = by_the_wall(rule.ends.unwrap_or_default());
                // Translators: the time of day, perhaps with a date before it.
                gettext_f("until {time}", &[("time", &isolate(&time))])
            }
            _ => gettext("always"),
        };
        let lifespan = match network(rule) {
            // Translators: {network} is a network, as in “while in Home”; {lifespan} is as in “until you log out”.
            Some(network) if rule.lifespan != "always" => gettext_f(
                "while in {network}, {lifespan}",
                &[("network", &network), ("lifespan", &lifespan)],
            ),
            // Translators: {network} is a network, as in “while in Home”.
            Some(network) => gettext_f("while in {network}", &[("network", &network)]),
            None => lifespan,
        };
        let spoken = |text: &str| {
            let values = [
                ("app", name.as_str()),
                ("destination", &destination),
                ("lifespan", &lifespan),
            ];
            plain(&fill(text, &values))
        };
        Self {
            says,
            action: match says {
                Action::Allow => gettext("Allow"),
                Action::Ask => gettext("Ask"),
                Action::DenyAndAsk(_) => gettext("Deny and ask"),
                Action::Deny(_) => gettext("Deny"),
            },
            spoken: match says {
                Action::Allow => spoken(&gettext("{app}: allow {destination}, {lifespan}")),
                Action::Ask => spoken(&gettext("{app}: ask about {destination}, {lifespan}")),
                Action::DenyAndAsk(_) => spoken(&gettext(
                    "{app}: deny and ask about {destination}, {lifespan}",
                )),
                Action::Deny(_) => spoken(&gettext("{app}: deny {destination}, {lifespan}")),
            },
            spoken_switch: spoken(&gettext("Rule for {app} to {destination} enabled")),
            spoken_edit: spoken(&gettext("Edit rule for {app} to {destination}")),
            spoken_delete: spoken(&gettext("Delete rule for {app} to {destination}")),
            spoken_says: spoken(&gettext("What the rule for {destination} says")),
            path: program::path(rule),
            origin: origin(rule),
            note: rule
                .note
                .as_deref()
                .map(|note| isolate(&shown_within(note, LONGEST_NOTE))),
            name,
            destination,
            lifespan,
        }
    }

    /// All that is said of the rule, in lower case, for searches.
    pub fn sought(&self) -> String {
        plain(&format!(
            "{} {} {} {}",
            self.spoken,
            self.path.as_deref().unwrap_or_default(),
            self.origin,
            self.note.as_deref().unwrap_or_default()
        ))
        .to_lowercase()
    }
}

/// Whether every word of `search` occurs in the text; both are in lower case.
pub(super) fn has_words(text: &str, search: &str) -> bool {
    search.split_whitespace().all(|word| text.contains(word))
}

/// The network that the rule is for, if it is for one.
fn network(rule: &Rule) -> Option<String> {
    let id = rule.only_in.as_ref()?;
    Some(isolate(&shown(rule.only_in_name.as_ref().unwrap_or(id))))
}

fn destination(rule: &Rule) -> String {
    if rule.operations == ["create"] {
        return gettext("raw packets");
    }
    let place = match rule.destination.as_str() {
        "host" => rule.host.as_deref().map(|host| isolate(&shown(host))),
        "domain" => rule.host.as_deref().map(|domain| {
            let domain = isolate(&shown(domain));
            gettext_f("{domain} and its subdomains", &[("domain", &domain)])
        }),
        "network" => rule
            .network
            .as_deref()
            .map(|network| isolate(&shown(lone_address(network)))),
        "list" => rule
            .list
            .as_deref()
            .map(|list| list::shown_list(list, rule.entries)),
        "local-network" => Some(gettext("the local network")),
        "this-computer" => Some(gettext("this computer")),
        "name-servers" => Some(gettext("this computer’s name servers")),
        "vpn" => Some(gettext("the VPN")),
        "multicast" => Some(gettext("multicast addresses")),
        "internet" => Some(gettext("the internet")),
        _ => None,
    };
    let incoming = |word: &String| matches!(word.as_str(), "listen" | "accept");
    if !rule.operations.is_empty() && rule.operations.iter().all(incoming) {
        return match place {
            // Translators: “incoming connections on port 8080 from the local network”
            Some(place) => gettext_f(
                "{what} from {place}",
                &[("what", &listening(rule)), ("place", &place)],
            ),
            None => listening(rule),
        };
    }
    let place = place.unwrap_or_else(|| gettext("anywhere"));
    let protocol = rule
        .protocol
        .as_deref()
        .map(|word| shown(&word.to_uppercase()));
    let ports = ports(rule);
    let msgid = match (&ports, &protocol) {
        (None, None) => return place,
        (Some(Ports::One(_)), None) => gettext("{place}, port {port}"),
        (Some(Ports::Many(_)), None) => gettext("{place}, ports {port}"),
        (None, Some(_)) => gettext("{place} ({protocol})"),
        (Some(Ports::One(_)), Some(_)) => gettext("{place}, port {port} ({protocol})"),
        (Some(Ports::Many(_)), Some(_)) => gettext("{place}, ports {port} ({protocol})"),
    };
    let values = [
        ("place", place.as_str()),
        ("port", ports.as_ref().map_or("", Ports::as_str)),
        ("protocol", protocol.as_deref().unwrap_or_default()),
    ];
    fill(&msgid, &values)
}

/// The ports that a rule names, as they are shown.
enum Ports {
    One(String),
    Many(String),
}

impl Ports {
    fn as_str(&self) -> &str {
        match self {
            Self::One(text) | Self::Many(text) => text,
        }
    }
}

fn ports(rule: &Rule) -> Option<Ports> {
    let text = rule.ports.as_deref()?;
    let one = text.parse::<u16>().is_ok();
    let shown = shown(&text.replace(',', ", ").replace('-', "–"));
    Some(if one {
        Ports::One(shown)
    } else {
        Ports::Many(shown)
    })
}

/// What a rule about listening is about.
fn listening(rule: &Rule) -> String {
    let datagrams = matches!(rule.protocol.as_deref(), Some("udp" | "udplite"));
    let ports = ports(rule);
    let msgid = match &ports {
        Some(Ports::One(_)) if datagrams => gettext("incoming data on UDP port {port}"),
        Some(Ports::Many(_)) if datagrams => gettext("incoming data on UDP ports {port}"),
        Some(Ports::One(_)) => gettext("incoming connections on port {port}"),
        Some(Ports::Many(_)) => gettext("incoming connections on ports {port}"),
        None => return gettext("incoming connections"),
    };
    fill(
        &msgid,
        &[("port", ports.as_ref().map_or("", Ports::as_str))],
    )
}

/// A network of one address without its prefix length.
fn lone_address(network: &str) -> &str {
    let single = |(address, length): &(&str, &str)| {
        *length == if address.contains(':') { "128" } else { "32" }
    };
    network
        .split_once('/')
        .filter(single)
        .map_or(network, |(address, _)| address)
}

fn origin(rule: &Rule) -> String {
    match rule.origin.as_str() {
        "prompt" => gettext("From a question"),
        "window" => gettext("Added here"),
        "command-line" => gettext("From the command line"),
        "import" => gettext("Imported"),
        "learned" => gettext("Learned, not looked at yet"),
        "administrator" => gettext("From the administrator"),
        "built-in" => gettext("Built in"),
        other => shown(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn rule() -> Rule {
        Rule {
            id: 1,
            uid: Some(1000),
            program: Some("/usr/bin/curl".into()),
            operations: vec!["connect".into()],
            destination: "host".into(),
            host: Some("server.example".into()),
            action: "allow".into(),
            lifespan: "always".into(),
            enabled: true,
            origin: "prompt".into(),
            ..Rule::default()
        }
    }

    #[test]
    fn a_rule_about_listening_says_what_comes_in() {
        let listening = |ports: Option<&str>, protocol: Option<&str>| {
            let rule = Rule {
                operations: vec!["listen".into()],
                destination: "anywhere".into(),
                host: None,
                ports: ports.map(Into::into),
                protocol: protocol.map(Into::into),
                ..rule()
            };
            RuleWords::new(&rule).spoken
        };
        assert_eq!(
            listening(Some("80"), Some("tcp")),
            "curl: allow incoming connections on port 80, always"
        );
        assert_eq!(
            listening(Some("5353"), Some("udp")),
            "curl: allow incoming data on UDP port 5353, always"
        );
        assert_eq!(
            listening(None, None),
            "curl: allow incoming connections, always"
        );
    }

    #[test]
    fn a_rule_about_listening_says_from_where() {
        let from = |destination: &str, network: Option<&str>, operations: &[&str]| {
            let rule = Rule {
                operations: operations.iter().map(|&word| word.into()).collect(),
                destination: destination.into(),
                network: network.map(Into::into),
                host: None,
                ports: Some("80".into()),
                ..rule()
            };
            plain(&RuleWords::new(&rule).destination)
        };
        let port = "incoming connections on port 80 from";
        assert_eq!(
            from("local-network", None, &["listen"]),
            format!("{port} the local network")
        );
        assert_eq!(
            from("this-computer", None, &["listen", "accept"]),
            format!("{port} this computer")
        );
        assert_eq!(
            from("network", Some("192.0.2.7/32"), &["accept"]),
            format!("{port} 192.0.2.7")
        );
        for others in [&["connect"][..], &["connect", "listen"], &[]] {
            assert_eq!(
                from("local-network", None, others),
                "the local network, port 80"
            );
        }
    }

    #[test]
    fn a_rule_is_read_aloud_in_one_sentence() {
        let words = RuleWords::new(&rule());
        assert_eq!(words.spoken, "curl: allow server.example, always");
        assert_eq!(
            words.spoken_delete,
            "Delete rule for curl to server.example"
        );
        assert_eq!(
            words.spoken_switch,
            "Rule for curl to server.example enabled"
        );
    }

    #[test]
    fn ports_and_protocols_narrow_the_destination() {
        let destination = |rule: Rule| plain(&RuleWords::new(&rule).destination);
        let exact = Rule {
            ports: Some("443".into()),
            protocol: Some("tcp".into()),
            ..rule()
        };
        assert_eq!(destination(exact), "server.example, port 443 (TCP)");
        let domain = Rule {
            destination: "domain".into(),
            ports: Some("80,8000-8999".into()),
            ..rule()
        };
        assert_eq!(
            destination(domain),
            "server.example and its subdomains, ports 80, 8000–8999"
        );
        let address = Rule {
            destination: "network".into(),
            network: Some("2001:db8::7/128".into()),
            host: None,
            ..rule()
        };
        assert_eq!(destination(address), "2001:db8::7");
        let network = Rule {
            destination: "network".into(),
            network: Some("192.0.2.0/24".into()),
            host: None,
            ..rule()
        };
        assert_eq!(destination(network), "192.0.2.0/24");
    }

    #[test]
    fn a_denial_until_the_process_ends() {
        let words = RuleWords::new(&Rule {
            action: "deny".into(),
            lifespan: "process".into(),
            pid: Some(12),
            ..rule()
        });
        assert_eq!(
            words.spoken,
            "curl: deny server.example, until process 12 ends"
        );
    }

    #[test]
    fn a_rule_says_when_it_ends() {
        let spoken = |lifespan: &str, ends| {
            let lifespan = lifespan.into();
            let rule = Rule {
                lifespan,
                ends,
                ..rule()
            };
            RuleWords::new(&rule).spoken
        };
        let logout = "curl: allow server.example, until you log out";
        assert_eq!(spoken("logout", None), logout);
        let until = spoken("until", Some(u64::MAX / 2_000_000_000));
        let time = until.strip_prefix("curl: allow server.example, until ");
        assert!(time.is_some_and(|time| time.contains(':')), "{until}");
    }

    #[test]
    fn a_rule_says_in_which_network_it_is_in_force() {
        let home = Rule {
            only_in: Some("0b5d3f8e-4c1a-4f6e-9d55-0123456789ab".into()),
            only_in_name: Some("Home".into()),
            ..rule()
        };
        assert_eq!(
            RuleWords::new(&home).spoken,
            "curl: allow server.example, while in Home"
        );
        let both = Rule {
            lifespan: "logout".into(),
            only_in_name: None,
            ..home
        };
        assert_eq!(
            RuleWords::new(&both).spoken,
            "curl: allow server.example, while in 0b5d3f8e-4c1a-4f6e-9d55-0123456789ab, until you log out"
        );
    }

    #[test]
    fn search_looks_for_every_word() {
        let item = crate::model::RuleItem::new(rule());
        assert!(item.matches("curl server"));
        assert!(item.matches("usr/bin allow"));
        assert!(!item.matches("curl deny"));
        assert!(item.matches("  "));
    }
}
