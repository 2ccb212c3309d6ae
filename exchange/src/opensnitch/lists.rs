//! Lists of OpenSnitch: all files of a directory, read as its daemon reads them.
//!
//! They are taken only from the directory that was named for lists: a rule may name any.

use std::{net::IpAddr, path::Path, sync::Arc};

use ipnet::IpNet;
use portreeve_policy::{Destination, Entry, InList, List, host_name};

use super::Operator;
use crate::{Settings, TextFile, lists::name_of};

/// What its daemon does not take for names of others.
const OWN_NAMES: [&str; 4] = [
    "local",
    "localhost",
    "localhost.localdomain",
    "broadcasthost",
];

/// The list that a condition names, if it is known, and all of it can be said here.
pub(super) fn named(condition: &Operator, settings: &Settings) -> Option<Destination> {
    if condition.kind() != "lists" || condition.is_sensitive() {
        return None;
    }
    let directory = settings.lists.as_ref()?;
    let (place, files) = directory.find(Path::new(condition.data()))?;
    // Another kind of entries of the same files is another list.
    let (title, entries) = match condition.operand() {
        "lists.domains" => (place, of_each(files, |line| Ok(domain(line)))),
        "lists.ips" => (
            format!("{place} (addresses)"),
            of_each(files, |line| Ok(address(line))),
        ),
        "lists.nets" => (format!("{place} (networks)"), of_each(files, network)),
        _ => return None,
    };
    let name = title.replace('/', "›");
    // One that had to be shortened, or written in another way, may be that of two.
    let is_of_one = !title.contains('›') && name_of(&name) == name;
    let named = InList::named(&name).filter(|_| is_of_one)?;
    let list = List::of(entries?).ok()?;
    Some(Destination::List(named.with(Some(Arc::new(list)))))
}

/// A line that says something that cannot be said here.
struct Unsayable;

fn of_each(
    files: &[TextFile],
    entry: impl Fn(&str) -> Result<Option<Entry>, Unsayable>,
) -> Option<Vec<Entry>> {
    let lines = files.iter().flat_map(|file| file.text.split('\n'));
    let entries: Result<Vec<_>, Unsayable> = lines.map(entry).collect();
    Some(entries.ok()?.into_iter().flatten().collect())
}

/// Of a line that begins like one of a hosts file, all that comes after the address: compared as a whole, and with
/// names in lower case.
fn domain(line: &str) -> Option<Entry> {
    let rest = line.strip_prefix("0.0.0.0");
    let rest = rest.or_else(|| line.strip_prefix("127.0.0.1"))?;
    // Whatever is between.
    let mut rest = rest.chars();
    rest.next();
    let rest = rest.as_str();
    let host = trimmed(rest);
    if OWN_NAMES.contains(&rest) {
        return None;
    }
    // What is written in another way is no name that is ever looked up.
    let name = host_name(host).filter(|name| **name == *host);
    name.map(Entry::Host)
}

/// Compared as a text.
fn address(line: &str) -> Option<Entry> {
    let word = trimmed(line);
    let address = word.parse::<IpAddr>().ok();
    let same = address.filter(|it| it.to_string() == word && !line.starts_with('#'));
    same.map(|address| Entry::Network(address.into()))
}

fn network(line: &str) -> Result<Option<Entry>, Unsayable> {
    match trimmed(line).parse::<IpNet>() {
        _ if line.starts_with('#') => Ok(None),
        Err(_) => Ok(None),
        // How its daemon takes those that hold IPv4 addresses of another form is not played here.
        Ok(IpNet::V6(network)) if network.addr().to_ipv4_mapped().is_some() => Err(Unsayable),
        Ok(network) => Ok(Some(Entry::Network(network.trunc()))),
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(['\r', '\n', '\t', ' '])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Directory;

    fn read(operand: &str, data: &str, text: &str) -> Option<Vec<String>> {
        let file = TextFile {
            name: "list.txt".to_owned(),
            text: text.to_owned(),
        };
        let settings = Settings {
            lists: Some(Directory {
                path: "/lists".into(),
                files: BTreeMap::from([("ads".into(), vec![file])]),
            }),
            ..Settings::default()
        };
        let condition: Operator = serde_json::from_value(serde_json::json!({
            "type": "lists", "operand": operand, "data": data
        }))
        .unwrap();
        let Destination::List(named) = named(&condition, &settings)? else {
            panic!()
        };
        let entries = named.list().unwrap().entries();
        Some(entries.map(|it| it.to_string()).collect())
    }

    #[test]
    fn lists_are_read_as_its_daemon_reads_them() {
        let hosts = "# 0.0.0.0 no.example\n0.0.0.0 a.example\r\n127.0.0.1 localhost\n127.0.0.1 b.example \n\
                     0.0.0.0 c.example # d\n0.0.0.0 Upper.example\n0.0.0.0 e.example f.example\ng.example\n0.0.0.0\n";
        let domains = read("lists.domains", "/lists/ads/", hosts).unwrap();
        assert_eq!(domains, ["=a.example", "=b.example"]);
        let ips = read(
            "lists.ips",
            "/lists/ads",
            "192.0.2.7\n#192.0.2.8\n2001:DB8::1\n10.0.0.0/8\n",
        );
        assert_eq!(ips.unwrap(), ["192.0.2.7"]);
        let nets = read(
            "lists.nets",
            "/lists/ads",
            "10.1.2.3/8\n192.0.2.7\n2001:db8::/32\n",
        );
        assert_eq!(nets.unwrap(), ["10.0.0.0/8", "2001:db8::/32"]);
        let mapped = read("lists.nets", "/lists/ads", "::ffff:10.0.0.0/104\n");
        assert_eq!(mapped, None);
    }

    #[test]
    fn only_what_is_in_the_directory_that_was_named_is_looked_at() {
        for data in [
            "/lists/other",
            "/etc/ads",
            "ads",
            "/lists/x/../ads",
            "/lists",
        ] {
            assert_eq!(
                read("lists.domains", data, "0.0.0.0 a.example\n"),
                None,
                "{data}"
            );
        }
        assert_eq!(read("lists.domains_regexp", "/lists/ads", ".*\n"), None);
    }
}
