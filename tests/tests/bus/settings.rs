//! `Broker1.Settings`.

use portreeve_broker::config::{Config, History, Services, Treatment, Unruled};
use portreeve_dbus::{BrokerProxy, HistorySettings, ServiceSettings, Settings, UnruledSettings};
use portreeve_policy::Mode;
use zbus::Connection;

use crate::{
    broker::{Broker, CONFIG},
    stage::{As, on_a_bus},
};

#[test]
fn anybody_is_told_what_the_administrator_has_set() {
    let name = "settings::anybody_is_told_what_the_administrator_has_set";
    on_a_bus(name, As::User, async {
        let unruled = Unruled {
            listen: Treatment::Deny,
            ..Unruled::default()
        };
        let mut services = Services::default();
        services.only.push("cups.service".into());
        let _broker = Broker::start_with(Config {
            hold_seconds: 90,
            protected: true,
            mode: Some(Mode::Deny),
            unruled,
            history: History {
                days: 7,
                megabytes: 20,
            },
            services,
            ..Config::default()
        })
        .await;
        let client = Connection::system().await.unwrap();
        let proxy = BrokerProxy::new(&client).await.unwrap();
        let expected = Settings {
            file: CONFIG.into(),
            hold_seconds: 90,
            nonblocking_hold_seconds: 15,
            agent_wait_seconds: 10,
            protected: true,
            uid_min: 1_000,
            uid_max: 60_000,
            mode: Some("deny".into()),
            unruled: UnruledSettings {
                create: "ask".into(),
                bind: "allow".into(),
                connect: "ask".into(),
                listen: "deny".into(),
                accept: "allow".into(),
            },
            history: HistorySettings {
                days: 7,
                megabytes: 20,
            },
            services: ServiceSettings {
                guarded: false,
                only: vec!["cups.service".into()],
                unanswered: "allow".into(),
                hold_seconds: 30,
            },
        };
        assert_eq!(proxy.settings().await.unwrap(), expected);
    });
}
