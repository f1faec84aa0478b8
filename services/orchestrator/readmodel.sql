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
    accepted_offset  bigint      NOT NULL,  -- of the record that accepted it
    parameters       jsonb,
    actor            jsonb,                 -- who asked for it
    version          text        NOT NULL,  -- of Kyma, sent to all operations but those that have one of their own
    configured       integer     NOT NULL,  -- up to this position it is decided what operations are sent, also again
    configuration    text        NOT NULL,  -- hash of what is sent of Kyma; '' until it is known
    cluster_config   jsonb,                 -- what is sent of clusters; null until it is known
    body_hash        text        NOT NULL,  -- of the client's request: the same key with another body is refused
    traceparent      text,
    schedule         text        NOT NULL,  -- immediate, maintenanceWindow
    workers          integer     NOT NULL,
    max_failures     integer     NOT NULL,  -- 0: any number
    stopped          boolean     NOT NULL,  -- by them
    retries          jsonb       NOT NULL,  -- the last ones with a key: [[name of the retry, hash of its body], ...]
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

-- The configurations of Kyma that an orchestration sends.
CREATE TABLE IF NOT EXISTS configuration (
    partition        integer NOT NULL,
    orchestration_id text    NOT NULL,
    hash             text    NOT NULL,
    body             jsonb   NOT NULL,
    PRIMARY KEY (orchestration_id, hash)
);

-- An operation's row changes about five times in its life, never in an indexed column: room in each page lets the new
-- row stand beside the old one, without touching an index.
CREATE TABLE IF NOT EXISTS operation (
    partition         integer     NOT NULL,
    operation_id      text        NOT NULL,
    orchestration_id  text        NOT NULL,
    position          bigint      NOT NULL,  -- among those of its orchestration, from 1 on: by selector and name
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
    release           bigint      NOT NULL,  -- of those that are ready, a lower one comes first: when the window began, or the retry (ms)
    attempt           integer     NOT NULL,  -- 1 at first
    sent              boolean     NOT NULL,  -- to the provisioner: once at least
    version           text        NOT NULL,  -- of Kyma, decided for it; '': the orchestration's
    configuration     text        NOT NULL,  -- goes with `version`; '': there is none to be had
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (operation_id)
) WITH (fillfactor = 60);

-- Not unique: positions are exchanged when an orchestration is scheduled.
CREATE INDEX IF NOT EXISTS operation_position ON operation (orchestration_id, position);

-- What was asked for of an instance: dry runs are not shown with it.
CREATE INDEX IF NOT EXISTS operation_instance ON operation (instance_id COLLATE "C") WHERE NOT dry_run;

-- Of instances of which an upgrade of the lane failed, some time, or still could while a newer one succeeded: when the
-- newest of their operations that ended was made. What is older is not retried.
CREATE TABLE IF NOT EXISTS latest (
    partition   integer     NOT NULL,
    lane        text        NOT NULL,
    instance_id text        NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (lane, instance_id)
);

-- The releases in force, by partition, and the folder that was refused since.
CREATE TABLE IF NOT EXISTS releases (
    partition      integer NOT NULL,
    hash           text,                    -- SHA-256 of the compact dump with sorted keys; null: none was ever adopted
    body           jsonb,
    adopted_at     timestamptz,
    refused_hash   text,                    -- null: nothing was refused since
    refused_reason text,
    refused_at     timestamptz,
    PRIMARY KEY (partition)
);
