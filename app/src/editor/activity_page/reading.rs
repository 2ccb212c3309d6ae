//! The page's part that reads: one question about the list at a time, and one about the numbers.

use std::time::{Duration, Instant};

use adw::subclass::prelude::*;
use gtk::{glib, prelude::*};
use portreeve_dbus::{Activity, ActivityFilter, Error};

use super::{super::PAUSE, ActivityPage};
use crate::{client::Broker, user_facing_error::UserFacingError as _};

/// News are counted for at most this part of the time.
const SHARE: u32 = 10;
/// How long they wait for that at most.
const LONGEST: Duration = Duration::from_secs(30);
/// Screens that are read ahead.
const AHEAD: f64 = 2.0;

/// What is to be read of the list.
enum Wanted {
    Newest { anew: bool },
    Again(String),
    More(String),
}

impl ActivityPage {
    /// Something has happened.
    pub(crate) fn refresh(&self) {
        let imp = self.imp();
        if !self.is_mapped() {
            // Nobody waits for it.
            imp.missed.set(true);
            return;
        }
        if imp.is_looked_at() {
            imp.has_news.set(true);
            imp.show_state();
        } else {
            self.read_newest();
        }
        self.count_soon();
    }

    /// Something else is wanted than before.
    pub(super) fn read_anew(&self) {
        self.imp().count_after.set(None);
        self.read_list_anew();
        self.count();
    }

    pub(super) fn read_list_anew(&self) {
        let imp = self.imp();
        imp.has_news.set(false);
        imp.anew.set(true);
        imp.wanted.borrow_mut().clear();
        imp.show_state();
        self.read_newest();
    }

    pub(super) fn read_newest(&self) {
        self.imp().wants_newest.set(true);
        self.read();
    }

    /// Reads a page that was forgotten.
    pub(super) fn read_again(&self, before: String) {
        self.imp().wanted.borrow_mut().push_back(before);
        self.read();
    }

    /// Reads on while there is less than is looked at.
    pub(super) fn read_on_if_needed(&self) {
        let imp = self.imp();
        let place = imp.scroll.vadjustment();
        let below = place.upper() - place.value() - place.page_size();
        // Before the list is laid out, nothing is known of how long it is.
        let short = below < AHEAD * place.page_size() || imp.rows.n_items() < 40;
        if imp.known.get() && short && imp.rows.next().is_some() {
            imp.wants_more.set(true);
            self.read();
        }
    }

    pub(super) fn read(&self) {
        if self.imp().reading.replace(true) {
            return;
        }
        let page = self.downgrade();
        glib::spawn_future_local(async move {
            while let Some(page) = page.upgrade() {
                let Some((broker, wanted)) = page.next_wanted() else {
                    page.imp().reading.set(false);
                    return;
                };
                page.read_one(broker, wanted).await;
            }
        });
    }

    fn next_wanted(&self) -> Option<(Broker, Wanted)> {
        let imp = self.imp();
        let broker = imp.broker.borrow().clone()?;
        let wanted = if imp.wants_newest.take() {
            let anew = imp.anew.take();
            Wanted::Newest { anew }
        } else if let Some(before) = imp.wanted.borrow_mut().pop_front() {
            Wanted::Again(before)
        } else {
            let more = imp.wants_more.take();
            Wanted::More(imp.rows.next().filter(|_| more)?)
        };
        Some((broker, wanted))
    }

    async fn read_one(&self, broker: Broker, wanted: Wanted) {
        let imp = self.imp();
        let (since, _) = self.bounds();
        // What cannot be understood is said; what was shown before stays.
        let Some(filter) = imp.view.borrow().of_list(since) else {
            return;
        };
        let before = match &wanted {
            Wanted::Newest { .. } => String::new(),
            Wanted::Again(before) | Wanted::More(before) => before.clone(),
        };
        let read = broker.activity(filter, before.clone()).await;
        match read {
            // Meanwhile something else is wanted.
            Ok(_) if imp.anew.get() => {}
            Ok((rows, next)) => {
                imp.failed.set(false);
                self.take(wanted, before, rows, next).await;
            }
            Err(Error::LimitsExceeded(_)) => {
                match wanted {
                    Wanted::Newest { anew } => {
                        imp.anew.set(anew || imp.anew.get());
                        imp.wants_newest.set(true);
                    }
                    Wanted::Again(before) => imp.wanted.borrow_mut().push_front(before),
                    Wanted::More(_) => imp.wants_more.set(true),
                }
                glib::timeout_future(PAUSE).await;
            }
            Err(Error::StoreUnavailable(_)) => self.show_nothing_recorded(),
            Err(error) => {
                tracing::warn!(%error, "cannot read what programs did");
                if let Wanted::Again(before) = &wanted {
                    imp.rows.give_up(before);
                }
                let text = error.to_user_facing();
                imp.failure.set_description(Some(&text));
                // Once, however often it is tried again.
                if !imp.failed.replace(true)
                    && imp.rows.n_items() > 0
                    && let Some(window) = self.window()
                {
                    window.tell(&text);
                }
                imp.show_state();
            }
        }
    }

