//! `Rules1`: who may change what, and what becomes of it.

use portreeve_broker::config::Config;
use portreeve_dbus::{
    ACTION_ALLOW, ACTION_EDIT_RULES, ACTION_STRENGTHEN, CallSpec, Error, OWN_UID, Rule,
    RuleChanges, RuleSpec, RulesProxy,
};
use zbus::Connection;

use crate::{
    broker::Broker,
    polkit::Polkit,
    stage::{As, me, on_a_bus},
};

/// A rule about one place.
pub(crate) fn spec() -> RuleSpec {
    RuleSpec {
        program: "/usr/bin/curl".into(),
        operations: vec!["connect".into(), "listen".into()],
        network: Some("192.0.2.0/24".into()),
        ports: Some("443".into()),
        protocol: Some("tcp".into()),
        action: "deny".into(),
        note: Some("why".into()),
        ..RuleSpec::default()
    }
}

/// The rule of this id as the broker lists it.
async fn listed(proxy: &RulesProxy<'_>, uid: u32, id: u64) -> Option<Rule> {
    let rules = proxy.list(uid).await.unwrap();
    rules.into_iter().find(|rule| rule.id == id)
}

/// The life of one rule of `uid`.
async fn life_of_a_rule(broker: &Broker, proxy: &RulesProxy<'_>, uid: u32, user: u32) {
    let id = proxy.add(uid, spec()).await.unwrap();
    let rule = listed(proxy, uid, id).await.unwrap();
    let expected = Rule {
        id,
        uid: Some(user),
        started_by: None,
        and_what_it_starts: None,
        program: Some("/usr/bin/curl".into()),
        called: None,
        operations: vec!["connect".into(), "listen".into()],
        destination: "network".into(),
        host: None,
        network: Some("192.0.2.0/24".into()),
        list: None,
        entries: None,
        ports: Some("443".into()),
        protocol: Some("tcp".into()),
        action: "deny".into(),
        errno: Some(1),
        lifespan: "always".into(),
        pid: None,
        ends: None,
        only_in: None,
        only_in_name: None,
        away: None,
        enabled: true,
        origin: "command-line".into(),
        created: rule.created,
        built_in: None,
        note: Some("why".into()),
        paused: None,
    };
    assert_eq!(rule, expected);
    assert!(rule.created > 1_700_000_000);
    settles(broker, user, true).await;

    let change = async |changes| proxy.change(uid, &changes).await;
    change(RuleChanges::switch(id, false)).await.unwrap();
    assert!(!listed(proxy, uid, id).await.unwrap().enabled);
    change(RuleChanges::switch(id, true)).await.unwrap();
    assert!(listed(proxy, uid, id).await.unwrap().enabled);

    let (removal, added) = change(RuleChanges::remove(id)).await.unwrap();
    assert!(added.is_empty());
    assert_eq!(listed(proxy, uid, id).await, None);
    let undone = proxy.undo(uid, removal).await.unwrap();
    assert_eq!(listed(proxy, uid, id).await, Some(expected.clone()));
    settles(broker, user, true).await;
    let changes = proxy.changes(uid).await.unwrap();
    assert_eq!(changes.len(), 5);
    assert_eq!(
        (changes[0].number, changes[0].undoes, changes[1].undone_by),
        (undone, Some(removal), Some(undone))
    );
    assert_eq!((changes[0].added, changes[1].removed), (1, 1));
    assert_eq!(changes[0].rule, Some(expected));
    change(RuleChanges::remove(id)).await.unwrap();
    settles(broker, user, false).await;

    for refused in [RuleChanges::remove(id), RuleChanges::switch(id, true)] {
        let refused = change(refused).await;
        assert!(matches!(refused, Err(Error::NoSuchRule(_))), "{refused:?}");
    }
    let unknown = proxy.undo(uid, 999).await;
    assert!(
        matches!(unknown, Err(Error::NoSuchChange(_))),
        "{unknown:?}"
    );
}

/// Whether a call is settled by the rule.
async fn settles(broker: &Broker, user: u32, expected: bool) {
    let call = broker.call(user, "192.0.2.7").await;
    // The loop works in order of arrival, but for what it takes from its two queues.
    let client = Connection::system().await.unwrap();
    let prompts = portreeve_dbus::PromptsProxy::new(&client).await.unwrap();
    crate::stage::eventually("the call is judged", async || {
        broker.told(call).is_some() || !prompts.list(user).await.unwrap().is_empty()
    })
    .await;
    assert_eq!(broker.told(call), expected.then_some(1));
}

