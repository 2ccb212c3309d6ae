//! Lists as texts: one entry on each line, and hosts files.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Entry, List};
use crate::{Destination, names::host_name};

/// Names of this computer, which hosts files begin with.
const OWN_NAMES: [&str; 12] = [
    "localhost",
    "localhost.localdomain",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
    "0.0.0.0",
];

/// Bytes that a line may have but for a comment: each of its words becomes an entry that takes many times as much.
const LONGEST_LINE: usize = 4096;

/// What is wrong with a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub text: String,
}

impl List {
    /// Reads a list; all of it has to be right.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        if text.len() > Self::LONGEST {
            let text = format!("expected at most {} bytes", Self::LONGEST);
            return Err(Mistake { line: 1, text });
        }
        let mut mistake = None;
        let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
        let entries = lines.map_while(|(line, text)| match entries_of(text) {
            Ok(entries) => Some(entries),
            Err(text) => {
                mistake = Some(Mistake { line, text });
                None
            }
        });
        let list = Self::of(entries.flatten());
        match mistake {
            Some(mistake) => Err(mistake),
            None => list.map_err(|error| Mistake {
                line: text.lines().count(),
                text: error.to_string(),
            }),
        }
    }
}

/// The entries of one line, or what is wrong with it.
///
/// A line has an entry (`ads.example`, which stands for itself and all below it, as does `*.ads.example`;
/// `=ads.example` for this host alone; `192.0.2.7`; `192.0.2.0/24`), or is one of a hosts file (`0.0.0.0` or another
/// address that leads nowhere, and names, which stand for themselves and all below), or has nothing but a comment.
pub fn entries_of(line: &str) -> Result<Vec<Entry>, String> {
    let content = line.split('#').next().unwrap_or_default().trim();
    if content.len() > LONGEST_LINE {
        return Err(format!("expected at most {LONGEST_LINE} bytes in a line"));
    }
    let words: Vec<&str> = content.split_whitespace().collect();
    let found = |word: &str, expected: &str| {
        let shown: String = word.chars().take(80).collect();
        format!("expected {expected}, found “{}”", shown.escape_debug())
    };
    match &*words {
        [] => Ok(Vec::new()),
        [comment, ..] if comment.starts_with('!') => Ok(Vec::new()),
        [own] if OWN_NAMES.contains(own) => Ok(Vec::new()),
        [word] => entry(word)
            .map(|entry| vec![entry])
            .ok_or_else(|| found(word, "a name such as ads.example, an address or a network")),
        [address, names @ ..] => {
            let nowhere = |it: IpAddr| it.is_unspecified() || it.is_loopback();
            if !address.parse().is_ok_and(nowhere) {
                return Err(found(
                    content,
                    "one entry, or 0.0.0.0 or 127.0.0.1, and names",
                ));
            }
            let names = names.iter().filter(|name| !OWN_NAMES.contains(name));
            let entries = names
                .map(|name| domain(name).ok_or_else(|| found(name, "a name such as ads.example")));
            entries.collect()
        }
    }
}

fn domain(word: &str) -> Option<Entry> {
    let word = word.strip_prefix('*').unwrap_or(word);
    let word = word.strip_prefix('.').unwrap_or(word);
    host_name(word).map(Entry::Domain)
}

fn entry(word: &str) -> Option<Entry> {
    if let Some(name) = word.strip_prefix('=') {
        return host_name(name).map(Entry::Host);
    }
    let network = word
        .parse::<IpNet>()
        .or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
    match network.map(Destination::network) {
        Ok(Destination::Network(network)) => Some(Entry::Network(network)),
        _ => domain(word),
    }
}
