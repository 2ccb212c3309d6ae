//! Growing pauses between attempts.

use std::time::Duration;

/// Doubles from half a second up to half a minute.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(30);

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = Self::FIRST.saturating_mul(2_u32.saturating_pow(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
        pause.min(Self::LONGEST)
    }

    /// Whether it has not failed often yet.
    #[cfg(feature = "agent")]
    pub(crate) fn is_young(&self) -> bool {
        self.attempts < 4
    }

    /// An attempt succeeded: begin anew.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew() {
        let mut backoff = Backoff::default();
        let millis = |backoff: &mut Backoff| backoff.next().as_millis();
        assert_eq!(
            [(); 4].map(|()| millis(&mut backoff)),
            [500, 1000, 2000, 4000]
        );
        for _ in 0..100 {
            backoff.next();
        }
        assert_eq!(millis(&mut backoff), 30_000);
        backoff.reset();
        assert_eq!(millis(&mut backoff), 500);
    }
}
