//! Lets the answer buttons act only on input that was meant for them; see [`Arming`].

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
    time::Instant,
};

use gtk::{gdk, gio, glib, prelude::*};
use portreeve_dbus::Arming;

/// How far the pointer must have gone to have moved, pixels.
const MOVED: f64 = 4.0;

/// Guards the buttons of one window.
#[derive(Clone)]
pub(super) struct InputGuard(Rc<Inner>);

struct Inner {
    arming: RefCell<Arming>,
    buttons: Vec<gtk::Button>,
    /// What answers from a menu.
    actions: RefCell<Vec<gio::SimpleAction>>,
    /// Takes the focus that a button must not keep.
    rest: gtk::Widget,
    armed: Box<dyn Fn()>,
    busy: Cell<bool>,
    unanswerable: Cell<bool>,
    covered: Cell<bool>,
    timer: RefCell<Option<glib::SourceId>>,
    /// Keys that are down: pressed again without a release, they repeat by themselves.
    down: RefCell<HashSet<u32>>,
    /// Where the pointer was first seen in the window.
    pointer: Cell<Option<(f64, f64)>>,
}

impl InputGuard {
    /// Guards `buttons` of `window`; `armed` is called whenever they begin to act.
    pub(super) fn new(
        window: &gtk::Window,
        buttons: Vec<gtk::Button>,
        rest: &impl IsA<gtk::Widget>,
        armed: impl Fn() + 'static,
    ) -> Self {
        let guard = Self(Rc::new(Inner {
            arming: RefCell::default(),
            buttons,
            actions: RefCell::default(),
            rest: rest.clone().upcast(),
            armed: Box::new(armed),
            busy: Cell::default(),
            unanswerable: Cell::default(),
            covered: Cell::default(),
            timer: RefCell::default(),
            down: RefCell::default(),
            pointer: Cell::default(),
        }));
        guard.follow_window(window);
        guard.follow_keys(window, |inner, key, state| {
            state.contains(gdk::ModifierType::ALT_MASK)
                || (activates(key) && inner.buttons.iter().any(WidgetExt::has_focus))
        });
        guard.follow_pointer(window, |inner, pressed| {
            inner.buttons.iter().any(|button| {
                pressed == button.upcast_ref::<gtk::Widget>() || pressed.is_ancestor(button)
            })
        });
        guard
    }

    /// Guards a menu of the window, too, in which `actions` answer. It comes up under the pointer, so it has to stand
    /// for a while first.
    pub(super) fn add_menu(&self, menu: &gtk::Popover, actions: Vec<gio::SimpleAction>) {
        self.0.actions.replace(actions);
        let inner = Rc::downgrade(&self.0);
        menu.connect_map(move |_| {
            if let Some(inner) = inner.upgrade() {
                inner.arming.borrow_mut().change(Instant::now());
                inner.refresh();
            }
        });
        self.follow_keys(menu, |_, key, _| activates(key));
        self.follow_pointer(menu, |_, _| true);
        self.0.refresh();
    }

    /// What is shown, or where, has changed.
    pub(super) fn change(&self) {
        self.0.arming.borrow_mut().change(Instant::now());
        self.0.refresh();
    }

    /// Whether an answer is on its way, so that no other may be given.
    pub(super) fn set_busy(&self, busy: bool) {
        self.0.busy.set(busy);
        self.0.refresh();
    }

    /// Whether an answer is on its way.
    pub(super) fn is_busy(&self) -> bool {
        self.0.busy.get()
    }

    /// Whether nothing is chosen that an answer could be for.
    pub(super) fn set_unanswerable(&self, unanswerable: bool) {
        if self.0.unanswerable.replace(unanswerable) != unanswerable {
            self.0.refresh();
        }
    }

    /// Whether something is in front of the question. Afterwards it has to stand for a while again.
    pub(super) fn set_covered(&self, covered: bool) {
        self.0.covered.set(covered);
        self.change();
    }

    /// Whether a button's click counts.
    pub(super) fn accepts(&self) -> bool {
        self.0.is_answerable() && self.0.arming.borrow().is_armed(Instant::now())
    }

    fn follow_window(&self, window: &gtk::Window) {
        let inner = Rc::downgrade(&self.0);
        window.connect_map(move |_| {
            let Some(inner) = inner.upgrade() else { return };
            inner.pointer.take();
            inner.arming.borrow_mut().map(Instant::now());
            inner.refresh();
        });
        let inner = Rc::downgrade(&self.0);
        window.connect_unmap(move |_| {
            let Some(inner) = inner.upgrade() else { return };
            inner.arming.borrow_mut().unmap();
            inner.refresh();
        });
        let inner = Rc::downgrade(&self.0);
        window.connect_is_active_notify(move |window| {
            let Some(inner) = inner.upgrade() else { return };
            inner.down.borrow_mut().clear();
            inner
                .arming
                .borrow_mut()
                .set_active(window.is_active(), Instant::now());
        });
    }

