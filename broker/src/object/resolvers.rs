//! Whose answers count, and who is asked for names: the name servers that root has set for the whole computer.
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
/// The addresses of this computer, IPv4 (among all routes) and IPv6.
const OWN_V4: &str = "/proc/self/net/fib_trie";
const OWN_V6: &str = "/proc/self/net/if_inet6";
/// Bytes read at most.
const SIZE_MAX: u64 = 64 * 1024;
/// Where systemd-resolved answers, whatever that file says: for everybody, and without its own ways.
const RESOLVED: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54)),
];
/// `LOOPBACK_IFINDEX` of include/net/flow.h.
const LOOPBACK: u32 = 1;

/// The name servers of `/etc/resolv.conf`, read again whenever that has changed.
#[derive(Debug)]
pub(super) struct Resolvers {
    file: TextFile,
    free_ports: PathBuf,
    own: [PathBuf; 2],
    servers: Vec<IpAddr>,
    /// Whether it was said that the one on this computer does not count.
    told: bool,
}

impl Default for Resolvers {
    fn default() -> Self {
        Self::at(
            PATH.into(),
            FREE_PORTS.into(),
            [OWN_V4.into(), OWN_V6.into()],
        )
    }
}

impl Resolvers {
    fn at(path: PathBuf, free_ports: PathBuf, own: [PathBuf; 2]) -> Self {
        Self {
            file: TextFile::new(path, SIZE_MAX),
            free_ports,
            own,
            servers: Vec::new(),
            told: false,
        }
    }

    /// Whether an answer that was received so is one of theirs.
    pub(super) fn have_said(&mut self, answer: &NameAnswer) -> bool {
        self.refresh();
        let source = source(answer);
        let loopback = source.is_loopback();
        if !self.servers.contains(&source) {
            return false;
        }
        if answer.device != LOOPBACK {
            // The kernel itself takes nothing from outside that is from an IPv4 address of its own.
            return !loopback && (source.is_ipv4() || !self.is_own(source));
        }
        // What is said on this computer, from whichever of its addresses, comes by the loopback device; and so
        // does what is said in another's name. It has to come from a port that only a service can have.
        self.ports_are_guarded() && (loopback || self.is_own(source))
    }

    /// Whether one of them is at this address.
    pub(super) fn are_at(&mut self, address: IpAddr) -> bool {
        self.refresh();
        // On this computer it has to be at a port that only a service can have.
        (RESOLVED.contains(&address) || self.servers.contains(&address))
            && (self.ports_are_guarded() || !address.is_loopback() && !self.is_own(address))
    }

    fn ports_are_guarded(&mut self) -> bool {
        let text = fs::read_to_string(&self.free_ports);
        let first = text.ok().and_then(|text| text.trim().parse::<u16>().ok());
        let guarded = first.is_some_and(|first| first > DNS_PORT);
        if !guarded && !self.told {
            tracing::warn!(
                "cannot take names from the name server on this computer: \
                 net.ipv4.ip_unprivileged_port_start lets anybody answer for it (portreevectl doctor says more)"
            );
        }
        self.told = !guarded;
        guarded
    }

    /// Whether this computer has the address.
    fn is_own(&self, address: IpAddr) -> bool {
        let [v4, v6] = &self.own;
        match address {
            IpAddr::V4(v4_address) => {
                fs::read_to_string(v4).is_ok_and(|text| is_local(&text, v4_address))
            }
            IpAddr::V6(v6_address) => fs::read_to_string(v6).is_ok_and(|text| {
                let mut own = text.lines().filter_map(|line| line.get(..32));
                own.any(|own| u128::from_str_radix(own, 16) == Ok(v6_address.to_bits()))
            }),
        }
    }

    fn refresh(&mut self) {
        if let Some(text) = self.file.changed() {
            self.servers = parse(&text);
        }
    }
}

/// Whether the address is this computer's, by its table of routes: below each address stands what it is.
fn is_local(routes: &str, address: Ipv4Addr) -> bool {
    let mut at = None;
    routes.lines().any(|line| {
        if let Some(address) = line.trim_start().strip_prefix("|-- ") {
            at = address.parse::<Ipv4Addr>().ok();
        }
        at == Some(address) && line.trim() == "/32 host LOCAL"
    })
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
        servers.extend(address.map(|address| reached(address.to_canonical())));
    }
    if servers.is_empty() {
        servers = vec![
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
    }
    servers
}

/// Where one gets to who connects to an address: by the unspecified one to this computer.
fn reached(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    }
}

