//! How many calls there were when: the numbers behind the bars, and their words.

use portreeve_dbus::Timeline;

use super::clock::{moment, moment_after, moment_with_seconds};
use crate::i18n::{gettext, gettext_f, ngettext_f};

/// Lowest part of a bar, so that one call among thousands is seen, in the unit of the heights.
const LOWEST: f32 = 2.0;
const MINUTE: i64 = 60_000_000;
/// Two times of a day with seconds, in characters.
const LONGEST_LINE: usize = 19;

/// Calls in one part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// That were allowed.
    pub allowed: u64,
    /// That were denied.
    pub denied: u64,
    /// That were denied because nobody answered.
    pub unanswered: u64,
}

impl Calls {
    /// All of them.
    pub fn all(self) -> u64 {
        self.counts().into_iter().fold(0, u64::saturating_add)
    }

    /// From the bottom of a bar up.
    fn counts(self) -> [u64; 3] {
        [self.allowed, self.denied, self.unanswered]
    }

    pub(super) fn add(self, other: Self) -> Self {
        Self {
            allowed: self.allowed.saturating_add(other.allowed),
            denied: self.denied.saturating_add(other.denied),
            unanswered: self.unanswered.saturating_add(other.unanswered),
        }
    }

    /// “5 allowed, 2 denied”.
    pub fn words(self) -> String {
        let counts = self.counts();
        let [allowed, denied, unanswered] =
            counts.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let parts = [
            (allowed > 0).then(|| ngettext_f("{n} allowed", "{n} allowed", allowed, &[])),
            (denied > 0).then(|| ngettext_f("{n} denied", "{n} denied", denied, &[])),
            (unanswered > 0)
                .then(|| ngettext_f("{n} unanswered", "{n} unanswered", unanswered, &[])),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return gettext("no calls");
        }
        // Translators: stands between the parts of a list such as “5 allowed, 2 denied”.
        parts.join(&gettext(", "))
    }
}

/// Calls in parts of the time that are equally long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimelineParts {
    since: i64,
    width: i64,
    calls: Vec<Calls>,
}

impl From<Timeline> for TimelineParts {
    fn from(timeline: Timeline) -> Self {
        let Timeline {
            since,
            width,
            allowed,
            denied,
            unanswered,
        } = timeline;
        let calls = allowed.into_iter().zip(denied).zip(unanswered);
        let calls = calls.map(|((allowed, denied), unanswered)| Calls {
            allowed,
            denied,
            unanswered,
        });
        Self {
            since,
            width: width.max(1),
            calls: calls.collect(),
        }
    }
}

impl TimelineParts {
    /// How many parts there are.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The calls of a part.
    pub fn calls(&self, part: usize) -> Calls {
        self.calls.get(part).copied().unwrap_or_default()
    }

    /// All calls.
    pub fn sum(&self) -> Calls {
        self.calls
            .iter()
            .copied()
            .fold(Calls::default(), Calls::add)
    }

    /// When the first part begins and the last one ends.
    pub fn bounds(&self) -> (i64, i64) {
        (self.since, self.range(0, self.len().saturating_sub(1)).1)
    }

    /// When these parts begin and end, in whichever order they are named.
    pub fn range(&self, one: usize, other: usize) -> (i64, i64) {
        let at = |part: usize| {
            let part = i64::try_from(part).unwrap_or(i64::MAX);
            self.since.saturating_add(part.saturating_mul(self.width))
        };
        (at(one.min(other)), at(one.max(other).saturating_add(1)))
    }

    /// The parts in a time, the first and the last, as far as there are any.
    pub fn parts_in(&self, since: i64, until: i64) -> Option<(usize, usize)> {
        let (begin, end) = self.bounds();
        let (since, until) = (since.max(begin), until.min(end));
        if since >= until {
            return None;
        }
        let part = |time: i64| usize::try_from(time.saturating_sub(self.since) / self.width).ok();
        Some((part(since)?, part(until.saturating_sub(1))?))
    }

