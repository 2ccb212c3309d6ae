-- Files that programs may run from which others than root can change: what users' rules let a program do, it may
-- as long as its file is one of these.
CREATE TABLE trusted (
    uid INTEGER NOT NULL,
    program TEXT NOT NULL,             -- as in rules
    digest BLOB NOT NULL,              -- SHA-256 of the file
    since INTEGER NOT NULL,            -- seconds since 1970
    PRIMARY KEY (uid, program, digest)
) STRICT, WITHOUT ROWID;
