-- Rules may be about what is in a file ("sha256:" and its digest in "program"): what that was called when it was asked
-- about, to be shown.
ALTER TABLE rule ADD COLUMN claim TEXT;
