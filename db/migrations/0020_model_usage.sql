-- What the agents' models used, by run, model and day: budgets of a run outlive a restart, and an organization sees what
-- it spends. The run is named without a foreign key: usage outlives it.
CREATE TABLE model_usage (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  run_id text NOT NULL COLLATE "C",
  model text NOT NULL,
  day date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
  calls integer NOT NULL DEFAULT 0,
  steps integer NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  cached_input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  cost_usd double precision NOT NULL DEFAULT 0,
  duration_ms bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (organization_id, run_id, model, day)
);
CREATE INDEX model_usage_by_day ON model_usage (organization_id, day);

ALTER TABLE model_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON model_usage TO patchbay_app
  USING (organization_id = current_setting('app.organization_id', true) AND customer_visible(NULL))
  WITH CHECK (organization_id = current_setting('app.organization_id', true) AND customer_visible(NULL));
GRANT SELECT, INSERT, UPDATE ON model_usage TO patchbay_app;
