-- status: for op_detail=all. status_last, for op_detail=last: the newest operation alone, under its own key.
CREATE OR REPLACE VIEW api.instances AS
    SELECT instance_id, runtime_id, global_account_id, sub_account_id, region, plan_name, plan_id, provider, shoot_name,
           window_begin, window_end, kyma_version, created_at, updated_at, modified_at, state, status,
           jsonb_build_object(
               'createdAt', status -> 'createdAt',
               'modifiedAt', status -> 'modifiedAt',
               'state', status -> 'state',
               newest, CASE WHEN newest = 'upgradingKyma'
                            THEN jsonb_build_object('data', jsonb_build_array(status #> '{upgradingKyma,data,0}'),
                                                    'totalCount', 1, 'count', 1)
                            ELSE status -> newest END) AS status_last
    FROM broker.instance
    WHERE NOT refused;

CREATE OR REPLACE VIEW api.broker_outcomes AS
    SELECT request_id, status, body
    FROM broker.outcome;
