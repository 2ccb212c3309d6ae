//! The timed program of the benchmarks: makes one kind of call again and again and prints how
//! long one takes. `tests/bench/run` starts it in the lab machine.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program: its results go to whoever started it"
)]

mod check;
mod crowd;
mod net;
mod operations;
mod pace;
mod peer;
mod sample;
mod spawn;

use std::{env, process::ExitCode};

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "usage: bench peer | check | measure OPERATION BATCHES | pace SECONDS";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        ["peer"] => peer::serve(),
        ["check"] => check::print(),
        ["measure", operation, batches] => {
            let batches = batches.parse().context(USAGE)?;
            let samples = operations::measure(operation, batches)
                .with_context(|| format!("cannot measure {operation}"))?;
            println!("{}", sample::summary(operation, samples)?);
            Ok(())
        }
        ["pace", seconds] => pace::run(seconds.parse().context(USAGE)?),
        // What this program starts itself as.
        [spawn::NOTHING] => Ok(()),
        [spawn::FIRST] => spawn::first(),
        [crowd::MEMBER, connections] => crowd::member(connections.parse().context(USAGE)?),
        _ => bail!(USAGE),
    }
}
