//! How wide text is on a terminal.

use unicode_width::UnicodeWidthChar;

/// How many columns a text takes, character by character: terminals do not agree on which of them are drawn
/// as one, and a line that is longer than it was taken to be goes on where ours begin.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// How many columns a character takes.
pub(crate) fn columns_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_terminals_draw_as_one_is_as_wide_as_its_parts() {
        assert_eq!(columns("curl"), 4);
        assert_eq!(columns("日本"), 4);
        assert_eq!(columns("e\u{301}"), 1);
        for text in ["👩\u{200d}👧", "👍🏽"] {
            assert_eq!(columns(text), 4, "{text}");
        }
    }
}
