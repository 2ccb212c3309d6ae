//! `io.github.portreeve.Rules1`: the rules of a user.

use zbus::proxy;

use crate::{CallSpec, Error, Explanation, Rule, RuleSpec};

/// The rules of a user. In each method `uid` is the user meant: [`crate::OWN_UID`] for the caller's
/// own; only root may name another. Changes need Portreeve's own window as the caller, or root, or
/// polkit's leave ([`crate::ACTION_EDIT_RULES`]).
#[proxy(
    interface = "io.github.portreeve.Rules1",
    default_service = "io.github.portreeve.Broker1",
    default_path = "/io/github/portreeve/Broker1"
)]
pub trait Rules {
    /// The user's rules and the built-in ones, in no particular order.
    fn list(&self, uid: u32) -> Result<Vec<Rule>, Error>;

    /// What would become of a call, and by which rules. Nothing is asked, and nothing is made.
    fn explain(&self, uid: u32, call: &CallSpec) -> Result<Explanation, Error>;

    /// Adds a rule; returns its id. It is stored and in force when this returns.
    fn add(&self, uid: u32, rule: &RuleSpec) -> Result<u64, Error>;

    /// Removes a rule.
    fn remove(&self, uid: u32, id: u64) -> Result<(), Error>;

    /// Puts a removed rule back as it was, under its old id, if it was removed in the last ten
    /// minutes and by the same user.
    fn restore(&self, uid: u32, id: u64) -> Result<(), Error>;

    /// Switches a rule on or off. Built-in rules cannot be switched yet.
    fn set_enabled(&self, uid: u32, id: u64, enabled: bool) -> Result<(), Error>;

    /// Subscribes the caller to `changed`, sent to it alone until its connection ends.
    fn watch(&self, uid: u32) -> Result<(), Error>;

    /// The rules of a watched user are others now, by whatever method or answer; call `list`.
    #[zbus(signal)]
    fn changed(&self) -> zbus::Result<()>;
}
