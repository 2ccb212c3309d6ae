//! The loop ends: nobody is left waiting.

use super::{
    desk::{ALICE, Desk, at},
    kernel::Told,
    running::Running,
};

#[tokio::test(start_paused = true)]
async fn when_the_loop_ends_every_call_is_denied_once() {
    let mut desk = Desk::new().await;
    let curl = Running::of("/usr/bin/curl", ALICE);
    let mut calls = Vec::new();
    for port in 1..=50 {
        calls.push(desk.call(&curl, at("192.0.2.1", port % 10)).await);
    }
    desk.rest().await;
    // These are still on their way when it ends.
    for port in 1..=50 {
        calls.push(desk.call(&curl, at("192.0.2.1", port)).await);
    }
    desk.stop().await;
    for call in calls {
        assert_eq!(desk.told(call), Some(Told::Once(1)));
    }
    assert_eq!(desk.held(), 0);
    assert_eq!(desk.failures.report(), ["dropped=100"]);
}
