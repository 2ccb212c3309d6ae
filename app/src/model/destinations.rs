//! Where a program has connected to, by who has registered it, and what it listens on.

use std::collections::BTreeSet;

use portreeve_dbus::Destination;
use portreeve_policy::{Action, registered_domain_of};

use super::{
    Draft, DraftDestination,
    clock::moment,
    text::{isolate, shown},
};
use crate::i18n::{gettext, gettext_f, ngettext_f};

/// The ports of the web: what goes there does not depend on which of them it is.
const WEB: [u16; 2] = [80, 443];

/// A host, or an address without a name, that a program has connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name, or address.
    pub name: String,
    /// Whether that is a name.
    pub is_host: bool,
    /// The domain that its owner has registered, unless others may have names below that.
    domain: Option<String>,
    /// The ports, in their order.
    ports: Vec<u16>,
    /// Whether the last call was allowed.
    pub allowed: bool,
    /// When that was, microseconds since 1970.
    last: i64,
}

/// Places that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// A place by itself.
    One(Place),
    /// Hosts of a domain.
    Domain(String, Vec<Place>),
    /// Addresses without a name.
    Addresses(Vec<Place>),
}

/// What a program listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// As in “Port 8080 (TCP)”.
    pub title: String,
    /// Whether it was allowed last.
    pub allowed: bool,
    /// When that was.
    pub subtitle: String,
}

/// Where a program has connected to, and what it listens on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destinations {
    /// Where to, the last ones first.
    pub groups: Vec<Group>,
    /// The ports, the last ones first.
    pub ports: Vec<Port>,
}

impl Destinations {
    /// Those of these rows, of which the last ones are first.
    pub fn of(rows: &[Destination]) -> Self {
        let mut found = Self::default();
        for row in rows {
            if row.operation == "listen" {
                found.ports.push(port(row));
            } else {
                found.add(row);
            }
        }
        found
    }

    /// Whether it is the same but for when, and so in which order.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let places = |of: &Self| -> BTreeSet<(String, Vec<u16>, bool)> {
            let places = of.groups.iter().flat_map(Group::places);
            let told = |it: &Place| (it.name.clone(), it.ports.clone(), it.allowed);
            places.map(told).collect()
        };
        let ports = |of: &Self| -> BTreeSet<(String, bool)> {
            let ports = of.ports.iter();
            ports.map(|it| (it.title.clone(), it.allowed)).collect()
        };
        places(self) == places(other) && ports(self) == ports(other)
    }

    fn add(&mut self, row: &Destination) {
        let place = Place::of(row);
        let belongs = |group: &&mut Group| match group {
            Group::One(other) => {
                other.name == place.name
                    || (!place.is_host && !other.is_host)
                    || (place.domain.is_some() && place.domain == other.domain)
            }
            Group::Domain(other, _) => place.domain.as_ref() == Some(other),
            Group::Addresses(_) => !place.is_host,
        };
        match self.groups.iter_mut().find(belongs) {
            None => self.groups.push(Group::One(place)),
            Some(group) => group.add(place),
        }
    }
}

impl Group {
    fn add(&mut self, place: Place) {
        match self {
            Self::One(known) if known.name == place.name => known.add(&place),
            Self::One(known) => {
                let domain = place.domain.clone();
                let both = vec![known.clone(), place];
                *self = match domain {
                    Some(domain) => Self::Domain(domain, both),
                    None => Self::Addresses(both),
                };
            }
            Self::Domain(_, places) | Self::Addresses(places) => {
                match places.iter_mut().find(|known| known.name == place.name) {
                    Some(known) => known.add(&place),
                    None => places.push(place),
                }
            }
        }
    }

    /// Its places, the last ones first.
    pub fn places(&self) -> &[Place] {
        match self {
            Self::One(place) => std::slice::from_ref(place),
            Self::Domain(_, places) | Self::Addresses(places) => places,
        }
    }

    /// What it is called.
    pub fn title(&self) -> String {
        match self {
            Self::One(place) => place.title(),
            Self::Domain(domain, _) => shown(domain),
            Self::Addresses(_) => gettext("Addresses without a name"),
        }
    }

    /// What the button is called that begins a rule for it, to be read aloud.
    pub fn spoken_rule(&self) -> String {
        spoken_rule(&self.title())
    }

