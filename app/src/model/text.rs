//! Text that somebody else chose, made safe to show.
//!
//! Names, paths and command lines come from programs that may want to deceive. What is shown of
//! them has no character that is invisible, moves the cursor or reverses the text; it is short;
//! and it cannot change the order of the words around it.

use std::sync::LazyLock;

use portreeve_dbus::deceives;

use crate::i18n::gettext;

/// Longest text shown in a sentence, characters.
const LONGEST: usize = 64;
/// U+2068 FIRST STRONG ISOLATE.
pub(super) const OPEN: char = '\u{2068}';
/// U+2069 POP DIRECTIONAL ISOLATE.
pub(super) const CLOSE: char = '\u{2069}';
/// U+200F RIGHT-TO-LEFT MARK.
const RIGHT_TO_LEFT: char = '\u{200F}';

/// `text` without deceiving characters, shortened in its middle for use in a sentence.
pub fn shown(text: &str) -> String {
    shown_within(text, LONGEST)
}

/// [`shown`] with another limit.
pub(crate) fn shown_within(text: &str, longest: usize) -> String {
    let clean: Vec<char> = text.chars().filter(|c| !deceives(*c)).collect();
    if clean.len() <= longest {
        return clean.into_iter().collect();
    }
    let kept = longest.saturating_sub(1);
    let tail = kept / 2;
    let (head, _) = clean.split_at(kept - tail);
    let (_, tail) = clean.split_at(clean.len() - tail);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// `text` in isolation from the writing direction around it. [`plain`] takes this off again.
pub fn isolate(text: &str) -> String {
    in_direction(format!("{OPEN}{text}{CLOSE}"))
}

/// A sentence without the marks of [`isolate`], for where it is read aloud or compared.
pub fn plain(sentence: &str) -> String {
    sentence.replace([OPEN, CLOSE, RIGHT_TO_LEFT], "")
}

/// Text that may begin with a name, for the direction of the language: Pango takes the direction of a line from its first
/// letter, also if that is in isolation.
pub(super) fn in_direction(text: String) -> String {
    if is_right_to_left() {
        from_right_to_left(&text)
    } else {
        text
    }
}

fn from_right_to_left(text: &str) -> String {
    format!("{RIGHT_TO_LEFT}{text}")
}

/// Whether the language that the windows are in is written from right to left.
pub fn is_right_to_left() -> bool {
    static IS_IT: LazyLock<bool> = LazyLock::new(|| {
        // Translators: “default:RTL” if your language is written from right to left, else “default:LTR”.
        gettext("default:LTR") == "default:RTL"
    });
    *IS_IT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay() {
        assert_eq!(shown("curl"), "curl");
        assert_eq!(shown("Bücher 書"), "Bücher 書");
    }

    #[test]
    fn deceiving_characters_go() {
        assert_eq!(shown("annex\u{202E}gpj.exe"), "annexgpj.exe");
        assert_eq!(shown("a\nb\tc\u{1b}[31m"), "abc[31m");
        assert_eq!(shown("pay\u{200b}pal\u{2066}\u{feff}"), "paypal");
        assert_eq!(shown("\u{85}\u{ad}x\u{e0041}"), "x");
    }

    #[test]
    fn long_text_keeps_both_ends() {
        let text = format!("/tmp/{}/tail", "x".repeat(200));
        let short = shown(&text);
        assert_eq!(short.chars().count(), 64);
        assert!(short.starts_with("/tmp/xxx") && short.ends_with("xxx/tail"));
        assert!(short.contains('…'));
    }

    #[test]
    fn isolation_goes_on_and_off() {
        let sentence = format!("Allow “{}”?", isolate("אבג"));
        assert!(sentence.contains('\u{2068}'));
        assert_eq!(plain(&sentence), "Allow “אבג”?");
    }

    #[test]
    fn a_mark_of_direction_is_not_read_aloud() {
        let sentence = from_right_to_left(&format!("{} ואחרים", isolate("curl")));
        assert!(sentence.starts_with('\u{200f}'));
        assert_eq!(plain(&sentence), "curl ואחרים");
        assert_eq!(isolate("curl"), "\u{2068}curl\u{2069}");
    }
}
