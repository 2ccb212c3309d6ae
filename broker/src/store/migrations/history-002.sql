-- Where each program has connected to, and which ports it listens on, as far as there is activity of it. Triggers
-- keep it, so that it cannot say anything else, and goes with that.
ALTER TABLE program ADD COLUMN destinations INTEGER NOT NULL DEFAULT 0; -- names and addresses it connects to
ALTER TABLE program ADD COLUMN listens INTEGER NOT NULL DEFAULT 0;      -- ports it listens on
CREATE TABLE destination (
    program INTEGER NOT NULL,
    operation TEXT NOT NULL,        -- connect, listen
    name TEXT NOT NULL,             -- of the host; the address if none is known; nothing of who listens
    port INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    number INTEGER NOT NULL,        -- of an activity of it, which no other of the user has
    address TEXT NOT NULL,          -- the last call's, like the next two
    errno INTEGER NOT NULL,
    last INTEGER NOT NULL,
    allowed INTEGER NOT NULL,       -- calls
    denied INTEGER NOT NULL,
    of_rows INTEGER NOT NULL,       -- of activity
    PRIMARY KEY (program, operation, name, port, protocol)
) STRICT, WITHOUT ROWID;
CREATE INDEX destination_by_time ON destination (program, last, number);
-- The name is counted with the first port of it, and with the last one no more.
CREATE TRIGGER destination_comes AFTER INSERT ON destination BEGIN
    UPDATE program SET of_rows = of_rows + 100 + 2 * octet_length(new.name),
        listens = listens + (new.operation = 'listen'),
        destinations = destinations + (new.operation = 'connect' AND 1 = (SELECT count(*) FROM (
            SELECT 1 FROM destination WHERE program = new.program AND operation = new.operation
            AND name = new.name LIMIT 2)))
    WHERE id = new.program;
END;
CREATE TRIGGER destination_goes AFTER DELETE ON destination BEGIN
    UPDATE program SET of_rows = of_rows - 100 - 2 * octet_length(old.name),
        listens = listens - (old.operation = 'listen'),
        destinations = destinations - (old.operation = 'connect' AND NOT EXISTS (
            SELECT 1 FROM destination WHERE program = old.program AND operation = old.operation
            AND name = old.name))
    WHERE id = old.program;
END;
-- The number is that of the last row: one of several would do.
INSERT INTO destination
    SELECT program, operation, iif(operation = 'listen', '', ifnull(host, address)) AS name, port,
        protocol, number, address, errno, max(last), sum(iif(errno = 0, count, 0)),
        sum(iif(errno = 0, 0, count)), count(*)
    FROM activity WHERE operation IN ('connect', 'listen')
    GROUP BY program, operation, name, port, protocol;
CREATE TRIGGER destination_of_new AFTER INSERT ON activity
WHEN new.operation IN ('connect', 'listen') BEGIN
    INSERT INTO destination VALUES (new.program, new.operation,
        iif(new.operation = 'listen', '', ifnull(new.host, new.address)), new.port, new.protocol,
        new.number, new.address, new.errno, new.last, iif(new.errno = 0, new.count, 0),
        iif(new.errno = 0, 0, new.count), 1)
    ON CONFLICT (program, operation, name, port, protocol) DO UPDATE SET
        address = iif(excluded.last < last, address, excluded.address),
        errno = iif(excluded.last < last, errno, excluded.errno),
        last = max(last, excluded.last),
        allowed = allowed + excluded.allowed,
        denied = denied + excluded.denied,
        of_rows = of_rows + 1;
END;
CREATE TRIGGER destination_of_same AFTER UPDATE OF count ON activity
WHEN new.operation IN ('connect', 'listen') BEGIN
    UPDATE destination SET
        address = iif(new.last < last, address, new.address),
        errno = iif(new.last < last, errno, new.errno),
        last = max(last, new.last),
        allowed = allowed + iif(new.errno = 0, new.count - old.count, 0),
        denied = denied + iif(new.errno = 0, 0, new.count - old.count)
    WHERE program = new.program AND operation = new.operation
        AND name = iif(new.operation = 'listen', '', ifnull(new.host, new.address))
        AND port = new.port AND protocol = new.protocol;
END;
CREATE TRIGGER destination_of_old AFTER DELETE ON activity
WHEN old.operation IN ('connect', 'listen') BEGIN
    UPDATE destination SET
        allowed = allowed - iif(old.errno = 0, old.count, 0),
        denied = denied - iif(old.errno = 0, 0, old.count),
        of_rows = of_rows - 1
    WHERE program = old.program AND operation = old.operation
        AND name = iif(old.operation = 'listen', '', ifnull(old.host, old.address))
        AND port = old.port AND protocol = old.protocol;
    DELETE FROM destination WHERE of_rows = 0 AND program = old.program
        AND operation = old.operation
        AND name = iif(old.operation = 'listen', '', ifnull(old.host, old.address))
        AND port = old.port AND protocol = old.protocol;
END;
