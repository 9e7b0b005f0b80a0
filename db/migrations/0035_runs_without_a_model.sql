-- A run that was started where no model is configured, and without a client that lends its own, has none.
ALTER TABLE agent_runs DROP CONSTRAINT agent_runs_model_check,
  ADD CONSTRAINT agent_runs_model_check CHECK (model IN ('server', 'client', 'none'));
