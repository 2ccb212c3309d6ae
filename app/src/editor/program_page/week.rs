//! The page's part that shows when the program did something.

use std::time::{Duration, Instant};

use adw::{prelude::*, subclass::prelude::*};
use gtk::glib;
use portreeve_dbus::{ActivityFilter, Error, Timeline};

use super::ProgramPage;
use crate::{
    editor::{PAUSE, timeline_table::TimelineTable},
    model::Week,
};

/// How long a map of a week is right enough.
const FRESH: Duration = Duration::from_secs(60);

impl ProgramPage {
    /// Reads how many calls there were when, if that was not just done.
    pub(super) fn refresh_week(&self) {
        let imp = self.imp();
        let counted = imp.counted.get();
        if imp.broker.borrow().is_none() || counted.is_some_and(|then| then.elapsed() < FRESH) {
            return;
        }
        imp.counted.set(Some(Instant::now()));
        let page = self.clone();
        glib::spawn_future_local(async move { page.read_week().await });
    }

    async fn read_week(&self) {
        let broker = self.imp().broker.borrow().clone();
        let (Some((broker, item)), Some((since, until, hours))) =
            (broker.zip(self.item()), Week::bounds())
        else {
            return;
        };
        let filter = ActivityFilter {
            program: Some(item.key()),
            since: Some(since),
            until: Some(until),
            ..ActivityFilter::default()
        };
        match broker.timeline(filter, hours).await {
            Ok(timeline) => self.show_week(timeline),
            Err(error) => {
                tracing::warn!(%error, "cannot count what a program did");
                self.imp().counted.set(None);
                if matches!(error, Error::LimitsExceeded(_)) {
                    glib::timeout_future(PAUSE).await;
                    self.refresh_week();
                }
            }
        }
    }

    /// The program did so much when, within [`Week::bounds`].
    pub(in crate::editor) fn show_week(&self, timeline: Timeline) {
        let imp = self.imp();
        imp.week.show(timeline);
        let calls = imp.week.of_week(|week| week.parts().sum().all());
        imp.week_group
            .set_visible(calls.is_some_and(|calls| calls > 0));
    }

    pub(super) fn show_week_table(&self) {
        let parts = self.imp().week.of_week(|week| week.parts().clone());
        if let Some(parts) = parts {
            TimelineTable::new(&parts).present(Some(self));
        }
    }
}
