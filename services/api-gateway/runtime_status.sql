-- What the GraphQL API reads. The four runtime_status statements have the same columns and differ in what is null
-- because nobody asked for it; bodies of configurations are read only where their hash is not known yet.

PREPARE runtime_status(text) AS
SELECT tenant, shoot_name, seed, deprovisioned_at IS NOT NULL, hibernated, hibernation_possible,
       operation_id, operation_type, operation_state, operation_message, operation_last_error,
       kubeconfig, kyma_config_hash, cluster_config_hash
FROM api.runtime_status WHERE runtime_id = $1;

PREPARE runtime_status_configuration(text) AS
SELECT tenant, shoot_name, seed, deprovisioned_at IS NOT NULL, hibernated, hibernation_possible,
       NULL, NULL, NULL, NULL, NULL,
       kubeconfig, kyma_config_hash, cluster_config_hash
FROM api.runtime_status WHERE runtime_id = $1;

PREPARE runtime_status_operation(text) AS
SELECT tenant, shoot_name, seed, deprovisioned_at IS NOT NULL, hibernated, hibernation_possible,
       operation_id, operation_type, operation_state, operation_message, operation_last_error,
       NULL, NULL, NULL
FROM api.runtime_status WHERE runtime_id = $1;

PREPARE runtime_status_tenant(text) AS
SELECT tenant, shoot_name, seed, deprovisioned_at IS NOT NULL, hibernated, hibernation_possible,
       NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL
FROM api.runtime_status WHERE runtime_id = $1;

PREPARE runtime_status_bodies(text) AS
SELECT tenant, shoot_name, seed, deprovisioned_at IS NOT NULL, hibernated, hibernation_possible,
       operation_id, operation_type, operation_state, operation_message, operation_last_error,
       kubeconfig, kyma_config_hash, cluster_config_hash, kyma_config::text, cluster_config::text
FROM api.runtime_status WHERE runtime_id = $1;

PREPARE operation_status(text) AS
SELECT tenant, operation_id, type, state, message, runtime_id, last_error
FROM api.runtime_operations WHERE operation_id = $1;
