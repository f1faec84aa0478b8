CREATE OR REPLACE VIEW api.runtimes AS
    SELECT runtime_id, instance_id, tenant, sub_account, plan, region, shoot_name, kyma_version,
           kyma_config AS kyma_config_hash, cluster_config AS cluster_config_hash, operation_id, running,
           deprovisioned_at, created_at, updated_at
    FROM provisioner.runtime;

CREATE OR REPLACE VIEW api.runtime_operations AS
    SELECT operation_id, runtime_id, type, state, stage, message, orchestration_id, version,
           configuration AS configuration_hash, started_at, updated_at, ended_at
    FROM provisioner.operation;

CREATE OR REPLACE VIEW api.provisioner_outcomes AS
    SELECT request_id, status, body
    FROM provisioner.outcome;
