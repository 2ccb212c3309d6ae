//! Rules for one network, as clients see them, beside a `NetworkManager` that the tests play.

use std::{
    env,
    io::Read as _,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use portreeve_dbus::{BrokerProxy, OWN_UID, Rule, RuleSpec, RulesProxy};
use zbus::{Connection, fdo::DBusProxy};

use crate::{
    broker::Broker,
    network_manager::{ACTIVATED, ACTIVATING, Active, NAME, NetworkManager},
    polkit::Polkit,
    rules::spec,
    stage::{As, NOBODY, eventually, on_a_bus},
};

const HOME: &str = "0b5d3f8e-4c1a-4f6e-9d55-0123456789ab";
const CAFE: &str = "cafecafe-4c1a-4f6e-9d55-0123456789ab";
/// Set in the process of one who is not root.
const IMPOSTOR: &str = "PORTREEVE_IMPOSTOR";

fn home(state: u32) -> Active {
    Active {
        uuid: HOME,
        id: "Home",
        state,
    }
}

fn at_home() -> RuleSpec {
    RuleSpec {
        only_in: Some(HOME.to_owned()),
        only_in_name: Some("Home".to_owned()),
        ..spec()
    }
}

/// The names of the networks that the broker says are active.
async fn active(client: &Connection) -> Vec<String> {
    let broker = BrokerProxy::new(client).await.unwrap();
    let networks = broker.status(OWN_UID).await.unwrap().networks.unwrap();
    networks.into_iter().map(|network| network.name).collect()
}

/// The user's one rule.
async fn rule(client: &Connection) -> Rule {
    let rules = RulesProxy::new(client).await.unwrap();
    let mut listed = rules.list(OWN_UID).await.unwrap();
    listed.retain(|rule| rule.uid.is_some());
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed.remove(0)
}

#[test]
fn a_rule_is_in_force_while_its_network_is_active() {
    let name = "networks::a_rule_is_in_force_while_its_network_is_active";
    on_a_bus(name, As::Anyone, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let rules = RulesProxy::new(&client).await.unwrap();
        rules.add(OWN_UID, at_home()).await.unwrap();
        let added = rule(&client).await;
        assert_eq!(added.only_in.as_deref(), Some(HOME));
        assert_eq!(added.only_in_name.as_deref(), Some("Home"));
        assert_eq!(added.away, Some(true), "there is no NetworkManager");

        // It comes, with one that is about to be active.
        let manager = NetworkManager::start([home(ACTIVATING)], true)
            .await
            .unwrap();
        let call = broker.call(crate::stage::me(), "192.0.2.1").await;
        manager.set_state(0, ACTIVATED).await;
        eventually("the network is active", async || {
            active(&client).await == ["Home"]
        })
        .await;
        assert_eq!(rule(&client).await.away, None);
        eventually("the call that waited is told", async || {
            broker.told(call) == Some(1)
        })
        .await;
        manager.end(0).await;
        eventually("none is active", async || active(&client).await.is_empty()).await;
        assert_eq!(rule(&client).await.away, Some(true));

        // It starts anew, and goes.
        drop(manager);
        let manager = NetworkManager::start([home(ACTIVATED)], true).await;
        eventually("the next one is heard", async || {
            active(&client).await == ["Home"]
        })
        .await;
        drop(manager);
        eventually("without one none is active", async || {
            active(&client).await.is_empty()
        })
        .await;
    });
}

#[test]
fn one_that_does_not_answer_delays_nothing() {
    let name = "networks::one_that_does_not_answer_delays_nothing";
    on_a_bus(name, As::Anyone, async {
        let _polkit = Polkit::start(true).await;
        let manager = NetworkManager::start([home(ACTIVATED)], false)
            .await
            .unwrap();
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let rules = RulesProxy::new(&client).await.unwrap();
        // More hints than a queue has places for.
        for _ in 0..500 {
            manager.set_state(0, ACTIVATED).await;
        }
        rules.add(OWN_UID, at_home()).await.unwrap();
        assert_eq!(rule(&client).await.away, Some(true));
        rules.add(OWN_UID, spec()).await.unwrap();
        let call = broker.call(crate::stage::me(), "192.0.2.1").await;
        eventually("the call is told", async || broker.told(call) == Some(1)).await;
        assert!(active(&client).await.is_empty());
        manager.answer();
        eventually("it is heard in the end", async || {
            active(&client).await == ["Home"]
        })
        .await;
    });
}

/// Says that the home network is active, until it is ended. Nothing, where it is no other test's.
#[test]
fn impostor() {
    if env::var_os(IMPOSTOR).is_none() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _manager = runtime.block_on(NetworkManager::start([home(ACTIVATED)], true));
    let mut nothing = Vec::new();
    std::io::stdin().read_to_end(&mut nothing).unwrap();
}

#[test]
fn who_is_not_root_is_not_believed() {
    let name = "networks::who_is_not_root_is_not_believed";
    on_a_bus(name, As::Root, async {
        let _broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let mut impostor = Command::new("/proc/self/exe")
            .args(["--exact", "networks::impostor", "--nocapture"])
            .env(IMPOSTOR, "1")
            .uid(NOBODY)
            .gid(NOBODY)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let bus = DBusProxy::new(&client).await.unwrap();
        let owned = async || bus.name_has_owner(NAME.try_into().unwrap()).await.unwrap();
        eventually("somebody has the name", owned).await;
        drop(impostor.stdin.take());
        impostor.wait().unwrap();
        eventually("nobody has the name", async || !owned().await).await;
        // What the broker hears of this one comes after all that it heard of the other.
        let cafe = Active {
            uuid: CAFE,
            id: "Café",
            ..home(ACTIVATED)
        };
        let _manager = NetworkManager::start([cafe], true).await.unwrap();
        eventually("root's is believed", async || {
            let active = active(&client).await;
            assert!(!active.contains(&"Home".to_owned()));
            active == ["Café"]
        })
        .await;
    });
}