/// Where an answer comes from.
fn source(answer: &NameAnswer) -> IpAddr {
    super::address(answer.family == u32::from(AF_INET), answer.source).to_canonical()
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::SystemTime};

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
                    nameserver\t2001:db8::1\nnameserver fe80::1%eth0\nnameserver x\nnameservers 1.2.3.4\nnameserver 0.0.0.0\n";
        let servers: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(
            servers,
            ["192.0.2.1", "2001:db8::1", "fe80::1", "127.0.0.1"]
        );
        assert!(parse("").iter().all(IpAddr::is_loopback));
    }

    #[test]
    fn name_servers_are_those_of_now_and_systemd_resolved() {
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("resolv.conf");
        fs::write(&conf, "nameserver 192.0.2.1\nnameserver ::ffff:192.0.2.2\n").unwrap();
        let ports = dir.path().join("ports");
        fs::write(&ports, "1024\n").unwrap();
        let mut resolvers = Resolvers::at(conf.clone(), ports.clone(), Default::default());
        let mut are_at = |address: &str| resolvers.are_at(address.parse().unwrap());
        for known in ["192.0.2.1", "192.0.2.2", "127.0.0.53", "127.0.0.54"] {
            assert!(are_at(known), "{known}");
        }
        for stranger in ["192.0.2.3", "127.0.0.1", "127.0.0.52", "::1"] {
            assert!(!are_at(stranger), "{stranger}");
        }
        fs::remove_file(&conf).unwrap();
        assert!(!are_at("192.0.2.1"));
        assert!(
            are_at("127.0.0.1") && are_at("::1"),
            "without any, this one"
        );
        fs::write(&ports, "53\n").unwrap();
        for anybodys in ["127.0.0.1", "127.0.0.53", "::1"] {
            assert!(!are_at(anybodys), "{anybodys} may be a program of a user's");
        }
    }

    const ROUTES: &str = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     \
                          |-- 192.0.2.0\n        /24 link UNICAST\n     |-- 192.0.2.3\n        /32 link UNICAST\n\
                          Local:\n     |-- 192.0.2.1\n        /32 host LOCAL\n     |-- 192.0.2.255\n        \
                          /32 link BROADCAST\n";

    /// What says that the computer has 192.0.2.1 and `2001:db8::1`.
    fn own(dir: &Path) -> [PathBuf; 2] {
        let [v4, v6] = ["fib_trie", "if_inet6"].map(|name| dir.join(name));
        fs::write(&v4, ROUTES).unwrap();
        let line = "20010db8000000000000000000000001 02 40 00 80 eth0\n";
        fs::write(&v6, line).unwrap();
        [v4, v6]
    }

    #[test]
    fn addresses_of_this_computer_are_told_from_others() {
        let address = |text: &str| text.parse().unwrap();
        assert!(is_local(ROUTES, address("192.0.2.1")));
        for other in ["192.0.2.0", "192.0.2.3", "192.0.2.255", "0.0.0.0"] {
            assert!(!is_local(ROUTES, address(other)), "{other}");
        }
        let here = Resolvers::default();
        assert!(here.is_own(Ipv4Addr::LOCALHOST.into()));
        assert!(!here.is_own(address("192.0.2.1").into()));
    }

    #[test]
    fn what_is_said_here_in_the_name_of_a_server_elsewhere_does_not_count_nor_the_other_way_round()
    {
        let dir = tempfile::tempdir().unwrap();
        let (conf, ports) = (dir.path().join("resolv.conf"), dir.path().join("ports"));
        let servers = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
        let text = servers.join("\nnameserver ");
        fs::write(&conf, format!("nameserver {text}\n")).unwrap();
        fs::write(&ports, "1024\n").unwrap();
        let mut resolvers = Resolvers::at(conf, ports, own(dir.path()));
        let mut here = |server| resolvers.have_said(&answer(server, LOOPBACK));
        assert_eq!(servers.map(&mut here), [true, false, true, false]);
        let mut elsewhere = |server| resolvers.have_said(&answer(server, 2));
        assert_eq!(servers.map(&mut elsewhere), [true, true, false, true]);
    }

    #[test]
    fn only_their_answers_count() {
        let dir = tempfile::tempdir().unwrap();
        let (conf, ports) = (dir.path().join("resolv.conf"), dir.path().join("ports"));
        fs::write(&conf, "nameserver 192.0.2.1\nnameserver 127.0.0.53\n").unwrap();
        fs::write(&ports, "1024\n").unwrap();
        let mut resolvers = Resolvers::at(conf.clone(), ports.clone(), Default::default());
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
        assert!(resolvers.told, "once");
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
