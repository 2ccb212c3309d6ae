//! The bus contract of Portreeve: names, types, proxies and errors, for the broker and for every
//! client. Public and documented: other agents can be written on it.
//!
//! Additive changes go into the `a{sv}` types as new keys (unknown keys are ignored); anything else
//! needs a new interface number.

mod activity;
mod agent;
mod arming;
mod binding;
mod broker;
mod call;
mod change;
mod claim;
mod error;
mod executable;
mod letters;
mod lists;
mod modes;
mod network;
mod owner;
mod prompt;
mod prompts;
mod rule;
mod rules;
mod settings;
mod status;

pub use activity::{
    ActivitiesProxy, Activity, ActivityFilter, Destination, Direction, Matched, RowFacts,
    SearchError, SearchWord, SeenProgram, Sieve, Timeline, Verdict, WordsLeft, search,
};
pub use agent::{AgentProxy, withdrawn};
pub use arming::Arming;
pub use binding::{bind_to, thread_name};
pub use broker::BrokerProxy;
pub use call::{CallSpec, Explanation};
pub use change::{Change, CheckedChanges, RuleChanges};
pub use claim::deceives;
pub use error::Error;
pub use executable::{program_key, starter_key};
pub use letters::Letters;
pub use lists::{ListInfo, ListsProxy, NewList, list_text, piped, read_sealed, sealed};
pub use modes::{ModeSpec, ModeState, ModesProxy};
pub use network::ActiveNetwork;
pub use owner::{Owner, OwnerWatch};
pub use prompt::Prompt;
pub use prompts::PromptsProxy;
pub use rule::{ANY, Checked, Rule, RuleSpec};
pub use rules::RulesProxy;
pub use settings::{HistorySettings, ServiceSettings, Settings, UnruledSettings};
pub use status::Status;

/// Well-known name of the broker on the system bus.
pub const BUS_NAME: &str = "io.github.portreeve.Broker1";
/// Object path of the broker; it serves all its interfaces there.
pub const BROKER_PATH: &str = "/io/github/portreeve/Broker1";
/// Object path at which an agent serves `io.github.portreeve.Agent1` to the broker.
pub const AGENT_PATH: &str = "/io/github/portreeve/Agent1";
/// Id of the application (the rules window) on the session bus.
pub const APPLICATION_ID: &str = "io.github.portreeve.Portreeve";
/// Id of the agent on the session bus.
pub const AGENT_ID: &str = "io.github.portreeve.Portreeve.Agent";
/// Where the agent's executable is installed; beside [`CONTROL_EXECUTABLE`], the broker accepts agents
/// of this identity only.
pub const AGENT_EXECUTABLE: &str = "/usr/libexec/portreeve-agent";
/// Where portreevectl's executable is installed, which is the agent of who has a terminal only; the
/// broker accepts it as such, and as nothing else.
pub const CONTROL_EXECUTABLE: &str = "/usr/bin/portreevectl";
/// Where the application's executable is installed.
pub const APPLICATION_EXECUTABLE: &str = "/usr/bin/portreeve";

/// Address of the system bus. Portreeve's own programs take no other from their environment.
pub const SYSTEM_BUS: &str = "unix:path=/run/dbus/system_bus_socket";

/// As a `uid` argument: the caller's own user.
pub const OWN_UID: u32 = u32::MAX;

/// polkit action: answer prompts from a program that is not the registered agent.
pub const ACTION_ANSWER: &str = "io.github.portreeve.answer-prompt";
/// polkit action: answer for root or a system user, as an administrator; of Portreeve's own agent too.
pub const ACTION_ANSWER_FOR_SYSTEM: &str = "io.github.portreeve.answer-for-system";
/// polkit action: be asked about what root and system users do. Whoever has it, without a password, while sitting
/// before the computer is an administrator to the broker.
pub const ACTION_BE_ASKED: &str = "io.github.portreeve.be-asked-about-system";
/// polkit action: add, change or remove one's own rules from a program that is not Portreeve's own.
pub const ACTION_EDIT_RULES: &str = "io.github.portreeve.edit-own-rules";
/// polkit action: allow something for longer than a process lives, where the administrator has protected that.
pub const ACTION_ALLOW: &str = "io.github.portreeve.allow-lastingly";
/// polkit action: clear one's own history from a program that is not Portreeve's own.
pub const ACTION_CLEAR_HISTORY: &str = "io.github.portreeve.clear-own-history";
/// polkit action: what lets nothing more happen than before: to deny, to ask again, a lockdown.
pub const ACTION_STRENGTHEN: &str = "io.github.portreeve.strengthen";
/// polkit action: to let go on for a short time what no rule is about.
pub const ACTION_SNOOZE: &str = "io.github.portreeve.snooze";
/// polkit action: to end a lockdown.
pub const ACTION_END_LOCKDOWN: &str = "io.github.portreeve.end-lockdown";
/// polkit action: to let go on what no rule is about.
pub const ACTION_WEAKEN: &str = "io.github.portreeve.weaken";
