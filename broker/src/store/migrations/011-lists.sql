-- Lists of names and addresses. A rule about one has its name in "host", and "any" for a program if it is for all. A
-- list is never changed, but replaced by another one of its name.
CREATE TABLE list (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid INTEGER NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,              -- what who made it said of where it came from
    made INTEGER NOT NULL,             -- seconds since 1970
    removed INTEGER,                   -- the same; kept as long as the change that removed it
    entries INTEGER NOT NULL,
    text TEXT NOT NULL                 -- an entry on each line
) STRICT;
CREATE UNIQUE INDEX list_name ON list (uid, name) WHERE removed IS NULL;
CREATE TABLE list_step (
    change INTEGER NOT NULL,
    list INTEGER NOT NULL,
    what TEXT NOT NULL,                -- add, remove
    PRIMARY KEY (change, list)
) STRICT, WITHOUT ROWID;
CREATE INDEX list_step_list ON list_step (list);
