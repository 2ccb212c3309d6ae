-- Rules may be for a program where another has started it, or for what a program starts too.
ALTER TABLE rule ADD COLUMN started_by TEXT;    -- path of that other program
ALTER TABLE rule ADD COLUMN and_started INTEGER NOT NULL DEFAULT 0;
