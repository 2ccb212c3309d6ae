//! `io.github.portreeve.Rules1`: the rules of a user.

use zbus::proxy;

use crate::{CallSpec, Change, Error, Explanation, Rule, RuleChanges, RuleSpec};

impl RulesProxy<'_> {
    /// Adds one rule; returns its id.
    pub async fn add(&self, uid: u32, rule: RuleSpec) -> Result<u64, Error> {
        let (_change, added) = self.change(uid, &RuleChanges::add(rule)).await?;
        let [id] = added[..] else {
            return Err(Error::Failed("cannot tell the id of the rule".to_owned()));
        };
        Ok(id)
    }
}

/// The rules of a user. In each method `uid` is the user meant: [`crate::OWN_UID`] for the caller's
/// own; only root may name another. Changes need Portreeve's own window as the caller, or root, or
/// polkit's leave ([`crate::ACTION_EDIT_RULES`]); those that let more happen may need more
/// ([`crate::ACTION_ALLOW`]). polkit may ask the user.
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

    /// Changes rules: all that is named, or nothing. Returns the number of the change, and the ids of the rules
    /// that were added, in their order. It is stored and in force when this returns. The number is 0 if it
    /// cannot be undone: if all that was changed were rules that had never been stored.
    #[zbus(allow_interactive_auth)]
    fn change(&self, uid: u32, changes: &RuleChanges) -> Result<(u64, Vec<u64>), Error>;

    /// Undoes a change, as far as its rules are as it has left them: what it added is removed, what it removed
    /// is put back under its old id, unless that has ended. That is a change too, whose number is returned.
    #[zbus(allow_interactive_auth)]
    fn undo(&self, uid: u32, change: u64) -> Result<u64, Error>;

    /// Has a built-in rule (`this-computer`, `name-lookups`) `allow`, `ask` or `deny` what it is about, for the user.
    /// What lets nothing more happen needs [`crate::ACTION_STRENGTHEN`] alone, and is in force before it is stored; all
    /// else needs what other changes of rules need. It is no change that could be undone.
    #[zbus(allow_interactive_auth)]
    fn set_built_in(&self, uid: u32, rule: &str, action: &str) -> Result<(), Error>;

    /// The last changes of the user's rules, the newest first.
    fn changes(&self, uid: u32) -> Result<Vec<Change>, Error>;

    /// Subscribes the caller to `changed`, sent to it alone until its connection ends.
    fn watch(&self, uid: u32) -> Result<(), Error>;

    /// The rules of a watched user are others now, by whatever method or answer; call `list`.
    #[zbus(signal)]
    fn changed(&self) -> zbus::Result<()>;
}
