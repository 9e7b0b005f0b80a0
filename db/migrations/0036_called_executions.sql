-- What others called and is not over, to find what was left by a caller that has ended: as many as wait
-- now, whatever the history.
CREATE INDEX executions_called ON executions (id) WHERE parent_execution_id IS NOT NULL AND status IN ('queued', 'waiting');
