//! What cannot be counted.

use portreeve_dbus::{ActivityFilter, Error, OWN_UID};

use super::{any, client, some};
use crate::{
    broker::Broker,
    polkit::Polkit,
    stage::{As, on_a_bus},
};

#[test]
fn what_cannot_be_counted_is_refused() {
    let name = "activity::counting::what_cannot_be_counted_is_refused";
    on_a_bus(name, As::User, async {
        let _polkit = Polkit::start(true).await;
        let _broker = Broker::start().await;
        let (_, proxy) = client().await;
        let nonsense = ActivityFilter {
            verdict: some("maybe"),
            ..any()
        };
        let after = ActivityFilter {
            after: Some(0),
            ..any()
        };
        let backwards = ActivityFilter {
            since: Some(2),
            until: Some(1),
            ..any()
        };
        for (filter, parts) in [
            (any(), 0),
            (any(), 401),
            (nonsense, 5),
            (after, 5),
            (backwards, 5),
        ] {
            let refused = proxy.timeline(OWN_UID, &filter, parts).await;
            assert!(
                matches!(refused, Err(Error::InvalidArgument(_))),
                "{filter:?} {parts}: {refused:?}"
            );
        }
        let of_late = ActivityFilter {
            since: Some(1),
            ..any()
        };
        let of_one = ActivityFilter {
            program: some("/usr/bin/curl"),
            ..of_late.clone()
        };
        let different = |count: usize| (0..count).map(|it| format!("/usr/bin/{it}")).collect();
        let twice = vec!["/usr/bin/curl".to_owned(); 2];
        let cases: [(_, Vec<String>, _); 6] = [
            (&of_late, different(1), 0),
            (&of_late, different(1), 49),
            (&of_late, different(101), 24),
            (&of_one, different(1), 24),
            (&of_late, twice, 24),
            (&any(), different(1), 24),
        ];
        for (filter, programs, parts) in cases {
            let refused = proxy.timelines(OWN_UID, filter, &programs, parts).await;
            assert!(
                matches!(refused, Err(Error::InvalidArgument(_))),
                "{filter:?} {parts}: {refused:?}"
            );
        }
        let nonsense = ActivityFilter {
            place: some("moon"),
            ..any()
        };
        let refused = proxy.list(OWN_UID, &nonsense, "", 0).await;
        assert!(
            matches!(&refused, Err(Error::InvalidArgument(text)) if text.contains("moon")),
            "{refused:?}"
        );
    });
}
