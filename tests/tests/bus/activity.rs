//! `Activity1`: who may read what of the history, and who may clear it.

use std::time::Duration;

use futures_util::StreamExt as _;
use portreeve_broker::{
    bus::{self, Known},
    store::history::History,
};
use portreeve_dbus::{
    ACTION_CLEAR_HISTORY, ActivitiesProxy, Activity, ActivityFilter, Destination, Error, OWN_UID,
    RulesProxy,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};
use zbus::Connection;

use crate::{
    broker::Broker,
    polkit::Polkit,
    rules::spec,
    stage::{As, eventually, me, on_a_bus},
};

mod counting;

/// How long a signal may be on its way.
const SOON: Duration = Duration::from_secs(10);
/// How long nothing has to come where nothing is to come: longer than the history gathers.
const SILENCE: Duration = Duration::from_millis(1_500);

async fn connect() -> Connection {
    Connection::system().await.unwrap()
}

fn any() -> ActivityFilter {
    ActivityFilter::default()
}

/// A rule that denies curl some addresses.
async fn deny(client: &Connection, uid: u32) -> u64 {
    let rules = RulesProxy::new(client).await.unwrap();
    rules.add(uid, spec()).await.unwrap()
}

/// A call that the rule denies; it has been told so.
async fn denied(broker: &Broker, uid: u32, address: &str) {
    let call = broker.call(uid, address).await;
    eventually("the call is denied", async || broker.told(call) == Some(1)).await;
}

/// A client, and its view of the activity.
async fn client() -> (Connection, ActivitiesProxy<'static>) {
    let client = connect().await;
    let proxy = ActivitiesProxy::new(&client).await.unwrap();
    (client, proxy)
}

#[test]
fn a_user_reads_what_his_programs_did() {
    let name = "activity::a_user_reads_what_his_programs_did";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let (client, proxy) = client().await;
        let rule = deny(&client, OWN_UID).await;
        for _ in 0..3 {
            denied(&broker, me(), "192.0.2.7").await;
        }
        let (rows, next) = proxy.list(OWN_UID, &any(), "", 0).await.unwrap();
        assert_eq!((rows.len(), next.as_str()), (1, ""));
        let row = rows[0].clone();
        let expected = Activity {
            id: row.id,
            changed: row.changed,
            subject: "/usr/bin/curl".into(),
            name: "curl".into(),
            path: "/usr/bin/curl".into(),
            verified: true,
            operation: "connect".into(),
            host: None,
            address: "192.0.2.7".into(),
            port: 443,
            protocol: "tcp".into(),
            action: "deny".into(),
            errno: Some(1),
            reason: "rule".into(),
            rule: Some(rule),
            first: row.first,
            last: row.last,
            count: 3,
        };
        assert_eq!(row, expected);
        assert!(row.first > 1_700_000_000_000_000 && row.first <= row.last);
        let programs = proxy.programs(OWN_UID).await.unwrap();
        assert_eq!(programs.len(), 1);
        assert_eq!(programs[0].subject, "/usr/bin/curl");
        assert_eq!((programs[0].allowed, programs[0].denied), (0, 3));
        assert_eq!((programs[0].first, programs[0].last), (row.first, row.last));
        assert_eq!(
            (programs[0].destinations, programs[0].listens),
            (Some(1), Some(0))
        );
        let found = proxy.destinations(OWN_UID, "/usr/bin/curl", "", 0).await;
        let expected = Destination {
            operation: "connect".into(),
            host: None,
            address: "192.0.2.7".into(),
            port: 443,
            protocol: "tcp".into(),
            action: "deny".into(),
            errno: Some(1),
            last: row.last,
            allowed: 0,
            denied: 3,
        };
        assert_eq!(found.unwrap(), (vec![expected], String::new()));
    });
}

