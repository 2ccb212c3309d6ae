//! Text in lines of a terminal's width.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// `text` in lines of at most `width` columns, broken between words, or within one that is too long.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    // A character may take two columns.
    let width = width.max(2);
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split(' ') {
        let gap = usize::from(!line.is_empty());
        if used + gap + word.width() <= width {
            line.extend(std::iter::repeat_n(' ', gap));
            line.push_str(word);
            used += gap + word.width();
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        used = 0;
        for c in word.chars() {
            let columns = c.width().unwrap_or(0);
            if used + columns > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += columns;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_in_long_ones() {
        assert_eq!(wrap("", 20), [""]);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrap("a /usr/bin/curl b", 6),
            ["a", "/usr/b", "in/cur", "l b"]
        );
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
    }

    #[test]
    fn no_line_is_wider_and_nothing_is_lost() {
        let text = "Allow “日本” to connect to a-very-long-name.of.a.host.example.org? e\u{301}";
        for width in 2..90 {
            let lines = wrap(text, width);
            for line in &lines {
                assert!(line.width() <= width, "{width}: {line:?}");
            }
            let kept: String = lines.concat().split(' ').collect();
            assert_eq!(kept, text.split(' ').collect::<String>(), "{width}");
        }
    }
}