    /// The part at a place of a line with this length.
    pub fn part_at(&self, place: f64, length: f64) -> usize {
        let last = self.len().saturating_sub(1);
        if length <= 0.0 {
            return 0;
        }
        let share = (place / length).clamp(0.0, 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a few hundred parts at most, and no share is below 0"
        )]
        let part = (share * self.len() as f64) as usize;
        part.min(last)
    }

    /// How high the allowed, the denied and the unanswered of a part are, where the largest part is as high as
    /// there is room. What is there at all is seen.
    pub fn heights(&self, part: usize, room: f32) -> [f32; 3] {
        let most = self.calls.iter().map(|calls| calls.all()).max();
        let most = most.unwrap_or_default();
        let height = |count: u64| share(count, most) * room;
        let counts = self.calls(part).counts();
        let mut heights = counts.map(|count| match count {
            0 => 0.0,
            count => height(count).max(LOWEST.min(room)),
        });
        // What was made higher than it is must not push the others out.
        for _ in 0..heights.len() {
            let excess = (heights.iter().sum::<f32>() - room).max(0.0);
            if let Some(highest) = heights.iter_mut().max_by(|a, b| a.total_cmp(b)) {
                *highest = (*highest - excess).max(0.0);
            }
        }
        heights
    }

    /// Bars at a line, up for what was allowed and down for what was not, that fill so much room together: how far below
    /// the top the line is, and how far each bar goes up and down. What is there at all is seen.
    pub fn around_a_line(&self, room: f32) -> (f32, Vec<(f32, f32)>) {
        let room = room.max(0.0);
        let refused = |calls: &Calls| calls.denied.saturating_add(calls.unanswered);
        let most_up = self.calls.iter().map(|calls| calls.allowed).max();
        let most_down = self.calls.iter().map(refused).max();
        let (most_up, most_down) = (most_up.unwrap_or_default(), most_down.unwrap_or_default());
        let least = |most: u64| {
            if most > 0 {
                LOWEST.min(room / 2.0)
            } else {
                0.0
            }
        };
        let line = match most_up.saturating_add(most_down) {
            0 => room,
            both => room * share(most_up, both),
        };
        let line = line.clamp(least(most_up), room - least(most_down));
        let length = |count: u64, most: u64, room: f32| match count {
            0 => 0.0,
            count => (share(count, most) * room).max(least(count)),
        };
        let bar = |calls: &Calls| {
            (
                length(calls.allowed, most_up, line),
                length(refused(calls), most_down, room - line),
            )
        };
        (line, self.calls.iter().map(bar).collect())
    }

    /// A time of these parts: “09:00 – 09:30”.
    pub fn time_words(&self, one: usize, other: usize) -> String {
        let (since, until) = self.range(one, other);
        self.between(since, until, "")
    }

    /// The time of a part, in two lines where it has a date: as in “11/29/26, 23:45 –” and “00:15”.
    pub fn time_lines(&self, part: usize) -> String {
        let (since, until) = self.range(part, part);
        let words = self.between(since, until, "");
        if words.chars().count() <= LONGEST_LINE {
            words
        } else {
            self.between(since, until, "\n")
        }
    }

    /// The words for a time, with `apart` before its end.
    fn between(&self, since: i64, until: i64, apart: &str) -> String {
        let seconds = self.width % MINUTE != 0;
        let begin = if seconds {
            moment_with_seconds(since)
        } else {
            moment(since)
        };
        let values = [
            ("begin", begin),
            (
                "end",
                apart.to_owned() + &moment_after(since, until, seconds),
            ),
        ];
        let values = values.each_ref().map(|(name, text)| (*name, text.as_str()));
        // Translators: two times, as in “09:00 – 09:30”.
        gettext_f("{begin} – {end}", &values)
    }

    /// A part, to be read aloud.
    pub fn part_words(&self, part: usize) -> String {
        let time = self.time_words(part, part);
        let calls = self.calls(part).words();
        let values = [("time", time.as_str()), ("calls", &calls)];
        // Translators: {time} is as in “09:00 – 09:30”, {calls} as in “5 allowed, 2 denied”.
        gettext_f("{time}: {calls}", &values)
    }

    /// All of it in a sentence or two, for who does not see the bars.
    pub fn summary(&self) -> String {
        let sum = self.sum();
        let (since, until) = self.bounds();
        let time = self.between(since, until, "");
        let calls = sum.words();
        let all = gettext_f(
            "{time}: {calls}.",
            &[("time", time.as_str()), ("calls", &calls)],
        );
        let busiest = (0..self.len()).max_by_key(|part| self.calls(*part).all());
        let Some(busiest) = busiest.filter(|_| sum.all() > 0) else {
            return all;
        };
        let most = self.part_words(busiest);
        // Translators: {all} is a sentence on a whole period, {part} the busiest part of it.
        gettext_f(
            "{all} Most of them {part}.",
            &[("all", all.as_str()), ("part", &most)],
        )
    }
}

