//! Whether what the computer's name servers say can be believed.

use std::{
    net::{IpAddr, UdpSocket},
    path::Path,
};

use portreeve_i18n::{gettext, gettext_f};

use super::{Finding, fix, read};

/// The port that name servers answer from.
const DNS_PORT: u32 = 53;

/// Checks what `root` (`/`, save in tests) says of name servers and ports.
pub(super) fn check(root: &Path) -> Finding {
    let first = read(root, "proc/sys/net/ipv4/ip_unprivileged_port_start");
    let Ok(first) = first.parse::<u32>() else {
        let found = gettext("which ports anybody may have cannot be read");
        return Finding::unknown("names", found);
    };
    if first > DNS_PORT {
        let found = gettext("only services may have the port of name servers");
        return Finding::good("names", found);
    }
    if !is_asked_here(&read(root, "etc/resolv.conf")) {
        return Finding::good(
            "names",
            gettext(
                "anybody may have the port of name servers here, but this computer asks others",
            ),
        );
    }
    let setting = format!("net.ipv4.ip_unprivileged_port_start={}", DNS_PORT + 1);
    Finding::bad(
        "names",
        gettext_f(
            "anybody may answer for the name server on this computer, so hosts have no names: \
             ports from {port} on are for all",
            &[("port", &first.to_string())],
        ),
        fix(
            &gettext_f(
                "Run this, to leave ports up to {port} to services, now and with each start:",
                &[("port", &DNS_PORT.to_string())],
            ),
            &[
                &format!("sysctl --write {setting}"),
                &format!("echo {setting} >/etc/sysctl.d/zz-portreeve.conf"),
            ],
        ),
    )
}

/// Whether this computer is a name server of its own, by this `resolv.conf(5)`; without any it is.
fn is_asked_here(text: &str) -> bool {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let server = words.next() == Some("nameserver");
        let address = words.next().filter(|_| server)?.split('%').next()?;
        address.parse::<IpAddr>().ok()
    });
    let mut servers = servers.peekable();
    servers.peek().is_none() || servers.any(is_here)
}

/// Nobody can have a socket at an address that the computer has not got.
fn is_here(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn find(first: &str, servers: &str) -> Finding {
        let root = tempfile::tempdir().unwrap();
        let ports = root.path().join("proc/sys/net/ipv4");
        fs::create_dir_all(&ports).unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(ports.join("ip_unprivileged_port_start"), first).unwrap();
        fs::write(root.path().join("etc/resolv.conf"), servers).unwrap();
        check(root.path())
    }

    #[test]
    fn a_name_server_that_anybody_can_play_is_a_problem() {
        for here in ["nameserver 192.0.2.1\nnameserver 127.0.0.53\n", "# none\n"] {
            assert_eq!(find("1024\n", here).ok, Some(true));
            assert_eq!(find("54\n", here).ok, Some(true));
            for first in ["0\n", "53\n"] {
                let finding = find(first, here);
                assert_eq!(finding.ok, Some(false));
                let fix = finding.fix.unwrap();
                assert!(fix.contains("sysctl --write net.ipv4.ip_unprivileged_port_start=54\n"));
            }
        }
        assert_eq!(find("0\n", "nameserver 192.0.2.1\n").ok, Some(true));
        assert_eq!(find("", "nameserver 127.0.0.53\n").ok, None);
    }
}
