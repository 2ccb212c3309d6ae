//! Questions about calls whose callers must not wait.

use portreeve_abi::{Request, counter, request_flags};

use crate::{
    decide::Call,
    maps::{NOTICES, count},
};

/// Tells the broker of a call that was refused without being held.
#[inline(always)]
pub fn notify(call: &Call<'_>) {
    let Some(mut entry) = NOTICES.reserve::<Request>(0) else {
        count(counter::NOTICE_RING_FULL);
        return;
    };
    call.describe(entry.as_mut_ptr(), request_flags::NOT_HELD);
    entry.submit(0);
}