    /// Keeps keys from `window` that would answer, by what `answers` says, and do not count.
    fn follow_keys(
        &self,
        window: &impl IsA<gtk::Widget>,
        answers: impl Fn(&Inner, gdk::Key, gdk::ModifierType) -> bool + 'static,
    ) {
        let keys = gtk::EventControllerKey::new();
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        let inner = Rc::downgrade(&self.0);
        keys.connect_key_pressed(move |keys, key, code, state| {
            let Some(inner) = inner.upgrade() else {
                return glib::Propagation::Proceed;
            };
            let first = inner.down.borrow_mut().insert(code);
            let counts = first && inner.arming.borrow().takes_key(Instant::now());
            if !is_modifier(keys) {
                inner.arming.borrow_mut().press_key(Instant::now());
            }
            if answers(&inner, key, state) && !counts {
                glib::Propagation::Stop
            } else {
                glib::Propagation::Proceed
            }
        });
        let inner = Rc::downgrade(&self.0);
        keys.connect_key_released(move |_, _, code, _| {
            if let Some(inner) = inner.upgrade() {
                inner.down.borrow_mut().remove(&code);
            }
        });
        window.add_controller(keys);
    }

    /// Keeps presses from `window` that would answer, by what `answers` says of what is pressed, and do not count.
    fn follow_pointer(
        &self,
        window: &impl IsA<gtk::Widget>,
        answers: impl Fn(&Inner, &gtk::Widget) -> bool + 'static,
    ) {
        let motion = gtk::EventControllerMotion::new();
        motion.set_propagation_phase(gtk::PropagationPhase::Capture);
        let inner = Rc::downgrade(&self.0);
        motion.connect_enter(move |_, x, y| {
            if let Some(inner) = inner.upgrade() {
                inner.see_pointer(x, y);
            }
        });
        let inner = Rc::downgrade(&self.0);
        motion.connect_motion(move |_, x, y| {
            if let Some(inner) = inner.upgrade() {
                inner.see_pointer(x, y);
            }
        });
        window.add_controller(motion);

        // On the window, since the buttons' own gestures come first on the buttons.
        let press = gtk::GestureClick::new();
        press.set_propagation_phase(gtk::PropagationPhase::Capture);
        let inner = Rc::downgrade(&self.0);
        press.connect_pressed(move |press, _, x, y| {
            let Some(inner) = inner.upgrade() else { return };
            let pressed = press
                .widget()
                .and_then(|window| window.pick(x, y, gtk::PickFlags::DEFAULT));
            let answers = pressed.is_some_and(|pressed| answers(&inner, &pressed));
            let arming = *inner.arming.borrow();
            let now = Instant::now();
            let counts = arming.takes_pointer(now) || (is_touch(press) && arming.is_armed(now));
            if answers && !counts {
                // Takes the press away from the button.
                press.set_state(gtk::EventSequenceState::Claimed);
            }
        });
        window.add_controller(press);
    }
}

impl Inner {
    /// Takes the focus away from the buttons. A label does not take it by itself.
    fn rest_focus(&self) {
        if let Some(window) = self.rest.root() {
            window.set_focus(Some(&self.rest));
        }
    }

    /// Whether there is something to answer, and no answer is on its way.
    fn is_answerable(&self) -> bool {
        !self.busy.get() && !self.unanswerable.get() && !self.covered.get()
    }

    /// Makes the buttons act or not, as it is now, and again when that changes by itself.
    fn refresh(self: &Rc<Self>) {
        if let Some(timer) = self.timer.take() {
            timer.remove();
        }
        let now = Instant::now();
        let armed_from = self.arming.borrow().armed_from();
        let acts = self.is_answerable() && armed_from.is_some_and(|from| now >= from);
        let acted = self.buttons.iter().any(WidgetExt::get_sensitive);
        if !acts && self.buttons.iter().any(WidgetExt::has_focus) {
            self.rest_focus();
        }
        for button in &self.buttons {
            button.set_sensitive(acts);
        }
        for action in &*self.actions.borrow() {
            action.set_enabled(acts);
        }
        if acts && !acted {
            (self.armed)();
        }
        if let Some(from) = armed_from.filter(|from| now < *from) {
            let inner = Rc::downgrade(self);
            let timer = glib::timeout_add_local_once(from - now, move || {
                if let Some(inner) = inner.upgrade() {
                    // It has fired, so it must not be removed.
                    inner.timer.take();
                    inner.refresh();
                }
            });
            self.timer.replace(Some(timer));
        }
    }

    /// The pointer is here. A window that comes up under it does not make it move, and neither does
    /// a hand that only presses.
    fn see_pointer(&self, x: f64, y: f64) {
        let (x0, y0) = self.pointer.get().unwrap_or_else(|| {
            self.pointer.set(Some((x, y)));
            (x, y)
        });
        if (x - x0).hypot(y - y0) >= MOVED {
            self.arming.borrow_mut().move_pointer();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.remove();
        }
    }
}

fn activates(key: gdk::Key) -> bool {
    matches!(
        key,
        gdk::Key::Return
            | gdk::Key::KP_Enter
            | gdk::Key::ISO_Enter
            | gdk::Key::space
            | gdk::Key::KP_Space
    )
}

fn is_modifier(keys: &gtk::EventControllerKey) -> bool {
    keys.current_event()
        .and_then(|event| event.downcast::<gdk::KeyEvent>().ok())
        .is_some_and(|event| event.is_modifier())
}

fn is_touch(press: &gtk::GestureClick) -> bool {
    press
        .current_event_device()
        .is_some_and(|device| device.source() == gdk::InputSource::Touchscreen)
}
