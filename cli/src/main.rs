//! `portreevectl`: Portreeve on the command line, for people and for scripts.

mod args;
mod bus;
mod clock;
mod commands;
mod doctor;
mod error;
mod output;
mod user;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{args::Args, error::Error, output::Output};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(refusal) => return refuse(&refusal),
    };
    let mut output = Output::new(args.json);
    match commands::run(&args, &mut output).await {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}

/// Ends on arguments that cannot be used, and on `--help` and `--version`.
fn refuse(refusal: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if refusal.use_stderr() && json {
        let error = Error::Usage(args::refusal_text(refusal));
        Output::new(json).error(&error);
        return error.exit_code();
    }
    match refusal.print() {
        Ok(()) if !refusal.use_stderr() => ExitCode::SUCCESS,
        _ => ExitCode::from(error::USAGE),
    }
}
