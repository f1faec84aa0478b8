-- Orchestrations and their operations.
CREATE TABLE IF NOT EXISTS orchestration (
    partition        integer     NOT NULL,
    orchestration_id text        NOT NULL,
    lane             text        NOT NULL,
    type             text        NOT NULL,  -- upgradeKyma, upgradeCluster
    state            text        NOT NULL,
    description      text        NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    arrival          bigint      NOT NULL,  -- orders those of a lane; anew when it is retried after its end
    parameters       jsonb,
    actor            jsonb,                 -- who asked for it
    version          text        NOT NULL,  -- to send
    configuration    text        NOT NULL,  -- hash of what is sent of Kyma; '' until it is known
    cluster_config   jsonb,                 -- what is sent of clusters; null until it is known
    body_hash        text        NOT NULL,  -- of the client's request: the same key with another body is refused
    traceparent      text,
    schedule         text        NOT NULL,  -- immediate, maintenanceWindow
    workers          integer     NOT NULL,
    max_failures     integer     NOT NULL,  -- 0: any number
    stopped          boolean     NOT NULL,  -- by them
    retry_id         text        NOT NULL,  -- the last retry with a key: names it, ''
    retry_hash       text        NOT NULL,  -- and its body, ''
    dry_run          boolean     NOT NULL,
    partitions       integer     NOT NULL,  -- that were asked for targets; 0: waits for its turn
    reported         jsonb       NOT NULL,  -- those whose targets are all in
    resolved         boolean     NOT NULL,  -- all targets are in: the operations are visible
    stats            jsonb,                 -- number of operations by state; null: none to see
    PRIMARY KEY (orchestration_id)
);

CREATE INDEX IF NOT EXISTS orchestration_page ON orchestration (created_at, orchestration_id);
CREATE INDEX IF NOT EXISTS orchestration_live ON orchestration (partition)
    WHERE state NOT IN ('succeeded', 'failed', 'canceled');

-- An operation's row changes about five times in its life, never in an indexed column: room in each page lets the new
-- row stand beside the old one, without touching an index.
CREATE TABLE IF NOT EXISTS operation (
    partition         integer     NOT NULL,
    operation_id      text        NOT NULL,
    orchestration_id  text        NOT NULL,
    include_index     integer     NOT NULL,  -- of the first include selector that matched
    instance_id       text        NOT NULL,
    runtime_id        text        NOT NULL,
    global_account_id text        NOT NULL,
    sub_account_id    text        NOT NULL,
    plan_name         text        NOT NULL,
    region            text        NOT NULL,
    shoot_name        text        NOT NULL,
    begin_text        text        NOT NULL,  -- the runtime's own window: HHMMSS+HHMM
    end_text          text        NOT NULL,
    dry_run           boolean     NOT NULL,
    window_begin      timestamptz,           -- null: no window
    window_end        timestamptz,
    state             text        NOT NULL,
    phase             text        NOT NULL,  -- waiting, ready, dispatched, busy, running, done
    description       text        NOT NULL,
    release           bigint      NOT NULL,  -- of those that are ready, a lower one comes first
    attempt           integer     NOT NULL,  -- 1 at first
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (operation_id)
) WITH (fillfactor = 60);

CREATE INDEX IF NOT EXISTS operation_page ON operation (orchestration_id, created_at, operation_id);

-- Of instances of which an upgrade of the lane failed, some time: when the newest of their operations that ended was
-- made. What is older is not retried.
CREATE TABLE IF NOT EXISTS latest (
    partition   integer     NOT NULL,
    lane        text        NOT NULL,
    instance_id text        NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (lane, instance_id)
);
