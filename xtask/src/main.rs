//! Builds, tests and demonstrates Portreeve in its lab; `./x` hands its arguments to this.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks to the person who ran it"
)]

mod bench;
mod cache;
mod command_line;
mod demo;
mod fuzz;
mod kernel;
mod kvm;
mod lint;
mod machine;
mod matrix;
mod mirror;
mod package;
mod payload;
mod product;
mod qemu;
mod root;
mod sandbox;
mod shots;
mod step;
mod test;
mod tidy;
mod translations;
mod tree;
mod vm;

use std::process::ExitCode;

use clap::Parser;

use command_line::{CommandLine, Task};
use step::Steps;
use tree::Tree;

fn main() -> ExitCode {
    match run(CommandLine::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("x: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: CommandLine) -> anyhow::Result<ExitCode> {
    let tree = Tree::find()?;
    let steps = Steps::new(&tree, line.task.name())?;
    match line.task {
        Task::Vm(options) => vm::run(&tree, &steps, &options),
        Task::Test(options) => test::run(&tree, &steps, &options),
        Task::Demo(options) => demo::run(&tree, &steps, &options),
        Task::Matrix(options) => matrix::run(&tree, &steps, &options),
        Task::Bench(options) => bench::run(&tree, &steps, &options),
        Task::Fuzz(options) => fuzz::run(&tree, &steps, &options),
        Task::Package(options) => package::run(&tree, &steps, &options),
        Task::Lint => lint::run(&tree, &steps),
        Task::Translations => translations::run(&tree, &steps),
        Task::Shots(options) => shots::run(&tree, &steps, &options),
    }
}
