//! What can be said on the command line.

mod files;
mod lists;
mod log;
mod parts;

use std::path::PathBuf;

use clap::{
    Args as ClapArgs, Parser, Subcommand, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};
use portreeve_policy::{Action, BuiltIn, For, Mode, Operation, Outcome, Protocol, Scope, Span};

pub(crate) use self::{
    files::{ExportRules, ImportRules},
    lists::Lists,
    log::Log,
    parts::Parts,
};

const EXIT_STATUS: &str = "\
Exit status:
  0   done
  1   failed
  2   the command line, or a value in it, cannot be used
  3   access denied: polkit's leave, or root, is needed
  4   no such prompt, rule or change
  5   stale revision: the prompt has changed since it was looked at
  6   agent: the user has another agent
  69  the broker, or the system bus, cannot be reached
  78  doctor found a problem";

/// Looks after Portreeve, the personal firewall: its state, its open questions, its rules, its history.
#[derive(Debug, Parser)]
#[command(name = "portreevectl", version, after_help = EXIT_STATUS)]
pub(crate) struct Args {
    /// Print JSON, for programs; errors too, on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Act for this user, by name or number; only root may name another
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the state of the firewall
    Status,
    /// Show what the administrator has set, as its file would say it
    Settings,
    /// Check everything the firewall needs, and say how to repair what is missing
    Doctor,
    /// List the open prompts
    Pending(Pending),
    /// Answer a prompt
    Decide(Decide),
    /// List and change rules
    #[command(subcommand)]
    Rules(Rules),
    /// List and change lists of names and addresses, which rules speak of
    #[command(subcommand)]
    Lists(Lists),
    /// Show what becomes of calls that no rule is about, or set it
    Mode(ModeArgs),
    /// Allow or deny for a short time what no rule is about, without questions
    Snooze(SnoozeArgs),
    /// Say what would become of a call, and by which rules; nothing is asked, and nothing is made
    Test(Test),
    /// Show what programs did, and what they were told
    Log(Log),
    /// List the programs that were seen
    Programs,
    /// Ask on this terminal what programs may do, for who has no desktop
    Agent(Agent),
    /// Show the busiest programs, and how many of their calls were allowed, denied and held
    Top(Top),
    /// Print what a shell needs to complete command lines; for packages
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Arguments of `agent`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Agent {
    /// If another agent asks already, wait until it ends
    #[arg(long)]
    pub(crate) wait: bool,
}

/// Arguments of `top`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Top {
    /// How long each count goes on, such as 2s or 1m
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "2s")]
    pub(crate) interval: Span,
}

/// Arguments of `pending`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Pending {
    /// Go on, and print the list whenever it changes (with --json: one array on each line)
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Arguments of `decide`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Decide {
    /// Id of the prompt, as `pending` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    /// What to tell the program
    #[arg(value_parser = outcome())]
    pub(crate) action: Outcome,
    /// How far the answer reaches [default: host, or the one suggested where host is not offered]
    #[arg(long, value_parser = scope())]
    pub(crate) scope: Option<Scope>,
    /// How long the answer counts: once, process (until it quits), a time such as 90s, 30m or 1h, logout
    /// or always
    #[arg(long = "for", value_name = "LIFESPAN", value_parser = lifespan, default_value = "once")]
    pub(crate) lifespan: For,
    /// Revision of the prompt that was looked at [default: the present one]
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<u32>,
}

/// Subcommands of `rules`.
#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// List the rules
    List,
    /// Show all of one rule
    Show(ShowRule),
    /// Add a rule, which lives until it is removed or ends
    Add(AddRule),
    /// Change what a rule says; it gets a new id
    Edit(EditRule),
    /// Remove rules
    Remove(SomeRules),
    /// Put rules in force
    Enable(SomeRules),
    /// Put rules out of force, but keep them
    Disable(SomeRules),
    /// List the rules that come with Portreeve, or have one allow, ask about or deny what it is about
    BuiltIn(BuiltInRule),
    /// Find rules that say nothing, because another one says the same or decides each time
    Check,
    /// List the last changes of rules
    Changes,
    /// Undo a change of rules
    Undo(UndoChange),
    /// Write the rules to a file
    Export(ExportRules),
    /// Take rules from a file, of Portreeve's or of another firewall: see what becomes of each, then say yes
    Import(ImportRules),
}

