//! A call that has not been made, and what the rules say of it.

use std::net::{IpAddr, Ipv4Addr};

use portreeve_policy::{Knowledge, Object, Operation, Program, Protocol, Starter};
use zbus::{DeserializeDict, SerializeDict, Type};

use crate::{
    Error,
    rule::{check_name, check_program, check_starter},
};

/// A call that a program could make, in a new process that is as its program is.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct CallSpec {
    /// Key of the program, as in [`crate::RuleSpec`].
    pub program: String,
    /// Path of a program that has started it, as in [`crate::RuleSpec`].
    pub started_by: Option<String>,
    /// The operation: `connect`, …
    pub operation: String,
    /// Name of the host, as if the program had looked it up.
    pub host: Option<String>,
    /// Address of the other side; of a program that listens its own; 0.0.0.0, if it is left out.
    pub address: Option<String>,
    /// Port; 0, if it is left out.
    pub port: Option<u16>,
    /// Protocol: `tcp`, `udp`, … or its number; `tcp`, if it is left out.
    pub protocol: Option<String>,
}

impl CallSpec {
    /// The program that has started it, checked.
    pub fn starter(&self) -> Result<Option<Starter>, Error> {
        self.started_by.as_deref().map(check_starter).transpose()
    }

    /// Checks every part; the error names the one that is wrong.
    pub fn check(&self) -> Result<(Program, Operation, Object), Error> {
        let parsed =
            |error: portreeve_policy::ParseError| Error::InvalidArgument(error.to_string());
        let address = match &self.address {
            None => Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            Some(text) => text.parse().map_err(|_not_an_address| {
                Error::InvalidArgument(format!(
                    "cannot use address “{}”: expected one such as 192.0.2.1",
                    text.escape_debug()
                ))
            }),
        };
        let protocol = self.protocol.as_deref().map(str::parse).transpose();
        let host = self.host.as_deref().map(|host| check_name("host", host));
        let object = Object {
            protocol: protocol.map_err(parsed)?.unwrap_or(Protocol::TCP),
            address: address?.to_canonical(),
            port: self.port.unwrap_or_default(),
            host: host.transpose()?,
            knowledge: Knowledge::default(),
        };
        let operation = self.operation.parse().map_err(parsed)?;
        Ok((check_program(&self.program)?, operation, object))
    }
}

/// What becomes of a call, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Explanation {
    /// `allow`, `ask`, `deny-and-ask` or `deny`.
    pub outcome: String,
    /// What the call fails with, for `deny` and `deny-and-ask`.
    pub errno: Option<u16>,
    /// The rule that decides; absent if none does, but the settings or the user's mode.
    pub rule: Option<u64>,
    /// All rules that are about the call, strongest first.
    pub rules: Vec<u64>,
    /// By what each of these is weaker than the one before it: `administrator`, `subject`, `destination`, `ports`, `protocol`,
    /// `operations`, `action` (the other denies, or is an administrator's and asks) or `age`; nothing for the first.
    pub weaker_by: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> CallSpec {
        CallSpec {
            program: "/usr/bin/curl".into(),
            operation: "connect".into(),
            ..CallSpec::default()
        }
    }

    #[test]
    fn what_is_left_out_is_usual() {
        let (program, operation, object) = call().check().unwrap();
        assert_eq!(program, Program::Path("/usr/bin/curl".into()));
        assert_eq!(operation, Operation::Connect);
        assert_eq!(object.shown_host(), "0.0.0.0");
        assert_eq!((object.port, object.protocol), (0, Protocol::TCP));
        let address = Some("::ffff:192.0.2.1".to_owned());
        let (.., object) = CallSpec { address, ..call() }.check().unwrap();
        assert_eq!(object.shown_host(), "192.0.2.1", "as calls come");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let some = |word: &str| Some(word.to_owned());
        for (call, word) in [
            (
                CallSpec {
                    program: "curl".into(),
                    ..call()
                },
                "curl",
            ),
            (
                CallSpec {
                    operation: "fly".into(),
                    ..call()
                },
                "fly",
            ),
            (
                CallSpec {
                    host: some("a b"),
                    ..call()
                },
                "a b",
            ),
            (
                CallSpec {
                    address: some("1.2.3"),
                    ..call()
                },
                "1.2.3",
            ),
            (
                CallSpec {
                    protocol: some("tpc"),
                    ..call()
                },
                "tpc",
            ),
        ] {
            let Err(Error::InvalidArgument(text)) = call.check() else {
                panic!("not refused: {call:?}");
            };
            assert!(text.contains(&format!("“{word}”")), "{text}");
        }
    }
}
