-- Rules may be for one network: the UUID of the connection, and what that was called when the rule was made.
ALTER TABLE rule ADD COLUMN only_in TEXT;
ALTER TABLE rule ADD COLUMN only_in_name TEXT;
