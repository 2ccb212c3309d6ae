//! `Activity1.Matches`: what a rule would have matched, and who may ask.

use portreeve_dbus::{ActivitiesProxy, Error, Matched, OWN_UID, RuleSpec, RulesProxy};
use tokio::task::JoinSet;
use zbus::Connection;

use crate::{
    broker::Broker,
    polkit::Polkit,
    rules::spec,
    stage::{As, eventually, me, on_a_bus},
};

async fn client() -> (Connection, ActivitiesProxy<'static>) {
    let client = Connection::system().await.unwrap();
    let proxy = ActivitiesProxy::new(&client).await.unwrap();
    (client, proxy)
}

/// A rule about everything that curl connects to.
fn any() -> RuleSpec {
    RuleSpec {
        program: "/usr/bin/curl".into(),
        operations: vec!["connect".into()],
        action: "allow".into(),
        ..RuleSpec::default()
    }
}

/// Curl has been denied some.
async fn denied(broker: &Broker, client: &Connection, uid: u32, user: u32) {
    let rules = RulesProxy::new(client).await.unwrap();
    rules.add(uid, spec()).await.unwrap();
    for address in ["192.0.2.7", "192.0.2.7", "192.0.2.8"] {
        let call = broker.call(user, address).await;
        eventually("the call is denied", async || broker.told(call) == Some(1)).await;
    }
}

#[test]
fn a_user_is_told_what_a_rule_would_have_matched() {
    let name = "hindsight::a_user_is_told_what_a_rule_would_have_matched";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let (client, proxy) = client().await;
        denied(&broker, &client, OWN_UID, me()).await;
        let rules = RulesProxy::new(&client).await.unwrap();
        let before = rules.list(OWN_UID).await.unwrap();
        let one = RuleSpec {
            network: Some("192.0.2.7".into()),
            enabled: Some(false),
            ..any()
        };
        let others = RuleSpec {
            program: "/usr/bin/wget".into(),
            ..any()
        };
        for (rule, calls) in [(any(), 3), (one, 2), (others, 0)] {
            let matched = proxy.matches(OWN_UID, &rule, 0).await.unwrap();
            let expected = Matched {
                calls,
                denied: calls,
                ..Matched::default()
            };
            assert_eq!(matched, expected, "{rule:?}");
        }
        let later = proxy.matches(OWN_UID, &any(), i64::MAX).await.unwrap();
        assert_eq!(later, Matched::default());
        let starting = RuleSpec {
            started_by: Some("/usr/bin/git".into()),
            ..any()
        };
        let untold = proxy.matches(OWN_UID, &starting, 0).await.unwrap();
        assert_eq!(untold.untold.as_deref(), Some("starter"));
        assert_eq!(untold.calls, 0);
        let nonsense = RuleSpec {
            ports: Some("many".into()),
            ..any()
        };
        let refused = proxy.matches(OWN_UID, &nonsense, 0).await;
        assert!(
            matches!(&refused, Err(Error::InvalidArgument(text)) if text.contains("many")),
            "{refused:?}"
        );
        assert_eq!(rules.list(OWN_UID).await.unwrap(), before, "none is made");
    });
}

#[test]
fn nobody_but_root_is_told_of_anothers() {
    let name = "hindsight::nobody_but_root_is_told_of_anothers";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        let _broker = Broker::start().await;
        let (_client, proxy) = client().await;
        for other in [0, me() + 1] {
            let refused = proxy.matches(other, &any(), 0).await;
            assert!(
                matches!(refused, Err(Error::AccessDenied(_))),
                "{refused:?}"
            );
        }
        assert_eq!(polkit.asked(), [], "it is not polkit's to allow");
    });
}

#[test]
fn root_is_told_of_the_one_that_is_named() {
    let name = "hindsight::root_is_told_of_the_one_that_is_named";
    on_a_bus(name, As::Root, async {
        let broker = Broker::start().await;
        let (client, proxy) = client().await;
        denied(&broker, &client, 1000, 1000).await;
        for (uid, calls) in [(1000, 3), (1001, 0), (OWN_UID, 0)] {
            let matched = proxy.matches(uid, &any(), 0).await.unwrap();
            assert_eq!(matched.calls, calls, "{uid}");
        }
    });
}

#[test]
fn one_user_has_so_many_rules_tried_and_no_more() {
    let name = "hindsight::one_user_has_so_many_rules_tried_and_no_more";
    on_a_bus(name, As::User, async {
        let _broker = Broker::start().await;
        let (_client, proxy) = client().await;
        // Who the caller is, is known from now on.
        proxy.matches(OWN_UID, &any(), 0).await.unwrap();
        eventually("some are refused", async || {
            let mut asking = JoinSet::new();
            for _ in 0..50 {
                let proxy = proxy.clone();
                asking.spawn(async move { proxy.matches(OWN_UID, &any(), 0).await });
            }
            let answers = asking.join_all().await;
            let refused = answers.iter().filter(|answer| match answer {
                Ok(_) => false,
                Err(Error::LimitsExceeded(text)) => {
                    assert!(text.contains("2 rules"), "{text}");
                    true
                }
                Err(other) => panic!("{other}"),
            });
            let refused = refused.count();
            assert!(refused < 50, "none was answered");
            refused > 0
        })
        .await;
        proxy.matches(OWN_UID, &any(), 0).await.unwrap();
    });
}
