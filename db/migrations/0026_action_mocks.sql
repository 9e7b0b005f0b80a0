-- What actions answer in executions that call no app: by scenario, answers in the order in which they are looked at.
CREATE TABLE action_mocks (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  action_id text NOT NULL REFERENCES actions ON DELETE CASCADE,
  scenario text NOT NULL COLLATE "C",
  answers jsonb NOT NULL, -- [{when, status, headers, output}]
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (action_id, scenario)
);
CREATE INDEX action_mocks_organization ON action_mocks (organization_id);
ALTER TABLE action_mocks ENABLE ROW LEVEL SECURITY;
ALTER TABLE action_mocks FORCE ROW LEVEL SECURITY;
-- The organization's own, like its configs: runs see them, who is limited to some customers does not.
CREATE POLICY tenant ON action_mocks TO patchbay_app
  USING (organization_id = current_setting('app.organization_id', true) AND customer_visible(NULL))
  WITH CHECK (organization_id = current_setting('app.organization_id', true) AND customer_visible(NULL));
GRANT SELECT, INSERT, UPDATE, DELETE ON action_mocks TO patchbay_app;

-- {mode: partial | full, scenarios: {"connector.action": scenario}}; null: it calls the apps.
ALTER TABLE executions ADD COLUMN mocks jsonb;
-- The scenario that answered in place of the app.
ALTER TABLE traces ADD COLUMN mock text;
