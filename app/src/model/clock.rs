//! Times as a person reads them.

use gtk::glib;
use portreeve_policy::Span;
use rustix::time::{ClockId, clock_gettime};

use crate::i18n::{gettext, gettext_f, ngettext_f};

/// How long a time is, as it stands behind “for”: “1 hour”, “90 minutes”.
pub(crate) fn in_words(span: Span) -> String {
    let seconds = usize::try_from(span.seconds()).unwrap_or(usize::MAX);
    if seconds.is_multiple_of(3600) {
        // Translators: how long something lasts, here and for minutes and seconds; it stands in the place of {time} in
        // sentences such as “For {time}”.
        ngettext_f("{n} hour", "{n} hours", seconds / 3600, &[])
    } else if seconds.is_multiple_of(60) {
        ngettext_f("{n} minute", "{n} minutes", seconds / 60, &[])
    } else {
        ngettext_f("{n} second", "{n} seconds", seconds, &[])
    }
}

/// Now on `CLOCK_BOOTTIME`, microseconds.
pub(crate) fn boot_time() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1_000
}

/// When a moment on `CLOCK_BOOTTIME`, in microseconds, will be by the clock on the wall: “14:05”, with
/// the date unless it is today.
pub(crate) fn by_the_wall(boottime: u64) -> String {
    let left = i64::try_from(boottime.saturating_sub(boot_time())).unwrap_or(i64::MAX);
    let today = glib::DateTime::now_local().ok();
    let then = today.as_ref().and_then(|today| {
        let then = today.add(glib::TimeSpan(left)).ok()?;
        Some((then.ymd() == today.ymd(), then))
    });
    match then {
        Some((is_today, then)) => in_local_words(&then, is_today, &gettext("%H:%M")),
        None => gettext("later"),
    }
}

/// A moment in microseconds since 1970: “14:05”, with the date unless it is today.
pub(crate) fn moment(micros: i64) -> String {
    // Translators: the time of day, as for g_date_time_format().
    moment_as(micros, &gettext("%H:%M"))
}

/// The same to the second: “14:05:30”.
pub(crate) fn moment_with_seconds(micros: i64) -> String {
    // Translators: the time of day with seconds, as for g_date_time_format().
    moment_as(micros, &gettext("%H:%M:%S"))
}

/// The end of a time that begins at a moment: without a date if that is of the same day.
pub(crate) fn moment_after(begin: i64, end: i64, seconds: bool) -> String {
    let time = if seconds {
        gettext("%H:%M:%S")
    } else {
        gettext("%H:%M")
    };
    let local = |micros: i64| glib::DateTime::from_unix_local(micros.div_euclid(1_000_000)).ok();
    match (local(begin), local(end)) {
        (Some(begin), Some(end)) if begin.ymd() == end.ymd() => in_local_words(&end, true, &time),
        _ => moment_as(end, &time),
    }
}

fn moment_as(micros: i64, time: &str) -> String {
    let then = glib::DateTime::from_unix_local(micros.div_euclid(1_000_000));
    let now = glib::DateTime::now_local();
    match (then, now) {
        (Ok(then), Ok(now)) => in_local_words(&then, then.ymd() == now.ymd(), time),
        _ => gettext("at another time"),
    }
}

fn in_local_words(then: &glib::DateTime, is_today: bool, time: &str) -> String {
    let time = then.format(time).unwrap_or_default();
    if is_today {
        return time.into();
    }
    let date = then.format("%x").unwrap_or_default();
    // Translators: a date and the time of day.
    gettext_f("{date}, {time}", &[("date", &date), ("time", &time)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_in_their_unit() {
        let words = |seconds| in_words(Span::of_seconds(seconds).unwrap());
        assert_eq!(words(3600), "1 hour");
        assert_eq!(words(7200), "2 hours");
        assert_eq!(words(5400), "90 minutes");
        assert_eq!(words(61), "61 seconds");
    }

    #[test]
    fn a_date_is_said_once() {
        let noon = glib::DateTime::from_local(2001, 2, 3, 12, 0, 0.0).unwrap();
        let (noon, hour) = (noon.to_unix() * 1_000_000, 3_600_000_000);
        assert_eq!(moment_after(noon, noon + hour, false), "13:00");
        assert_eq!(moment_after(noon, noon + hour, true), "13:00:00");
        let next_day = moment_after(noon, noon + 24 * hour, false);
        assert!(next_day.ends_with(", 12:00"), "{next_day}");
    }

    #[test]
    fn a_moment_in_two_days_has_its_date() {
        let now = clock_gettime(ClockId::Boottime).tv_sec.unsigned_abs() * 1_000_000;
        let days = |days: u64| by_the_wall(now + days * 86_400_000_000);
        assert_eq!(days(0).len(), "14:05".len(), "{}", days(0));
        assert!(
            days(2).ends_with(&days(0)) || days(2).len() > 7,
            "{}",
            days(2)
        );
    }
}
