//! `portreeved`: arguments, logging, exit status.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use portreeve_broker::{
    failure::with_causes,
    run::{Places, run},
};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// `EX_CONFIG` of sysexits.h: the machine or the settings have to be changed first. systemd does
/// not start us again then (`RestartPreventExitStatus=`).
const EX_CONFIG: u8 = 78;

/// The broker of Portreeve, a personal firewall. Started by systemd.
#[derive(Debug, Parser)]
#[command(name = "portreeved", version)]
struct Arguments {
    /// The settings.
    #[arg(long, default_value = portreeve_broker::config::PATH)]
    config: PathBuf,
    /// Directory of the database.
    #[arg(long, default_value = "/var/lib/portreeve")]
    state_directory: PathBuf,
    /// Directory of administrators' rules.
    #[arg(long, default_value = portreeve_broker::administrators::PATH)]
    rules_directory: PathBuf,
    /// The gatekeeper's program [default: beside this one].
    #[arg(long)]
    gatekeeper: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    log()?;
    let gatekeeper = match arguments.gatekeeper {
        Some(path) => path,
        None => std::env::current_exe()
            .context("cannot find my own program")?
            .with_file_name("portreeve-gatekeeper"),
    };
    let places = Places {
        config: arguments.config,
        state: arguments.state_directory,
        gatekeeper,
        rules: arguments.rules_directory,
    };
    // The loop, and beside it the bus.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(run(places));
    // Threads that wait for somebody's file system are not waited for.
    runtime.shutdown_background();
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!("{}", with_causes(&error));
            Ok(ExitCode::from(if error.is_permanent() {
                EX_CONFIG
            } else {
                1
            }))
        }
    }
}

/// To the journal when systemd has us there, else to the terminal.
fn log() -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_from_env("PORTREEVE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        let journal = tracing_journald::layer()
            .context("cannot reach the journal")?
            .with_syslog_identifier("portreeved".to_owned());
        registry.with(journal).init();
    } else {
        registry
            .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
            .init();
    }
    Ok(())
}
