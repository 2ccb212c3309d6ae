//! What the probe counts, as indices of its per-CPU array; the broker reports the sums.

/// The gate could not be reached; the fallback verdict was used.
pub const GATE_UNREACHABLE: u32 = 0;
/// The hold table was full; the fallback verdict was used.
pub const HOLD_TABLE_FULL: u32 = 1;
/// An answer to a name lookup did not reach the broker: too many came at once.
pub const ANSWERS_LOST: u32 = 2;
/// Who has brought a file system could not be noted: there are too many.
pub const MOUNTERS_LOST: u32 = 3;
/// How many counters there are.
pub const COUNT: u32 = 4;
