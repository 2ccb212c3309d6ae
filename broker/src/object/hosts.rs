//! Names of hosts from /etc/hosts. It is root's, so the other side cannot write to it.

use std::{collections::HashMap, net::IpAddr, path::PathBuf};

use super::{answer::host_name, file::TextFile};

/// Where the names are.
const PATH: &str = "/etc/hosts";
/// Bytes read at most; block lists have some megabytes.
const SIZE_MAX: u64 = 32 * 1024 * 1024;

/// Names of one address that are kept.
pub(super) const NAMES: usize = 32;

/// The names of /etc/hosts, read again whenever the file has changed.
#[derive(Debug)]
pub(super) struct Hosts {
    file: TextFile,
    names: HashMap<IpAddr, Vec<Box<str>>>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self::at(PathBuf::from(PATH))
    }
}

impl Hosts {
    fn at(path: PathBuf) -> Self {
        Self {
            file: TextFile::new(path, SIZE_MAX),
            names: HashMap::new(),
        }
    }

    /// The names that the file gives this address, in its order.
    pub(super) fn names(&mut self, address: IpAddr) -> &[Box<str>] {
        self.refresh();
        self.names.get(&address).map_or(&[], Vec::as_slice)
    }

    fn refresh(&mut self) {
        if let Some(text) = self.file.changed() {
            self.names = parse(&text);
        }
    }
}

/// The names of each address, lower case; those of this computer and what is no address left out.
fn parse(text: &str) -> HashMap<IpAddr, Vec<Box<str>>> {
    let mut all: HashMap<IpAddr, Vec<Box<str>>> = HashMap::new();
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
        let names = all.entry(address.to_canonical()).or_default();
        for name in words.filter_map(host_name) {
            if names.len() < NAMES && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    all.retain(|_, names| !names.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(names: &HashMap<IpAddr, Vec<Box<str>>>, address: &str) -> String {
        names[&address.parse().unwrap()].join(" ")
    }

    #[test]
    fn names_come_in_order_and_comments_do_not() {
        let names = parse(
            "192.0.2.1 A.example. b.example # c\n192.0.2.1 d a.example\n#192.0.2.2 e\nx y\n\
             192.0.2.3 192.0.2.4\n",
        );
        assert_eq!(of(&names, "192.0.2.1"), "a.example b.example d");
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
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(hosts.names(address).is_empty());
        fs::write(&path, "192.0.2.1 a.example").unwrap();
        assert_eq!(hosts.names(address), ["a.example".into()]);
        fs::remove_file(&path).unwrap();
        assert!(hosts.names(address).is_empty());
    }
}
