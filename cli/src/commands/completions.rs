//! `portreevectl completions`: what a shell needs to complete command lines.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{args::Args, error::Result};

/// Prints the completions for `shell`.
pub(crate) fn run(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "portreevectl", &mut text);
    Ok(std::io::stdout().lock().write_all(&text)?)
}