#[test]
fn root_changes_the_rules_of_a_user() {
    on_a_bus("rules::root_changes_the_rules_of_a_user", As::Root, async {
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = RulesProxy::new(&client).await.unwrap();
        life_of_a_rule(&broker, &proxy, 1000, 1000).await;
        let id = proxy.add(1000, spec()).await.unwrap();
        let refused = proxy.change(1001, &RuleChanges::remove(id)).await;
        assert!(matches!(refused, Err(Error::NoSuchRule(_))), "{refused:?}");
        assert_eq!(listed(&proxy, 1001, id).await, None);
        assert!(listed(&proxy, 1000, id).await.is_some());
    });
}

#[test]
fn a_user_changes_his_rules_with_polkits_leave() {
    let name = "rules::a_user_changes_his_rules_with_polkits_leave";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = RulesProxy::new(&client).await.unwrap();
        life_of_a_rule(&broker, &proxy, OWN_UID, me()).await;
        let asked = polkit.asked();
        assert_eq!(asked.len(), 9, "once for each change");
        assert!(asked.iter().all(|it| it.action == ACTION_EDIT_RULES));
        for other in [0, me() + 1] {
            let refused = proxy.add(other, spec()).await;
            assert!(
                matches!(refused, Err(Error::AccessDenied(_))),
                "{refused:?}"
            );
            let refused = proxy.list(other).await;
            assert!(
                matches!(refused, Err(Error::AccessDenied(_))),
                "{refused:?}"
            );
        }
    });
}

#[test]
fn a_user_changes_nothing_without_polkits_leave() {
    let name = "rules::a_user_changes_nothing_without_polkits_leave";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(false).await;
        let _broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = RulesProxy::new(&client).await.unwrap();
        let removal = RuleChanges::remove(1);
        let refused = [
            proxy.add(OWN_UID, spec()).await.map(|_| ()),
            proxy.change(OWN_UID, &removal).await.map(|_| ()),
            proxy.undo(OWN_UID, 1).await.map(|_| ()),
        ];
        for refused in refused {
            assert!(
                matches!(refused, Err(Error::AccessDenied(_))),
                "{refused:?}"
            );
        }
        assert_eq!(polkit.asked().len(), 3);
        let rules = proxy.list(OWN_UID).await.unwrap();
        assert_eq!(rules.len(), 2, "the built-in ones: {rules:?}");
        for rule in rules {
            assert_eq!(rule.origin, "built-in");
            assert_eq!((rule.uid, rule.program), (None, None));
        }
    });
}

/// What a built-in rule says to a user.
async fn says(proxy: &RulesProxy<'_>, rule: &str) -> String {
    let rules = proxy.list(OWN_UID).await.unwrap();
    let found = rules
        .into_iter()
        .find(|it| it.built_in.as_deref() == Some(rule));
    found.unwrap().action
}

#[test]
fn a_user_tightens_built_in_rules_and_loosens_them_with_polkits_leave() {
    let name = "rules::a_user_tightens_built_in_rules_and_loosens_them_with_polkits_leave";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        let _broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = RulesProxy::new(&client).await.unwrap();
        let set = async |rule, action| proxy.set_built_in(OWN_UID, rule, action).await;
        set("name-lookups", "ask").await.unwrap();
        set("name-lookups", "deny").await.unwrap();
        set("name-lookups", "deny").await.unwrap();
        let asked: Vec<_> = polkit.asked().into_iter().map(|it| it.action).collect();
        assert_eq!(asked, [ACTION_STRENGTHEN; 3], "nothing more happens");
        drop(polkit);
        let polkit = Polkit::start(false).await;
        for action in ["ask", "allow"] {
            let refused = set("name-lookups", action).await;
            assert!(
                matches!(refused, Err(Error::AccessDenied(_))),
                "{refused:?}"
            );
        }
        let asked: Vec<_> = polkit.asked().into_iter().map(|it| it.action).collect();
        assert_eq!(asked, [ACTION_EDIT_RULES; 2], "for each once");
        assert_eq!(says(&proxy, "name-lookups").await, "deny");
        assert_eq!(says(&proxy, "this-computer").await, "allow");
        for (rule, action, wrong) in [
            ("loopback", "deny", "“loopback”"),
            ("name-lookups", "deny-and-ask", "“deny-and-ask”"),
        ] {
            let refused = set(rule, action).await;
            assert!(
                matches!(&refused, Err(Error::InvalidArgument(text)) if text.contains(wrong)),
                "{refused:?}"
            );
        }
        let refused = proxy.set_built_in(me() + 1, "name-lookups", "deny").await;
        assert!(
            matches!(refused, Err(Error::AccessDenied(_))),
            "{refused:?}"
        );
        // What would become of a lookup, and of a call to something else there.
        let call = |port| CallSpec {
            program: "/usr/bin/curl".into(),
            operation: "connect".into(),
            address: Some("127.0.0.53".into()),
            port: Some(port),
            protocol: Some("udp".into()),
            ..CallSpec::default()
        };
        for (port, outcome) in [(53, "deny"), (631, "allow")] {
            let explained = proxy.explain(OWN_UID, &call(port)).await.unwrap();
            assert_eq!(explained.outcome, outcome);
        }
    });
}

