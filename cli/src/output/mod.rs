//! What is printed: text for people, JSON for programs. Nothing from the bus reaches the terminal
//! with control characters in it.

mod sanitise;
mod table;
mod width;

use std::io::Write as _;

use serde::Serialize;

pub(crate) use self::{
    sanitise::clean,
    table::{Table, cut, fields},
    width::{columns, columns_of},
};
use crate::error::{Error, Result};

/// Where results go.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// JSON if `json`, text otherwise.
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON is printed.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// JSON that means what `json` does, in the same lines, and does nothing else to a terminal.
    pub(crate) fn plain_json(json: &str) -> String {
        let lines: Vec<String> = json.lines().map(sanitise::clean_json).collect();
        lines.join("\n")
    }

    /// Tells people something beside the result, which may be a file's content.
    pub(crate) fn remark(&self, text: &str) {
        if !self.json && !text.is_empty() {
            // The result is there all the same.
            drop(writeln!(std::io::stderr().lock(), "{}", text.trim()));
        }
    }

    /// Prints a result: `value` as one line of JSON, or what `text` makes of it.
    pub(crate) fn result<T: Serialize>(
        &mut self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<()> {
        let text = if self.json {
            line_of_json(value)?
        } else {
            text(value)
        };
        // Leaves styles out where the output is no terminal, or where the user wants none.
        let mut stdout = anstream::AutoStream::auto(std::io::stdout().lock());
        writeln!(stdout, "{}", text.trim_end_matches('\n'))?;
        Ok(stdout.flush()?)
    }

    /// Prints why the command failed.
    pub(crate) fn error(&mut self, error: &Error) {
        if matches!(error, Error::Output(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe) {
            return;
        }
        let text = if self.json {
            line_of_json(&error.report()).unwrap_or_else(|error| error.to_string())
        } else {
            format!("portreevectl: {}", clean(&error.to_string()))
        };
        // There is nowhere left to report a failure of this to.
        drop(writeln!(std::io::stderr().lock(), "{text}"));
    }
}

fn line_of_json<T: Serialize>(value: &T) -> Result<String> {
    let json = serde_json::to_string(value).map_err(std::io::Error::from)?;
    Ok(sanitise::clean_json(&json))
}
