//! Columns of text.

use super::{
    clean,
    width::{columns, columns_of},
};

const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";
const GAP: &str = "  ";

/// Rows of cells in aligned columns, under a heading.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    heading: [String; N],
    rows: Vec<[String; N]>,
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    /// A table without rows yet.
    pub(crate) fn new(heading: [impl Into<String>; N]) -> Self {
        let heading = heading.map(Into::into);
        Self {
            widths: heading.each_ref().map(|title| columns(title)),
            heading,
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: [String; N]) {
        let cells = cells.map(|cell| clean(&cell));
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(columns(cell));
        }
        self.rows.push(cells);
    }

    /// The table as text, its heading in bold.
    pub(crate) fn render(&mut self) -> String {
        let heading = line(&self.heading, self.widths);
        format!("{BOLD}{heading}{PLAIN}\n{}", self.rest())
    }

    /// The heading and the rows as lines of at most `width` columns, in no style.
    pub(crate) fn lines(&mut self, width: usize) -> Vec<String> {
        let heading = line(&self.heading, self.widths);
        let text = format!("{heading}\n{}", self.rest());
        text.lines().map(|line| cut(line, width)).collect()
    }

    /// The rows that were added since the last time, in columns that are as wide as before at least.
    pub(crate) fn rest(&mut self) -> String {
        let rows = std::mem::take(&mut self.rows);
        let lines = rows.iter().map(|row| line(row, self.widths) + "\n");
        lines.collect()
    }
}

fn line<const N: usize>(cells: &[impl AsRef<str>; N], widths: [usize; N]) -> String {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let cell = cell.as_ref();
        text.push_str(cell);
        text.extend(std::iter::repeat_n(
            ' ',
            width.saturating_sub(columns(cell)),
        ));
        text.push_str(GAP);
    }
    text.truncate(text.trim_end().len());
    text
}

/// A line for each field: what it is, and its value behind all of these.
pub(crate) fn fields<const N: usize>(fields: &[(String, String); N]) -> String {
    let widths = fields.each_ref().map(|(name, _)| columns(name));
    let width = widths.into_iter().max().unwrap_or_default();
    let lines = fields.iter().zip(widths).map(|((name, value), used)| {
        let room = " ".repeat(width - used + 1);
        format!("{name}{room}{}\n", clean(value))
    });
    lines.collect()
}

/// At most `width` columns of `text`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let text = clean(text);
    if columns(&text) <= width {
        return text;
    }
    let mut kept = String::new();
    let mut used = 1; // the ellipsis
    for c in text.chars() {
        used += columns_of(c);
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["ID", "PROGRAM", "TO"]);
        table.row(["1".into(), "日本".into(), "a".into()]);
        table.row(["10000".into(), "x".into(), String::new()]);
        assert_eq!(
            table.render(),
            "\u{1b}[1mID     PROGRAM  TO\u{1b}[0m\n1      日本     a\n10000  x\n"
        );
    }

    #[test]
    fn no_row_is_wider_than_its_columns_where_parts_are_drawn_apart() {
        let mut table = Table::new(["A", "B"]);
        table.row(["👍🏽".into(), "x".into()]);
        table.row(["abcd".into(), "y".into()]);
        assert_eq!(table.lines(7)[1..], ["👍🏽  x", "abcd  y"]);
    }

    #[test]
    fn more_rows_go_below() {
        let mut table = Table::new(["ID", "TO"]);
        table.row(["1000".into(), "a".into()]);
        table.render();
        table.row(["1".into(), "b".into()]);
        assert_eq!(table.rest(), "1     b\n");
        assert_eq!(table.rest(), "");
    }

    #[test]
    fn lines_are_as_wide_as_there_is_room() {
        let mut table = Table::new(["ID", "TO"]);
        table.row(["1000".into(), "abcdef".into()]);
        assert_eq!(table.lines(9), ["ID    TO", "1000  ab…"]);
    }

    #[test]
    fn cells_are_cleaned() {
        let mut table = Table::new(["NAME"]);
        table.row(["\u{1b}[2J".into()]);
        assert!(table.render().ends_with("\\u{1b}[2J\n"));
    }

    #[test]
    fn values_begin_in_one_column() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            fields(&[field("日本:", "1"), field("a:", "\u{1b}")]),
            "日本: 1\na:    \\u{1b}\n"
        );
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(cut("curl", 4), "curl");
        assert_eq!(cut("curls", 4), "cur…");
        assert_eq!(cut("日本語", 4), "日…");
        // Some terminals draw these as two.
        assert_eq!(cut("👍🏽", 3), "👍…");
        assert_eq!(cut("👍🏽", 4), "👍🏽");
    }
}
