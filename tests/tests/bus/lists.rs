//! `Lists1`: who may change what, what is read, and that a list and its rules are one change.

use portreeve_dbus::{
    ANY, Error, ListsProxy, NewList, OWN_UID, RuleChanges, RuleSpec, RulesProxy, list_text, sealed,
};
use zbus::Connection;

use crate::{
    broker::Broker,
    polkit::Polkit,
    stage::{As, on_a_bus},
};

const ALICE: u32 = 1000;

fn list(name: &str, text: &str) -> NewList {
    let file = sealed(text).unwrap();
    (name.to_owned(), "a test".to_owned(), file.into())
}

fn against(list: &str) -> RuleChanges {
    RuleChanges::add(RuleSpec {
        program: ANY.into(),
        operations: vec!["connect".into()],
        list: Some(list.into()),
        action: "deny".into(),
        ..RuleSpec::default()
    })
}

async fn proxies() -> (ListsProxy<'static>, RulesProxy<'static>) {
    let client = Connection::system().await.unwrap();
    let lists = ListsProxy::new(&client).await.unwrap();
    (lists, RulesProxy::new(&client).await.unwrap())
}

async fn named(lists: &ListsProxy<'_>) -> Vec<(String, u32)> {
    let found = lists.list(ALICE).await.unwrap().into_iter();
    found.map(|it| (it.name, it.entries)).collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::InvalidArgument(text) | Error::LimitsExceeded(text)) => text,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_list_and_its_rule_are_one_change() {
    let name = "lists::a_list_and_its_rule_are_one_change";
    on_a_bus(name, As::Root, async {
        let broker = Broker::start().await;
        let (lists, rules) = proxies().await;
        let keep = vec![list("ads", "192.0.2.0/24\n=a.example\nb.example\n")];
        let (change, added) = lists
            .change(ALICE, &against("ads"), keep, &[])
            .await
            .unwrap();
        let [id] = added[..] else { panic!("{added:?}") };
        assert_eq!(named(&lists).await, [("ads".to_owned(), 3)]);
        let all = rules.list(ALICE).await.unwrap();
        let rule = all.iter().find(|it| it.id == id).unwrap();
        assert_eq!((&rule.program, rule.entries), (&None, Some(3)));
        let call = broker.call(ALICE, "192.0.2.7").await;
        crate::stage::eventually("it is denied", async || broker.told(call) == Some(1)).await;
        let text = list_text(&lists, ALICE, "ads").await.unwrap();
        assert_eq!(text, "b.example\n=a.example\n192.0.2.0/24\n");
        // What it has now counts.
        let nothing = RuleChanges::default();
        let keep = vec![list("ads", "198.51.100.1\n")];
        let replaced = lists.change(ALICE, &nothing, keep, &[]).await.unwrap().0;
        let call = broker.call(ALICE, "198.51.100.1").await;
        crate::stage::eventually("it is denied", async || broker.told(call) == Some(1)).await;
        let changes = rules.changes(ALICE).await.unwrap();
        assert_eq!(changes[0].lists.as_deref(), Some(&["ads".to_owned()][..]));
        assert_eq!((changes[0].added, changes[0].number), (0, replaced));
        rules.undo(ALICE, replaced).await.unwrap();
        assert_eq!(named(&lists).await, [("ads".to_owned(), 3)]);
        // A rule is about a list that is there.
        let removed = lists.change(ALICE, &nothing, Vec::new(), &["ads"]).await;
        assert!(refused(removed).contains("without that list"));
        rules.undo(ALICE, change).await.unwrap();
        assert!(named(&lists).await.is_empty());
        let unknown = rules.change(ALICE, &against("ads")).await;
        assert!(refused(unknown).contains("“ads”"));
    });
}

#[test]
fn what_is_no_list_is_refused() {
    let name = "lists::what_is_no_list_is_refused";
    on_a_bus(name, As::Root, async {
        let _broker = Broker::start().await;
        let (lists, _) = proxies().await;
        let nothing = RuleChanges::default();
        let plain = std::os::fd::OwnedFd::from(tempfile::tempfile().unwrap());
        let plain = ("ads".to_owned(), String::new(), plain.into());
        let twice = vec![list("ads", "a.test\n"), list("ads", "b.test\n")];
        let long: Vec<_> = (0..=300_000).map(|it| format!("a{it}.test")).collect();
        for (keep, word) in [
            (vec![plain], "F_SEAL_WRITE"),
            (twice, "twice"),
            (vec![list("/etc/ads", "a.test\n")], "“/etc/ads”"),
            (vec![list("ads", "a.test\nb..test\n")], "line 2"),
            (vec![list("ads", &long.join("\n"))], "300000"),
        ] {
            let text = refused(lists.change(ALICE, &nothing, keep, &[]).await);
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(refused(lists.read(ALICE, "ads").await).contains("“ads”"));
        assert!(
            refused(lists.change(ALICE, &nothing, Vec::new(), &["ads"]).await).contains("“ads”")
        );
    });
}

#[test]
fn lists_need_the_leave_that_rules_need() {
    let name = "lists::lists_need_the_leave_that_rules_need";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(false).await;
        let _broker = Broker::start().await;
        let (lists, _) = proxies().await;
        let keep = || vec![list("ads", "a.test\n")];
        let change = async || {
            let nothing = RuleChanges::default();
            lists.change(OWN_UID, &nothing, keep(), &[]).await
        };
        let refused = change().await;
        assert!(
            matches!(refused, Err(Error::AccessDenied(_))),
            "{refused:?}"
        );
        let others = lists.list(4242).await;
        assert!(matches!(others, Err(Error::AccessDenied(_))), "{others:?}");
        polkit.say(true);
        change().await.unwrap();
        assert_eq!(lists.list(OWN_UID).await.unwrap().len(), 1);
    });
}
