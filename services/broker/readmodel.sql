-- Instances: customers' runtimes, with what GET /runtimes shows of them. IDs are compared as bytes, as the broker does.
CREATE TABLE IF NOT EXISTS instance (
    partition         integer          NOT NULL,
    instance_id       text COLLATE "C" NOT NULL,
    runtime_id        text COLLATE "C" NOT NULL,
    global_account_id text COLLATE "C" NOT NULL,
    sub_account_id    text COLLATE "C" NOT NULL,
    region            text             NOT NULL,  -- of the provider
    plan_name         text             NOT NULL,
    shoot_name        text COLLATE "C" NOT NULL,
    window_begin      text             NOT NULL,  -- HHMMSS+HHMM, '' for none
    window_end        text             NOT NULL,
    imported_version  text             NOT NULL,  -- of the line imported last
    upgraded_version  text             NOT NULL,  -- of the newest kyma upgrade that has one
    upgraded_at       timestamptz,                -- when that upgrade was created
    kyma_version      text             NOT NULL,  -- the one of these two that holds
    position          integer          NOT NULL,  -- in the order of creation; an empty place is never taken again
    created_at        timestamptz      NOT NULL,  -- first imported; differs from all others in the partition
    updated_at        timestamptz      NOT NULL,  -- of this record
    modified_at       timestamptz      NOT NULL,  -- of the newest operation
    state             text             NOT NULL,  -- from the newest operation: succeeded, failed, error, upgrading, ...
    refused           boolean          NOT NULL,  -- by the provisioner: it counts as not there, until it is imported anew
    head              text             NOT NULL,  -- the object of GET /runtimes up to its status: what seldom changes
    status            json             NOT NULL,  -- as shown with op_detail=all, but for the upgrades
    status_last       json             NOT NULL,  -- as shown with op_detail=last
    upgrades          json,                       -- the newest of orchestrations; the orchestrator's rows show them
    direct_upgrades   json,                       -- the newest that no orchestration asked for; null: none
    operation_updates json             NOT NULL,  -- operation ID to the time of its last update
    line_hash         text             NOT NULL,  -- SHA-256 of the line imported last
    PRIMARY KEY (partition, instance_id)
) WITH (fillfactor = 80,                          -- reports change no indexed column: room for the new version beside the old
        toast_tuple_target = 8160);               -- a row is read whole, a hundred at a time: nothing is kept outside of it

CREATE INDEX IF NOT EXISTS instance_position ON instance (partition, position);
CREATE INDEX IF NOT EXISTS instance_id_index ON instance (instance_id);
CREATE INDEX IF NOT EXISTS instance_runtime ON instance (runtime_id);
CREATE INDEX IF NOT EXISTS instance_account ON instance (global_account_id);
CREATE INDEX IF NOT EXISTS instance_sub_account ON instance (sub_account_id);
CREATE INDEX IF NOT EXISTS instance_shoot ON instance (shoot_name);

-- Where each instance stands in the lists, which reports of upgrades do not change: small rows in the order of creation,
-- that are read by the hundred where a page begins.
CREATE TABLE IF NOT EXISTS place (
    partition   integer          NOT NULL,
    instance_id text COLLATE "C" NOT NULL,
    position    integer          NOT NULL,
    created_at  timestamptz      NOT NULL,
    listed      boolean          NOT NULL,        -- in the list of all: not refused
    shown       boolean          NOT NULL,        -- in the list without suspended ones
    PRIMARY KEY (partition, instance_id)
);

CREATE INDEX IF NOT EXISTS place_created ON place (partition, created_at) INCLUDE (listed, shown);
CREATE INDEX IF NOT EXISTS place_listed ON place (created_at, instance_id) INCLUDE (partition, position) WHERE listed;
CREATE INDEX IF NOT EXISTS place_shown ON place (created_at, instance_id) INCLUDE (partition, position) WHERE shown;

-- How many instances are listed in each block of positions: the sums of whole blocks tell the total and lead to a page.
CREATE TABLE IF NOT EXISTS block (
    partition        integer     NOT NULL,
    first_position   integer     NOT NULL,
    first_created_at timestamptz NOT NULL,        -- of the instance that took the first position
    listed           integer     NOT NULL,
    shown            integer     NOT NULL,
    PRIMARY KEY (partition, first_position)
) WITH (fillfactor = 50);

CREATE INDEX IF NOT EXISTS block_created ON block (partition, first_created_at);

-- Idempotency-Keys, by the request that claimed them first: so many of the newest that the places suffice.
CREATE TABLE IF NOT EXISTS claim (
    partition integer          NOT NULL,
    place     integer          NOT NULL,          -- of the ring: the number, modulo its size
    number    bigint           NOT NULL,          -- in the order of first claims
    key_id    text COLLATE "C" NOT NULL,
    body_hash text COLLATE "C" NOT NULL,          -- of the request; every other body is refused
    holder    text COLLATE "C" NOT NULL,          -- who carries it out; '': it was handed on with the claim
    until_at  timestamptz      NOT NULL,          -- it is the holder's until then
    PRIMARY KEY (partition, place)
) WITH (fillfactor = 80);