/// Arguments of `rules add`.
#[derive(Debug, ClapArgs)]
pub(crate) struct AddRule {
    /// Absolute path of the program's executable, where symbolic links are followed; an application:
    /// flatpak:ID, snap:NAME; or what is in a file: sha256:DIGEST. With --list and deny it may be any
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) app: PathBuf,
    /// What the program does; may be given more than once
    #[arg(long = "op", value_parser = operation(), required = true)]
    pub(crate) operations: Vec<Operation>,
    /// Its other parts.
    #[command(flatten)]
    pub(crate) parts: Parts,
    /// What becomes of its calls: allow, ask (each time, and the call waits), deny-and-ask (the call fails, and
    /// the answer is for the next attempt) or deny
    #[arg(long, value_parser = action())]
    pub(crate) action: Action,
    /// Add nothing: say how many calls of the last 7 days the rule would have matched
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `rules edit`. What is not named stays as it is.
#[derive(Debug, Default, PartialEq, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct EditRule {
    /// Id of the rule, as `rules list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    /// Absolute path of the program's executable, where symbolic links are followed; an application:
    /// flatpak:ID, snap:NAME; or what is in a file: sha256:DIGEST
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) app: Option<PathBuf>,
    /// What the program does, instead of what the rule says; may be given more than once
    #[arg(long = "op", value_parser = operation())]
    pub(crate) operations: Vec<Operation>,
    /// Whoever has started it, and only the program itself
    #[arg(long, conflicts_with_all = ["started_by", "and_what_it_starts"])]
    pub(crate) started_by_any: bool,
    /// Anywhere
    #[arg(long, group = "where_to")]
    pub(crate) anywhere: bool,
    /// Its other parts.
    #[command(flatten)]
    pub(crate) parts: Parts,
    /// Any port
    #[arg(long, conflicts_with = "port")]
    pub(crate) any_port: bool,
    /// Any protocol
    #[arg(long, conflicts_with = "protocol")]
    pub(crate) any_protocol: bool,
    /// What becomes of its calls: allow, ask (each time, and the call waits), deny-and-ask (the call fails, and
    /// the answer is for the next attempt) or deny
    #[arg(long, value_parser = action())]
    pub(crate) action: Option<Action>,
    /// In force in any network
    #[arg(long, conflicts_with = "network")]
    pub(crate) any_network: bool,
    /// The rule lives until it is removed
    #[arg(long, conflicts_with_all = ["time", "until_logout"])]
    pub(crate) always: bool,
}

impl EditRule {
    /// Whether it names nothing that is to be different.
    pub(crate) fn is_of_nothing(&self) -> bool {
        *self
            == Self {
                id: self.id,
                ..Self::default()
            }
    }
}

/// Arguments of `mode`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ModeArgs {
    /// The mode: ask, learn (allow, and make rules to be looked through later), allow, deny, lockdown
    /// (deny everything, whatever rules allow), or off (stop nothing, whatever rules deny)
    #[arg(value_parser = mode())]
    pub(crate) mode: Option<Mode>,
    /// The mode ends after this time, such as 1h or 7days, up to 30days [default: of learn 7days; others
    /// stay]
    #[arg(long = "for", value_name = "TIME", value_parser = time, requires = "mode")]
    pub(crate) time: Option<Span>,
}

/// Arguments of `snooze`.
#[derive(Debug, ClapArgs)]
pub(crate) struct SnoozeArgs {
    /// What becomes of calls that no rule is about; off ends it before its time
    #[arg(value_parser = snooze())]
    pub(crate) what: Snooze,
    /// For this time, such as 15m or 1h, up to a day [default: 1h]
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) time: Option<Span>,
}

/// What to do with a snooze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Snooze {
    /// Begin one.
    Mode(Mode),
    /// End it.
    Off,
}

/// Arguments of `test`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Test {
    /// Absolute path of the program's executable, where symbolic links are followed; an application:
    /// flatpak:ID, snap:NAME; or what is in a file: sha256:DIGEST
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) app: PathBuf,
    /// Path of a program that has started it, in the end
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) started_by: Option<PathBuf>,
    /// What the program does
    #[arg(long = "op", value_parser = operation(), default_value = "connect")]
    pub(crate) operation: Operation,
    /// Name of the host, as if the program had looked it up
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Address of the other side, or of a program that listens its own [default: 0.0.0.0]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) addr: Option<String>,
    /// The port
    #[arg(long, default_value_t = 443)]
    pub(crate) port: u16,
    /// The protocol: tcp, udp, icmp, icmpv6, sctp, udplite or an IP protocol number
    #[arg(long, default_value = "tcp")]
    pub(crate) protocol: Protocol,
}

