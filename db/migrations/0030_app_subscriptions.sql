-- What is to be done next about the subscription a trigger has at an app, and how that went.
CREATE TABLE app_subscriptions (
  trigger_id text PRIMARY KEY REFERENCES triggers ON DELETE CASCADE,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  -- Null: nothing is to be done.
  due_at timestamptz,
  -- Attempts that failed since one last succeeded, and why the last one did.
  failures integer NOT NULL DEFAULT 0,
  problem text,
  -- When the app was last got to send, and until when it will; null: for ever, or it is not known.
  since timestamptz,
  expires_at timestamptz
);
CREATE INDEX app_subscriptions_due ON app_subscriptions (due_at) WHERE due_at IS NOT NULL;

ALTER TABLE app_subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE app_subscriptions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app_subscriptions TO patchbay_app
  USING (organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id))
  WITH CHECK (organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON app_subscriptions TO patchbay_app;
CREATE POLICY runtime ON app_subscriptions TO patchbay_system USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE ON app_subscriptions TO patchbay_system;

-- Those whose subscribing never came to an end are looked at now. (Whoever migrates is bound by forced policies.)
ALTER TABLE triggers NO FORCE ROW LEVEL SECURITY;
ALTER TABLE app_subscriptions NO FORCE ROW LEVEL SECURITY;
INSERT INTO app_subscriptions (trigger_id, organization_id, customer_id, due_at)
  SELECT id, organization_id, customer_id, now() + interval '1 minute' FROM triggers
  WHERE type = 'webhook' AND jsonb_typeof(config->'subscription') = 'object'
    AND config->'subscription'->>'id' IS NULL AND config->'subscription'->>'endedAt' IS NULL;
ALTER TABLE triggers FORCE ROW LEVEL SECURITY;
ALTER TABLE app_subscriptions FORCE ROW LEVEL SECURITY;
