//! The bar that shows a held call's last seconds.

use std::{cell::RefCell, rc::Rc, time::Duration};

use gtk::glib;

use crate::model::{Countdown, boot_time};

/// How often the bar moves.
const STEP: Duration = Duration::from_millis(100);

/// Shows the bar when it is time, and takes it away when dropped.
pub(super) struct CountdownView(Rc<View>);

struct View {
    countdown: Countdown,
    revealer: gtk::Revealer,
    bar: gtk::ProgressBar,
    timer: RefCell<Option<glib::SourceId>>,
}

impl CountdownView {
    /// For a prompt's deadline; `None` when no call is held.
    pub(super) fn new(
        deadline: u64,
        revealer: gtk::Revealer,
        bar: gtk::ProgressBar,
    ) -> Option<Self> {
        let view = Rc::new(View {
            countdown: Countdown::new(deadline)?,
            revealer,
            bar,
            timer: RefCell::default(),
        });
        view.step();
        Some(Self(view))
    }
}

impl Drop for CountdownView {
    fn drop(&mut self) {
        if let Some(timer) = self.0.timer.take() {
            timer.remove();
        }
        self.0.revealer.set_reveal_child(false);
    }
}

impl View {
    fn step(self: &Rc<Self>) {
        let now = boot_time();
        let fraction = self.countdown.fraction(now);
        self.revealer
            .set_reveal_child(fraction.is_some() && !self.countdown.is_over(now));
        self.bar.set_fraction(fraction.unwrap_or(1.0));
        if self.countdown.is_over(now) {
            self.timer.take();
            return;
        }
        let view = Rc::downgrade(self);
        let pause = self.countdown.shown_in(now).max(STEP);
        let timer = glib::timeout_add_local_once(pause, move || {
            if let Some(view) = view.upgrade() {
                // It has fired, so it must not be removed.
                view.timer.take();
                view.step();
            }
        });
        self.timer.replace(Some(timer));
    }
}
