-- Lasting rules of all users. AUTOINCREMENT, so that an id is never given twice.
CREATE TABLE rule (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid INTEGER NOT NULL,
    program TEXT NOT NULL,
    operations TEXT NOT NULL,          -- words with commas between
    destination TEXT NOT NULL,         -- anywhere, local-network, this-computer, host, network
    host TEXT,
    network TEXT,
    port INTEGER,
    protocol INTEGER,
    action TEXT NOT NULL,              -- allow, deny
    errno INTEGER,
    enabled INTEGER NOT NULL,
    origin TEXT NOT NULL,
    created INTEGER NOT NULL,          -- seconds since 1970
    removed INTEGER                    -- seconds since 1970; such a rule can be restored for a while
) STRICT;
CREATE INDEX rule_removed ON rule (removed) WHERE removed IS NOT NULL;
