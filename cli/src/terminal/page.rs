//! Lines that are painted over those before.

use std::io::{self, Write};

/// What was painted last.
#[derive(Debug, Default)]
pub(crate) struct Page(Vec<String>);

impl Page {
    /// Whatever was painted is not there any more.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// Paints these lines, which must fit the terminal.
    pub(crate) fn paint(&mut self, lines: Vec<String>, output: &mut impl Write) -> io::Result<()> {
        if lines == self.0 {
            return Ok(());
        }
        // To the first place; each line's rest is cleared, and what is below the last.
        let text = lines.join("\u{1b}[K\r\n");
        write!(output, "\u{1b}[H{text}\u{1b}[K\u{1b}[J")?;
        self.0 = lines;
        output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_painted_again() {
        let mut page = Page::default();
        let mut output = Vec::new();
        let lines = vec!["one".to_owned(), "two".to_owned()];
        page.paint(lines.clone(), &mut output).unwrap();
        assert_eq!(output, b"\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J");
        output.clear();
        page.paint(lines.clone(), &mut output).unwrap();
        assert!(output.is_empty());
        page.forget();
        page.paint(lines, &mut output).unwrap();
        assert!(!output.is_empty());
    }
}
