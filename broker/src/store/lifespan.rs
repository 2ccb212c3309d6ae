//! How long rules live, as columns. Nothing in them is trusted either.

use portreeve_policy::{Alteration, Deadline, Lifespan, Process, Span};
use rusqlite::Row;

use crate::clock::{Era, Now};

/// The columns of [`Columns::read`].
pub(super) const COLUMNS: [&str; 11] = [
    "lifespan",
    "boot",
    "boottime",
    "wall",
    "by_wall",
    "numbering",
    "run",
    "pid",
    "began",
    "foreign_code",
    "controlled",
];

/// What a row says of its rule's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// It lives for so long.
    Lives(Lifespan),
    /// The same, since the computer was started anew; the row is of before that.
    CarriedOver(Deadline),
    /// It is over.
    Over,
}

/// The values of [`COLUMNS`].
#[derive(Debug, Default, PartialEq)]
pub(super) struct Columns {
    pub(super) lifespan: String,
    pub(super) boot: Option<String>,
    pub(super) boottime: Option<i64>,
    pub(super) wall: Option<i64>,
    pub(super) by_wall: Option<bool>,
    pub(super) numbering: Option<i64>,
    pub(super) run: Option<i64>,
    pub(super) pid: Option<u32>,
    pub(super) began: Option<i64>,
    pub(super) foreign_code: Option<bool>,
    pub(super) controlled: Option<bool>,
}

impl Columns {
    /// Those of a rule that is made in this era.
    pub(super) fn of(lifespan: Lifespan, era: &Era) -> Self {
        let own = Self {
            lifespan: lifespan.as_str().to_owned(),
            ..Self::default()
        };
        let boot = Some(era.boot.to_string());
        match lifespan {
            Lifespan::Always => own,
            Lifespan::Logout => Self { boot, ..own },
            Lifespan::Until(deadline) => Self {
                boot,
                boottime: i64::try_from(deadline.boottime).ok(),
                wall: Some(deadline.wall),
                by_wall: Some(deadline.by_wall),
                ..own
            },
            Lifespan::Process(process) => Self {
                boot,
                numbering: Some(era.numbering.cast_signed()),
                run: Some(process.run.cast_signed()),
                pid: Some(process.pid),
                began: i64::try_from(process.began).ok(),
                foreign_code: Some(process.alteration.foreign_code),
                controlled: Some(process.alteration.controlled),
                ..own
            },
        }
    }

    /// Reads those of a row.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            lifespan: row.get("lifespan")?,
            boot: row.get("boot")?,
            boottime: row.get("boottime")?,
            wall: row.get("wall")?,
            by_wall: row.get("by_wall")?,
            numbering: row.get("numbering")?,
            run: row.get("run")?,
            pid: row.get("pid")?,
            began: row.get("began")?,
            foreign_code: row.get("foreign_code")?,
            controlled: row.get("controlled")?,
        })
    }

    /// What they say now; `None` if they make no sense.
    pub(super) fn life(&self, created: i64, era: &Era, now: Now) -> Option<Life> {
        let lifespan = self.lifespan()?;
        let own = Era {
            boot: self.boot.as_deref().unwrap_or_default().into(),
            numbering: self.numbering.unwrap_or_default().cast_unsigned(),
        };
        // Nor do those of another lifespan among them.
        if Self::of(lifespan, &own) != *self {
            return None;
        }
        let this_boot = own.boot == era.boot;
        let lives = match lifespan {
            Lifespan::Always => true,
            Lifespan::Logout => this_boot,
            // Another probe's numbers would be others' by now.
            Lifespan::Process(_) => this_boot && own.numbering == era.numbering,
            Lifespan::Until(deadline) => return until(deadline, created, this_boot, now),
        };
        Some(if lives {
            Life::Lives(lifespan)
        } else {
            Life::Over
        })
    }

    fn lifespan(&self) -> Option<Lifespan> {
        match self.lifespan.as_str() {
            "always" => Some(Lifespan::Always),
            "logout" => Some(Lifespan::Logout),
            "until" => Some(Lifespan::Until(Deadline {
                boottime: u64::try_from(self.boottime?).ok()?,
                wall: self.wall?,
                by_wall: self.by_wall?,
            })),
            "process" => Some(Lifespan::Process(Process {
                pid: self.pid?,
                began: u64::try_from(self.began?).ok()?,
                run: self.run?.cast_unsigned(),
                alteration: Alteration {
                    foreign_code: self.foreign_code?,
                    controlled: self.controlled?,
                    changed: false,
                },
            })),
            _ => None,
        }
    }
}

fn until(deadline: Deadline, created: i64, this_boot: bool, now: Now) -> Option<Life> {
    // Nobody could have made it for longer.
    let span = u64::try_from(deadline.wall.checked_sub(created)?).ok()?;
    Span::of_seconds(span)?;
    if !this_boot {
        let carried = now.carry_over(deadline.wall, created);
        return Some(carried.map_or(Life::Over, Life::CarriedOver));
    }
    let deadline = now.reckon(deadline);
    if deadline.boottime <= now.boottime {
        return Some(Life::Over);
    }
    let left = now.deadline(Span::LONGEST).boottime;
    (deadline.boottime <= left).then_some(Life::Lives(Lifespan::Until(deadline)))
}
