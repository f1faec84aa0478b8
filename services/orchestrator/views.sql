CREATE OR REPLACE VIEW api.orchestrations AS
    SELECT orchestration_id, type, state, description, created_at, updated_at, parameters, lane, stats,
           cluster_config, version, configuration, partition, accepted_offset
    FROM orchestrator.orchestration;

-- All operations of an orchestration appear at once, when the last of its targets is in; they were created one after the
-- other, so that no two are of one age.
CREATE OR REPLACE VIEW api.operations AS
    SELECT o.operation_id, o.orchestration_id, o.runtime_id, o.instance_id, o.global_account_id, o.sub_account_id,
           o.plan_name, o.shoot_name, o.region, o.dry_run, o.window_begin, o.window_end, o.state, o.description,
           o.created_at + (o.position - 1) * interval '1 microsecond' AS created_at, o.position
    FROM orchestrator.operation o
    JOIN orchestrator.orchestration USING (orchestration_id)
    WHERE resolved;

-- The upgrades of each instance, from the moment when they appear. IDs are compared as bytes, as the broker does.
CREATE OR REPLACE VIEW api.instance_upgrades AS
    SELECT o.instance_id COLLATE "C" AS instance_id, whole.type, o.operation_id, o.orchestration_id, o.state,
           o.description, o.created_at
    FROM orchestrator.operation o
    JOIN orchestrator.orchestration whole USING (orchestration_id)
    WHERE whole.resolved AND NOT o.dry_run;

-- What operations are sent; null: nothing was sent yet.
CREATE OR REPLACE VIEW api.operation_details AS
    SELECT o.operation_id, o.orchestration_id, whole.type, o.attempt, o.runtime_id, o.instance_id,
           CASE WHEN o.version <> '' THEN o.version ELSE whole.version END AS version,
           CASE WHEN o.sent THEN sent.body END AS kyma_config,
           CASE WHEN o.sent THEN whole.cluster_config END AS cluster_config
    FROM orchestrator.operation o
    JOIN orchestrator.orchestration whole USING (orchestration_id)
    LEFT JOIN orchestrator.configuration sent
        ON sent.orchestration_id = o.orchestration_id
        AND sent.hash = CASE WHEN o.version <> '' THEN o.configuration ELSE whole.configuration END
    WHERE whole.resolved;

CREATE OR REPLACE VIEW api.orchestrator_outcomes AS
    SELECT request_id, status, body
    FROM orchestrator.outcome;
