//! What the bus room asks of the loop, and how it is answered.

use std::{collections::BTreeSet, sync::Arc};

use portreeve_dbus::{
    Change as ChangeInfo, CheckedChanges, Error, Explanation, ListInfo, ModeState,
    Prompt as PromptInfo, Rule as RuleInfo, Status,
};
use portreeve_policy::{
    Action, Answer, BuiltIn, Leave, List, ModeChange, Object, Operation, Origin as RuleOrigin,
    Program, Rule, RuleId, Starter,
};
use tokio::sync::{oneshot, watch};

use super::{AgentHandle, pending::Begun};
use crate::{
    networks::Networks,
    store::{self, ChangeId, Changed, Over, TrustedFile},
};

/// Where an answer goes. Nobody may be waiting for it any more; that is not an error.
pub type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Who is logged in, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logins {
    /// Users who have an open session.
    pub users: BTreeSet<u32>,
    /// Those of them who have a desktop.
    pub desktops: BTreeSet<u32>,
    /// The open sessions, as logind calls them.
    pub sessions: BTreeSet<String>,
    /// Users whom polkit has for administrators, before whom there is an open screen; nobody, if the settings do not
    /// have them asked about the system.
    pub administrators: BTreeSet<u32>,
}

/// A command of the bus room.
pub enum Command {
    /// State as it concerns one user.
    Status {
        /// The user.
        uid: u32,
        /// Where to.
        reply: Reply<Status>,
    },
    /// Somebody vouched for becomes the agent of a user.
    Register {
        /// The user.
        uid: u32,
        /// The agent.
        agent: AgentHandle,
        /// Where to.
        reply: Reply<()>,
    },
    /// A connection has gone; it may have been an agent's.
    Gone {
        /// Its unique name.
        name: String,
    },
    /// An agent has put a prompt on the screen.
    Shown {
        /// The agent's unique name.
        name: String,
        /// The prompt.
        id: u64,
        /// What was shown of it.
        revision: u32,
        /// Where to.
        reply: Reply<()>,
    },
    /// The open prompts of a user.
    Prompts {
        /// The user.
        uid: u32,
        /// Where to.
        reply: Reply<Vec<PromptInfo>>,
    },
    /// An answer to a prompt.
    Answer {
        /// Who answers.
        origin: Origin,
        /// The prompt.
        id: u64,
        /// What was seen of it.
        revision: u32,
        /// What was said.
        answer: Answer,
        /// Where to.
        reply: Reply<Answered>,
    },
    /// The rules of a user.
    Rules {
        /// The user.
        uid: u32,
        /// Where to.
        reply: Reply<Vec<RuleInfo>>,
    },
    /// The lists of a user.
    Lists {
        /// The user.
        uid: u32,
        /// Where to.
        reply: Reply<Vec<ListInfo>>,
    },
    /// What a user's list has; nothing if there is none of that name.
    List {
        /// The user.
        uid: u32,
        /// Its name.
        name: String,
        /// Where to.
        reply: Reply<Option<Arc<List>>>,
    },
    /// What would become of a call.
    Explain {
        /// The user.
        uid: u32,
        /// The call.
        call: Box<(Program, Operation, Object)>,
        /// Who has started the program, as if it were so.
        starter: Option<Starter>,
        /// Where to.
        reply: Reply<Explanation>,
    },
    /// A change of a user's rules, by somebody who may.
    Change {
        /// The user.
        uid: u32,
        /// What to change.
        change: RuleChange,
        /// Whether there is leave for what lets more happen.
        leave: bool,
        /// Where to.
        reply: Reply<Changing>,
    },
    /// Something else for a built-in rule to say to a user.
    SetBuiltIn {
        /// The user.
        uid: u32,
        /// Which, and what.
        wanted: (BuiltIn, Action),
        /// What leave the caller has.
        leave: RuleLeave,
        /// Where to.
        reply: Reply<BuiltInSet>,
    },
    /// The last changes of a user's rules.
    Changes {
        /// The user.
        uid: u32,
        /// Where to.
        reply: Reply<Vec<ChangeInfo>>,
    },
    /// The mode of a user.
    Mode {
        /// The user.
        uid: u32,
        /// Where to.
        reply: Reply<ModeState>,
    },
    /// Another mode for a user.
    SetMode {
        /// The user.
        uid: u32,
        /// What is wanted.
        change: ModeChange,
        /// What leave the caller has, if any.
        leave: Option<Leave>,
        /// Where to.
        reply: Reply<ModeSet>,
    },
    /// Tells when something changes for a user.
    Watch {
        /// The user.
        uid: u32,
        /// Where to: a count of changes of the prompts, of the rules, and of the mode.
        reply: oneshot::Sender<Watch>,
    },
    /// Asks whether the loop makes progress.
    Ping {
        /// Where to.
        reply: oneshot::Sender<()>,
    },
    /// Administrators' rules are these, and this is wrong with their files.
    Administrators(Vec<Rule>, Option<String>),
    /// These networks are active, and no others.
    Networks(Networks),
    /// These have a session, and no others.
    LoggedIn(Logins),
    /// From the loop to itself: the store has done its part.
    Stored(Stored),
    /// From the loop to itself: the store has kept a mode, or not.
    ModeKept(ModeKept),
    /// From the loop to itself: the store has kept what a built-in rule says, or not.
    BuiltInKept(BuiltInKept),
    /// From the loop to itself: the store has kept what was learned of a user, or not.
    Learned {
        /// The user.
        uid: u32,
        /// What is different now, or why nothing is.
        result: Result<Changed, store::Error>,
    },
    /// From the loop to itself: it has been looked up what is at the paths of programs of which it matters to rules what
    /// they have started.
    Starters,
    /// From the loop to itself: the store could not forget rules that are over.
    NotForgotten {
        /// Which.
        over: Over,
        /// Why not.
        error: store::Error,
    },
}