/// Rules, named.
#[derive(Debug, ClapArgs)]
pub(crate) struct SomeRules {
    /// Ids of the rules, as `rules list` shows them; all are changed, or none
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<u64>,
}

/// Arguments of `rules built-in`.
#[derive(Debug, ClapArgs)]
pub(crate) struct BuiltInRule {
    /// The rule: this-computer (what connects to this computer itself) or name-lookups (by the name servers of
    /// this computer) [default: all are listed]
    #[arg(value_parser = built_in())]
    pub(crate) rule: Option<BuiltIn>,
    /// What it is to say from now on, whatever the program, unless a rule for that says otherwise
    #[arg(value_parser = built_in_action())]
    pub(crate) action: Option<Action>,
}

/// Arguments of `rules show`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ShowRule {
    /// Id of the rule, as `rules list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
}

/// Arguments of `rules undo`.
#[derive(Debug, ClapArgs)]
pub(crate) struct UndoChange {
    /// Number of the change, as `rules changes` shows it [default: the last one that is neither undone nor
    /// has undone another; none, if nothing is left of that]
    #[arg(value_name = "CHANGE")]
    pub(crate) change: Option<u64>,
}

/// A parser of one of `words`, so that help and errors name them all.
fn one_of<T>(words: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err = portreeve_policy::ParseError> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

/// The names of the errnos that a rule may name.
fn errno() -> impl TypedValueParser<Value = u16> {
    PossibleValuesParser::new(Action::ERRNOS.map(|(name, _)| name)).map(|word| {
        let found = Action::ERRNOS.iter().find(|(name, _)| *name == word);
        found.map_or(1, |(_, number)| *number)
    })
}

fn action() -> impl TypedValueParser<Value = Action> {
    one_of(Action::ALL.map(Action::as_str))
}

fn built_in() -> impl TypedValueParser<Value = BuiltIn> {
    one_of(BuiltIn::ALL.map(BuiltIn::as_str))
}

fn built_in_action() -> impl TypedValueParser<Value = Action> {
    one_of(BuiltIn::ACTIONS.map(Action::as_str))
}

fn outcome() -> impl TypedValueParser<Value = Outcome> {
    one_of([Outcome::Allow, Outcome::DENY].map(Outcome::as_str))
}

fn mode() -> impl TypedValueParser<Value = Mode> {
    one_of(Mode::ALL.map(Mode::as_str))
}

fn snooze() -> impl TypedValueParser<Value = Snooze> {
    // Here “off” ends what there is, and the mode of that name is none for a snooze.
    PossibleValuesParser::new(["allow", "deny", "off"]).map(|word| {
        let mode = word.parse().ok().filter(|mode: &Mode| mode.may_snooze());
        mode.map_or(Snooze::Off, Snooze::Mode)
    })
}

fn scope() -> impl TypedValueParser<Value = Scope> {
    one_of(Scope::ALL.map(Scope::as_str))
}

/// Why a time cannot be used.
#[derive(Debug, thiserror::Error)]
enum BadTime {
    /// It is none.
    #[error("cannot read time “{}”: expected one such as 90s, 30m or 1h", .0.escape_debug())]
    Unreadable(String),
    /// It is none that a rule can live for.
    #[error("cannot use time “{}”: expected whole seconds, from 1s to 366days", .0.escape_debug())]
    Unusable(String),
}

/// Reads a time that a rule can live for.
fn time(word: &str) -> Result<Span, BadTime> {
    let time = humantime::parse_duration(word)
        .map_err(|_unreadable| BadTime::Unreadable(word.to_owned()))?;
    Some(time)
        .filter(|time| time.subsec_nanos() == 0)
        .and_then(|time| Span::of_seconds(time.as_secs()))
        .ok_or_else(|| BadTime::Unusable(word.to_owned()))
}

/// Why a lifespan cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}, or once, process, logout or always")]
struct BadLifespan(#[from] BadTime);

fn lifespan(word: &str) -> Result<For, BadLifespan> {
    let others = [For::Once, For::Process, For::Logout, For::Always];
    match others.into_iter().find(|other| other.to_string() == word) {
        Some(lifespan) => Ok(lifespan),
        None => Ok(For::Time(time(word)?)),
    }
}

fn operation() -> impl TypedValueParser<Value = Operation> {
    one_of(Operation::ALL.map(Operation::as_str))
}

/// What clap says of a wrong command line, without its layout.
pub(crate) fn refusal_text(refusal: &clap::Error) -> String {
    let text = refusal.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