#[test]
fn destinations_are_paged_and_nobody_elses() {
    let name = "activity::destinations_are_paged_and_nobody_elses";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let (client, proxy) = client().await;
        deny(&client, OWN_UID).await;
        for number in 1..=5 {
            denied(&broker, me(), &format!("192.0.2.{number}")).await;
        }
        let (mut cursor, mut seen) = (String::new(), Vec::new());
        for count in [2, 2, 1] {
            let page = proxy.destinations(OWN_UID, "/usr/bin/curl", &cursor, 2);
            let page = page.await.unwrap();
            assert_eq!(page.0.len(), count);
            seen.extend(page.0.into_iter().map(|row| row.address));
            cursor = page.1;
        }
        let expected = [5, 4, 3, 2, 1].map(|number| format!("192.0.2.{number}"));
        assert_eq!((seen.as_slice(), cursor.as_str()), (&expected[..], ""));
        let other = proxy.destinations(OWN_UID, "/usr/bin/wget", "", 0).await;
        assert_eq!(other.unwrap(), (Vec::new(), String::new()));
        let wrong = proxy
            .destinations(OWN_UID, "/usr/bin/curl", "here", 0)
            .await;
        assert!(matches!(wrong, Err(Error::InvalidArgument(text)) if text.contains("“here”")));
        let others = proxy.destinations(me() + 1, "/usr/bin/curl", "", 0).await;
        assert!(matches!(others, Err(Error::AccessDenied(_))), "{others:?}");
    });
}

#[test]
fn pages_follow_each_other() {
    let name = "activity::pages_follow_each_other";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let (client, proxy) = client().await;
        deny(&client, OWN_UID).await;
        for number in 1..=5 {
            denied(&broker, me(), &format!("192.0.2.{number}")).await;
        }
        let (mut cursor, mut seen) = (String::new(), Vec::new());
        for count in [2, 2, 1] {
            let page = proxy.list(OWN_UID, &any(), &cursor, 2).await.unwrap();
            assert_eq!(page.0.len(), count);
            seen.extend(page.0.into_iter().map(|row| row.address));
            cursor = page.1;
        }
        assert_eq!(cursor, "");
        let expected = [5, 4, 3, 2, 1].map(|number| format!("192.0.2.{number}"));
        assert_eq!(seen, expected, "the newest first");
        // What is wanted can be narrowed down.
        let narrowed = async |filter: ActivityFilter| {
            let page = proxy.list(OWN_UID, &filter, "", u32::MAX).await.unwrap();
            page.0.len()
        };
        let program = |path: &str| ActivityFilter {
            program: Some(path.to_owned()),
            denied: Some(true),
            ..any()
        };
        assert_eq!(narrowed(program("/usr/bin/curl")).await, 5);
        assert_eq!(narrowed(program("/usr/bin/wget")).await, 0);
        let later = ActivityFilter {
            since: Some(i64::MAX),
            ..any()
        };
        assert_eq!(narrowed(later).await, 0);
        let mixed = ActivityFilter {
            after: Some(0),
            ..program("/usr/bin/curl")
        };
        for (filter, cursor) in [(any(), "yesterday"), (any(), "1:"), (mixed, "")] {
            let refused = proxy.list(OWN_UID, &filter, cursor, 0).await;
            assert!(
                matches!(refused, Err(Error::InvalidArgument(_))),
                "{refused:?}"
            );
        }
    });
}

type Part = fn(&mut ActivityFilter);

#[expect(clippy::unnecessary_wraps, reason = "as the parts of a filter are")]
fn some(word: &str) -> Option<String> {
    Some(word.to_owned())
}

