//! What the fuzzers share: their input, and the kernel's side of the gate as they play it.
//!
//! Nothing is parsed here in the broker's place: the fuzzers know what they sent, and what
//! `include/uapi/linux/fuse.h` wants for it.

pub mod input;
pub mod kernel;
pub mod threads;
