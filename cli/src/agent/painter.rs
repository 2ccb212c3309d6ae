//! Puts what is to be seen on the terminal: in place, or line after line where it cannot be taken back.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use super::{
    conversation::{Conversation, View},
    layout::wrap,
};
use crate::terminal::{Page, Size};

/// What a line begins with that goes on with the one before.
const INDENT: &str = "  ";

/// What is on the terminal.
#[derive(Debug)]
pub(super) struct Painter {
    /// If it can be painted over.
    page: Option<Page>,
    /// If not: what was written last.
    written: Vec<String>,
    /// And whether it was told that time is short.
    was_urgent: bool,
}

impl Painter {
    /// For a terminal that can be painted over, or one that cannot.
    pub(super) fn new(is_live: bool) -> Self {
        Self {
            page: is_live.then(Page::default),
            written: Vec::new(),
            was_urgent: false,
        }
    }

    /// Whatever was painted is not there any more, and what was written may be far above.
    pub(super) fn forget(&mut self) {
        self.written.clear();
        self.was_urgent = false;
        self.resize();
    }

    /// The terminal has another size, and what was painted has moved. Lines stay what they are.
    pub(super) fn resize(&mut self) {
        if let Some(page) = &mut self.page {
            page.forget();
        }
    }

    /// Shows the conversation as it is now.
    pub(super) fn paint(
        &mut self,
        conversation: &mut Conversation,
        size: Size,
        (now, boot_time): (Instant, Duration),
        output: &mut impl Write,
    ) -> io::Result<()> {
        let Some(painted) = &mut self.page else {
            let view = conversation.view(now, boot_time);
            return self.add(&view, size, conversation.is_urgent(boot_time), output);
        };
        let fits = page(&conversation.view(now, boot_time), size).is_some();
        conversation.set_fits(fits);
        let view = conversation.view(now, boot_time);
        let lines = page(&view, size).filter(|_| fits);
        painted.paint(lines.unwrap_or_else(|| beginning(&view, size)), output)
    }

    fn add(
        &mut self,
        view: &View,
        (columns, _): Size,
        is_urgent: bool,
        output: &mut impl Write,
    ) -> io::Result<()> {
        let keys = keys(view, columns);
        let [question, more, kept] =
            [&view.question, &view.more, &view.kept].map(|texts| wrapped(texts, columns));
        let lasting = [question, more, keys.clone()].concat();
        let is_new = lasting != self.written;
        let mut text = String::new();
        if is_new {
            let (keys, body) = (keys.len(), lasting.len());
            let (body, keys) = lasting.split_at(body - keys);
            for line in body.iter().chain(&kept).chain(keys) {
                text.extend([line, "\n"]);
            }
            text.push('\n');
            self.written = lasting;
        } else if is_urgent && !self.was_urgent {
            text.extend(kept.first().into_iter().flat_map(|line| [line, "\n"]));
        }
        self.was_urgent = is_urgent && (self.was_urgent || !text.is_empty());
        output.write_all(text.as_bytes())?;
        output.flush()
    }
}

/// The lines of these texts. All but the first of each are indented, so that no name can pass for a line
/// of ours by being long.
fn wrapped(texts: &[String], columns: usize) -> Vec<String> {
    let lines = |text: &String| {
        let all = wrap(text, columns);
        if all.len() < 2 {
            return all;
        }
        let narrow = wrap(text, columns.saturating_sub(INDENT.len())).into_iter();
        let indented = narrow.enumerate().map(|(number, line)| match number {
            0 => line,
            _ => format!("{INDENT}{line}"),
        });
        indented.collect()
    };
    texts.iter().flat_map(lines).collect()
}

fn keys(view: &View, columns: usize) -> Vec<String> {
    let lines = wrap(&view.keys, columns).into_iter();
    lines
        .map(|line| line.trim_end().replace('\u{a0}', " "))
        .collect()
}

