//! `portreevectl`: Portreeve on the command line, for people and for scripts.

mod agent;
mod args;
mod bus;
mod clock;
mod commands;
mod doctor;
mod error;
mod output;
mod terminal;
mod user;

use std::process::ExitCode;

use clap::Parser as _;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::runtime::Builder;

use crate::{
    args::{Args, Command},
    error::{Error, Result},
    output::Output,
    terminal::Signals,
};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(refusal) => return refuse(&refusal),
    };
    // Programs get English.
    if !args.json {
        // SAFETY: there is no other thread yet.
        unsafe { portreeve_i18n::init_with_locale() };
    }
    let mut output = Output::new(args.json);
    let done = prepare(&args).and_then(|()| run(&args, &mut output));
    done.unwrap_or_else(|error| {
        output.error(&error);
        error.exit_code()
    })
}

/// Closes an agent to other programs of the user, which could trace it or write to its memory. The broker
/// asks for that.
fn prepare(args: &Args) -> Result<()> {
    if matches!(args.command, Command::Agent(_)) {
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
            .map_err(|error| Error::Setup(error.into()))?;
    }
    Ok(())
}

fn run(args: &Args, output: &mut Output) -> Result<ExitCode> {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().on_thread_start(Signals::leave);
    let runtime = runtime.build();
    let runtime = runtime.map_err(Error::Setup)?;
    let code = runtime.block_on(commands::run(args, output));
    // Looks at files that do not answer are not waited for.
    runtime.shutdown_background();
    code
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
