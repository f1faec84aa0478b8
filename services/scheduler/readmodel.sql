-- Operations that wait, or waited, for a maintenance window.
CREATE TABLE IF NOT EXISTS timer (
    partition        integer     NOT NULL,
    operation_id     text        NOT NULL,
    orchestration_id text        NOT NULL,
    lane             text        NOT NULL,
    begin_text       text        NOT NULL,  -- time of day: HHMMSS+HHMM, or HHMMSS in a zone
    end_text         text        NOT NULL,
    window_begin     timestamptz NOT NULL,  -- of the window that it waits, or last waited, for
    window_end       timestamptz NOT NULL,
    state            text        NOT NULL,  -- waiting, opened, dropped
    traceparent      text,                  -- of the request that planned it
    updated_at       timestamptz NOT NULL,
    days             text,                  -- Sat,Sun: on which the window opens; null: every day
    zone             text,                  -- Europe/Berlin: whose clocks the times of day are of; null: they have offsets
    PRIMARY KEY (operation_id)
);
ALTER TABLE timer ADD COLUMN IF NOT EXISTS days text, ADD COLUMN IF NOT EXISTS zone text;

CREATE INDEX IF NOT EXISTS timer_waiting ON timer (partition) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS timer_orchestration ON timer (orchestration_id);

-- The maintenance policy in force, by partition, and the one that was refused since.
CREATE TABLE IF NOT EXISTS policy (
    partition      integer NOT NULL,
    hash           text,                    -- SHA-256 of the compact dump with sorted keys; null: none was ever adopted
    body           jsonb,
    zones          jsonb,                   -- time zones of this policy and of those before: [[from, offset], ...] in seconds
    adopted_at     timestamptz,
    refused_hash   text,                    -- SHA-256 of the file; null: nothing was refused since
    refused_reason text,
    refused_at     timestamptz,
    PRIMARY KEY (partition)
);
