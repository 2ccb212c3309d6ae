//! Ways as they are found out, of a kernel that is played; `tests/system/test_vpn.py` has the real one's.

use std::sync::{Mutex, mpsc};

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
