//! Rules that end, as clients see them.

use portreeve_dbus::{Error, OWN_UID, Prompt, PromptsProxy, Rule, RuleSpec, RulesProxy};
use zbus::Connection;

use crate::{
    broker::Broker,
    logind::{Logind, Session},
    polkit::Polkit,
    rules::spec,
    stage::{As, eventually, me, on_a_bus},
};

fn lasting(lifespan: &str) -> RuleSpec {
    RuleSpec {
        lifespan: Some(lifespan.to_owned()),
        ..spec()
    }
}

fn session(uid: u32, class: &'static str) -> Session {
    Session {
        uid,
        class,
        kind: "tty",
        desktop: "",
        state: "active",
    }
}

/// The user's own rules.
async fn own(rules: &RulesProxy<'_>) -> Vec<Rule> {
    let mut listed = rules.list(OWN_UID).await.unwrap();
    listed.retain(|rule| rule.uid.is_some());
    listed
}

fn boottime() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1_000
}

#[test]
fn a_rule_for_a_time_says_when_it_ends_and_does() {
    let name = "timed::a_rule_for_a_time_says_when_it_ends_and_does";
    on_a_bus(name, As::Anyone, async {
        let _polkit = Polkit::start(true).await;
        let _broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = RulesProxy::new(&client).await.unwrap();
        let before = boottime();
        let id = proxy.add(OWN_UID, lasting("2s")).await.unwrap();
        let listed = own(&proxy).await;
        assert_eq!((listed.len(), listed[0].id), (1, id));
        assert_eq!(
            (listed[0].lifespan.as_str(), listed[0].pid),
            ("until", None)
        );
        let ends = listed[0].ends.unwrap();
        assert!((before + 2_000_000..=boottime() + 2_000_000).contains(&ends));
        eventually("the rule ends", async || own(&proxy).await.is_empty()).await;
        assert!(boottime() >= ends);
        let added = proxy.changes(OWN_UID).await.unwrap();
        let gone = proxy.undo(OWN_UID, added[0].number).await;
        assert!(matches!(gone, Err(Error::NoSuchChange(_))), "{gone:?}");

        for lifespan in ["0s", "1h", "once", "process", "for ever"] {
            let refused = proxy.add(OWN_UID, lasting(lifespan)).await;
            let Err(Error::InvalidArgument(text)) = refused else {
                panic!("{refused:?}");
            };
            assert!(text.contains(&format!("“{lifespan}”")), "{text}");
        }
    });
}

#[test]
fn a_rule_until_logout_needs_a_session_and_ends_with_the_last() {
    let name = "timed::a_rule_until_logout_needs_a_session_and_ends_with_the_last";
    on_a_bus(name, As::Anyone, async {
        let _polkit = Polkit::start(true).await;
        let logind = Logind::start([
            session(me(), "user"),
            session(me(), "user-early"),
            session(me(), "manager"),
            session(me(), "background"),
            session(me() + 1, "user"),
        ])
        .await;
        let _broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = RulesProxy::new(&client).await.unwrap();
        eventually("logind is asked", async || {
            proxy.add(OWN_UID, lasting("logout")).await.is_ok()
        })
        .await;
        assert_eq!(own(&proxy).await[0].lifespan, "logout");
        logind.end(4).await;
        logind.end(0).await;
        // Whatever is left of the other one's programs.
        assert_eq!(own(&proxy).await.len(), 1, "one session is open");
        logind.set_state(1, "closing");
        logind.end(3).await;
        eventually("the rule ends", async || own(&proxy).await.is_empty()).await;
        let refused = proxy.add(OWN_UID, lasting("logout")).await;
        assert!(
            matches!(&refused, Err(Error::InvalidArgument(text)) if text.contains("logs out")),
            "{refused:?}"
        );
    });
}

/// The first prompt of the user's that fits.
async fn prompt(proxy: &PromptsProxy<'_>, fits: impl Fn(&Prompt) -> bool) -> Prompt {
    let find = async || {
        let prompts = proxy.list(OWN_UID).await.unwrap();
        prompts.into_iter().find(|prompt| fits(prompt))
    };
    eventually("a prompt is listed", async || find().await.is_some()).await;
    find().await.unwrap()
}

#[test]
fn prompts_offer_what_can_be_kept() {
    on_a_bus("timed::prompts_offer_what_can_be_kept", As::Anyone, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let client = Connection::system().await.unwrap();
        let proxy = PromptsProxy::new(&client).await.unwrap();
        let call = broker.call(me(), "192.0.2.1").await;
        let asked = prompt(&proxy, |_| true).await;
        // Nobody says who is logged in here.
        assert_eq!(asked.lifespans, ["once", "process", "3600s", "always"]);
        let answer = async |lifespan: &str| {
            let (id, revision) = (asked.id, asked.revision);
            proxy.answer(id, revision, "allow", "host", lifespan).await
        };
        for lifespan in ["logout", "0s", "1h"] {
            let refused = answer(lifespan).await;
            assert!(
                matches!(refused, Err(Error::InvalidArgument(_))),
                "{refused:?}"
            );
        }
        assert_eq!(broker.told(call), None);
        let rule = answer("90s").await.unwrap();
        assert_eq!(broker.told(call), Some(0));
        let rules = RulesProxy::new(&client).await.unwrap();
        let listed = own(&rules).await;
        assert_eq!((listed[0].id, listed[0].lifespan.as_str()), (rule, "until"));
    });
}
