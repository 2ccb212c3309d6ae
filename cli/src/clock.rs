//! The clocks: that of deadlines and of rules that end, and the one on the wall.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use nix::time::{ClockId, clock_gettime};

/// Time since the machine was started, sleep included.
pub(crate) fn boot_time() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// So many seconds, in the words in which they are given on the command line.
pub(crate) fn in_words(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

/// How long it is until then, microseconds on the clock of [`boot_time`], seen at `now`, in words.
pub(crate) fn time_left(ends: u64, now: Duration) -> String {
    // What has not ended yet does not end in no time.
    let left = Duration::from_micros(ends).saturating_sub(now);
    in_words(left.as_secs() + u64::from(left.subsec_nanos() > 0))
}

/// Why a moment cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot read time “{}”: expected one such as 2h, 2026-11-28, “2026-11-28 14:30” or \
     2026-11-28T14:30:00Z",
    .0.escape_debug()
)]
pub(crate) struct BadMoment(String);

/// Reads a moment, in microseconds since 1970: so long ago, or at that time, which is local unless it says
/// otherwise.
pub(crate) fn moment(word: &str) -> Result<i64, BadMoment> {
    moment_in(word, &TimeZone::system(), SystemTime::now())
}

fn moment_in(word: &str, zone: &TimeZone, now: SystemTime) -> Result<i64, BadMoment> {
    let bad = || BadMoment(word.to_owned());
    let timestamp = if let Ok(ago) = humantime::parse_duration(word) {
        let then = now.checked_sub(ago).ok_or_else(bad)?;
        Timestamp::try_from(then).map_err(|_out_of_range| bad())?
    } else if let Ok(timestamp) = word.parse::<Timestamp>() {
        timestamp
    } else {
        let local: DateTime = word.parse().map_err(|_unreadable| bad())?;
        let there = zone.to_timestamp(local);
        there.map_err(|_out_of_range| bad())?
    };
    Ok(timestamp.as_microsecond())
}

/// A moment as a person reads it, to the second.
pub(crate) fn in_local_time(moment: i64) -> String {
    in_zone(moment, TimeZone::system())
}

fn in_zone(moment: i64, zone: TimeZone) -> String {
    match Timestamp::from_microsecond(moment) {
        Ok(timestamp) => {
            let there = timestamp.to_zoned(zone);
            there.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        Err(_out_of_range) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn moments_are_read_in_many_ways() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (word, seconds) in [
            ("2h", 992_800),
            ("1970-01-02", 79_200),
            ("1970-01-02 14:30", 131_400),
            ("1970-01-02T14:30:05", 131_405),
            ("1970-01-02T14:30:00Z", 138_600),
            ("1970-01-02T14:30:00+02:00", 131_400),
        ] {
            let read = moment_in(word, &zone, now).unwrap();
            assert_eq!(read, seconds * SECOND, "{word}");
        }
        for word in [
            "",
            "yesterday",
            "14:30",
            "1970-02-30",
            "99999999999999d",
            "-1h",
        ] {
            let error = moment_in(word, &zone, now).unwrap_err();
            assert!(error.to_string().contains(word), "{word}");
        }
    }

    #[test]
    fn moments_are_shown_to_the_second() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let shown = in_zone(1_000_000 * SECOND + 999_999, zone.clone());
        assert_eq!(shown, "1970-01-12 15:46:40");
        assert_eq!(in_zone(i64::MAX, zone), "-");
    }
}
