-- Connectors whose API's description is read again from time to time, and how that went.
CREATE TABLE drift_watches (
  connector_id text PRIMARY KEY REFERENCES connectors ON DELETE CASCADE,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  -- Whose key looks, and starts the run that proposes.
  api_key_id text NOT NULL REFERENCES api_keys ON DELETE CASCADE,
  every_hours integer NOT NULL CHECK (every_hours BETWEEN 1 AND 720),
  due_at timestamptz NOT NULL DEFAULT now(),
  looked_at timestamptz,
  -- Looks that failed since one last succeeded, and why the last one did.
  failures integer NOT NULL DEFAULT 0,
  problem text,
  -- SHA-256 of the changes that were proposed last, and the run that proposes them.
  proposed text,
  run_id text,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX drift_watches_due ON drift_watches (due_at);

ALTER TABLE drift_watches ENABLE ROW LEVEL SECURITY;
ALTER TABLE drift_watches FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON drift_watches TO patchbay_app
  USING (organization_id = current_setting('app.organization_id', true))
  WITH CHECK (organization_id = current_setting('app.organization_id', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON drift_watches TO patchbay_app;
CREATE POLICY runtime ON drift_watches TO patchbay_system USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE ON drift_watches TO patchbay_system;
