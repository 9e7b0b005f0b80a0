-- What model calls under way may come to use: held against the budgets of their run and of the organization until the
-- call has been counted. A process that dies renews nothing, and what it held is free when its lease is over.
CREATE TABLE model_reservations (
  id text PRIMARY KEY COLLATE "C",
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  run_id text NOT NULL COLLATE "C",
  tokens bigint NOT NULL,
  cost_usd double precision NOT NULL,
  steps integer NOT NULL,
  leased_until timestamptz NOT NULL
);
CREATE INDEX model_reservations_organization ON model_reservations (organization_id);
ALTER TABLE model_reservations ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_reservations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON model_reservations TO patchbay_app
  USING (organization_id = current_setting('app.organization_id', true) AND customer_visible(NULL))
  WITH CHECK (organization_id = current_setting('app.organization_id', true) AND customer_visible(NULL));
GRANT SELECT, INSERT, UPDATE, DELETE ON model_reservations TO patchbay_app;