    /// What it comprises.
    pub fn subtitle(&self) -> String {
        match self {
            Self::One(place) => place.subtitle(),
            Self::Domain(_, places) => ngettext_f("{n} host", "{n} hosts", places.len(), &[]),
            Self::Addresses(places) => {
                ngettext_f("{n} address", "{n} addresses", places.len(), &[])
            }
        }
    }

    /// The beginning of a rule of the program with this key for the whole group, if one rule can be.
    pub fn draft(&self, program: &str) -> Option<Draft> {
        match self {
            Self::One(place) => Some(place.draft(program)),
            Self::Addresses(_) => None,
            Self::Domain(domain, places) => {
                let allowed = places.first().is_some_and(|place| place.allowed);
                Some(Draft {
                    program: program.to_owned(),
                    action: other_than(allowed),
                    destination: DraftDestination::Domain,
                    place: domain.clone(),
                    ..Draft::default()
                })
            }
        }
    }
}

impl Place {
    fn of(row: &Destination) -> Self {
        let domain = row.host.as_deref().and_then(registered_domain_of);
        let domain = domain.filter(|domain| !domain.shared);
        Self {
            name: row.host.as_ref().unwrap_or(&row.address).clone(),
            is_host: row.host.is_some(),
            domain: domain.map(|domain| domain.name.to_owned()),
            ports: vec![row.port],
            allowed: row.action == "allow",
            last: row.last,
        }
    }

    fn add(&mut self, more: &Self) {
        for port in &more.ports {
            if let Err(at) = self.ports.binary_search(port) {
                self.ports.insert(at, *port);
            }
        }
    }

    /// Its name as it is shown.
    pub fn title(&self) -> String {
        shown(&self.name)
    }

    /// On which ports, and when the last time.
    pub fn subtitle(&self) -> String {
        let ports: Vec<_> = self.ports.iter().filter(|port| **port != 0).collect();
        let Some(first) = ports.first() else {
            return moment(self.last);
        };
        let list = ports.iter().map(ToString::to_string).collect::<Vec<_>>();
        let list = shown(&list.join(", "));
        let words = if ports.len() == 1 {
            gettext_f("Port {port}", &[("port", &first.to_string())])
        } else {
            // Translators: {ports} is as in “80, 443”.
            gettext_f("Ports {ports}", &[("ports", &isolate(&list))])
        };
        format!("{words} · {}", moment(self.last))
    }

    /// The beginning of a rule of the program with this key for this place: it says what was not so the last time.
    pub fn draft(&self, program: &str) -> Draft {
        let is_web = self
            .ports
            .iter()
            .all(|port| WEB.contains(port) || *port == 0);
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        Draft {
            program: program.to_owned(),
            action: other_than(self.allowed),
            destination: if self.is_host {
                DraftDestination::Host
            } else {
                DraftDestination::Network
            },
            place: self.name.clone(),
            port: if is_web {
                String::new()
            } else {
                ports.join(",")
            },
            ..Draft::default()
        }
    }

    /// What the button is called that begins a rule, to be read aloud.
    pub fn spoken_rule(&self) -> String {
        spoken_rule(&self.title())
    }
}

fn spoken_rule(title: &str) -> String {
    // Translators: the name of a button, to be read aloud.
    gettext_f("Add rule for {place}", &[("place", title)])
}

fn other_than(allowed: bool) -> Action {
    if allowed { Action::DENY } else { Action::Allow }
}

