//! `io.github.portreeve.Prompts1`: open questions and their answers.

use zbus::proxy;

use crate::{Error, Prompt};

/// Open questions and their answers.
#[proxy(
    interface = "io.github.portreeve.Prompts1",
    default_service = "io.github.portreeve.Broker1",
    default_path = "/io/github/portreeve/Broker1"
)]
pub trait Prompts {
    /// The open prompts of user `uid` ([`crate::OWN_UID`] for the caller's own; only root may ask
    /// for another's), the oldest first.
    fn list(&self, uid: u32) -> Result<Vec<Prompt>, Error>;

    /// Answers a prompt.
    ///
    /// `action` is `allow` or `deny`; `scope` and `lifespan` are among the prompt's own. The caller
    /// is the user's registered agent, or root, or has polkit's leave
    /// ([`crate::ACTION_ANSWER`]); what allows something lastingly may need more ([`crate::ACTION_ALLOW`]). polkit
    /// may ask the user. Returns the id of the rule made, 0 if none was.
    #[zbus(allow_interactive_auth)]
    fn answer(
        &self,
        id: u64,
        revision: u32,
        action: &str,
        scope: &str,
        lifespan: &str,
    ) -> Result<u64, Error>;

    /// Subscribes the caller to `changed`, sent to it alone until its connection ends. Limited
    /// like `list`.
    fn watch(&self, uid: u32) -> Result<(), Error>;

    /// The open prompts of a watched user are others now; call `list`.
    #[zbus(signal)]
    fn changed(&self) -> zbus::Result<()>;
}
