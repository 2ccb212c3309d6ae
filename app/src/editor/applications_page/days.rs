//! The page's part that has the last day of programs counted: of those that have rows, and of many at once.

use adw::subclass::prelude::*;
use gtk::{glib, prelude::*};
use portreeve_dbus::{ActivityFilter, Error};

use super::{super::PAUSE, ApplicationsPage};
use crate::{client::Broker, model::ProgramItem};

/// Programs that are asked for at once, and into how many parts their day is counted.
const TOGETHER: usize = 100;
const HOURS: u32 = 24;
/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

impl ApplicationsPage {
    /// Has the last day of a program counted, with those of others that are wanted by then, unless that was just done.
    pub(super) fn count_day(&self, item: &ProgramItem) {
        let imp = self.imp();
        if imp.broker.borrow().is_none() || imp.uncountable.get() || !item.take_count() {
            return;
        }
        imp.uncounted.borrow_mut().push(item.clone());
        if imp.counting.replace(true) {
            return;
        }
        let page = self.downgrade();
        glib::spawn_future_local(async move {
            while let Some(page) = page.upgrade() {
                let Some((broker, items)) = page.next_uncounted() else {
                    page.imp().counting.set(false);
                    return;
                };
                page.count_days(broker, items).await;
            }
        });
    }

    fn next_uncounted(&self) -> Option<(Broker, Vec<ProgramItem>)> {
        let mut uncounted = self.imp().uncounted.borrow_mut();
        let some = uncounted.len().min(TOGETHER);
        let items: Vec<_> = uncounted.drain(..some).collect();
        let broker = self.imp().broker.borrow().clone();
        if broker.is_none() {
            items.iter().for_each(ProgramItem::give_up_count);
        }
        broker.zip(Some(items).filter(|items| !items.is_empty()))
    }

    async fn count_days(&self, broker: Broker, items: Vec<ProgramItem>) {
        let now = glib::DateTime::now_utc().map_or(0, |now| now.to_unix());
        // Until the end of this second.
        let until = now.saturating_add(1).saturating_mul(1_000_000);
        let filter = ActivityFilter {
            since: Some(until.saturating_sub(i64::from(HOURS) * HOUR)),
            until: Some(until),
            ..ActivityFilter::default()
        };
        let programs = items.iter().map(ProgramItem::key).collect();
        match broker.timelines(filter, programs, HOURS).await {
            Ok(timelines) => {
                for (item, timeline) in items.iter().zip(timelines) {
                    item.count(timeline.into());
                }
            }
            Err(Error::LimitsExceeded(_)) => {
                self.imp().uncounted.borrow_mut().extend(items);
                glib::timeout_future(PAUSE).await;
            }
            Err(error) => {
                tracing::info!(%error, "cannot count what programs did");
                // A broker may be too old to tell, or have no history.
                self.imp().uncountable.set(true);
            }
        }
    }
}