fn port(row: &Destination) -> Port {
    let protocol = shown(&row.protocol.to_uppercase());
    let values = [("port", row.port.to_string()), ("protocol", protocol)];
    let values = values
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    Port {
        title: gettext_f("Port {port} ({protocol})", &values),
        allowed: row.action == "allow",
        subtitle: moment(row.last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(host: Option<&str>, address: &str, port: u16, action: &str) -> Destination {
        Destination {
            operation: "connect".into(),
            host: host.map(Into::into),
            address: address.into(),
            port,
            protocol: "tcp".into(),
            action: action.into(),
            last: 1_700_000_000_000_000,
            ..Destination::default()
        }
    }

    fn host(name: &str) -> Destination {
        to(Some(name), "192.0.2.1", 443, "allow")
    }

    fn titles(found: &Destinations) -> Vec<String> {
        found.groups.iter().map(Group::title).collect()
    }

    #[test]
    fn hosts_of_a_domain_belong_together() {
        let found = Destinations::of(&[
            host("www.example.org"),
            host("other.example"),
            host("cdn.example.org"),
            to(Some("www.example.org"), "192.0.2.9", 80, "deny"),
        ]);
        assert_eq!(titles(&found), ["example.org", "other.example"]);
        let Group::Domain(_, places) = &found.groups[0] else {
            panic!("{found:?}")
        };
        let names: Vec<_> = places.iter().map(|place| place.name.as_str()).collect();
        assert_eq!(names, ["www.example.org", "cdn.example.org"]);
        assert_eq!(places[0].ports, [80, 443]);
        assert!(places[0].allowed, "the last time counts, which is first");
        assert_eq!(found.groups[0].subtitle(), "2 hosts");
    }

    #[test]
    fn names_below_a_providers_domain_are_different_owners() {
        let found = Destinations::of(&[host("a.github.io"), host("b.github.io")]);
        assert_eq!(titles(&found), ["a.github.io", "b.github.io"]);
    }

    #[test]
    fn addresses_belong_together() {
        let rows = [
            to(None, "192.0.2.1", 443, "deny"),
            host("192.example"),
            to(None, "2001:db8::1", 22, "allow"),
            to(None, "192.0.2.1", 22, "deny"),
        ];
        let found = Destinations::of(&rows);
        assert_eq!(titles(&found), ["Addresses without a name", "192.example"]);
        assert_eq!(found.groups[0].places().len(), 2);
        assert_eq!(found.groups[0].draft("/p"), None);
        let one = Destinations::of(&rows[..1]);
        assert_eq!(titles(&one), ["192.0.2.1"]);
    }

    #[test]
    fn a_rule_begins_with_what_was_not_so() {
        let rows = [
            to(Some("a.example.org"), "192.0.2.1", 443, "allow"),
            to(Some("b.example.org"), "192.0.2.1", 25, "deny"),
        ];
        let found = Destinations::of(&rows);
        let draft = found.groups[0].draft("/usr/bin/curl").unwrap();
        assert_eq!(draft.destination, DraftDestination::Domain);
        assert_eq!(
            (draft.place.as_str(), draft.action),
            ("example.org", Action::DENY)
        );
        let places = found.groups[0].places();
        let web = places[0].draft("/usr/bin/curl");
        assert_eq!(
            (web.place.as_str(), web.port.as_str()),
            ("a.example.org", "")
        );
        let mail = places[1].draft("/usr/bin/curl");
        assert_eq!((mail.port.as_str(), mail.action), ("25", Action::Allow));
        for draft in [draft, web, mail] {
            assert!(draft.spec().is_ok(), "{draft:?}");
        }
        let address = Destinations::of(&[to(None, "2001:db8::1", 0, "deny")]);
        assert!(address.groups[0].draft("/p").unwrap().spec().is_ok());
        assert_eq!(places[1].spoken_rule(), "Add rule for b.example.org");
    }

    #[test]
    fn when_it_was_makes_no_other() {
        let rows = [host("a.example.org"), host("b.example.org")];
        let later = [
            Destination {
                last: 1_800_000_000_000_000,
                ..rows[1].clone()
            },
            rows[0].clone(),
        ];
        let found = Destinations::of(&rows);
        assert!(found.is_same_as(&Destinations::of(&later)));
        let denied = Destination {
            action: "deny".into(),
            ..rows[0].clone()
        };
        for other in [
            vec![rows[0].clone()],
            vec![denied, rows[1].clone()],
            [
                &rows[..],
                &[to(Some("a.example.org"), "192.0.2.1", 80, "allow")],
            ]
            .concat(),
        ] {
            assert!(!found.is_same_as(&Destinations::of(&other)), "{other:?}");
        }
    }

    #[test]
    fn ports_are_apart() {
        let found = Destinations::of(&[Destination {
            operation: "listen".into(),
            ..to(None, "0.0.0.0", 8000, "deny")
        }]);
        assert!(found.groups.is_empty());
        assert_eq!(found.ports[0].title, "Port 8000 (TCP)");
        assert!(!found.ports[0].allowed);
    }
}