/// Counts of changes; each new value means another one.
pub struct Watch {
    /// Of the user's open prompts.
    pub prompts: watch::Receiver<u64>,
    /// Of the user's rules.
    pub rules: watch::Receiver<u64>,
    /// Of the user's mode.
    pub modes: watch::Receiver<u64>,
}

/// How a wish for another mode was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeSet {
    /// It is in force.
    Done,
    /// Not taken: it needs more leave than there was.
    Needs(Leave),
}

/// What leave somebody has to change a user's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleLeave {
    /// None.
    None,
    /// To have built-in rules let less happen.
    Strengthen,
    /// For all else that is not protected.
    Edit,
    /// For what lets more happen where that is.
    Allow,
}

/// How a wish for something else of a built-in rule was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltInSet {
    /// It is in force.
    Done,
    /// Not taken: it needs more leave than there was.
    Needs(RuleLeave),
}

/// What the store has done with what a built-in rule says.
pub struct BuiltInKept {
    /// The user and the rule.
    pub whose: (u32, BuiltIn),
    /// What it was to keep.
    pub action: Action,
    /// What is different now, or why nothing is.
    pub result: Result<Changed, store::Error>,
    /// Which change it is, and who wanted it; none if it could not be kept before.
    pub wanted: Option<(Begun, Reply<BuiltInSet>)>,
}

/// What the store has done with a user's mode.
pub struct ModeKept {
    /// The user.
    pub uid: u32,
    /// What is different now, or why nothing is.
    pub result: Result<Changed, store::Error>,
    /// Which change it is, and who wanted it; none if a mode has ended, or could not be kept before.
    pub wanted: Option<(Begun, Reply<ModeSet>)>,
}

/// Who answers a prompt.
pub enum Origin {
    /// This connection of a user; it counts only if it is the agent of the prompt's user.
    Connection {
        /// Its user.
        uid: u32,
        /// Its unique name.
        name: String,
    },
    /// Somebody with leave to answer for this user; `None` for every user (root).
    Leave(Option<u32>),
}

/// How an answer was taken.
pub enum Answered {
    /// As said; the id of the rule made, 0 for none.
    Done(u64),
    /// Not taken: the connection needs polkit's leave for this action, with these details.
    NeedsLeave(&'static str, Details),
}

/// What polkit is told of an action, by names.
pub type Details = Vec<(&'static str, String)>;

/// How a change of rules was taken.
#[derive(Debug)]
pub enum Changing {
    /// It is made.
    Done(Made),
    /// Not taken, and given back: it lets more happen, which needs leave.
    NeedsLeave(RuleChange),
}

/// A change of a user's rules, and who makes it.
#[derive(Debug)]
pub enum RuleChange {
    /// Change these.
    Edit(CheckedChanges, ListChanges, RuleOrigin),
    /// Undo an earlier change.
    Undo(ChangeId, RuleOrigin),
}

/// What is to be changed of a user's lists.
#[derive(Debug, Default)]
pub struct ListChanges {
    /// To be kept, in the place of those of their names: name, where it comes from, what it has.
    pub keep: Vec<(Box<str>, Box<str>, Arc<List>)>,
    /// To be removed.
    pub remove: Vec<Box<str>>,
}

/// What a change has made.
#[derive(Debug, Default)]
pub struct Made {
    /// The change; 0 if there is nothing that could be undone.
    pub change: ChangeId,
    /// The rules that were added, or put back.
    pub rules: Vec<RuleId>,
}

/// What the store has done.
pub struct Stored {
    /// The user whose rules it is about.
    pub uid: u32,
    /// What is different now, or why nothing is.
    pub result: Result<Changed, store::Error>,
    /// What it was for.
    pub purpose: Purpose,
}

/// Why the store was to change something.
pub enum Purpose {
    /// To keep the rule of an answer.
    Answer {
        /// The prompt.
        id: u64,
        /// The answer.
        answer: Answer,
        /// The file that it is about.
        trusts: Option<TrustedFile>,
        /// Where the answer came from.
        reply: Reply<Answered>,
    },
    /// Somebody wanted the change.
    Change {
        /// What else is to be changed then: rules that are not stored.
        unstored: Vec<Unstored>,
        /// Programs of which no file is trusted any more.
        distrusts: Vec<Box<str>>,
        /// Whether lists may be in it.
        lists: bool,
        /// Where that came from.
        reply: Reply<Changing>,
    },
}

/// What becomes of a rule that is not stored.
#[derive(Debug, Clone, Copy)]
pub struct Unstored {
    /// The rule.
    pub id: RuleId,
    /// Whether it is to be in force; `None` if it is removed.
    pub enabled: Option<bool>,
}
