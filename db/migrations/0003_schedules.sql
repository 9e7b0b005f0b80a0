-- When a scheduler trigger runs next; its timetable is in the trigger's config.
CREATE TABLE schedules (
  trigger_id text PRIMARY KEY REFERENCES triggers ON DELETE CASCADE,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  -- The moment of the timetable that is due next, and when it is to run (later, by the delay). Null: none comes.
  next_slot_at timestamptz,
  next_run_at timestamptz,
  last_run_at timestamptz,
  -- Runs that failed for good since one last succeeded.
  consecutive_failures integer NOT NULL DEFAULT 0,
  -- Why and when it was switched off by itself.
  disabled_reason text,
  disabled_at timestamptz
);
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;

-- What a scheduler gives the workflow as input.
ALTER TABLE routes ADD COLUMN payload jsonb;

ALTER TABLE schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE schedules FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON schedules TO patchbay_app
  USING (organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id))
  WITH CHECK (organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON schedules TO patchbay_app;
CREATE POLICY runtime ON schedules TO patchbay_system USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE ON schedules TO patchbay_system;
GRANT UPDATE (enabled, updated_at) ON triggers TO patchbay_system;
