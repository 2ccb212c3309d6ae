//! Whose answers count: the name servers that root has set for the whole computer.
//!
//! A program may ask whomever it likes, a server of its own too; what those say names nothing, or a
//! program could have any address pass for a host that it is allowed to reach.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use portreeve_abi::{AF_INET, DNS_PORT, NameAnswer};

use super::file::TextFile;

/// Where they stand; where systemd-resolved answers this has its address on this computer.
const PATH: &str = "/etc/resolv.conf";
/// The first port that everybody may have.
const FREE_PORTS: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
/// Bytes read at most.
const SIZE_MAX: u64 = 64 * 1024;
/// `LOOPBACK_IFINDEX` of include/net/flow.h.
const LOOPBACK: u32 = 1;

/// The name servers of `/etc/resolv.conf`, read again whenever that has changed.
#[derive(Debug)]
pub(super) struct Resolvers {
    file: TextFile,
    free_ports: PathBuf,
    servers: Vec<IpAddr>,
}

impl Default for Resolvers {
    fn default() -> Self {
        Self::at(PATH.into(), FREE_PORTS.into())
    }
}

impl Resolvers {
    fn at(path: PathBuf, free_ports: PathBuf) -> Self {
        Self {
            file: TextFile::new(path, SIZE_MAX),
            free_ports,
            servers: Vec::new(),
        }
    }

    /// Whether an answer that was received so is one of theirs.
    pub(super) fn have_said(&mut self, answer: &NameAnswer) -> bool {
        self.refresh();
        let source = source(answer);
        // What is said on this computer, from whichever of its addresses, comes by the loopback device. It
        // has to come from a port that only a service can have.
        let honest = match (answer.device == LOOPBACK, source.is_loopback()) {
            (true, _) => self.ports_are_guarded(),
            (false, loopback) => !loopback,
        };
        honest && self.servers.contains(&source)
    }

    fn ports_are_guarded(&self) -> bool {
        let text = fs::read_to_string(&self.free_ports);
        let first = text.ok().and_then(|text| text.trim().parse::<u16>().ok());
        first.is_some_and(|first| first > DNS_PORT)
    }

    fn refresh(&mut self) {
        if let Some(text) = self.file.changed() {
            self.servers = parse(&text);
        }
    }
}

/// The servers of a `resolv.conf(5)`; without any, the one on this computer.
fn parse(text: &str) -> Vec<IpAddr> {
    let mut servers = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        // One that is link-local has its device behind it.
        let address = words.next().and_then(|word| word.split('%').next());
        let address = address.and_then(|word| word.parse::<IpAddr>().ok());
        servers.extend(address.map(|address| address.to_canonical()));
    }
    if servers.is_empty() {
        servers = vec![
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
    }
    servers
}

/// Where an answer comes from.
fn source(answer: &NameAnswer) -> IpAddr {
    super::address(answer.family == u32::from(AF_INET), answer.source).to_canonical()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn answer(address: &str, device: u32) -> NameAnswer {
        let (family, bytes) = match address.parse().unwrap() {
            IpAddr::V4(v4) => (AF_INET, v4.to_ipv6_mapped().octets()[12..].to_vec()),
            IpAddr::V6(v6) => (portreeve_abi::AF_INET6, v6.octets().to_vec()),
        };
        let mut source = [0; 4];
        for (word, bytes) in source.iter_mut().zip(bytes.chunks(4)) {
            *word = u32::from_ne_bytes(bytes.try_into().unwrap());
        }
        NameAnswer {
            source,
            device,
            family: family.into(),
            ..NameAnswer::default()
        }
    }

    #[test]
    fn servers_are_read_as_resolvers_read_them() {
        let text = "# nameserver 192.0.2.9\nsearch lan\nnameserver 192.0.2.1\n\
                    nameserver\t2001:db8::1\nnameserver fe80::1%eth0\nnameserver x\nnameservers 1.2.3.4\n";
        let servers: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1", "2001:db8::1", "fe80::1"]);
        assert!(parse("").iter().all(IpAddr::is_loopback));
    }

    #[test]
    fn only_their_answers_count() {
        let dir = tempfile::tempdir().unwrap();
        let (conf, ports) = (dir.path().join("resolv.conf"), dir.path().join("ports"));
        fs::write(&conf, "nameserver 192.0.2.1\nnameserver 127.0.0.53\n").unwrap();
        fs::write(&ports, "1024\n").unwrap();
        let mut resolvers = Resolvers::at(conf.clone(), ports.clone());
        assert!(resolvers.have_said(&answer("192.0.2.1", 2)));
        assert!(!resolvers.have_said(&answer("192.0.2.2", 2)));
        assert!(!resolvers.have_said(&answer("2001:db8::1", 2)));
        assert!(resolvers.have_said(&answer("127.0.0.53", 1)));
        assert!(
            !resolvers.have_said(&answer("127.0.0.53", 2)),
            "from outside"
        );
        assert!(!resolvers.have_said(&answer("127.0.0.1", 1)));
        fs::write(&ports, "53\n").unwrap();
        assert!(
            !resolvers.have_said(&answer("127.0.0.53", 1)),
            "anybody's port"
        );
        assert!(!resolvers.have_said(&answer("192.0.2.1", 1)), "here");
        assert!(resolvers.have_said(&answer("192.0.2.1", 2)));
        fs::write(&conf, "nameserver 2001:db8::1\n").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(9);
        fs::File::options()
            .write(true)
            .open(&conf)
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert!(
            resolvers.have_said(&answer("2001:db8::1", 2)),
            "it has changed"
        );
        assert!(!resolvers.have_said(&answer("192.0.2.1", 2)));
    }
}
