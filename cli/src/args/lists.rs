//! What can be said of lists.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

/// What to do with lists of names and addresses.
#[derive(Debug, Subcommand)]
pub(crate) enum Lists {
    /// List the lists
    List,
    /// Print the entries of a list
    Show {
        /// Name of the list
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Keep a file as a list: a new one, or in the place of the one of this name. Rules about it are about what is in
    /// it then
    Put {
        /// Name of the list
        #[arg(value_name = "NAME")]
        name: String,
        /// File with an entry on each line: a domain, with all below it; =NAME of a host alone; an address; a network
        /// in CIDR form; or a hosts file
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Remove lists that no rule is about
    Remove {
        /// Names of the lists
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}
