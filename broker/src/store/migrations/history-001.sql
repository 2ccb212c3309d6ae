-- What programs of users did and what they were told. Times are in microseconds since 1970.
CREATE TABLE program (
    id INTEGER PRIMARY KEY,
    uid INTEGER NOT NULL,
    subject TEXT NOT NULL,          -- what tells it from all others of the user
    name TEXT NOT NULL,
    path TEXT NOT NULL,             -- only a claim unless verified
    verified INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    allowed INTEGER NOT NULL,       -- calls
    denied INTEGER NOT NULL,
    UNIQUE (uid, subject)
) STRICT;
CREATE INDEX program_by_time ON program (uid, last);
-- Calls that are the same in all but the time, and near to each other in that, are one row.
CREATE TABLE activity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    changed INTEGER NOT NULL,       -- counts up with every change of any row
    uid INTEGER NOT NULL,
    program INTEGER NOT NULL,
    operation TEXT NOT NULL,
    protocol INTEGER NOT NULL,
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    host TEXT,
    errno INTEGER NOT NULL,         -- 0: it was let go on
    reason TEXT NOT NULL,
    rule INTEGER,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    count INTEGER NOT NULL
) STRICT;
-- One for each way in which pages are read: none sorts, none passes over rows it does not give.
CREATE INDEX activity_by_time ON activity (uid, last, id);
CREATE INDEX activity_denied ON activity (uid, last, id) WHERE errno <> 0;
CREATE INDEX activity_of_program ON activity (program, last, id);
CREATE INDEX activity_of_program_denied ON activity (program, last, id) WHERE errno <> 0;
CREATE INDEX activity_by_change ON activity (uid, changed);
