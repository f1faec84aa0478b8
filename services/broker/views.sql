DROP VIEW IF EXISTS api.instances;

CREATE VIEW api.instances AS
    SELECT partition, position, instance_id, runtime_id, global_account_id, sub_account_id, region, plan_name,
           shoot_name, window_begin, window_end, kyma_version, created_at, updated_at, modified_at, state, head, status,
           status_last, direct_upgrades
    FROM broker.instance
    WHERE NOT refused;

CREATE OR REPLACE VIEW api.instance_places AS
    SELECT partition, position, instance_id, created_at, listed, shown
    FROM broker.place;

CREATE OR REPLACE VIEW api.instance_blocks AS
    SELECT partition, first_position, first_created_at, listed, shown
    FROM broker.block;

CREATE OR REPLACE VIEW api.broker_outcomes AS
    SELECT request_id, status, body
    FROM broker.outcome;
