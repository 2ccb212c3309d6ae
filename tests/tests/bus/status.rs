//! `Broker1.Status`.

use portreeve_dbus::{BrokerProxy, Error, OWN_UID, Status};
use zbus::Connection;

use crate::{
    broker::Broker,
    stage::{As, eventually, me, on_a_bus},
};

#[test]
fn a_user_sees_his_own_state() {
    on_a_bus("status::a_user_sees_his_own_state", As::User, async {
        let broker = Broker::start().await;
        broker.history().settle().await.unwrap();
        let client = Connection::system().await.unwrap();
        let proxy = BrokerProxy::new(&client).await.unwrap();
        let expected = Status {
            version: env!("CARGO_PKG_VERSION").into(),
            mode: "ask".into(),
            mode_ends: None,
            mode_before: None,
            mode_undecided: None,
            enforcing: true,
            agent: false,
            agent_kind: None,
            prompts: 0,
            held: 0,
            rules: 2,
            store: "ok".into(),
            history: "ok".into(),
            administrators: "ok".into(),
            networks: Some(Vec::new()),
            failures: Vec::new(),
            services: Some("off".into()),
            name_sources: Some(vec!["hosts".into()]),
            hold_seconds: 60,
        };
        assert_eq!(proxy.status(OWN_UID).await.unwrap(), expected);
        assert_eq!(proxy.status(me()).await.unwrap(), expected);
        broker.call(me(), "192.0.2.1").await;
        broker.call(0, "192.0.2.1").await;
        eventually("the call is counted", async || {
            let status = proxy.status(OWN_UID).await.unwrap();
            (status.prompts, status.held) == (1, 1)
        })
        .await;
        // Of others he sees nothing, root included.
        for other in [0, me() + 1] {
            let refused = proxy.status(other).await;
            assert!(
                matches!(&refused, Err(Error::AccessDenied(text)) if text.contains("not root")),
                "{refused:?}"
            );
        }
    });
}

#[test]
fn root_sees_everybodys_state() {
    on_a_bus("status::root_sees_everybodys_state", As::Root, async {
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = BrokerProxy::new(&client).await.unwrap();
        broker.call(1000, "192.0.2.1").await;
        eventually("the call is counted", async || {
            proxy.status(1000).await.unwrap().held == 1
        })
        .await;
        assert_eq!(proxy.status(OWN_UID).await.unwrap().held, 0);
    });
}
