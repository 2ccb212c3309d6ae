//! How many calls there were in each hour of a week: the numbers behind the map, and their words.

use gtk::glib;
use portreeve_dbus::Timeline;

use super::timeline::{Calls, TimelineParts};
use crate::i18n::{gettext, gettext_f};

/// Days that a map has, the last one today.
pub const DAYS: usize = 7;
/// Hours that a day has room for.
pub const HOURS: usize = 24;
const HOUR: i64 = 3_600_000_000;

/// Calls by day and hour on the wall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Week {
    parts: TimelineParts,
    /// Of each hour, the first and the last of its parts: when clocks are put back, one has two, and when they are
    /// put forward, one has none.
    cells: [[Option<(usize, usize)>; HOURS]; DAYS],
    days: [String; DAYS],
}

impl Week {
    /// When the week that today ends begins and ends, in microseconds since 1970, and how many hours that is.
    pub fn bounds() -> Option<(i64, i64, u32)> {
        let now = glib::DateTime::now_local().ok()?;
        bounds_at(&now)
    }

    /// What was counted within [`Self::bounds`].
    pub fn new(timeline: Timeline) -> Self {
        let parts = TimelineParts::from(timeline);
        let local = |part: usize| {
            let begin = parts.range(part, part).0;
            glib::DateTime::from_unix_local(begin.div_euclid(1_000_000)).ok()
        };
        let mut cells = [[None; HOURS]; DAYS];
        let mut days: [String; DAYS] = Default::default();
        let mut row = 0;
        let mut date = None;
        for part in 0..parts.len() {
            let Some(begin) = local(part) else { continue };
            if date
                .replace(begin.ymd())
                .is_some_and(|date| date != begin.ymd())
            {
                row += 1;
            }
            let hour = usize::try_from(begin.hour()).unwrap_or_default();
            let cell = cells.get_mut(row).and_then(|hours| hours.get_mut(hour));
            if let (Some(cell), Some(day)) = (cell, days.get_mut(row)) {
                *cell = Some(cell.map_or((part, part), |(first, _)| (first, part)));
                // Translators: a day of the week in short, as for g_date_time_format().
                *day = begin.format(&gettext("%a")).unwrap_or_default().into();
            }
        }
        Self { parts, cells, days }
    }

    /// The numbers hour by hour.
    pub fn parts(&self) -> &TimelineParts {
        &self.parts
    }

    /// What a day is called, in short.
    pub fn day(&self, day: usize) -> &str {
        self.days.get(day).map_or("", String::as_str)
    }

    /// The calls of an hour.
    pub fn calls(&self, day: usize, hour: usize) -> Calls {
        let Some((first, last)) = self.cell(day, hour) else {
            return Calls::default();
        };
        let calls = (first..=last).map(|part| self.parts.calls(part));
        calls.fold(Calls::default(), Calls::add)
    }

    /// How much there was in an hour, from 0 for nothing to 1 for the busiest. Ten times as much is one step
    /// more: few calls are to be seen beside many.
    pub fn strength(&self, day: usize, hour: usize) -> f32 {
        let most = (0..self.parts.len()).map(|part| self.parts.calls(part).all());
        let most = most.max().unwrap_or_default();
        #[expect(
            clippy::cast_precision_loss,
            reason = "of a colour, this is exact enough"
        )]
        let step = |count: u64| (count as f32).ln_1p();
        match self.calls(day, hour).all() {
            0 => 0.0,
            count => (step(count) / step(most.max(1))).clamp(0.0, 1.0),
        }
    }

    /// An hour, to be read aloud: “23/11/2026, 14:00 – 15:00: 5 allowed”.
    pub fn words(&self, day: usize, hour: usize) -> String {
        let Some((first, last)) = self.cell(day, hour) else {
            return gettext("There was no such hour.");
        };
        let time = self.parts.time_words(first, last);
        let calls = self.calls(day, hour).words();
        gettext_f("{time}: {calls}", &[("time", &time), ("calls", &calls)])
    }

    fn cell(&self, day: usize, hour: usize) -> Option<(usize, usize)> {
        *self.cells.get(day)?.get(hour)?
    }
}

/// [`Week::bounds`] at this time.
fn bounds_at(now: &glib::DateTime) -> Option<(i64, i64, u32)> {
    let midnight = glib::DateTime::new(
        &now.timezone(),
        now.year(),
        now.month(),
        now.day_of_month(),
        0,
        0,
        0.0,
    )
    .ok()?;
    let days = i32::try_from(DAYS).ok()?;
    let since = midnight.add_days(1 - days).ok()?.to_unix() * 1_000_000;
    let until = midnight.add_days(1).ok()?.to_unix() * 1_000_000;
    let hours = u32::try_from((until - since) / HOUR).ok()?;
    Some((since, until, hours.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(allowed: &[u64], denied: &[u64]) -> Week {
        let (since, _, hours) = Week::bounds().unwrap();
        let filled = |counts: &[u64]| {
            let mut all = counts.to_vec();
            all.resize(hours as usize, 0);
            all
        };
        Week::new(Timeline {
            since,
            width: HOUR,
            allowed: filled(allowed),
            denied: filled(denied),
            unanswered: filled(&[]),
        })
    }

    #[test]
    fn a_week_ends_with_today() {
        let zone = glib::TimeZone::new(Some("Europe/Berlin"));
        let hours = |month, day| {
            let now = glib::DateTime::new(&zone, 2026, month, day, 13, 14, 15.0).unwrap();
            let (since, until, hours) = bounds_at(&now).unwrap();
            assert!((since..until).contains(&(now.to_unix() * 1_000_000)));
            hours
        };
        assert_eq!(hours(11, 29), 168);
        // Clocks are put forward on 29 March and back on 25 October, where the time zones are known.
        if zone.identifier() == "Europe/Berlin" {
            assert_eq!((hours(3, 30), hours(10, 26)), (167, 169));
        }
    }

    #[test]
    fn each_hour_has_its_place() {
        let mut allowed = vec![0; 26];
        (allowed[3], allowed[25]) = (5, 7);
        let mut denied = vec![0; 26];
        denied[25] = 2;
        let week = week(&allowed, &denied);
        assert_eq!(week.calls(0, 3).allowed, 5);
        assert_eq!((week.calls(1, 1).allowed, week.calls(1, 1).denied), (7, 2));
        assert_eq!(week.calls(1, 2).all(), 0);
        assert_eq!(week.parts().sum().all(), 14);
        assert!(
            week.words(1, 1).ends_with(": 7 allowed, 2 denied"),
            "{}",
            week.words(1, 1)
        );
        assert!((0..DAYS).all(|day| !week.day(day).is_empty()));
        // What is nowhere on the map is nothing.
        assert_eq!(week.calls(DAYS, 0).all() + week.calls(0, HOURS).all(), 0);
        assert_eq!(week.day(DAYS), "");
    }

    #[test]
    fn few_calls_are_seen_beside_many() {
        let week = week(&[1, 100_000], &[]);
        let strengths = [
            week.strength(0, 0),
            week.strength(0, 1),
            week.strength(0, 2),
        ];
        assert!(strengths[0] > 0.05 && strengths[0] < 0.1, "{strengths:?}");
        assert!(
            (strengths[1] - 1.0).abs() < 0.01 && strengths[2] == 0.0,
            "{strengths:?}"
        );
    }
}
