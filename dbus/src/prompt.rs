//! One prompt as the broker gives it to agents and lists it.

use zbus::{DeserializeDict, SerializeDict, Type};

/// One question to a user. It may stand for many calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Prompt {
    /// Names the prompt; random, never used again.
    pub id: u64,
    /// Rises whenever what the user has to judge changes. An answer names the one that was shown.
    pub revision: u32,
    /// The user it is for.
    pub uid: u32,
    /// What becomes of calls that nobody answers, `allow` or `deny`, if root or a system user acts: an administrator
    /// is asked, and the prompt's user is not the one who sees it.
    pub unanswered: Option<String>,
    /// The service of systemd's that such a caller is in, as `NAME.service`: not a claim, unlike `unit`. Absent where
    /// others than root may have put the process there.
    pub service: Option<String>,
    /// The operation: `connect`, …
    pub operation: String,
    /// Key of the subject. Prompts with the same key belong in one window.
    pub subject: String,
    /// The program's name, to be shown.
    pub name: String,
    /// Path of the program's executable; only a claim unless `verified`.
    pub path: String,
    /// Whether the path leads to the file that runs.
    pub verified: bool,
    /// Whether rules name the program by the SHA-256 of its file, because no path of the host leads to that: it may
    /// be in a container, for example. Its key is `sha256:` and that then.
    pub by_contents: Option<bool>,
    /// If the program is an application: its key, `flatpak:ID` or `snap:NAME`, by which rules name it. The
    /// path is that of the executable in its present version.
    pub application: Option<String>,
    /// If the program is a script: path of the executable that runs it.
    pub interpreter: Option<String>,
    /// Whether the program is an interpreter, and runs what it was given when it was started.
    pub runs_anything: bool,
    /// SHA-256 of the program's file in hexadecimal digits, if others than root can change that.
    pub sha256: Option<String>,
    /// How the calls may be other code's than the program that rules are about: `foreign-code`, `controlled`; or
    /// `changed`, if the program's file is not one of those which its user has let it run from.
    pub alterations: Vec<String>,
    /// Paths of some of the files that `foreign-code` comes from, as the first caller has them: claims. Absent if
    /// none is known.
    pub foreign_code: Option<Vec<String>>,
    /// Process id of the (first) caller.
    pub pid: u32,
    /// Process id of the first of those that wait for the answer; absent if none does. While it waits the number is
    /// no other process's.
    pub waits: Option<u32>,
    /// The command line of the first caller, as the program wrote it: a claim.
    pub command: String,
    /// Paths of the executables by which the first caller was started, the nearest first: claims, as are all
    /// arrangements of a user's processes.
    pub started_by: Vec<String>,
    /// The unit of systemd's that the first caller is in.
    pub unit: Option<String>,
    /// Name of the host, if known from a source that the other side cannot write to.
    pub host: Option<String>,
    /// Where that name comes from: `lookup` (the program has looked it up), `hosts` (`/etc/hosts`),
    /// `resolver` (some program has had the system's resolver look it up).
    pub host_source: Option<String>,
    /// The domain that the host's owner has registered, which `domain` among the scopes is about.
    pub domain: Option<String>,
    /// Address of the other side.
    pub address: String,
    /// Port, 0 where the protocol has none.
    pub port: u16,
    /// Whether it is one of the computer's name servers, which is to be asked for names.
    pub name_server: Option<bool>,
    /// Protocol: `tcp`, `udp`, …
    pub protocol: String,
    /// How many calls are held on this question now. 0: its time is over or its caller never
    /// waited; an answer counts from the next attempt.
    pub held: u32,
    /// How many calls there have been.
    pub attempts: u32,
    /// When the first held call is told no, microseconds on `CLOCK_BOOTTIME`; 0 if none is held.
    pub deadline: u64,
    /// Scopes that an answer may have, the suggested one first: `domain`, `host`, `host-port`, `local-network`,
    /// `this-computer`, `name-servers`, `any`.
    pub scopes: Vec<String>,
    /// Lifespans that an answer may have: `once`, `process`, a time in seconds as in `3600s`, `logout`,
    /// `always`. If there is a time among them, any other from `1s` to `31622400s` will do too.
    pub lifespans: Vec<String>,
    /// The suggested lifespan.
    pub suggested_lifespan: String,
}
