//! `connect()`.

use aya_ebpf::programs::LsmContext;

use crate::{decide::Judged, endpoint::Named, socket::judged_family};

/// Judges one `connect()`.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    if judged_family(ctx.arg(0)).is_none() {
        return 0;
    }
    // AF_UNSPEC dissolves an association and reaches nobody; anything else that is no endpoint the
    // protocol refuses by itself.
    match Judged::of_address(ctx, |_| false) {
        Some((judged, Named::Endpoint(endpoint))) => judged.reach(ctx.arg(0), endpoint, false),
        _ => 0,
    }
}
