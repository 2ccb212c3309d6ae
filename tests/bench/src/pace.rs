//! Connections at a given pace, while somebody looks at what the broker does.

use anyhow::Result;
use rustix::{
    thread::clock_nanosleep_absolute,
    time::{ClockId, Timespec, clock_gettime},
};

use crate::net::{BUSY, connect_and_reset};

const TIMES_A_SECOND: u32 = 100;
const CONNECTIONS_EACH_TIME: u32 = 10;

/// Makes 1,000 connections a second for so many seconds.
pub(crate) fn run(seconds: u32) -> Result<()> {
    let mut next = clock_gettime(ClockId::Monotonic);
    for _ in 0..seconds * TIMES_A_SECOND {
        (0..CONNECTIONS_EACH_TIME).try_for_each(|_| connect_and_reset(BUSY))?;
        next += Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(1_000_000_000 / TIMES_A_SECOND),
        };
        clock_nanosleep_absolute(ClockId::Monotonic, &next)?;
    }
    Ok(())
}
