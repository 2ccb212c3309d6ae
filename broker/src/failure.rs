//! Every way a decision can fail, what is done then, and how often it happened.
//!
//! | reason | action |
//! |---|---|
//! | `gate-unreachable` | the probe uses the fallback verdict (deny) |
//! | `hold-table-full` | that call is denied once; where the kernel has no place for it, the probe uses the fallback verdict (deny) |
//! | `queue-full` | that call is denied once |
//! | `user-share` | that call is denied once: the user's programs hold as many as one user may |
//! | `dropped` | that call is denied once (the broker is stopping, or a task of it has ended) |
//! | `subject-unknown` | that call is denied once: who called could not be found out |
//! | `prompt-limit` | that call is denied once: the user has too many open questions |
//! | `deadline` | that call is denied once; the question stays open |
//! | `no-agent` | as `deadline`, but after ten seconds: nobody could be asked |
//! | `agent-stuck` | the agent is dropped and told so; it may register again |
//! | `listener-limit` | nobody gets to the port that this user's programs opened longest ago |
//! | `peers-unlimited` | the call is denied once; of one that listens already, nobody gets to the port: the kernel cannot be told who may connect |
//! | `answers-lost` | names that a program has looked up are not known: rules about them do not count |
//! | `mounters-lost` | what runs from an AppImage that was mounted then is asked about for its process, whatever rules there are for it |
//! | `store-failed` | the answer holds for the calls that wait, the rule is not kept; one for a process is, but for the next broker |
//! | `history-lost` | an entry of the history is not kept; the call is not concerned |
//!
//! Of root and system users, where these are guarded, what is denied here becomes what `services.unanswered` says
//! (`config::Unseen`, `Decider::unanswered`), but for `dropped`, `peers-unlimited` and the fallback verdict; without an
//! administrator at once, which is not counted.

use std::{
    error::Error,
    sync::atomic::{AtomicU64, Ordering},
};

/// An error and its causes in one line, for the journal and for who asks.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Why a decision failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table above says what each means")]
pub enum Reason {
    GateUnreachable,
    HoldTableFull,
    QueueFull,
    UserShare,
    Dropped,
    SubjectUnknown,
    PromptLimit,
    Deadline,
    NoAgent,
    AgentStuck,
    ListenerLimit,
    PeersUnlimited,
    AnswersLost,
    MountersLost,
    StoreFailed,
    HistoryLost,
}

impl Reason {
    const ALL: [Self; 16] = [
        Self::GateUnreachable,
        Self::HoldTableFull,
        Self::QueueFull,
        Self::UserShare,
        Self::Dropped,
        Self::SubjectUnknown,
        Self::PromptLimit,
        Self::Deadline,
        Self::NoAgent,
        Self::AgentStuck,
        Self::ListenerLimit,
        Self::PeersUnlimited,
        Self::AnswersLost,
        Self::MountersLost,
        Self::StoreFailed,
        Self::HistoryLost,
    ];

    /// The word used in the status and the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GateUnreachable => "gate-unreachable",
            Self::HoldTableFull => "hold-table-full",
            Self::QueueFull => "queue-full",
            Self::UserShare => "user-share",
            Self::Dropped => "dropped",
            Self::SubjectUnknown => "subject-unknown",
            Self::PromptLimit => "prompt-limit",
            Self::Deadline => "deadline",
            Self::NoAgent => "no-agent",
            Self::AgentStuck => "agent-stuck",
            Self::ListenerLimit => "listener-limit",
            Self::PeersUnlimited => "peers-unlimited",
            Self::AnswersLost => "answers-lost",
            Self::MountersLost => "mounters-lost",
            Self::StoreFailed => "store-failed",
            Self::HistoryLost => "history-lost",
        }
    }
}

/// How often each failure has happened since the broker started.
#[derive(Debug, Default)]
pub struct Failures {
    here: Counters,
    /// Those that the kernel counts by itself, as of when it was asked last.
    kernel: Counters,
}

type Counters = [AtomicU64; Reason::ALL.len()];

impl Failures {
    /// Counts one, and says so in the journal.
    pub fn count(&self, reason: Reason) {
        tracing::debug!(reason = reason.as_str(), "decision failed");
        if let Some(counter) = self.here.get(reason as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes over a count that the kernel keeps, which is added to those here.
    pub fn set(&self, reason: Reason, value: u64) {
        if let Some(counter) = self.kernel.get(reason as usize) {
            counter.store(value, Ordering::Relaxed);
        }
    }

    /// The failures that have happened, as `reason=count`.
    pub fn report(&self) -> Vec<String> {
        Reason::ALL
            .iter()
            .zip(self.here.iter().zip(&self.kernel))
            .map(|(reason, (here, kernel))| {
                let count = here.load(Ordering::Relaxed) + kernel.load(Ordering::Relaxed);
                (reason, count)
            })
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{}={count}", reason.as_str()))
            .collect()
    }
}
