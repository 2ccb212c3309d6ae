//! The commands, one module each.

mod completions;
mod decide;
mod lists;
mod log;
mod mode;
mod pending;
mod programs;
mod rules;
mod settings;
mod status;
mod test;
mod top;
mod words;

use std::process::ExitCode;

use crate::{
    agent,
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
        Command::Settings => settings::run(output).await?,
        Command::Doctor => return doctor::run(uid, output).await,
        Command::Pending(pending) if pending.watch => pending::watch(uid, output).await?,
        Command::Pending(_) => pending::list(uid, output).await?,
        Command::Decide(decide) => decide::run(uid, decide, output).await?,
        Command::Rules(rules) => rules::run(uid, rules, output).await?,
        Command::Lists(lists) => lists::run(uid, lists, output).await?,
        Command::Mode(mode) => mode::run(uid, mode, output).await?,
        Command::Snooze(snooze) => mode::snooze(uid, snooze, output).await?,
        Command::Test(call) => test::run(uid, call, output).await?,
        Command::Log(log) if log.clear => log::clear(uid, output).await?,
        Command::Log(log) => log::run(uid, log, output).await?,
        Command::Programs => programs::run(uid, output).await?,
        Command::Agent(agent) => return agent::run(args, agent).await,
        Command::Top(top) => return top::run(uid, top, output).await,
        Command::Completions { shell } => completions::run(*shell)?,
    }
    Ok(ExitCode::SUCCESS)
}
