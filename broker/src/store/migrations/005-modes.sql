-- What becomes of users' calls that no rule is about: what was set, and a snooze in its place.
CREATE TABLE mode (
    uid INTEGER NOT NULL,
    snooze INTEGER NOT NULL,           -- 0: what was set, 1: a snooze
    mode TEXT NOT NULL,                -- ask, learn, allow, deny, lockdown
    since INTEGER NOT NULL,            -- seconds since 1970
    -- When it ends, as of a rule; all four are there, or none:
    boot TEXT,
    boottime INTEGER,
    wall INTEGER,
    by_wall INTEGER,
    PRIMARY KEY (uid, snooze)
) STRICT, WITHOUT ROWID;
