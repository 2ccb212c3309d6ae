-- Rules may end. Those that were there before live until they are removed.
ALTER TABLE rule ADD COLUMN lifespan TEXT NOT NULL DEFAULT 'always'; -- process, logout, until, always
ALTER TABLE rule ADD COLUMN boot TEXT;          -- the kernel's id of the start that the next ones are of
-- until:
ALTER TABLE rule ADD COLUMN boottime INTEGER;   -- when it ends, microseconds on CLOCK_BOOTTIME
ALTER TABLE rule ADD COLUMN wall INTEGER;       -- when it ends, seconds since 1970
ALTER TABLE rule ADD COLUMN by_wall INTEGER;    -- whether that counts too: it was made in an earlier start
-- process:
ALTER TABLE rule ADD COLUMN numbering INTEGER;  -- the probe that has given the number of the run
ALTER TABLE rule ADD COLUMN run INTEGER;
ALTER TABLE rule ADD COLUMN pid INTEGER;
ALTER TABLE rule ADD COLUMN began INTEGER;      -- as in /proc/PID/stat
ALTER TABLE rule ADD COLUMN foreign_code INTEGER;
ALTER TABLE rule ADD COLUMN controlled INTEGER;
-- process, of a program that no path leads to; what it says is its path is in "program" then:
ALTER TABLE rule ADD COLUMN device INTEGER;
ALTER TABLE rule ADD COLUMN inode INTEGER;
CREATE INDEX rule_logout ON rule (uid) WHERE lifespan = 'logout';
