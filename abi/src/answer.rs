//! Answers to name lookups, as they reach the process that reads them.

/// The port that name servers answer from.
pub const DNS_PORT: u16 = 53;

/// Longest answer that is handed on as a whole, bytes. Of a longer one nothing is.
pub const MAX_ANSWER: u32 = 4096;

/// Who has received an answer, and from whom: what stands before its bytes in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct NameAnswer {
    /// See [`crate::Request::run`].
    pub run: u64,
    /// When it was received, nanoseconds on `CLOCK_BOOTTIME`.
    pub time: u64,
    /// Where it comes from, in the form of [`crate::Endpoint::address`].
    pub source: [u32; 4],
    /// See [`crate::Process::uid`].
    pub uid: u32,
    /// Index of the device that it came in by.
    pub device: u32,
    /// Bytes that follow.
    pub length: u32,
    /// [`crate::AF_INET`] or [`crate::AF_INET6`].
    pub family: u32,
}
