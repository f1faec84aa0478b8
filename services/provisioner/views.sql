CREATE OR REPLACE VIEW api.runtimes AS
    SELECT runtime_id, instance_id, tenant, sub_account, plan, region, shoot_name, kyma_version,
           kyma_config AS kyma_config_hash, cluster_config AS cluster_config_hash, operation_id, running,
           deprovisioned_at, created_at, updated_at
    FROM provisioner.runtime;

-- All that there is to know of a runtime, with its last operation. Secret values and the kubeconfig are sealed.
CREATE OR REPLACE VIEW api.runtime_status AS
    SELECT r.runtime_id, r.tenant, r.sub_account, r.shoot_name, r.kyma_version, k.body AS kyma_config,
           r.kyma_config AS kyma_config_hash, c.body AS cluster_config, r.cluster_config AS cluster_config_hash,
           r.administrators, coalesce(nullif(r.seed, ''), c.body ->> 'seed', '') AS seed, f.kubeconfig, r.hibernated,
           r.hibernation_possible, r.deprovisioned_at, o.operation_id, o.type AS operation_type,
           o.state AS operation_state, o.message AS operation_message, o.last_error AS operation_last_error
    FROM provisioner.runtime r
    LEFT JOIN provisioner.configuration k ON k.partition = r.partition AND k.hash = r.kyma_config
    LEFT JOIN provisioner.configuration c ON c.partition = r.partition AND c.hash = r.cluster_config
    LEFT JOIN provisioner.kubeconfig f ON f.partition = r.partition AND f.runtime_id = r.runtime_id
    LEFT JOIN provisioner.operation o ON o.partition = r.partition AND o.runtime_id = r.runtime_id
                                     AND o.operation_id = r.operation_id;

CREATE OR REPLACE VIEW api.runtime_operations AS
    SELECT o.operation_id, o.runtime_id, o.type, o.state, o.stage, o.message, o.orchestration_id, o.version,
           o.configuration AS configuration_hash, o.started_at, o.updated_at, o.ended_at, r.tenant, o.last_error,
           CASE WHEN c.kind = 'cluster' THEN c.body END AS cluster_config, -- the whole that a change of it brought
           CASE WHEN c.kind = 'kyma' THEN c.body END AS kyma_config -- and an upgrade; secret values are sealed, or ''
    FROM provisioner.operation o
    JOIN provisioner.runtime r ON r.partition = o.partition AND r.runtime_id = o.runtime_id
    LEFT JOIN provisioner.configuration c ON c.partition = o.partition AND c.hash = o.configuration;

CREATE OR REPLACE VIEW api.provisioner_outcomes AS
    SELECT request_id, status, body
    FROM provisioner.outcome;
