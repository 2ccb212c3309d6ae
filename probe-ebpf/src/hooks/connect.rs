//! `connect()`.

use aya_ebpf::programs::LsmContext;

use crate::{
    decide,
    endpoint::{self, Named},
    label,
    socket::Socket,
};

/// Judges one `connect()`.
#[inline(always)]
pub fn hook(ctx: &LsmContext) -> i32 {
    let Some((socket, sock)) = Socket::read(ctx.arg(0)) else {
        return 0;
    };
    // AF_UNSPEC dissolves an association and reaches nobody; anything else that is no endpoint the
    // protocol refuses by itself.
    match endpoint::read_argument(ctx.arg(1), ctx.arg(2), &socket, false) {
        Named::Endpoint(endpoint) => decide::reach(socket, sock, endpoint, false),
        Named::Unspecified => {
            if let Some(label) = label::find(sock) {
                label.void();
            }
            0
        }
        Named::Other => 0,
    }
}
