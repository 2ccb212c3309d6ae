//! The gatekeeper: a process that only exists, so that its executable, which lies on the gate's
//! file system, can be found by the probe.
//!
//! Its pages come through the gate too, so it locks them: it must not need the broker for them.
//! Its standard input is a pipe from the broker; the end of that is the end of the broker.

use std::{io::Read, process::ExitCode};

use rustix::mm::{MlockAllFlags, mlockall};

fn main() -> ExitCode {
    if mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).is_err() {
        return ExitCode::FAILURE;
    }
    // Started by a descriptor, it would be called by that one's number.
    if rustix::thread::set_name(c"portreeve-gate").is_err() {
        return ExitCode::FAILURE;
    }
    let mut byte = [0];
    loop {
        match std::io::stdin().read(&mut byte) {
            // A gatekeeper without a broker would leave callers waiting for nobody.
            Ok(0) => return ExitCode::SUCCESS,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return ExitCode::FAILURE,
        }
    }
}
