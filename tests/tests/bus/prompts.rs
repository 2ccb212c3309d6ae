//! `Prompts1`: listing and answering.

use std::collections::HashMap;

use portreeve_dbus::{
    ACTION_ANSWER, BROKER_PATH, BUS_NAME, Error, OWN_UID, Prompt, PromptsProxy, RulesProxy,
};
use zbus::{Connection, proxy::MethodFlags};

use crate::{
    broker::Broker,
    polkit::{Asked, Polkit},
    stage::{As, eventually, me, on_a_bus},
};

/// The first prompt of a user, as soon as there is one.
async fn prompt(proxy: &PromptsProxy<'_>, uid: u32) -> Prompt {
    eventually("a prompt is listed", async || {
        !proxy.list(uid).await.unwrap().is_empty()
    })
    .await;
    proxy.list(uid).await.unwrap().remove(0)
}

#[test]
fn root_answers_for_a_user() {
    on_a_bus("prompts::root_answers_for_a_user", As::Root, async {
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = PromptsProxy::new(&client).await.unwrap();
        let call = broker.call(1000, "192.0.2.1").await;
        let other = broker.call(1001, "192.0.2.1").await;
        let asked = prompt(&proxy, 1000).await;
        assert_eq!(asked.uid, 1000);
        assert_eq!((asked.path.as_str(), asked.port), ("/usr/bin/curl", 443));
        assert_eq!(asked.host, None);
        assert!(asked.verified && asked.deadline > 0);
        let (id, revision) = (asked.id, asked.revision);

        let stale = proxy
            .answer(id, revision + 1, "allow", "host", "once")
            .await;
        assert!(matches!(stale, Err(Error::StaleRevision(_))), "{stale:?}");
        let rule = proxy
            .answer(id, revision, "allow", "host", "always")
            .await
            .unwrap();
        assert_eq!(broker.told(call), Some(0));
        assert_eq!(broker.told(other), None);
        let rules = RulesProxy::new(&client).await.unwrap();
        let rules = rules.list(1000).await.unwrap();
        let rule = rules.iter().find(|it| it.id == rule).unwrap();
        assert_eq!((rule.origin.as_str(), rule.uid), ("prompt", Some(1000)));
        assert_eq!(rule.network.as_deref(), Some("192.0.2.1/32"));

        let again = proxy.answer(id, revision, "allow", "host", "once").await;
        assert!(matches!(again, Err(Error::NoSuchPrompt(_))), "{again:?}");

        let asked = prompt(&proxy, 1001).await;
        let (id, revision) = (asked.id, asked.revision);
        let none = proxy
            .answer(id, revision, "deny", "host-port", "once")
            .await;
        assert_eq!(none.unwrap(), 0);
        assert_eq!(broker.told(other), Some(1));
    });
}

#[test]
fn a_user_answers_with_polkits_leave() {
    on_a_bus(
        "prompts::a_user_answers_with_polkits_leave",
        As::User,
        async {
            let polkit = Polkit::start(true).await;
            let broker = Broker::start().await;
            let client = Connection::system().await.unwrap();
            let proxy = PromptsProxy::new(&client).await.unwrap();
            let call = broker.call(me(), "192.0.2.1").await;
            let asked = prompt(&proxy, OWN_UID).await;
            let done: Option<u64> = proxy
                .inner()
                .call_with_flags(
                    "Answer",
                    MethodFlags::ALLOW_INTERACTIVE_AUTH,
                    &(asked.id, asked.revision, "allow", "any", "process"),
                )
                .await
                .unwrap();
            assert!(done.unwrap() > 0);
            assert_eq!(broker.told(call), Some(0));
            let expected = Asked {
                kind: "system-bus-name".into(),
                name: client.unique_name().unwrap().to_string(),
                action: ACTION_ANSWER.into(),
                interactive: true,
                details: HashMap::new(),
            };
            assert_eq!(polkit.asked(), [expected]);
        },
    );
}

#[test]
fn a_user_does_not_answer_without_polkits_leave() {
    let name = "prompts::a_user_does_not_answer_without_polkits_leave";
    on_a_bus(name, As::User, async {
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = PromptsProxy::new(&client).await.unwrap();
        let call = broker.call(me(), "192.0.2.1").await;
        let asked = prompt(&proxy, OWN_UID).await;
        let answer = async || {
            let (id, revision) = (asked.id, asked.revision);
            proxy.answer(id, revision, "allow", "host", "once").await
        };
        let refused = answer().await;
        assert!(
            matches!(refused, Err(Error::AccessDenied(_))),
            "no polkit: {refused:?}"
        );
        let polkit = Polkit::start(false).await;
        let refused = answer().await;
        assert!(
            matches!(&refused, Err(Error::AccessDenied(text)) if text.contains(ACTION_ANSWER)),
            "{refused:?}"
        );
        // By a call that does not say that somebody is there who could be asked.
        let words = (asked.id, asked.revision, "allow", "host", "once");
        let interface = Some("io.github.portreeve.Prompts1");
        let refused = client
            .call_method(Some(BUS_NAME), BROKER_PATH, interface, "Answer", &words)
            .await;
        assert!(refused.is_err());
        let interactive: Vec<_> = polkit.asked().iter().map(|it| it.interactive).collect();
        assert_eq!(interactive, [true, false]);
        assert_eq!(broker.told(call), None);
    });
}

#[test]
fn a_user_does_not_answer_for_another() {
    let name = "prompts::a_user_does_not_answer_for_another";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = PromptsProxy::new(&client).await.unwrap();
        let others = broker.call(me() + 1, "192.0.2.1").await;
        broker.call(me(), "192.0.2.1").await;
        prompt(&proxy, OWN_UID).await;
        let refused = proxy.list(me() + 1).await;
        assert!(
            matches!(refused, Err(Error::AccessDenied(_))),
            "{refused:?}"
        );
        assert_eq!(proxy.list(OWN_UID).await.unwrap().len(), 1);
        assert_eq!(broker.told(others), None);
    });
}
