//! How Portreeve's own programs bind themselves to the connection that is theirs.

/// What `/proc/PID/comm` holds, without the newline: a longer name is cut off by the kernel.
const COMM_MAX: usize = 15;

/// The name that the main thread of one of Portreeve's own programs gives itself, to say which
/// connection to the bus it has opened: a slash and the connection's unique name, of which the end
/// if it is too long.
///
/// Whoever opens a connection and becomes one of the programs afterwards (`execve`) can keep it in
/// another process; but the program binds itself to the connection that it opens itself. No file
/// has a slash in its name, so an `execve` cannot bring such a thread name about.
pub fn thread_name(unique_name: &str) -> String {
    let too_long = (unique_name.len() + 1).saturating_sub(COMM_MAX);
    let end = unique_name.get(too_long..).unwrap_or_default();
    format!("/{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_differ() {
        assert_eq!(thread_name(":1.5"), "/:1.5");
        // The longest of dbus-daemon.
        assert_eq!(thread_name(":1.2147483647"), "/:1.2147483647");
        assert_eq!(thread_name(":1.12345678901"), "/:1.12345678901");
        // Those of a bus that counts on differ at the end.
        assert_eq!(thread_name(":1.123456789012345"), "/23456789012345");
        assert_ne!(
            thread_name(":1.123456789012345"),
            thread_name(":1.123456789012346")
        );
        assert!(thread_name(&"x".repeat(300)).len() <= COMM_MAX);
    }
}
