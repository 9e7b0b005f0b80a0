-- The secret a webhook had before the app issued another: what is on its way signed with it is still taken for a while.
CREATE TABLE previous_trigger_secrets (
  id text PRIMARY KEY REFERENCES triggers ON DELETE CASCADE,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  secret text NOT NULL, -- sealed, for the same purpose as the trigger's own
  until timestamptz NOT NULL
);
ALTER TABLE previous_trigger_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE previous_trigger_secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON previous_trigger_secrets TO patchbay_app
  USING (organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id))
  WITH CHECK (organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON previous_trigger_secrets TO patchbay_app;
CREATE POLICY runtime ON previous_trigger_secrets TO patchbay_system USING (true) WITH CHECK (true);
GRANT SELECT, DELETE ON previous_trigger_secrets TO patchbay_system;