    async fn take(&self, wanted: Wanted, before: String, rows: Vec<Activity>, next: String) {
        let imp = self.imp();
        match wanted {
            Wanted::Newest { anew } => {
                let nothing = rows.is_empty() && next.is_empty();
                if nothing && !imp.view.borrow().is_narrowed() {
                    imp.any.set(self.is_anything_recorded().await);
                }
                if anew {
                    imp.scroll.vadjustment().set_value(0.0);
                    imp.rows.begin(rows, next);
                    self.settle();
                } else {
                    self.show_newest(rows, next);
                }
            }
            Wanted::Again(before) => imp.rows.fill(&before, rows),
            Wanted::More(_) => {
                let known = imp.rows.n_items();
                imp.rows.append(before, rows, next);
                imp.show_state();
                // A list that scrolls is longer once they are laid out, and only then is it known how much there is below:
                // one more page would be read each time. Of one that does not, a few more rows change nothing.
                let place = imp.scroll.vadjustment();
                if imp.rows.n_items() > known && place.upper() > place.page_size() {
                    return;
                }
            }
        }
        self.read_on_if_needed();
    }

    /// Whether there is anything outside of the period.
    async fn is_anything_recorded(&self) -> Option<bool> {
        if self.imp().chosen_period().is_all() {
            return Some(false);
        }
        let broker = self.imp().broker.borrow().clone()?;
        let read = broker
            .activity(ActivityFilter::default(), String::new())
            .await;
        read.ok().map(|(rows, _)| !rows.is_empty())
    }

    /// When the period begins and ends now.
    fn bounds(&self) -> (Option<i64>, Option<i64>) {
        let now = glib::DateTime::now_local();
        let (now, offset) = now.map_or((0, 0), |now| {
            (now.to_unix().saturating_mul(1_000_000), now.utc_offset().0)
        });
        self.imp().chosen_period().bounds(now, offset)
    }

    /// Counts again, but not for most of the time.
    fn count_soon(&self) {
        let imp = self.imp();
        let Some(then) = imp.count_after.get() else {
            return self.count();
        };
        let left = then.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.count();
        } else if !imp.uncounted.replace(true) {
            let page = self.downgrade();
            glib::timeout_add_local_once(left, move || {
                if let Some(page) = page.upgrade() {
                    page.count();
                }
            });
        }
    }

    fn count(&self) {
        let imp = self.imp();
        imp.uncounted.set(true);
        if imp.counting.replace(true) {
            return;
        }
        let page = self.downgrade();
        glib::spawn_future_local(async move {
            while let Some(page) = page.upgrade() {
                if !page.imp().uncounted.take() {
                    page.imp().counting.set(false);
                    return;
                }
                page.count_once().await;
            }
        });
    }

    async fn count_once(&self) {
        let imp = self.imp();
        let (since, until) = self.bounds();
        let filter = imp.view.borrow().of_timeline(since, until);
        let broker = imp.broker.borrow().clone();
        let Some((broker, filter)) = broker.zip(filter) else {
            return;
        };
        let begun = Instant::now();
        let parts = imp.chosen_period().count();
        match broker.timeline(filter, parts).await {
            Ok(timeline) => self.show_timeline(timeline),
            Err(Error::LimitsExceeded(_)) => {
                imp.uncounted.set(true);
                glib::timeout_future(PAUSE).await;
            }
            Err(error) => tracing::warn!(%error, "cannot count what programs did"),
        }
        let pause = (begun.elapsed() * SHARE).min(LONGEST);
        imp.count_after.set(Some(Instant::now() + pause));
    }
}