/// Which part of a number another is.
#[expect(
    clippy::cast_precision_loss,
    reason = "of pixels, this is exact enough"
)]
fn share(count: u64, of: u64) -> f32 {
    count as f32 / of.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(allowed: &[u64], denied: &[u64], unanswered: &[u64]) -> TimelineParts {
        Timeline {
            since: 1_000 * MINUTE,
            width: 10 * MINUTE,
            allowed: allowed.to_vec(),
            denied: denied.to_vec(),
            unanswered: unanswered.to_vec(),
        }
        .into()
    }

    #[test]
    fn a_place_is_in_a_part() {
        let parts = parts(&[1; 4], &[0; 4], &[0; 4]);
        let found = [-5.0, 0.0, 24.9, 25.0, 99.9, 100.0, 500.0].map(|at| parts.part_at(at, 100.0));
        assert_eq!(found, [0, 0, 0, 1, 3, 3, 3]);
        assert_eq!(parts.part_at(5.0, 0.0), 0);
        assert_eq!(TimelineParts::default().part_at(5.0, 10.0), 0);
    }

    #[test]
    fn times_of_other_days_take_two_lines() {
        let noon = gtk::glib::DateTime::from_local(2020, 1, 1, 12, 0, 0.0).unwrap();
        let parts = TimelineParts::from(Timeline {
            since: noon.to_unix() * 1_000_000,
            width: 10 * MINUTE,
            allowed: vec![1; 2],
            denied: vec![0; 2],
            unanswered: vec![0; 2],
        });
        let lines = parts.time_lines(1);
        let one: Vec<_> = lines.lines().collect();
        assert_eq!(one.len(), 2, "{lines}");
        assert!(
            one[0].contains('–') && one[1].chars().count() <= 5,
            "{lines}"
        );
    }

    #[test]
    fn parts_and_times_are_the_same() {
        let parts = parts(&[1; 4], &[0; 4], &[0; 4]);
        assert_eq!(parts.bounds(), (1_000 * MINUTE, 1_040 * MINUTE));
        assert_eq!(parts.range(2, 1), (1_010 * MINUTE, 1_030 * MINUTE));
        let (since, until) = parts.range(1, 2);
        assert_eq!(parts.parts_in(since, until), Some((1, 2)));
        assert_eq!(parts.parts_in(0, i64::MAX), Some((0, 3)));
        assert_eq!(parts.parts_in(0, 1_000 * MINUTE), None);
        assert_eq!(parts.parts_in(1_040 * MINUTE, i64::MAX), None);
    }

    /// In thousandths.
    fn rounded(heights: [f32; 3]) -> [i64; 3] {
        #[expect(clippy::cast_possible_truncation, reason = "they are small")]
        heights.map(|height| (height * 1000.0).round() as i64)
    }

    #[test]
    fn what_is_there_is_seen_and_fits() {
        let parts = parts(&[10_000, 0, 5_000], &[1, 0, 0], &[1, 1, 0]);
        let [allowed, denied, unanswered] = parts.heights(0, 100.0);
        assert_eq!((denied, unanswered), (LOWEST, LOWEST));
        assert!(
            (allowed + denied + unanswered - 100.0).abs() < 0.01,
            "{allowed}"
        );
        assert_eq!(
            rounded(parts.heights(1, 100.0)),
            rounded([0.0, 0.0, LOWEST])
        );
        assert!((parts.heights(2, 100.0)[0] - 50.0).abs() < 0.1);
        assert_eq!(rounded(parts.heights(9, 100.0)), [0; 3]);
        for room in [0.0, 1.0, 3.0] {
            assert!(parts.heights(0, room).iter().sum::<f32>() <= room + 0.01);
        }
    }

    #[test]
    fn a_summary_has_the_numbers() {
        let parts = parts(&[3, 0], &[1, 2], &[0, 0]);
        let summary = parts.summary();
        assert!(
            summary.contains(": 3 allowed, 3 denied. Most of them"),
            "{summary}"
        );
        assert!(summary.ends_with(": 3 allowed, 1 denied."), "{summary}");
        let nothing = self::parts(&[0], &[0], &[0]).summary();
        assert!(nothing.ends_with(": no calls."), "{nothing}");
        assert!(parts.part_words(1).ends_with(": 2 denied"));
    }

    #[test]
    fn what_was_not_allowed_is_below_a_line() {
        let both = parts(&[30, 0, 10], &[0, 10, 0], &[0, 0, 5]);
        assert_eq!(
            both.around_a_line(20.0),
            (15.0, vec![(15.0, 0.0), (0.0, 5.0), (5.0, 2.5)])
        );
        // One among thousands is seen, on either side, and takes nothing from the others.
        let (line, bars) = parts(&[9_000, 1], &[0, 1], &[0, 0]).around_a_line(20.0);
        assert_eq!((line, &bars[..]), (18.0, &[(18.0, 0.0), (2.0, 2.0)][..]));
        let (line, bars) = parts(&[3, 0], &[0, 0], &[0, 0]).around_a_line(20.0);
        assert_eq!((line, &bars[..]), (20.0, &[(20.0, 0.0), (0.0, 0.0)][..]));
        assert_eq!(
            parts(&[0], &[0], &[0]).around_a_line(20.0),
            (20.0, vec![(0.0, 0.0)])
        );
    }
}
