//! How Portreeve's own programs bind themselves to the connection that is theirs.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    process,
};

/// What `/proc/PID/comm` holds, without the newline: a longer name is cut off by the kernel.
const COMM_MAX: usize = 15;

/// Binds this process to the connection with this unique name, by the name of its main thread,
/// whichever thread this is: a file that only threads of this process may write, even though the
/// process is closed to others. That ends when it binds itself to another.
///
/// Fails where `/proc` cannot be written to.
pub fn bind_to(unique_name: &str) -> io::Result<()> {
    let file = format!("/proc/self/task/{}/comm", process::id());
    let mut file = OpenOptions::new().write(true).open(file)?;
    file.write_all(thread_name(unique_name).as_bytes())
}

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
    fn any_thread_names_the_main_one() {
        // Tests run on threads of their own.
        bind_to(":1.77").unwrap();
        let name = std::fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(name, "/:1.77\n");
    }

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