#[test]
fn calls_are_found_and_counted_by_what_they_were() {
    let name = "activity::calls_are_found_and_counted_by_what_they_were";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let (client, proxy) = client().await;
        let rule = deny(&client, OWN_UID).await;
        for address in ["192.0.2.7", "192.0.2.7", "192.168.0.1"] {
            denied(&broker, me(), address).await;
        }
        let parts: [(Part, usize, u64); 9] = [
            // The rule is not about the last one, and nobody was there to be asked about it.
            (|_| (), 2, 2),
            (|it| it.app = some("CURL"), 2, 2),
            (|it| it.app = some("wget"), 0, 0),
            (|it| it.host = some("192.168"), 1, 0),
            (|it| it.place = some("internet"), 1, 2),
            (|it| it.port = Some(443), 2, 2),
            (|it| it.verdict = some("denied"), 2, 2),
            (|it| it.direction = some("in"), 0, 0),
            (|it| it.since = Some(i64::MAX - 1), 0, 0),
        ];
        let of_rule = ActivityFilter {
            rule: Some(rule),
            ..any()
        };
        let parts = parts.map(|(part, rows, calls)| {
            let mut filter = any();
            part(&mut filter);
            (filter, rows, calls)
        });
        for (filter, rows, calls) in parts.into_iter().chain([(of_rule, 1, 2)]) {
            let (found, _) = proxy.list(OWN_UID, &filter, "", 0).await.unwrap();
            assert_eq!(found.len(), rows, "{filter:?}");
            let timeline = proxy.timeline(OWN_UID, &filter, 12).await.unwrap();
            let lengths = [&timeline.allowed, &timeline.denied, &timeline.unanswered];
            assert_eq!(lengths.map(Vec::len), [12; 3]);
            let denied: u64 = timeline.denied.iter().sum();
            assert_eq!(denied, calls, "{filter:?} {timeline:?} {found:?}");
            assert!(timeline.width > 0);
        }
        // Of each program, the same as for it alone; of one that nobody has seen, nothing.
        let programs = proxy.programs(OWN_UID).await.unwrap();
        let mut keys: Vec<_> = programs.into_iter().map(|seen| seen.subject).collect();
        keys.push("/nowhere".to_owned());
        let day = ActivityFilter {
            since: Some(1),
            until: Some(i64::MAX - 1),
            ..any()
        };
        let each = proxy.timelines(OWN_UID, &day, &keys, 24).await.unwrap();
        assert_eq!(each.len(), keys.len());
        for (timeline, key) in each.iter().zip(keys) {
            let of_one = ActivityFilter {
                program: Some(key.clone()),
                ..day.clone()
            };
            let alone = proxy.timeline(OWN_UID, &of_one, 24).await.unwrap();
            assert_eq!(*timeline, alone, "{key}");
            let denied: u64 = timeline.denied.iter().sum();
            assert_eq!(denied > 0, key != "/nowhere", "{key}");
        }
    });
}

#[test]
fn nobody_but_root_reads_anothers() {
    let name = "activity::nobody_but_root_reads_anothers";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(true).await;
        let _broker = Broker::start().await;
        let (_client, proxy) = client().await;
        let of_late = ActivityFilter {
            since: Some(1),
            ..any()
        };
        for other in [0, me() + 1] {
            for refused in [
                proxy.list(other, &any(), "", 0).await.map(|_| ()),
                proxy.programs(other).await.map(|_| ()),
                proxy.timeline(other, &any(), 5).await.map(|_| ()),
                proxy.timelines(other, &of_late, &[], 5).await.map(|_| ()),
                proxy.clear(other).await,
                proxy.watch(other).await.map(|_| ()),
            ] {
                assert!(
                    matches!(refused, Err(Error::AccessDenied(_))),
                    "{refused:?}"
                );
            }
        }
        assert_eq!(polkit.asked(), [], "it is not polkit's to allow");
    });
}

#[test]
fn root_reads_and_clears_one_users() {
    let name = "activity::root_reads_and_clears_one_users";
    on_a_bus(name, As::Root, async {
        let broker = Broker::start().await;
        let (client, proxy) = client().await;
        for uid in [1000, 1001] {
            deny(&client, uid).await;
            denied(&broker, uid, "192.0.2.7").await;
        }
        proxy.clear(1000).await.unwrap();
        let count = async |uid| {
            let (rows, _) = proxy.list(uid, &any(), "", 0).await.unwrap();
            (rows.len(), proxy.programs(uid).await.unwrap().len())
        };
        assert_eq!(count(1000).await, (0, 0));
        assert_eq!(count(1001).await, (1, 1));
        assert_eq!(count(OWN_UID).await, (0, 0));
    });
}

#[test]
fn a_program_cannot_hide_what_it_did() {
    let name = "activity::a_program_cannot_hide_what_it_did";
    on_a_bus(name, As::User, async {
        let polkit = Polkit::start(false).await;
        let _broker = Broker::start().await;
        let (_client, proxy) = client().await;
        let refused = proxy.clear(OWN_UID).await;
        assert!(
            matches!(refused, Err(Error::AccessDenied(_))),
            "{refused:?}"
        );
        let asked = polkit.asked();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].action, ACTION_CLEAR_HISTORY);
    });
}