/// The lines of all that must be seen, with as much of the rest as there is room for; `None` if there
/// is too little.
fn page(view: &View, (columns, rows): Size) -> Option<Vec<String>> {
    let question = wrapped(&view.question, columns);
    let below = [wrapped(&view.live, columns), keys(view, columns)].concat();
    let room = rows.checked_sub(question.len() + below.len())?;
    let mut more = wrapped(&view.more, columns);
    if more.len() > room {
        more.truncate(room.saturating_sub(1));
        more.extend((room > 0).then(|| "…".to_owned()));
    }
    // What is together stays apart from the rest, if there is room for that too.
    let gap = |is_wanted: bool| Vec::from_iter(is_wanted.then(String::new));
    let left = room - more.len();
    let (above, beneath) = (gap(left > 0 && !more.is_empty()), gap(left > 1));
    Some([question, above, more, beneath, below].concat())
}

/// The lines there is room for, of what does not fit.
fn beginning(view: &View, (columns, rows): Size) -> Vec<String> {
    let mut lines = wrapped(&view.live, columns);
    lines.extend(wrapped(&view.question, columns));
    lines.truncate(rows);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        View {
            question: texts(&["Allow “curl” to connect?", "Program: curl"]),
            more: texts(&["Unit: a", "Process: 1"]),
            live: texts(&["Press a key."]),
            kept: texts(&["Keys count after a second."]),
            keys: "a\u{a0}allow  d\u{a0}deny".to_owned(),
        }
    }

    #[test]
    fn what_must_be_seen_comes_first() {
        let page = |rows| page(&view(), (80, rows));
        assert_eq!(page(3), None);
        let all = page(9).unwrap();
        assert_eq!(
            all,
            [
                "Allow “curl” to connect?",
                "Program: curl",
                "",
                "Unit: a",
                "Process: 1",
                "",
                "Press a key.",
                "a allow  d deny",
            ]
        );
        assert_eq!(page(5).unwrap()[2], "…");
        assert_eq!(page(4).unwrap().len(), 4);
        for rows in 4..12 {
            assert!(page(rows).unwrap().len() <= rows, "{rows}");
        }
    }

    #[test]
    fn a_long_name_does_not_pass_for_a_line_of_its_own() {
        let path = format!("Program: /tmp/x{}Other side: good.example", " ".repeat(9));
        let lines = wrapped(&[path, "Other side: evil.example".to_owned()], 24);
        assert!(lines.len() > 2, "{lines:?}");
        let own = lines.iter().filter(|line| line.starts_with("Other"));
        assert_eq!(own.collect::<Vec<_>>(), ["Other side: evil.example"]);
        assert!(
            lines.iter().all(|line| line.chars().count() <= 24),
            "{lines:?}"
        );
    }

    #[test]
    fn keys_break_between_and_not_within_them() {
        assert_eq!(keys(&view(), 8), ["a allow", "d deny"]);
    }

    #[test]
    fn what_was_forgotten_is_written_once_more() {
        let mut painter = Painter::new(false);
        let written = |painter: &mut Painter| {
            let mut output = Vec::new();
            painter.add(&view(), (80, 24), false, &mut output).unwrap();
            String::from_utf8(output).unwrap()
        };
        let first = written(&mut painter);
        assert_eq!(written(&mut painter), "");
        painter.forget();
        assert_eq!(written(&mut painter), first);
    }

    #[test]
    fn a_plain_terminal_gets_lines_once_and_no_control_characters() {
        let mut painter = Painter::new(false);
        let mut output = Vec::new();
        let mut add = |view: &View, is_urgent| {
            output.clear();
            let added = painter.add(view, (80, 24), is_urgent, &mut output);
            added.unwrap();
            String::from_utf8(output.clone()).unwrap()
        };
        let first = add(&view(), false);
        assert!(
            first.contains("Unit: a\nProcess: 1\nKeys count after a second.\na allow"),
            "{first}"
        );
        assert!(!first.contains('\u{1b}'), "{first:?}");
        let mut later = view();
        later.kept = vec!["Denied in 9 s without an answer.".to_owned()];
        assert_eq!(add(&later, false), "", "a countdown floods nothing");
        assert_eq!(add(&later, true), "Denied in 9 s without an answer.\n");
        assert_eq!(add(&later, true), "");
        later.question.push("Warning: x".to_owned());
        assert!(add(&later, true).contains("Warning: x"));
    }
}
