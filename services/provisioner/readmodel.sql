-- Configurations of Kyma and of clusters, each once in a partition however many runtimes have it.
CREATE TABLE IF NOT EXISTS configuration (
    partition integer NOT NULL,
    hash      text    NOT NULL,     -- SHA-256 of the compact dump with sorted keys
    kind      text    NOT NULL,     -- kyma, cluster
    body      jsonb   NOT NULL,
    PRIMARY KEY (partition, hash)
);

-- A cluster configuration without a name has the runtime's shoot name. Both tables below keep room in their pages,
-- because their rows change in place several times in an upgrade.
CREATE TABLE IF NOT EXISTS runtime (
    partition        integer     NOT NULL,
    runtime_id       text        NOT NULL,
    instance_id      text        NOT NULL,
    tenant           text        NOT NULL,   -- global account
    sub_account      text        NOT NULL,
    plan             text        NOT NULL,
    region           text        NOT NULL,
    shoot_name       text        NOT NULL,
    kyma_version     text        NOT NULL,
    kyma_config      text,                   -- hash: what was last installed with success
    cluster_config   text,                   -- hash
    upgraded         boolean     NOT NULL,   -- kyma_config comes from an upgrade, so imports leave it alone
    operation_id     text,                   -- the last one
    running          boolean     NOT NULL,   -- it is in progress
    waiting          jsonb       NOT NULL,   -- operations that wait for its end
    deprovisioned_at timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    PRIMARY KEY (partition, runtime_id)
) WITH (fillfactor = 75);

CREATE TABLE IF NOT EXISTS operation (
    partition        integer     NOT NULL,
    runtime_id       text        NOT NULL,
    operation_id     text        NOT NULL,
    type             text        NOT NULL,   -- upgradeKyma, deprovision
    state            text        NOT NULL,   -- in progress, succeeded, failed
    stage            text        NOT NULL,
    stopped_stage    text,                   -- the stage that ran over its limit
    message          text        NOT NULL,
    orchestration_id text,
    lane             text,
    version          text,
    configuration    text,                   -- hash: what was sent
    traceparent      text,                   -- of the request that started it
    fence            bigint      NOT NULL,   -- offset of the record that ordered the stage
    stage_since      timestamptz NOT NULL,
    started_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    PRIMARY KEY (partition, runtime_id, operation_id)
) WITH (fillfactor = 75);

CREATE INDEX IF NOT EXISTS operation_running ON operation (partition) WHERE state = 'in progress';
