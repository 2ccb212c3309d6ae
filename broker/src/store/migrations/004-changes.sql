-- What was changed of whose rules, so that it can be undone. A removed rule is kept as long as the change that
-- removed it; before there were changes, for ten minutes.
ALTER TABLE rule ADD COLUMN note TEXT;
DELETE FROM rule WHERE removed IS NOT NULL;
DROP INDEX rule_removed;
CREATE TABLE change (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid INTEGER NOT NULL,
    made INTEGER NOT NULL,             -- seconds since 1970
    origin TEXT NOT NULL,
    undoes INTEGER,                    -- the change that it has undone
    steps INTEGER NOT NULL             -- how many rules it is about
) STRICT;
CREATE INDEX change_uid ON change (uid, id);
CREATE TABLE step (
    change INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    what TEXT NOT NULL,                -- add, remove, enable, disable
    PRIMARY KEY (change, rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX step_rule ON step (rule);
