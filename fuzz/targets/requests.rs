//! The gate's server under any messages: it never fails, and each request is told what it is to be
//! told, once.
//!
//! Input: whether programs are replaced (bit 0 of the first byte) and the gatekeeper's is long (bit 1),
//! then messages, each with a byte of [`Message`] bits and its length before it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_abi::{CacheKey, Process, Request};
use portreeve_fuzz::{
    input::Input,
    kernel::{Kernel, LONG, SHORT, is_denial},
};

/// What is done with a message before it is sent.
struct Message(u8);

impl Message {
    /// The right length is written into it.
    fn is_framed(&self) -> bool {
        self.0 & 1 != 0
    }

    /// It gets a number that no other one has.
    fn is_numbered(&self) -> bool {
        self.0 & 2 != 0
    }

    /// Before it, a call that has come is denied by nobody looking at it.
    fn is_after_one_dropped(&self) -> bool {
        self.0 & 4 != 0
    }
}

/// Threads from 0 to here are held.
const HELD: u32 = 64;
/// Calls that may wait to be looked at.
const ROOM: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let first = input.byte();
    let program = if first & 2 != 0 { &LONG } else { &SHORT };
    let mut kernel = Kernel::new(program, first & 1 != 0, ROOM);
    for tid in 0..HELD {
        kernel.hold(tid, Some(call(tid)));
    }
    while input.has_more() {
        let how = Message(input.byte());
        let length = match input.byte() {
            u8::MAX => usize::MAX,
            length => length.into(),
        };
        let mut message = input.bytes(length).to_vec();
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        if how.is_framed()
            && let Some(first) = message.first_chunk_mut()
        {
            *first = length.to_ne_bytes();
        }
        if how.is_numbered()
            && let Some(number) = message.get_mut(8..16)
        {
            number.copy_from_slice(&(1 << 32 | kernel.unique()).to_ne_bytes());
        }
        if how.is_after_one_dropped() && kernel.knocks.try_recv().is_ok() {
            let told = kernel.drain();
            assert!(told.len() <= 1 && told.iter().all(|(_, told)| is_denial(told)));
        }
        if kernel.send(&message).is_none() {
            return;
        }
        assert!(kernel.rounds.agree());
    }
    // Who is still held is so by a call that waits to be looked at, or by programs to be replaced.
    while kernel.knocks.try_recv().is_ok() {
        kernel.drain();
    }
    for unique in kernel.waiting() {
        let told = kernel.interrupt(unique);
        assert_eq!(told.len(), 1);
    }
    assert!(kernel.table.is_empty() && kernel.waiting().is_empty());
    assert!(kernel.rounds.agree());
});

fn call(tid: u32) -> Request {
    Request {
        key: CacheKey {
            process: Process {
                tgid: tid,
                uid: 1000,
                ..Process::default()
            },
            operation: 3,
            ..CacheKey::default()
        },
        tid,
        ..Request::default()
    }
}
