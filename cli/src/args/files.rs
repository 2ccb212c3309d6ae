//! What can be said of rules in files.

use std::path::PathBuf;

use clap::{
    Args as ClapArgs, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};
use portreeve_exchange::Format;

/// The word for a format that is to be found out.
const AUTO: &str = "auto";

/// Arguments of `rules export`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ExportRules {
    /// File to write, which must not be there yet [default: standard output]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
}

/// Arguments of `rules import`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ImportRules {
    /// File, or directory of OpenSnitch's rules
    #[arg(value_name = "FILE|DIRECTORY", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// What it is written in
    #[arg(long, value_parser = format(), default_value = AUTO)]
    pub(crate) format: Chosen,
    /// Rules that name no program of this computer are for this one, and so is what a list denies: absolute path of its
    /// executable, where symbolic links are followed; an application: flatpak:ID, snap:NAME; or sha256:DIGEST [default
    /// for a list: any program]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) app: Option<PathBuf>,
    /// Directory of the lists that rules of OpenSnitch name, such as /etc/opensnitchd/lists: only those in it are read
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub(crate) lists: Option<PathBuf>,
    /// Remove all rules that the file does not have, but for those that end by themselves
    #[arg(long)]
    pub(crate) replace: bool,
    /// Say what would be changed, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
}

/// A format, or none if it is to be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen(pub(crate) Option<Format>);

fn format() -> impl TypedValueParser<Value = Chosen> {
    let words = Format::ALL.map(Format::as_str);
    PossibleValuesParser::new([AUTO].into_iter().chain(words)).try_map(|word| {
        let named = (word != AUTO).then(|| word.parse());
        named.transpose().map(Chosen)
    })
}
