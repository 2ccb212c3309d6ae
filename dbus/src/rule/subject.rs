//! Whose calls a rule is about, as it crosses the bus.

use portreeve_policy::{OfContents, Program, Starter, SubjectPattern, is_interpreter};

use super::{ANY, RuleSpec, check_program};
use crate::Error;

impl RuleSpec {
    /// Whose calls it is about.
    pub(super) fn subject(&self) -> Result<SubjectPattern, Error> {
        let invalid = |text: &str| Err(Error::InvalidArgument(text.to_owned()));
        if self.program == ANY {
            let is_some = self.called.is_some()
                || self.started_by.is_some()
                || self.and_what_it_starts == Some(true);
            if is_some {
                return invalid("cannot say more of a program in a rule for any program: name one");
            }
            return Ok(SubjectPattern::Any);
        }
        let program = self.named_program()?;
        match (&self.started_by, self.and_what_it_starts) {
            (None, None | Some(false)) => Ok(SubjectPattern::Program(program)),
            (None, Some(true)) => check_starter(&self.program).map(SubjectPattern::AndStarted),
            (Some(path), None | Some(false)) => {
                let starter = check_starter(path)?;
                Ok(SubjectPattern::StartedBy(program, starter))
            }
            (Some(_), Some(true)) => invalid(
                "cannot make a rule both for a program that another has started and for what it starts",
            ),
        }
    }

    fn named_program(&self) -> Result<Program, Error> {
        match (check_program(&self.program)?, &self.called) {
            (program, None) => Ok(program),
            (Program::Contents(it), Some(called)) => Ok(Program::Contents(OfContents::new(
                it.digest(),
                Some(called),
            ))),
            (program, Some(_)) => Err(Error::InvalidArgument(format!(
                "cannot say what the file of {program} is called: only of sha256:… can that be said"
            ))),
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
