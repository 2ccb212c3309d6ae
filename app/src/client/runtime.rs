//! One Tokio runtime beside the main loop.
//!
//! zbus runs on Tokio here, GTK on its own loop. [`start`] sends a future to Tokio and forgets it,
//! [`in_background`] sends one and gives its result to a future of the main loop.

use std::sync::LazyLock;

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("portreeve-bus")
        .enable_all()
        .build()
        .expect("cannot start a thread for the bus")
});

/// Runs a future on the runtime until it ends by itself.
pub fn start(future: impl Future<Output = ()> + Send + 'static) {
    RUNTIME.spawn(future);
}

/// Runs a future on the runtime and waits for its result without blocking the main loop.
///
/// The future runs to its end even when the waiting side is dropped: a change that was asked for
/// is not left half done because a window closed.
///
/// # Panics
///
/// Panics when the future did.
pub async fn in_background<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let (sender, receiver) = oneshot::channel();
    RUNTIME.spawn(async move {
        // Nobody waits any more when this fails, which is fine.
        sender.send(future.await).ok();
    });
    receiver
        .await
        .expect("a background task ended without a result")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_comes_back_to_the_main_loop() {
        let context = gtk::glib::MainContext::new();
        assert_eq!(context.block_on(in_background(async { 6 * 7 })), 42);
    }
}
