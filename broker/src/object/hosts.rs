//! Names of hosts from /etc/hosts, the one source there is yet.
//!
//! It is root's, so the other side cannot write to it; reverse lookups are never used, because
//! whoever owns an address chooses what they say.

use std::{
    collections::{HashMap, HashSet},
    fs,
    net::IpAddr,
    path::PathBuf,
    time::SystemTime,
};

/// Where the names are.
const PATH: &str = "/etc/hosts";
/// Bytes read at most; block lists have some megabytes.
const SIZE_MAX: u64 = 32 * 1024 * 1024;

/// The names of /etc/hosts, read again whenever the file has changed.
#[derive(Debug)]
pub struct Hosts {
    path: PathBuf,
    modified: Option<SystemTime>,
    names: HashMap<IpAddr, Box<str>>,
    all: HashSet<Box<str>>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self::at(PathBuf::from(PATH))
    }
}

impl Hosts {
    fn at(path: PathBuf) -> Self {
        Self {
            path,
            modified: None,
            names: HashMap::new(),
            all: HashSet::new(),
        }
    }

    /// The first name that the file gives this address.
    pub fn name(&mut self, address: IpAddr) -> Option<Box<str>> {
        self.refresh();
        self.names.get(&address).cloned()
    }

    /// Whether a rule for this name can ever match.
    pub fn knows(&mut self, name: &str) -> bool {
        self.refresh();
        self.all.contains(name)
    }

    fn refresh(&mut self) {
        let metadata = fs::metadata(&self.path);
        let modified = metadata.as_ref().ok().and_then(|data| data.modified().ok());
        if modified.is_some() && modified == self.modified {
            return;
        }
        let small = metadata.is_ok_and(|data| data.len() <= SIZE_MAX);
        let text = small
            .then(|| fs::read(&self.path).ok())
            .flatten()
            .unwrap_or_default();
        self.names = parse(&String::from_utf8_lossy(&text));
        self.all = self.names.values().cloned().collect();
        self.modified = modified;
    }
}

/// The first name of each address, lower case; `localhost` and what is no address left out.
fn parse(text: &str) -> HashMap<IpAddr, Box<str>> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut words = line
            .split('#')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else {
            continue;
        };
        // Block lists map thousands of names to these: no name at all is better.
        if address.is_loopback() || address.is_unspecified() {
            continue;
        }
        if let Some(name) = words.next() {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            names.entry(address).or_insert_with(|| name.into());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_counts_and_comments_do_not() {
        let names = parse("192.0.2.1 A.example. b.example # c\n192.0.2.1 d\n#192.0.2.2 e\nx y\n");
        assert_eq!(
            names.get(&"192.0.2.1".parse().unwrap()).map(AsRef::as_ref),
            Some("a.example")
        );
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn this_computer_has_no_name() {
        assert!(parse("127.0.0.1 localhost\n0.0.0.0 ads.example\n::1 ip6-localhost").is_empty());
    }

    #[test]
    fn a_change_of_the_file_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        let mut hosts = Hosts::at(path.clone());
        assert!(!hosts.knows("a.example"));
        fs::write(&path, "192.0.2.1 a.example").unwrap();
        assert!(hosts.knows("a.example"));
        fs::remove_file(&path).unwrap();
        assert!(!hosts.knows("a.example"));
    }
}
