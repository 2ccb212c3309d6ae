//! What a program was started with that brings foreign code into it, or another bus.

/// Variables that bring foreign code into a GTK program, or another bus. Whole prefixes end in `*`.
///
/// `DBUS_STARTER_*` is not among them: bus daemons give it to what they start, and Portreeve's
/// programs do not look at it.
const HARMFUL: &[&str] = &[
    "LD_*",
    "GTK_PATH",
    "GTK_EXE_PREFIX",
    "GTK_DATA_PREFIX",
    "GTK_MODULES",
    "GTK_DEBUG",
    "GSK_DEBUG",
    "GIO_EXTRA_MODULES",
    "GIO_MODULE_DIR",
    "GDK_PIXBUF_MODULE*",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "DBUS_SYSTEM_BUS_ADDRESS",
];

/// The first harmful variable in the text of /proc/PID/environ.
pub(super) fn harmful(environment: &str) -> Option<&str> {
    environment
        .split('\0')
        .filter_map(|variable| variable.split('=').next())
        .find(|name| {
            HARMFUL
                .iter()
                .any(|harmful| match harmful.strip_suffix('*') {
                    Some(prefix) => name.starts_with(prefix),
                    None => name == harmful,
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_bring_code_are_found() {
        assert_eq!(
            harmful("PATH=/bin\0LD_PRELOAD=/tmp/x.so\0"),
            Some("LD_PRELOAD")
        );
        assert_eq!(
            harmful("A=LD_PRELOAD\0GTK_MODULES=x\0"),
            Some("GTK_MODULES")
        );
        assert_eq!(
            harmful("GDK_PIXBUF_MODULE_FILE=x"),
            Some("GDK_PIXBUF_MODULE_FILE")
        );
        assert_eq!(
            harmful("DBUS_STARTER_BUS_TYPE=session\0DBUS_SYSTEM_BUS_ADDRESS=unix:path=/tmp/x\0"),
            Some("DBUS_SYSTEM_BUS_ADDRESS")
        );
        assert_eq!(harmful("PATH=/bin\0GTK_THEME=x\0LANG=C\0"), None);
    }
}
