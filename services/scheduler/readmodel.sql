-- Operations that wait, or waited, for a maintenance window.
CREATE TABLE IF NOT EXISTS timer (
    partition        integer     NOT NULL,
    operation_id     text        NOT NULL,
    orchestration_id text        NOT NULL,
    lane             text        NOT NULL,
    begin_text       text        NOT NULL,  -- time of day: HHMMSS+HHMM
    end_text         text        NOT NULL,
    window_begin     timestamptz NOT NULL,  -- of the window that it waits, or last waited, for
    window_end       timestamptz NOT NULL,
    state            text        NOT NULL,  -- waiting, opened, dropped
    traceparent      text,                  -- of the request that planned it
    updated_at       timestamptz NOT NULL,
    PRIMARY KEY (operation_id)
);

CREATE INDEX IF NOT EXISTS timer_waiting ON timer (partition) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS timer_orchestration ON timer (orchestration_id);
