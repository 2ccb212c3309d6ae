//! Ways as they are found out, of a kernel that is played and of the real one.

use std::{
    process::Command,
    sync::{Mutex, mpsc},
};

use super::*;

const ALICE: Sender = Sender {
    uid: 1000,
    tid: None,
};

fn to(address: &str) -> Object {
    Object {
        protocol: Protocol::TCP,
        address: address.parse().unwrap(),
        port: 443,
        host: None,
        knowledge: portreeve_policy::Knowledge::default(),
    }
}

/// Answers when it is told what.
struct Slow(Mutex<mpsc::Receiver<Option<bool>>>);

impl Routes for Slow {
    fn lead_into_tunnel(&self, _: Sender, _: &Object) -> Option<bool> {
        self.0.lock().unwrap().recv().unwrap()
    }
}

#[tokio::test]
async fn nobody_waits_long_for_the_kernel() {
    let (answers, coming) = mpsc::channel();
    let ways = Ways::new(Arc::new(Slow(Mutex::new(coming))));
    let mut object = to("192.0.2.7");
    for answer in [Some(true), Some(false), None] {
        answers.send(answer).unwrap();
        ways.find(ALICE, &mut object).await;
        assert_eq!(object.knowledge.vpn, answer);
    }
    object.knowledge.vpn = Some(true);
    let begun = std::time::Instant::now();
    ways.find(ALICE, &mut object).await;
    assert_eq!(object.knowledge.vpn, None);
    assert!(begun.elapsed() >= PATIENCE);
    assert_eq!(ways.turns.available_permits(), UNDER_WAY - 1);
    // It is at it still. Nobody is asked more than so many questions at once.
    let rest = ways.turns.acquire_many(15).await.unwrap();
    let mut other = to("192.0.2.7");
    ways.find(ALICE, &mut other).await;
    assert_eq!(other.knowledge.vpn, None);
    drop(rest);
    answers.send(None).unwrap();
}

#[test]
fn tunnels_are_told_by_the_word_of_their_driver() {
    for kind in ["wireguard", "tun", "ppp", "xfrm", "gre", "sit", "ipip"] {
        assert!(is_tunnel(kind.as_bytes()), "{kind}");
    }
    for kind in ["bridge", "vlan", "veth", "dummy", "wire", "tunnel", ""] {
        assert!(!is_tunnel(kind.as_bytes()), "{kind}");
    }
    assert!(TUNNELS.is_sorted());
}

#[test]
fn the_way_of_another_network_and_of_what_names_its_device_is_not_known() {
    assert!(is_in_own_network(std::process::id()));
    assert!(!is_in_own_network(u32::MAX));
    let gone = Sender {
        tid: Some(u32::MAX),
        ..ALICE
    };
    let told = |sender, address| KernelRoutes.lead_into_tunnel(sender, &to(address));
    assert_eq!(told(gone, "127.0.0.1"), None);
    for address in ["fe80::1", "ff02::fb", "ff12::1", "ff01::1"] {
        assert_eq!(told(ALICE, address), None, "{address}");
    }
    for address in ["fd00::1", "ff05::1", "169.254.1.1"] {
        assert!(!is_link_local(address.parse().unwrap()), "{address}");
    }
    assert_eq!(told(ALICE, "127.0.0.1"), Some(false), "here");
}

/// A network of its own, with a tunnel, for the test below.
const NETWORK: &str = "set -e; ip link set lo up; ip tuntap add mode tun name vpn7; ip link set vpn7 up
    ip address add 10.77.0.1/24 dev vpn7; ip route add 203.0.113.0/24 dev vpn7; ip route add 192.0.2.0/24 dev lo
    ip route add prohibit 198.51.100.0/24; ip route add unreachable 198.51.101.0/24
    ip route add default dev vpn7 table 7; ip rule add uidrange 0-0 lookup 7
    ip rule add ipproto tcp dport 853 to 192.0.2.0/24 lookup 7 priority 7
    exec \"$0\" --ignored --exact object::routes::tests::in_the_network --nocapture";

#[test]
fn the_real_kernel_says_by_which_device_it_sends() {
    let own = std::env::current_exe().unwrap();
    let within = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rn", "sh", "-c", script]).arg(&own).output()
    };
    let can = within("ip link set lo up && ip tuntap add mode tun name vpn7");
    // Not every computer lets a test make one.
    if !can.is_ok_and(|output| output.status.success()) {
        return;
    }
    let output = within(NETWORK).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{errors}"
    );
}

#[test]
#[ignore = "it is run in a network of its own"]
fn in_the_network() {
    let told = |uid, address, port| {
        let object = Object {
            port,
            ..to(address)
        };
        let sender = Sender {
            uid,
            tid: Some(std::process::id()),
        };
        KernelRoutes.lead_into_tunnel(sender, &object)
    };
    for (address, is_in) in [
        ("10.77.0.9", true),
        ("203.0.113.10", true),
        ("10.77.0.1", false),
        ("192.0.2.7", false),
        ("127.0.0.1", false),
        // Nothing leads there, or it is forbidden.
        ("198.51.100.7", false),
        ("198.51.101.7", false),
        ("198.51.102.7", false),
        ("2001:db8::1", false),
    ] {
        assert_eq!(told(1, address, 443), Some(is_in), "{address}");
    }
    // What is routed by who sends, and by what is sent.
    assert_eq!(told(0, "198.51.102.7", 443), Some(true));
    assert_eq!(told(1, "192.0.2.7", 853), Some(true));
}
