-- What users have made of the built-in rules: where there is nothing, a rule allows what it is about.
CREATE TABLE built_in (
    uid INTEGER NOT NULL,
    rule TEXT NOT NULL,                -- this-computer, name-lookups
    action TEXT NOT NULL,              -- ask, deny
    PRIMARY KEY (uid, rule)
) STRICT, WITHOUT ROWID;
