//! What can be asked for on the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Builds, tests and demonstrates Portreeve in its lab.
#[derive(Debug, Parser)]
#[command(name = "x", version)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Boot the lab machine with this build installed and run a script in it
    Vm(VmOptions),
    /// Run the tests
    Test(TestOptions),
    /// Play the story of a first connection and leave its pictures in target/demo/
    Demo(DemoOptions),
    /// Run the system tests on several kernels
    Matrix(MatrixOptions),
    /// Measure what the firewall costs, beside none and beside OpenSnitch
    Bench(BenchOptions),
    /// Give the gate whatever input can be thought of
    Fuzz(FuzzOptions),
    /// Build the Debian packages into target/package/
    Package(PackageOptions),
    /// Run all static checks
    Lint,
    /// Bring the translations in po/ up to date with the sources, and check them
    Translations,
    /// Picture every screen and state into target/shots/
    Shots(ShotsOptions),
}

impl Task {
    /// The task's word on the command line; its logs are named after it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Vm(_) => "vm",
            Self::Test(_) => "test",
            Self::Demo(_) => "demo",
            Self::Matrix(_) => "matrix",
            Self::Bench(_) => "bench",
            Self::Fuzz(_) => "fuzz",
            Self::Package(_) => "package",
            Self::Lint => "lint",
            Self::Translations => "translations",
            Self::Shots(_) => "shots",
        }
    }
}

/// What the lab machine is like and what runs in it.
#[derive(Debug, Clone, Args)]
pub(crate) struct VmOptions {
    /// A kernel of Debian: a version (7.2, 6.12.117+deb13-cloud-amd64) or a suite (sid)
    #[arg(long, value_name = "VERSION")]
    pub(crate) kernel: Option<String>,
    /// Give alice a desktop session, and start the agent in it
    #[arg(long)]
    pub(crate) gui: bool,
    /// Memory in MiB [default: 2048, with --gui 3072]
    #[arg(long, value_name = "MIB")]
    pub(crate) ram: Option<u32>,
    /// Seconds after which the machine is switched off
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub(crate) timeout: u64,
    /// A file of this work tree or a command of the machine, with its arguments
    #[arg(required = true, last = true, value_name = "SCRIPT")]
    pub(crate) script: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TestOptions {
    /// Which tests; all when left out
    pub(crate) kind: Option<TestKind>,
    /// Only the tests whose name contains this; `system package` installs, upgrades and removes the packages
    pub(crate) filter: Option<String>,
    /// The system tests that take longest, and only those
    #[arg(long)]
    pub(crate) slow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestKind {
    /// Tests inside the crates
    Unit,
    /// The broker's D-Bus interface, on a private bus
    Bus,
    /// The windows, on a display nobody sees
    Gui,
    /// The whole product, in the lab machine
    System,
}

#[derive(Debug, Args)]
pub(crate) struct PackageOptions {
    /// Build them from nothing once more, and fail if they are not the same
    #[arg(long)]
    pub(crate) twice: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShotsOptions {
    /// Only those whose name contains this
    #[arg(default_value = "")]
    pub(crate) filter: String,
    /// The language of the windows, one of po/LINGUAS, or `en_XA`, which is English with accents, and longer
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    /// Open the pictures afterwards
    #[arg(long)]
    pub(crate) display: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MatrixOptions {
    /// Kernels of Debian, as for `vm --kernel`
    #[arg(default_values = crate::matrix::KERNELS, value_name = "KERNEL")]
    pub(crate) kernels: Vec<String>,
    /// Only the tests whose name contains this
    #[arg(long)]
    pub(crate) filter: Option<String>,
    /// Only the tests that show what each program of the probe does
    #[arg(long, conflicts_with = "filter")]
    pub(crate) hooks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Count instructions only: what else this computer does makes no difference to that
    #[arg(long, conflicts_with = "json")]
    pub(crate) counted: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FuzzOptions {
    /// Which fuzzer; all when left out
    pub(crate) target: Option<FuzzTarget>,
    /// Minutes for each
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) minutes: u64,
    /// Keep what was found in fuzz/corpus, as few inputs as will do
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FuzzTarget {
    /// Messages of the kernel to the gate
    Requests,
    /// Held calls, from the probe's record to their one end
    Holds,
    /// Rules as they come over the bus
    Rules,
    /// Answers of name servers
    Answers,
}
