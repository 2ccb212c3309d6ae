//! What a program was started with that brings foreign code into it, foreign words, or another bus.

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
    "LOCPATH",
    "DBUS_SYSTEM_BUS_ADDRESS",
];

/// Variables that name languages. The C library takes what they say for a part of the path of translations
/// (`gettext(3)`), and follows it out of the folder of those: there, “Deny” may be what Allow is called.
const OF_LANGUAGES: &[&str] = &["LANGUAGE", "LANG", "LC_*"];

/// The first harmful variable in the text of /proc/PID/environ.
pub(super) fn harmful(environment: &str) -> Option<&str> {
    let variables = environment.split('\0');
    let mut named = variables.map(|it| it.split_once('=').unwrap_or((it, "")));
    let found = named.find(|(name, value)| {
        is_among(HARMFUL, name) || is_among(OF_LANGUAGES, name) && value.contains('/')
    });
    found.map(|(name, _)| name)
}

fn is_among(names: &[&str], name: &str) -> bool {
    names.iter().any(|other| match other.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *other,
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

    #[test]
    fn languages_that_lead_to_other_words_are_found() {
        assert_eq!(
            harmful("LANGUAGE=de:../../home/alice/de\0"),
            Some("LANGUAGE")
        );
        assert_eq!(harmful("LC_ALL=/home/alice\0"), Some("LC_ALL"));
        assert_eq!(
            harmful("LANGUAGE=de_AT:de\0LANG=de_AT.UTF-8\0LC_TIME=C\0"),
            None
        );
    }
}
