-- Files that programs may run from which others than root can change: what users' rules let a program do, it may
-- as long as its file is one of these.
CREATE TABLE trusted (
    uid INTEGER NOT NULL,
    program TEXT NOT NULL,             -- as in rules
    digest BLOB NOT NULL,              -- SHA-256 of the file
    place INTEGER NOT NULL,            -- the later it came, the higher
    PRIMARY KEY (uid, program, digest)
) STRICT, WITHOUT ROWID;
