//! The way into the gate: that of a broker that has ended, or a new one.

use std::os::fd::AsFd;

use super::{Connection, Error, Files, GateFile, Gatekeepers};
use crate::keep::{Kept, keep};

/// Names of what is kept: the connection, and the file that keeps the file system.
const CONNECTION: &str = "gate";
const FILE: &str = "gate-file";

/// A gate whose requests can be served, though nobody may have entered it yet.
pub struct Entrance {
    connection: Connection,
    way: Way,
}

enum Way {
    Kept(GateFile),
    New(Files),
}

impl Entrance {
    /// Takes over the gate that was left, with all calls held at it, or makes one.
    pub fn open(kept: &mut Kept) -> Result<Self, Error> {
        // Both, whatever becomes of them: what stays in `kept` is given up later by its name, which may
        // be another one's by then.
        let left = kept.take(CONNECTION).zip(kept.take(FILE));
        let left = left.and_then(|(connection, file)| {
            let connection = Connection::adopt(connection)?;
            let way = Way::Kept(GateFile::adopt(file));
            Some(Self { connection, way })
        });
        if let Some(left) = left {
            tracing::info!("going on with the calls that are held");
            return Ok(left);
        }
        let connection = Connection::open()?;
        let files = Files::mount(&connection)?;
        Ok(Self {
            connection,
            way: Way::New(files),
        })
    }

    /// Where its requests come from.
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// Enters it, while it is served: its file, and the gatekeepers. Needs a tokio runtime.
    pub async fn enter(self, kept: &mut Kept) -> Result<(GateFile, Gatekeepers), Error> {
        let (file, left) = match self.way {
            Way::Kept(file) => (file, true),
            Way::New(files) => {
                let opened = tokio::task::spawn_blocking(move || files.file()).await;
                let file = opened.map_err(|error| Error::Mount(std::io::Error::other(error)))??;
                keep(CONNECTION, self.connection.as_fd());
                keep(FILE, file.as_fd());
                (file, false)
            }
        };
        let gatekeepers = Gatekeepers::enter(&file, kept, left).await?;
        Ok((file, gatekeepers))
    }
}
