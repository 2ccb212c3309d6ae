//! For clients: when a prompt takes an answer.
//!
//! A prompt appears while a person types or clicks somewhere else. It must not take the key or the
//! click that was meant for that. So it is *armed* only after it has stood unchanged on the screen
//! for a while, and beyond that
//!
//! * a press of the pointer counts only if the pointer has moved since the window came up;
//! * a key counts only if the window has been active for a while and the person has paused typing.
//!
//! On a terminal, where all windows are one, the prompt's becomes the active one when it comes up.
//!
//! An assistive technology's action counts whenever the prompt is armed: it names the very button.

use std::time::{Duration, Instant};

/// How long a prompt must have stood unchanged on the screen.
const SETTLING: Duration = Duration::from_millis(500);
/// How long the window must have been active before a key counts.
const ACTIVE: Duration = Duration::from_millis(1000);
/// How long no key may have been pressed before a key counts.
const TYPING_PAUSE: Duration = Duration::from_millis(400);

/// What has happened to a prompt's window, and what follows for input now.
#[derive(Debug, Default, Clone, Copy)]
pub struct Arming {
    mapped: Option<Instant>,
    changed: Option<Instant>,
    activated: Option<Instant>,
    key: Option<Instant>,
    pointer_moved: bool,
}

impl Arming {
    /// The window has come onto the screen.
    pub fn map(&mut self, now: Instant) {
        *self = Self {
            mapped: Some(now),
            ..Self::default()
        };
    }

    /// The window has left the screen.
    pub fn unmap(&mut self) {
        *self = Self::default();
    }

    /// What is shown, or where, has changed.
    pub fn change(&mut self, now: Instant) {
        self.changed = Some(now);
    }

    /// The window has become the active one, or no longer is.
    pub fn set_active(&mut self, active: bool, now: Instant) {
        self.activated = active.then_some(now);
    }

    /// A key was pressed in the window.
    pub fn press_key(&mut self, now: Instant) {
        self.key = Some(now);
    }

    /// The pointer has moved in the window.
    pub fn move_pointer(&mut self) {
        self.pointer_moved = true;
    }

    /// From when on the prompt is armed, unless something changes until then.
    pub fn armed_from(&self) -> Option<Instant> {
        let mapped = self.mapped?;
        Some(self.changed.map_or(mapped, |changed| changed.max(mapped)) + SETTLING)
    }

    /// From when on a key counts, unless something changes or a key is pressed until then.
    pub fn takes_key_from(&self) -> Option<Instant> {
        let (armed, activated) = (self.armed_from()?, self.activated?);
        let paused = self.key.map(|key| key + TYPING_PAUSE);
        Some(armed.max(activated + ACTIVE).max(paused.unwrap_or(armed)))
    }

    /// Whether the buttons act at all.
    pub fn is_armed(&self, now: Instant) -> bool {
        self.armed_from().is_some_and(|from| now >= from)
    }

    /// Whether a press of the pointer counts.
    pub fn takes_pointer(&self, now: Instant) -> bool {
        self.is_armed(now) && self.pointer_moved
    }

    /// Whether a key, pressed now, counts. Asked before [`Arming::press_key`].
    pub fn takes_key(&self, now: Instant) -> bool {
        self.takes_key_from().is_some_and(|from| now >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window mapped and active from the start, and a clock in milliseconds.
    fn shown() -> (Arming, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        let mut arming = Arming::default();
        arming.map(start);
        arming.set_active(true, start);
        (arming, move |millis| start + Duration::from_millis(millis))
    }

    #[test]
    fn nothing_counts_before_the_window_is_on_the_screen() {
        let mut arming = Arming::default();
        arming.change(Instant::now());
        arming.move_pointer();
        let later = Instant::now() + Duration::from_secs(60);
        assert!(
            !arming.is_armed(later) && !arming.takes_key(later) && !arming.takes_pointer(later)
        );
    }

    #[test]
    fn it_arms_after_half_a_second() {
        let (arming, at) = shown();
        assert!(!arming.is_armed(at(499)));
        assert!(arming.is_armed(at(500)));
    }

    #[test]
    fn a_change_disarms() {
        let (mut arming, at) = shown();
        arming.change(at(2000));
        assert!(!arming.is_armed(at(2001)));
        assert!(arming.is_armed(at(2500)));
    }

    #[test]
    fn coming_up_again_begins_anew() {
        let (mut arming, at) = shown();
        arming.move_pointer();
        arming.unmap();
        assert!(!arming.is_armed(at(5000)));
        arming.map(at(6000));
        assert!(!arming.is_armed(at(6499)));
        assert!(arming.is_armed(at(6500)) && !arming.takes_pointer(at(6500)));
    }

    #[test]
    fn a_resting_pointer_does_not_press() {
        let (mut arming, at) = shown();
        assert!(!arming.takes_pointer(at(5000)));
        arming.move_pointer();
        assert!(arming.takes_pointer(at(5000)));
    }

    #[test]
    fn an_unfocused_window_takes_the_pointer_but_no_key() {
        let (mut arming, at) = shown();
        arming.set_active(false, at(100));
        arming.move_pointer();
        assert!(arming.takes_pointer(at(600)));
        assert!(!arming.takes_key(at(60_000)));
    }

    #[test]
    fn a_key_counts_a_second_after_activation() {
        let (mut arming, at) = shown();
        arming.set_active(true, at(3000));
        assert!(!arming.takes_key(at(3999)));
        assert!(arming.takes_key(at(4000)));
    }

    #[test]
    fn mashing_at_twenty_keys_a_second_never_counts() {
        let (mut arming, at) = shown();
        for millis in (0..10_000).step_by(50) {
            assert!(!arming.takes_key(at(millis)) || millis == 0);
            arming.press_key(at(millis));
        }
        assert!(arming.takes_key(at(10_400)));
    }
}
