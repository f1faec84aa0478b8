CREATE OR REPLACE VIEW api.timers AS
    SELECT operation_id, orchestration_id, window_begin, window_end, state
    FROM scheduler.timer;
