-- Rules name sets of ports ("80,443,8000-8999"), domains (in "host"), multicast and the internet.
ALTER TABLE rule ADD COLUMN ports TEXT;
UPDATE rule SET ports = port;
ALTER TABLE rule DROP COLUMN port;
