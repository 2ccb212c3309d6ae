//! `io.github.portreeve.Agent1`: served by an agent, called by the broker. Prompts go to the agent
//! alone, never to the bus at large.

use zbus::proxy;

use crate::Prompt;

/// Why a prompt is withdrawn.
pub mod withdrawn {
    /// It was answered, or a rule now covers it.
    pub const ANSWERED: &str = "answered";
    /// The program that asked has ended.
    pub const ENDED: &str = "ended";
}

/// Served by the agent at [`crate::AGENT_PATH`]. The broker does not wait for its replies; calls
/// come in order, and `show` may name a prompt that is known already (then it is an update).
#[proxy(
    interface = "io.github.portreeve.Agent1",
    default_path = "/io/github/portreeve/Agent1"
)]
pub trait Agent {
    /// A new prompt.
    #[zbus(no_reply)]
    fn show(&self, prompt: &Prompt) -> zbus::Result<()>;

    /// A prompt has changed: other counts, another deadline, perhaps a new revision.
    #[zbus(no_reply)]
    fn update(&self, prompt: &Prompt) -> zbus::Result<()>;

    /// A prompt is no longer open; `reason` is one of [`withdrawn`].
    #[zbus(no_reply)]
    fn withdraw(&self, id: u64, reason: &str) -> zbus::Result<()>;

    /// The broker has given up on this agent, which took no messages: it is shown nothing any more
    /// until it registers again.
    #[zbus(no_reply)]
    fn dropped(&self) -> zbus::Result<()>;
}
