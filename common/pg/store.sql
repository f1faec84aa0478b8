-- The tables of the store itself, in the schema of each service. Run at every start; the service's own DDL follows.

-- Up to where each events partition is projected. Moved with the rows, in one transaction, by position_move alone.
CREATE TABLE IF NOT EXISTS "position" (
    partition integer PRIMARY KEY,
    "offset"  bigint NOT NULL,      -- of the last record projected
    hash      text NOT NULL,        -- its SHA-256
    fold      integer NOT NULL,     -- version of the fold that projected it
    seen      jsonb NOT NULL,       -- the mark of each origin partition
    sent      jsonb NOT NULL        -- the last origin for each receiving partition
) WITH (fillfactor = 20);           -- one small row that changes with every batch: keep the new versions in its page

-- What became of each request; the gateway reads it when no reply comes.
CREATE TABLE IF NOT EXISTS outcome (
    partition  integer NOT NULL,
    request_id text PRIMARY KEY,
    status     integer,
    body       jsonb,
    "time"     timestamptz
);

-- Which DDL ran last.
CREATE TABLE IF NOT EXISTS definition (
    single boolean PRIMARY KEY DEFAULT true,
    hash   text NOT NULL
);

-- Compare and set. A miss raises: zero rows updated would be no error, and the statements behind it would be committed.
CREATE OR REPLACE FUNCTION position_move(
    of_partition integer, from_offset bigint, from_hash text,
    to_offset bigint, to_hash text, to_fold integer, to_seen jsonb, to_sent jsonb
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF from_offset < 0 THEN
        INSERT INTO "position" (partition, "offset", hash, fold, seen, sent)
        VALUES (of_partition, to_offset, to_hash, to_fold, to_seen, to_sent)
        ON CONFLICT (partition) DO NOTHING;
    ELSE
        UPDATE "position"
        SET "offset" = to_offset, hash = to_hash, fold = to_fold, seen = to_seen, sent = to_sent
        WHERE partition = of_partition AND "offset" = from_offset AND hash = from_hash;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'partition % is not at offset %', of_partition, from_offset USING ERRCODE = 'TG001';
    END IF;
END $$;
