//! The networks that a rule can be for.

use portreeve_dbus::{ActiveNetwork, RuleSpec};

use crate::model::text::{isolate, shown};

/// A network that a rule can be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftNetwork {
    /// UUID of the connection.
    pub uuid: String,
    /// What it is called, if that is known.
    pub name: Option<String>,
}

impl DraftNetwork {
    /// That of a rule, if it is for one.
    pub(super) fn of(rule: &RuleSpec) -> Option<Self> {
        Some(Self {
            uuid: rule.only_in.clone()?,
            name: rule.only_in_name.clone(),
        })
    }

    /// What it is called where it is chosen.
    pub fn shown(&self) -> String {
        isolate(&shown(self.name.as_ref().unwrap_or(&self.uuid)))
    }
}

impl From<ActiveNetwork> for DraftNetwork {
    fn from(network: ActiveNetwork) -> Self {
        Self {
            uuid: network.uuid,
            name: Some(network.name),
        }
    }
}
