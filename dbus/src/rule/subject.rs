//! Whose calls a rule is about, as it crosses the bus.

use portreeve_policy::{Program, Starter, SubjectPattern, is_interpreter};

use super::RuleSpec;
use crate::Error;

impl RuleSpec {
    /// Whose calls it is about.
    pub(super) fn subject(&self, program: &Program) -> Result<SubjectPattern, Error> {
        match (&self.started_by, self.and_what_it_starts) {
            (None, None | Some(false)) => Ok(SubjectPattern::Program(program.clone())),
            (None, Some(true)) => check_starter(&self.program).map(SubjectPattern::AndStarted),
            (Some(path), None | Some(false)) => {
                let starter = check_starter(path)?;
                Ok(SubjectPattern::StartedBy(program.clone(), starter))
            }
            (Some(_), Some(true)) => Err(Error::InvalidArgument(
                "cannot make a rule both for a program that another has started and for what it starts"
                    .to_owned(),
            )),
        }
    }
}

pub(crate) fn check_starter(path: &str) -> Result<Starter, Error> {
    let why = match Program::at(path) {
        None => "expected the absolute path of an executable, without “.”, “..” and empty parts",
        Some(program) if is_interpreter(&program) => {
            "it runs whatever it is given, so that it could have started anything"
        }
        Some(_) => "",
    };
    Starter::at(path).ok_or_else(|| {
        let shown = path.escape_debug();
        Error::InvalidArgument(format!(
            "cannot make a rule for what “{shown}” starts: {why}"
        ))
    })
}
