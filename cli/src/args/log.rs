//! What can be said of the history.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueHint};

use crate::clock::moment;

/// Arguments of `log`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Log {
    /// Go on, and print what happens (with --json: one array on each line)
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only of this program: the path of its executable, flatpak:ID, snap:NAME, sha256:DIGEST, or its key as
    /// --json shows it
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) program: Option<PathBuf>,
    /// Only what was denied
    #[arg(long)]
    pub(crate) denied: bool,
    /// Only what has happened since then: so long ago, such as 90s or 2h, or at a time such as
    /// 2026-11-28, "2026-11-28 14:30" or 2026-11-28T14:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<i64>,
    /// Only what has happened before then
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "follow")]
    pub(crate) until: Option<i64>,
    /// At most so many of the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    /// Forget everything that has been recorded of the user's programs
    #[arg(long, conflicts_with_all = ["follow", "program", "denied", "since", "until", "limit", "search"])]
    pub(crate) clear: bool,
    /// Only what is found so: words that occur in the program, the host's name or the address, and app:TEXT,
    /// host:TEXT, port:N, proto:P, is:allowed, is:denied, is:unanswered, dir:in, dir:out, op:OPERATION,
    /// place:internet, place:local-network, place:this-computer, rule:ID
    #[arg(value_name = "SEARCH")]
    pub(crate) search: Vec<String>,
}
