//! A rule while it is being written, and what is still wrong with it.

use std::net::IpAddr;

use portreeve_dbus::RuleSpec;
use portreeve_policy::For;

use crate::i18n::gettext;

/// Which destination is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DraftDestination {
    /// Any.
    #[default]
    Anywhere,
    /// A host by its name.
    Host,
    /// An address or a network.
    Network,
}

/// The parts of a rule as they were typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// Path of the program.
    pub program: String,
    /// Whether it allows.
    pub allow: bool,
    /// Which destination is meant.
    pub destination: DraftDestination,
    /// The host, address or network.
    pub place: String,
    /// The port; nothing for any.
    pub port: String,
    /// The protocol; `None` for any.
    pub protocol: Option<&'static str>,
    /// How long it lives; `None` for always.
    pub lifespan: Option<For>,
}

/// What is wrong, by the field it is wrong in. Texts are translated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftError {
    /// With the program.
    pub program: Option<String>,
    /// With the host, address or network.
    pub place: Option<String>,
    /// With the port.
    pub port: Option<String>,
}

impl Draft {
    /// The rule, or what is wrong. The last word on a rule has [`RuleSpec::check`], here as in the
    /// broker.
    pub fn spec(&self) -> Result<RuleSpec, DraftError> {
        let rule = |change: &dyn Fn(&mut RuleSpec)| {
            let mut spec = RuleSpec {
                // Any that is right: the parts are checked one by one.
                program: "/program".to_owned(),
                operations: vec!["connect".to_owned()],
                action: if self.allow { "allow" } else { "deny" }.to_owned(),
                ..RuleSpec::default()
            };
            change(&mut spec);
            spec
        };
        let wrong = |spec: &RuleSpec| spec.check().is_err();

        let program = self.program.trim();
        let place = Some(self.place.trim().to_owned());
        let (host, network) = match self.destination {
            DraftDestination::Anywhere => (None, None),
            DraftDestination::Host => (place, None),
            DraftDestination::Network => (None, place),
        };
        let port_text = self.port.trim();
        let port = port_text.parse::<u16>().ok().filter(|port| *port != 0);

        let with_program = rule(&|spec| program.clone_into(&mut spec.program));
        let with_place = rule(&|spec| {
            spec.host.clone_from(&host);
            spec.network.clone_from(&network);
        });
        let error = DraftError {
            program: wrong(&with_program)
                .then(|| gettext("Enter the full path of a program, such as /usr/bin/curl.")),
            place: if host
                .as_ref()
                .is_some_and(|host| host.parse::<IpAddr>().is_ok())
            {
                Some(gettext(
                    "This is an address. Choose “Address” above for it.",
                ))
            } else if wrong(&with_place) && host.is_some() {
                Some(gettext("Enter a name such as www.example.org."))
            } else if wrong(&with_place) {
                Some(gettext(
                    "Enter an address or a network such as 192.0.2.0/24.",
                ))
            } else {
                None
            },
            port: (port.is_none() && !port_text.is_empty())
                .then(|| gettext("Enter a port from 1 to 65535, or nothing for any.")),
        };
        if error != DraftError::default() {
            return Err(error);
        }
        Ok(rule(&|spec| {
            program.clone_into(&mut spec.program);
            spec.host.clone_from(&host);
            spec.network.clone_from(&network);
            spec.port = port;
            spec.protocol = self.protocol.map(str::to_owned);
            spec.lifespan = self.lifespan.map(|lifespan| lifespan.to_string());
        }))
    }
}

#[cfg(test)]
mod tests {
    use portreeve_policy::Span;

    use super::*;

    fn draft() -> Draft {
        Draft {
            program: "/usr/bin/curl".into(),
            allow: true,
            ..Draft::default()
        }
    }

    #[test]
    fn a_complete_draft_is_a_rule() {
        let spec = Draft {
            destination: DraftDestination::Host,
            place: " server.example ".into(),
            port: "443".into(),
            protocol: Some("tcp"),
            ..draft()
        }
        .spec()
        .unwrap();
        assert_eq!(spec.host.as_deref(), Some("server.example"));
        assert_eq!(
            (spec.port, spec.protocol.as_deref()),
            (Some(443), Some("tcp"))
        );
        assert_eq!((spec.action.as_str(), &spec.network), ("allow", &None));
        assert!(spec.check().is_ok());
    }

    #[test]
    fn an_empty_port_is_any() {
        assert_eq!(draft().spec().unwrap().port, None);
    }

    #[test]
    fn a_rule_may_end() {
        assert_eq!(draft().spec().unwrap().lifespan, None);
        for lifespan in [For::Time(Span::HOUR), For::Logout] {
            let draft = Draft {
                lifespan: Some(lifespan),
                ..draft()
            };
            let checked = draft.spec().unwrap().check().unwrap();
            assert_eq!(checked.lifespan, lifespan);
        }
    }

    #[test]
    fn each_field_has_its_own_error() {
        let error = Draft {
            program: "curl".into(),
            destination: DraftDestination::Network,
            place: "1.2.3".into(),
            port: "70000".into(),
            ..draft()
        }
        .spec()
        .unwrap_err();
        assert!(error.program.is_some() && error.place.is_some() && error.port.is_some());
        let error = Draft {
            destination: DraftDestination::Host,
            ..draft()
        }
        .spec()
        .unwrap_err();
        assert!(error.program.is_none() && error.place.is_some() && error.port.is_none());
    }

    #[test]
    fn an_address_is_no_host_name() {
        let error = Draft {
            destination: DraftDestination::Host,
            place: "192.0.2.1".into(),
            ..draft()
        }
        .spec()
        .unwrap_err();
        assert!(error.place.unwrap().contains("address"));
    }
}
