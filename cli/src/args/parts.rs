//! What can be said of a rule.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueHint};
use portreeve_policy::{For, Ports, Protocol, Span};

use super::{errno, time};

/// Parts of a rule that need not be named.
#[derive(Debug, Default, PartialEq, ClapArgs)]
pub(crate) struct Parts {
    /// Only where this program has started it, or what that has started: the path of an executable, and of no
    /// interpreter or script. Not for listen and accept
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) started_by: Option<PathBuf>,
    /// Also for everything that the program starts, and what that starts. What lets that do something lets whatever
    /// can have the program start it
    #[arg(long, conflicts_with = "started_by")]
    pub(crate) and_what_it_starts: bool,
    /// Only this host, by name. Of one who listens or accepts, this and the next three are about who may
    /// connect, and a name is not known
    #[arg(long, value_name = "NAME", group = "where_to")]
    pub(crate) host: Option<String>,
    /// Only the host of this name and those below it: example.org and www.example.org
    #[arg(long, value_name = "NAME", group = "where_to")]
    pub(crate) domain: Option<String>,
    /// Only this address, or network in CIDR form (10.1.2.3/8 means 10.0.0.0/8)
    #[arg(long, value_name = "CIDR", group = "where_to")]
    pub(crate) addr: Option<String>,
    /// Only what is in this list of the user's (“portreevectl lists”)
    #[arg(long, value_name = "NAME", group = "where_to")]
    pub(crate) list: Option<String>,
    /// Only there
    #[arg(long, value_parser = ["local-network", "this-computer", "name-servers", "vpn", "multicast", "internet"], group = "where_to")]
    pub(crate) place: Option<String>,
    /// Only these ports, such as 443 or 80,443,8000-8999
    #[arg(long, value_name = "PORTS")]
    pub(crate) port: Option<Ports>,
    /// Only this protocol: tcp, udp, icmp, icmpv6, sctp, udplite or an IP protocol number
    #[arg(long)]
    pub(crate) protocol: Option<Protocol>,
    /// What a denied call fails with [default: EPERM]
    #[arg(long, value_parser = errno())]
    pub(crate) errno: Option<u16>,
    /// The rule is in force only while this network is active: a connection of the network manager's by its name, if it
    /// is active now, or its UUID; or current
    #[arg(long, value_name = "NETWORK")]
    pub(crate) network: Option<String>,
    /// The rule ends after this time, such as 90s, 30m, 1h or "2h 30m"
    #[arg(long = "for", value_name = "TIME", value_parser = time, conflicts_with = "until_logout")]
    pub(crate) time: Option<Span>,
    /// The rule ends when its user logs out
    #[arg(long)]
    pub(crate) until_logout: bool,
    /// What is to be known about the rule
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

impl Parts {
    /// How long the rule is to live, if that is said.
    pub(crate) fn lifespan(&self) -> Option<For> {
        match self.time {
            Some(span) => Some(For::Time(span)),
            None => self.until_logout.then_some(For::Logout),
        }
    }
}