#[test]
fn a_user_clears_his_own_with_polkits_leave() {
    let name = "activity::a_user_clears_his_own_with_polkits_leave";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let (client, proxy) = client().await;
        deny(&client, OWN_UID).await;
        denied(&broker, me(), "192.0.2.7").await;
        assert_eq!(proxy.programs(OWN_UID).await.unwrap().len(), 1);
        proxy.clear(OWN_UID).await.unwrap();
        assert_eq!(proxy.programs(OWN_UID).await.unwrap(), []);
        let (rows, _) = proxy.list(OWN_UID, &any(), "", 0).await.unwrap();
        assert_eq!(rows, []);
    });
}

#[test]
fn only_who_watches_hears_of_his_own() {
    let name = "activity::only_who_watches_hears_of_his_own";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let broker = Broker::start().await;
        let (watcher, other) = (connect().await, connect().await);
        let proxy = ActivitiesProxy::new(&watcher).await.unwrap();
        let others = ActivitiesProxy::new(&other).await.unwrap();
        let mut hears = proxy.receive_changed().await.unwrap();
        let mut overhears = others.receive_changed().await.unwrap();
        deny(&watcher, OWN_UID).await;
        denied(&broker, me(), "192.0.2.1").await;
        let last = proxy.watch(OWN_UID).await.unwrap();
        // Much of the same is told at once.
        for _ in 0..50 {
            denied(&broker, me(), "192.0.2.2").await;
        }
        assert!(timeout(SOON, hears.next()).await.unwrap().is_some());
        let news = ActivityFilter {
            after: Some(last),
            ..any()
        };
        eventually("all of it is there", async || {
            let (rows, _) = proxy.list(OWN_UID, &news, "", 0).await.unwrap();
            assert_eq!(rows.len(), 1, "and not what was before");
            rows[0].count == 50
        })
        .await;
        sleep(SILENCE).await;
        let mut more = 0;
        while timeout(Duration::ZERO, hears.next()).await.is_ok() {
            more += 1;
        }
        assert!(more < 20, "{more} signals");
        // Of another user's programs the watcher hears nothing, and others nothing at all.
        broker.call(me() + 1, "192.0.2.1").await;
        assert!(timeout(SILENCE, hears.next()).await.is_err());
        assert!(timeout(SILENCE, overhears.next()).await.is_err());
    });
}

#[test]
fn one_user_asks_so_much_and_no_more() {
    let name = "activity::one_user_asks_so_much_and_no_more";
    on_a_bus(name, As::User, async {
        let _broker = Broker::start().await;
        // The bus itself has no more than 128 calls of a connection under way.
        let mut proxies = Vec::new();
        for _ in 0..4 {
            let proxy = ActivitiesProxy::new(&connect().await).await.unwrap();
            proxy.list(OWN_UID, &any(), "", 0).await.unwrap();
            proxies.push(proxy);
        }
        eventually("some are refused", async || {
            let mut asking = JoinSet::new();
            for proxy in proxies.iter().cycle().take(200) {
                let proxy = proxy.clone();
                asking.spawn(async move { proxy.list(OWN_UID, &any(), "", 0).await });
            }
            let answers = asking.join_all().await;
            let refused = answers.iter().filter(|answer| match answer {
                Ok(_) => false,
                Err(Error::LimitsExceeded(text)) => {
                    assert!(text.contains("4 questions"), "{text}");
                    true
                }
                Err(other) => panic!("{other}"),
            });
            let refused = refused.count();
            assert!(refused < 200, "none was answered");
            refused > 0
        })
        .await;
        proxies[0].list(OWN_UID, &any(), "", 0).await.unwrap();
    });
}

#[test]
fn without_a_history_it_is_said() {
    let name = "activity::without_a_history_it_is_said";
    on_a_bus(name, As::Anyone, async {
        let (commands, _commanded) = mpsc::channel(16);
        let serving = bus::serve(commands, History::none(), Known::default());
        let _broker = serving.await.unwrap();
        let (_client, proxy) = client().await;
        let refused = proxy.list(OWN_UID, &any(), "", 0).await;
        assert!(
            matches!(&refused, Err(Error::StoreUnavailable(text)) if text.contains("off")),
            "{refused:?}"
        );
    });
}
