-- What programs of users did and what they were told. Times are in microseconds since 1970.
-- Changes are numbered for each user apart, or one could count what another's programs do. No number is
-- given twice, so they stay when a user's history is cleared.
CREATE TABLE user (
    uid INTEGER PRIMARY KEY,
    changed INTEGER NOT NULL        -- number of the last change
) STRICT;
CREATE TABLE program (
    id INTEGER PRIMARY KEY,
    uid INTEGER NOT NULL,
    verified INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    allowed INTEGER NOT NULL,       -- calls
    denied INTEGER NOT NULL,
    of_rows INTEGER NOT NULL DEFAULT 0, -- bytes that its activity takes, about
    subject TEXT NOT NULL,          -- what tells it from all others of the user
    name TEXT NOT NULL,
    path TEXT,                      -- only a claim unless verified; NULL if it is the subject
    -- What it takes altogether, about. The subject is in an index too, where a long one gets a page of its own.
    bytes INTEGER NOT NULL GENERATED ALWAYS AS (
        of_rows + 150 + 2 * octet_length(subject) + octet_length(name) + ifnull(octet_length(path), 0)
        + iif(octet_length(subject) > 900, 4096, 0)
    ) STORED,
    UNIQUE (uid, subject)
) STRICT;
CREATE INDEX program_by_time ON program (uid, last);
CREATE INDEX program_by_bytes ON program (uid, bytes);
-- Calls that are the same in all but the time, and near to each other in that, are one row.
CREATE TABLE activity (
    uid INTEGER NOT NULL,
    number INTEGER NOT NULL,        -- of the change that made it
    changed INTEGER NOT NULL,       -- of its last one
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
    count INTEGER NOT NULL,
    PRIMARY KEY (uid, number)
) STRICT, WITHOUT ROWID;
-- One for each way in which pages are read: none sorts, none passes over rows it does not give.
CREATE INDEX activity_by_time ON activity (uid, last, number);
CREATE INDEX activity_denied ON activity (uid, last, number) WHERE errno <> 0;
CREATE INDEX activity_of_program ON activity (program, last, number);
CREATE INDEX activity_of_program_denied ON activity (program, last, number) WHERE errno <> 0;
CREATE INDEX activity_by_change ON activity (uid, changed);
-- What a row takes, indexes included, about.
CREATE TRIGGER activity_comes AFTER INSERT ON activity BEGIN
    UPDATE program SET of_rows = of_rows + 150 + ifnull(octet_length(new.host), 0)
    WHERE id = new.program;
END;
CREATE TRIGGER activity_goes AFTER DELETE ON activity BEGIN
    UPDATE program SET of_rows = of_rows - 150 - ifnull(octet_length(old.host), 0)
    WHERE id = old.program;
END;
