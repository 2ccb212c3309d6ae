//! Questions about calls that were refused without being held, from the probe's ring buffer.

use std::io;

use aya::maps::{MapData, RingBuf};
use portreeve_abi::Request;
use tokio::io::unix::AsyncFd;

use super::Error;

/// The receiving end of the ring buffer.
pub struct Notices(AsyncFd<RingBuf<MapData>>);

impl Notices {
    pub(super) fn new(ring: RingBuf<MapData>) -> Result<Self, Error> {
        // SAFETY: the ring buffer owns its map's descriptor, which stays the same and open.
        unsafe { AsyncFd::register(ring) }
            .map(Self)
            .map_err(|error| Error::Ring(error.into()))
    }

    /// Waits for the next notice.
    pub async fn next(&mut self) -> io::Result<Request> {
        loop {
            let mut guard = self.0.readable_mut().await?;
            while let Some(item) = guard.get_inner_mut().next() {
                if item.len() != size_of::<Request>() {
                    continue;
                }
                // SAFETY: the probe writes `Request`s of this ABI version (checked at load), every
                // bit pattern of which is valid; the item may be unaligned.
                let request = unsafe { item.as_ptr().cast::<Request>().read_unaligned() };
                return Ok(request);
            }
            guard.clear_ready();
        }
    }
}
