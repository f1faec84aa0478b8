CREATE OR REPLACE VIEW api.orchestrations AS
    SELECT orchestration_id, type, state, description, created_at, updated_at, parameters, lane, stats,
           cluster_config, version, configuration
    FROM orchestrator.orchestration;

-- All operations of an orchestration appear at once, when the last of its targets is in.
CREATE OR REPLACE VIEW api.operations AS
    SELECT o.operation_id, o.orchestration_id, o.runtime_id, o.instance_id, o.global_account_id, o.sub_account_id,
           o.plan_name, o.shoot_name, o.region, o.dry_run, o.window_begin, o.window_end, o.state, o.description,
           o.created_at
    FROM orchestrator.operation o
    JOIN orchestrator.orchestration USING (orchestration_id)
    WHERE resolved;

CREATE OR REPLACE VIEW api.orchestrator_outcomes AS
    SELECT request_id, status, body
    FROM orchestrator.outcome;
