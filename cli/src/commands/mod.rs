//! The commands, one module each.

mod completions;
mod decide;
mod pending;
mod rules;
mod status;

use std::process::ExitCode;

use crate::{
    args::{Args, Command},
    doctor,
    error::Result,
    output::Output,
    user,
};

/// Does what the command line says.
pub(crate) async fn run(args: &Args, output: &mut Output) -> Result<ExitCode> {
    let uid = user::resolve(args.user.as_deref())?;
    match &args.command {
        Command::Status => status::run(uid, output).await?,
        Command::Doctor => return doctor::run(uid, output).await,
        Command::Pending(pending) if pending.watch => pending::watch(uid, output).await?,
        Command::Pending(_) => pending::list(uid, output).await?,
        Command::Decide(decide) => decide::run(uid, decide, output).await?,
        Command::Rules(rules) => rules::run(uid, rules, output).await?,
        Command::Completions { shell } => completions::run(*shell)?,
    }
    Ok(ExitCode::SUCCESS)
}
