//! The gatekeeper: a process that only exists, so that its executable, which lies on the gate's
//! file system, can be found by the probe.
//!
//! Its pages come through the gate too, so it locks them: it must not need the broker for them.

use rustix::{
    mm::{MlockAllFlags, mlockall},
    process::{Signal, getppid, set_parent_process_death_signal},
};

fn main() {
    let parent = getppid();
    // A gatekeeper without a broker would leave callers waiting for nobody.
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() || getppid() != parent {
        return;
    }
    // Without the lock it still serves; a page fault would then go through the gate.
    if mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).is_err() {
        std::process::exit(1);
    }
    loop {
        std::thread::park();
    }
}
