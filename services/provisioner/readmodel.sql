-- Configurations of Kyma and of clusters, each once in a partition however many runtimes have it. One with secret values
-- belongs to one runtime, but for those of releases: its values are sealed, and "" as soon as that runtime cannot need
-- them any more.
CREATE TABLE IF NOT EXISTS configuration (
    partition integer NOT NULL,
    hash      text    NOT NULL,     -- SHA-256 of the compact dump with sorted keys; with secret values also of the runtime
    kind      text    NOT NULL,     -- kyma, cluster
    kept      boolean NOT NULL,     -- of imports and orchestrations: needed whoever uses it
    users     integer NOT NULL,     -- runtimes that may need it, if it is not kept
    body      jsonb   NOT NULL,
    PRIMARY KEY (partition, hash)
);

-- A cluster configuration without a name has the runtime's shoot name. The tables of runtimes and operations keep room in
-- their pages, because their rows change in place several times in an upgrade.
CREATE TABLE IF NOT EXISTS runtime (
    partition            integer     NOT NULL,
    runtime_id           text        NOT NULL,
    instance_id          text        NOT NULL,   -- '': provisioned here, by no instance
    tenant               text        NOT NULL,   -- global account
    sub_account          text        NOT NULL,
    plan                 text        NOT NULL,
    region               text        NOT NULL,
    shoot_name           text        NOT NULL,
    name                 text        NOT NULL,
    description          text        NOT NULL,
    labels               text,                   -- JSON as given: jsonb would write its numbers in another way
    administrators       jsonb,
    seed                 text        NOT NULL,
    kyma_version         text        NOT NULL,   -- of kyma_config
    kyma_config          text,                   -- hash: the active one; null: a cluster without Kyma
    installed            text,                   -- hash: what was last installed with success
    cluster_config       text,                   -- hash
    upgraded             boolean     NOT NULL,   -- kyma_config comes from an upgrade, so imports leave it alone
    reshaped             boolean     NOT NULL,   -- the same of cluster_config
    ready                boolean     NOT NULL,   -- there was a cluster to work on, some time
    kubeconfig_hash      text        NOT NULL,
    hibernated           boolean,                -- null: not known
    hibernation_possible boolean,
    operation_id         text,                   -- the last one
    running              boolean     NOT NULL,   -- it is in progress
    waiting              jsonb       NOT NULL,   -- operations that wait for its end
    deprovisioned_at     timestamptz,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (partition, runtime_id)
) WITH (fillfactor = 75);

-- Sealed; '' after deprovisioning.
CREATE TABLE IF NOT EXISTS kubeconfig (
    partition  integer NOT NULL,
    runtime_id text    NOT NULL,
    kubeconfig text    NOT NULL,
    PRIMARY KEY (partition, runtime_id)
);

CREATE TABLE IF NOT EXISTS operation (
    partition        integer     NOT NULL,
    runtime_id       text        NOT NULL,
    operation_id     text        NOT NULL,
    type             text        NOT NULL,   -- provision, upgradeKyma, …
    state            text        NOT NULL,   -- in progress, succeeded, failed
    stage            text        NOT NULL,
    attempt          integer     NOT NULL,   -- 1: the first; what is here is the last one's
    limit_ms         bigint      NOT NULL,   -- of the stage, as it was when the stage was ordered
    stopped_stage    text,                   -- the stage that ran over its limit
    stopped_limit_ms bigint      NOT NULL,   -- and that limit
    message          text        NOT NULL,
    last_error       jsonb,                  -- errMessage, reason, component; null: there never was one
    orchestration_id text,
    lane             text,
    version          text,
    configuration    text,                   -- hash: what was sent, of Kyma or of the cluster
    pre              text,                   -- hash: what a rollback of this upgrade brings back
    rolled_back      boolean     NOT NULL,
    traceparent      text,                   -- of the request that started it
    fence            bigint      NOT NULL,   -- offset of the record that ordered the stage
    stage_since      timestamptz NOT NULL,
    started_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    PRIMARY KEY (partition, runtime_id, operation_id)
) WITH (fillfactor = 75);

CREATE INDEX IF NOT EXISTS operation_running ON operation (partition) WHERE state = 'in progress';

-- For readers, who know an ID and no partition.
CREATE INDEX IF NOT EXISTS runtime_by_id ON runtime (runtime_id);
CREATE INDEX IF NOT EXISTS operation_by_id ON operation (operation_id);
