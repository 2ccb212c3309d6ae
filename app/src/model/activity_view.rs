//! What is to be shown of what programs did: a period, filters, and what was searched.

use portreeve_dbus::{ActivityFilter, SearchError, search};

use crate::i18n::gettext_f;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Parts of the time when nothing says how long it is.
const PARTS: u32 = 40;

/// How far back is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// How long one part of the timeline is, and how many there are; `None` for all that is recorded.
    parts: Option<(i64, u32)>,
}

impl Period {
    /// Those that can be chosen, in their order.
    pub const ALL: [Self; 7] = [
        Self::of(MINUTE / 2, 20),
        Self::of(2 * MINUTE, 30),
        Self::of(10 * MINUTE, 36),
        Self::of(HOUR / 2, 48),
        Self::of(4 * HOUR, 42),
        Self::of(DAY, 30),
        Self { parts: None },
    ];
    /// The place of the one that is shown first: a day.
    pub const FIRST: u32 = 3;

    const fn of(width: i64, count: u32) -> Self {
        Self {
            parts: Some((width, count)),
        }
    }

    /// The one at a place of [`Self::ALL`].
    pub fn at(place: u32) -> Self {
        let place = usize::try_from(place).unwrap_or_default();
        Self::ALL
            .get(place)
            .copied()
            .unwrap_or(Self { parts: None })
    }

    /// Whether it is all that is recorded.
    pub const fn is_all(self) -> bool {
        self.parts.is_none()
    }

    /// How many parts the timeline has.
    pub fn count(self) -> u32 {
        self.parts.map_or(PARTS, |(_, count)| count)
    }

    /// When it begins and ends, so that its parts begin when the clock on the wall, which is `offset` ahead,
    /// shows a round time; the last part is the one that goes on now. Microseconds.
    pub fn bounds(self, now: i64, offset: i64) -> (Option<i64>, Option<i64>) {
        let Some((width, count)) = self.parts else {
            return (None, None);
        };
        let wall = now.saturating_add(offset);
        let end = wall
            .div_euclid(width)
            .saturating_add(1)
            .saturating_mul(width);
        let until = end.saturating_sub(offset);
        let since = until.saturating_sub(width.saturating_mul(i64::from(count)));
        (Some(since), Some(until))
    }
}

/// What is chosen by a menu: nothing, or a word of the filter.
type Chosen = Option<&'static str>;

/// The words of the verdicts that can be chosen, behind “any”.
pub const VERDICTS: [Chosen; 4] = [None, Some("allowed"), Some("denied"), Some("unanswered")];
/// Of the directions.
pub const DIRECTIONS: [Chosen; 3] = [None, Some("out"), Some("in")];
/// Of the kinds of addresses.
pub const PLACES: [Chosen; 4] = [
    None,
    Some("internet"),
    Some("local-network"),
    Some("this-computer"),
];

/// What is to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActivityView {
    /// The search as it was typed.
    pub search: String,
    /// Only this verdict.
    pub verdict: Chosen,
    /// Only this direction.
    pub direction: Chosen,
    /// Only this kind of addresses.
    pub place: Chosen,
    /// Only between these times, which were chosen in the timeline.
    pub time: Option<(i64, i64)>,
}

impl ActivityView {
    /// What is wrong with the search, translated.
    pub fn mistake(&self) -> Option<String> {
        search(&self.search).err().map(|error| words_of(&error))
    }

    /// Whether something is left out, the period aside.
    pub fn is_narrowed(&self) -> bool {
        let chosen = [self.verdict, self.direction, self.place];
        !self.search.trim().is_empty() || self.time.is_some() || chosen.iter().any(Option::is_some)
    }

    /// How many menus leave something out.
    pub fn chosen(&self) -> usize {
        let chosen = [self.verdict, self.direction, self.place];
        chosen.iter().flatten().count()
    }

    /// The filter for the timeline, of a time; `None` if the search cannot be used.
    pub fn of_timeline(&self, since: Option<i64>, until: Option<i64>) -> Option<ActivityFilter> {
        let typed = search(&self.search).ok()?;
        let or = |typed: Option<String>, chosen: Chosen| typed.or(chosen.map(str::to_owned));
        Some(ActivityFilter {
            verdict: or(typed.verdict, self.verdict),
            direction: or(typed.direction, self.direction),
            place: or(typed.place, self.place),
            since,
            until,
            ..typed
        })
    }

