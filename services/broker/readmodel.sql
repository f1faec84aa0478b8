-- Instances: customers' runtimes, with what GET /runtimes shows of them.
CREATE TABLE IF NOT EXISTS instance (
    partition         integer     NOT NULL,
    instance_id       text        NOT NULL,
    runtime_id        text        NOT NULL,
    global_account_id text        NOT NULL,
    sub_account_id    text        NOT NULL,
    region            text        NOT NULL,  -- of the provider
    plan_name         text        NOT NULL,
    plan_id           text        NOT NULL,
    provider          text        NOT NULL,
    shoot_name        text        NOT NULL,
    window_begin      text        NOT NULL,  -- HHMMSS+HHMM, '' for none
    window_end        text        NOT NULL,
    imported_version  text        NOT NULL,  -- of the line imported last
    upgraded_version  text        NOT NULL,  -- of the newest kyma upgrade that has one
    upgraded_at       timestamptz,           -- when that upgrade was created
    kyma_version      text        NOT NULL,  -- the one of these two that holds
    created_at        timestamptz NOT NULL,  -- first imported
    updated_at        timestamptz NOT NULL,  -- of this record
    modified_at       timestamptz NOT NULL,  -- of the newest operation
    state             text        NOT NULL,  -- from the newest operation: succeeded, failed, error, upgrading, ...
    newest            text        NOT NULL,  -- the member of status that holds the newest operation
    upgrade_count     integer     NOT NULL,
    status            jsonb       NOT NULL,  -- as GET /runtimes shows it
    operation_updates jsonb       NOT NULL,  -- operation ID to the time of its last update
    line_hash         text        NOT NULL,  -- SHA-256 of the line imported last
    refused           boolean     NOT NULL,  -- by the provisioner: it counts as not there, until it is imported anew
    PRIMARY KEY (partition, instance_id)
) WITH (fillfactor = 80);                    -- reports change no indexed column: room for the new version beside the old

CREATE INDEX IF NOT EXISTS instance_id_index ON instance (instance_id);
CREATE INDEX IF NOT EXISTS instance_created ON instance (created_at, instance_id);
CREATE INDEX IF NOT EXISTS instance_runtime ON instance (runtime_id);
CREATE INDEX IF NOT EXISTS instance_account ON instance (global_account_id);