#[test]
fn a_user_loosens_built_in_rules_with_polkits_leave() {
    let name = "rules::a_user_loosens_built_in_rules_with_polkits_leave";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        let protects = Config {
            protected: true,
            ..Config::default()
        };
        let _broker = Broker::start_with(protects).await;
        let client = Connection::system().await.unwrap();
        let proxy = RulesProxy::new(&client).await.unwrap();
        for action in ["deny", "ask"] {
            let set = proxy.set_built_in(OWN_UID, "this-computer", action).await;
            set.unwrap();
            assert_eq!(says(&proxy, "this-computer").await, action);
        }
        let asked: Vec<_> = polkit.asked().into_iter().map(|it| it.action).collect();
        let to_ask = [ACTION_EDIT_RULES, ACTION_ALLOW];
        assert_eq!(asked[..1], [ACTION_STRENGTHEN], "to deny");
        assert_eq!(asked[1..], to_ask);
    });
}

#[test]
fn a_user_is_told_what_would_become_of_a_call() {
    let name = "rules::a_user_is_told_what_would_become_of_a_call";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        let _broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = RulesProxy::new(&client).await.unwrap();
        let deny = proxy.add(OWN_UID, spec()).await.unwrap();
        let wide = RuleSpec {
            network: None,
            place: Some("internet".into()),
            action: "allow".into(),
            operations: vec!["connect".into()],
            ..spec()
        };
        let allow = proxy.add(OWN_UID, wide).await.unwrap();
        let call = |address: &str| CallSpec {
            program: "/usr/bin/curl".into(),
            operation: "connect".into(),
            address: Some(address.into()),
            port: Some(443),
            ..CallSpec::default()
        };
        let explain = async |address| proxy.explain(OWN_UID, &call(address)).await.unwrap();
        let denied = explain("192.0.2.7").await;
        assert_eq!((denied.outcome.as_str(), denied.errno), ("deny", Some(1)));
        assert_eq!(
            (denied.rule, &denied.rules),
            (Some(deny), &vec![deny, allow])
        );
        assert_eq!(denied.weaker_by, ["", "destination"]);
        let allowed = explain("198.51.100.7").await;
        assert_eq!(
            (allowed.outcome.as_str(), allowed.rule),
            ("allow", Some(allow))
        );
        let asked = explain("10.0.0.7").await;
        assert_eq!((asked.outcome.as_str(), asked.rule), ("ask", None));
        assert!(asked.rules.is_empty() && asked.errno.is_none());
        // It is no change, so nobody's leave is needed; but rules are their user's.
        assert_eq!(polkit.asked().len(), 2);
        let refused = proxy.explain(me() + 1, &call("192.0.2.7")).await;
        assert!(
            matches!(refused, Err(Error::AccessDenied(_))),
            "{refused:?}"
        );
        let senseless = CallSpec {
            operation: "fly".into(),
            ..call("192.0.2.7")
        };
        let refused = proxy.explain(OWN_UID, &senseless).await;
        assert!(
            matches!(refused, Err(Error::InvalidArgument(_))),
            "{refused:?}"
        );
    });
}

#[test]
fn what_is_protected_takes_leave_of_its_own() {
    let name = "rules::what_is_protected_takes_leave_of_its_own";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        let config = Config {
            protected: true,
            ..Config::default()
        };
        let _broker = Broker::start_with(config).await;
        let client = Connection::system().await.unwrap();
        let proxy = RulesProxy::new(&client).await.unwrap();
        let asked = || -> Vec<String> {
            let asked = polkit.asked().into_iter();
            asked.map(|it| it.action).collect()
        };
        let deny = proxy.add(OWN_UID, spec()).await.unwrap();
        assert_eq!(asked(), [ACTION_EDIT_RULES]);
        proxy
            .change(OWN_UID, &RuleChanges::remove(deny))
            .await
            .unwrap();
        let both = [ACTION_EDIT_RULES, ACTION_ALLOW];
        assert_eq!(asked()[1..], both);
        assert!(polkit.asked().iter().all(|it| it.interactive));
        let allow = RuleSpec {
            action: "allow".into(),
            ..spec()
        };
        proxy.add(OWN_UID, allow).await.unwrap();
        assert_eq!(asked()[3..], both);
    });
}