    /// The filter for the list, of a period that begins then; `None` if the search cannot be used.
    pub fn of_list(&self, since: Option<i64>) -> Option<ActivityFilter> {
        match self.time {
            Some((since, until)) => self.of_timeline(Some(since), Some(until)),
            None => self.of_timeline(since, None),
        }
    }
}

/// What is wrong with a search, translated.
fn words_of(error: &SearchError) -> String {
    match error {
        SearchError::Unknown(name) => gettext_f(
            // Translators: what ends with a colon is typed as it is here, in every language.
            "“{name}:” is not known. Use app:, host:, port:, proto:, is:, dir:, op:, place: or rule:.",
            &[("name", name)],
        ),
        SearchError::Value { word, .. } => {
            let values = [("name", word.as_str()), ("expected", word.expected())];
            // Translators: {expected} is a list of words that are typed as they are.
            gettext_f("After “{name}:” goes: {expected}.", &values)
        }
        SearchError::Twice(word) => {
            gettext_f("“{name}:” can be there once.", &[("name", word.as_str())])
        }
    }
}

/// The words of a time that was chosen, for the chip that takes it away.
pub fn chip(time: &str) -> String {
    // Translators: {time} is as in “09:00 – 09:30”.
    gettext_f("Only {time}", &[("time", time)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_begin_at_round_times_on_the_wall() {
        // A quarter to six in the morning in India: half an hour off.
        let (now, offset) = (100 * DAY + 15 * MINUTE, 5 * HOUR + HOUR / 2);
        for period in Period::ALL {
            let (Some(since), Some(until)) = period.bounds(now, offset) else {
                assert!(period.is_all());
                continue;
            };
            let width = (until - since) / i64::from(period.count());
            assert_eq!((since + offset).rem_euclid(width), 0, "{period:?}");
            assert!(until > now && until - width <= now, "{period:?}");
        }
        let days = Period::ALL[5].bounds(now, offset);
        assert_eq!(days.1, Some(101 * DAY - offset), "the end of today");
    }

    #[test]
    fn what_is_typed_counts_before_what_is_chosen() {
        let view = ActivityView {
            search: "is:allowed port:443 fire".into(),
            verdict: Some("denied"),
            place: Some("internet"),
            ..ActivityView::default()
        };
        let filter = view.of_list(Some(7)).unwrap();
        assert_eq!(filter.verdict.as_deref(), Some("allowed"));
        assert_eq!(filter.place.as_deref(), Some("internet"));
        assert_eq!(
            (filter.port, filter.since, filter.until),
            (Some(443), Some(7), None)
        );
        assert_eq!(filter.words, Some(vec!["fire".to_owned()]));
        assert_eq!((view.chosen(), view.is_narrowed()), (2, true));
        assert!(!ActivityView::default().is_narrowed());
    }

    #[test]
    fn a_time_narrows_the_list_and_not_the_timeline() {
        let view = ActivityView {
            time: Some((3, 5)),
            ..ActivityView::default()
        };
        let list = view.of_list(Some(1)).unwrap();
        assert_eq!((list.since, list.until), (Some(3), Some(5)));
        let timeline = view.of_timeline(Some(1), Some(9)).unwrap();
        assert_eq!((timeline.since, timeline.until), (Some(1), Some(9)));
        assert!(view.is_narrowed());
    }

    #[test]
    fn a_mistake_says_what_would_do() {
        let mistake = |search: &str| {
            let view = ActivityView {
                search: search.into(),
                ..ActivityView::default()
            };
            assert_eq!(view.mistake().is_some(), view.of_list(None).is_none());
            view.mistake().unwrap_or_default()
        };
        assert_eq!(mistake("curl 443"), "");
        assert!(mistake("ap:x").contains("“ap:”"));
        assert!(mistake("is:").contains("allowed, denied, unanswered"));
        assert!(mistake("port:1 port:2").contains("once"));
    }

    #[test]
    fn what_can_be_chosen_is_known() {
        for verdict in VERDICTS {
            for (direction, place) in DIRECTIONS.iter().zip(PLACES) {
                let view = ActivityView {
                    verdict,
                    direction: *direction,
                    place,
                    ..ActivityView::default()
                };
                portreeve_dbus::Sieve::new(&view.of_list(None).unwrap()).unwrap();
            }
        }
    }
}
