//! Translated text. Every string that a person reads goes through here or through a `.ui` file.

use std::{env, os::unix::ffi::OsStrExt as _};

use gettextrs::{LocaleCategory, bindtextdomain, setlocale, textdomain};

pub use gettextrs::gettext;

pub mod question;

/// The domain of Portreeve's translations.
pub const DOMAIN: &str = "portreeve";

/// Where translations are installed; the build may say otherwise.
const LOCALE_DIR: &str = match option_env!("PORTREEVE_LOCALE_DIR") {
    Some(folder) => folder,
    None => "/usr/share/locale",
};

/// Sets the user's locale, as far as it is about words, and finds the translations: for programs without GTK, which does
/// the first for the others. Numbers and times keep their form.
///
/// With a directory in `LANGUAGE`, from which the C library would take whatever anybody has put there, nothing is
/// translated.
///
/// # Safety
///
/// No other thread has been started yet.
pub unsafe fn init_with_locale() {
    let named = env::var_os("LANGUAGE").unwrap_or_default();
    if named.as_bytes().contains(&b'/') {
        return;
    }
    for category in [LocaleCategory::LcCType, LocaleCategory::LcMessages] {
        // SAFETY: by the contract of this function nobody else looks at the locale or the environment. What cannot be
        // set stays as it is: in English.
        unsafe { setlocale(category, "") };
    }
    init();
}

/// Finds the translations. Comes before GTK starts, which sets the user's locale.
pub fn init() {
    if let Err(error) = bindtextdomain(DOMAIN, LOCALE_DIR)
        .and_then(|_| gettextrs::bind_textdomain_codeset(DOMAIN, "UTF-8"))
        .and_then(|_| textdomain(DOMAIN))
    {
        tracing::warn!(%error, "cannot use translations");
    }
}

/// Translates `msgid` and puts each named value in the place of its `{name}`.
pub fn gettext_f(msgid: &str, values: &[(&str, &str)]) -> String {
    fill(&gettext(msgid), values)
}

/// Like [`gettext_f`], for a count, which is also the value of `{n}`.
pub fn ngettext_f(singular: &str, plural: &str, n: usize, values: &[(&str, &str)]) -> String {
    let count = u32::try_from(n).unwrap_or(u32::MAX);
    let text = fill(
        &gettextrs::ngettext(singular, plural, count),
        &[("n", &n.to_string())],
    );
    fill(&text, values)
}

/// Puts each named value in the place of its `{name}`, in text that is translated already. In one pass, so that a value
/// which itself contains `{name}` stays as it is.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let value = from[1..].find('}').and_then(|length| {
            let name = &from[1..=length];
            let (_, value) = values.iter().find(|(key, _)| *key == name)?;
            Some((value, length + 2))
        });
        match value {
            Some((value, length)) => {
                filled.push_str(value);
                rest = &from[length..];
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_into_their_places() {
        assert_eq!(
            fill(
                "Allow “{app}” to connect to {host}?",
                &[("app", "curl"), ("host", "a.example")]
            ),
            "Allow “curl” to connect to a.example?"
        );
    }

    #[test]
    fn a_value_is_never_a_template() {
        assert_eq!(
            fill("{app} to {host}", &[("app", "{host}"), ("host", "x")]),
            "{host} to x"
        );
    }

    #[test]
    fn unknown_and_open_places_stay() {
        assert_eq!(fill("{no} and {", &[("app", "x")]), "{no} and {");
    }

    #[test]
    fn counts_choose_their_form() {
        let text = |n| ngettext_f("{n} more question", "{n} more questions", n, &[]);
        assert_eq!(text(1), "1 more question");
        assert_eq!(text(2), "2 more questions");
    }
}
