-- What bounds how many executions run at once: of a customer, of a workflow (by a value of the input), of a trigger.
-- An execution takes a place in each of its lanes, one after the other, before a worker may have it; where there is
-- none it waits in that lane. All counts change in the transaction that changes the execution.
CREATE TABLE lanes (
  -- c:<customer, or organization for what runs for no customer>, w:<workflow>:<environment>[:<key>], t:<trigger>;
  -- r:<workflow>:<environment> has no places: it only counts starts.
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  -- Null: no limit was set; a customer's lane then has as many as fairness gives each (db/lanes.ts).
  places integer CHECK (places > 0),
  taken integer NOT NULL DEFAULT 0,
  -- Rows of lane_waits.
  waiting integer NOT NULL DEFAULT 0,
  -- Of a customer's lane: its executions that have not ended.
  live integer NOT NULL DEFAULT 0,
  -- At most so many starts in so many seconds; null: any number. The window that is filled now, in milliseconds since 1970.
  starts_limit integer CHECK (starts_limit > 0),
  starts_seconds integer CHECK (starts_seconds > 0),
  window_ms double precision NOT NULL DEFAULT 0,
  window_starts integer NOT NULL DEFAULT 0,
  -- Whose turn was last, where several customers wait in one lane.
  last_turn text NOT NULL DEFAULT ''
) WITH (fillfactor = 50);
CREATE INDEX lanes_waiting ON lanes (id) WHERE waiting > 0;

CREATE TABLE lane_waits (
  execution_id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  lane text NOT NULL,
  -- Lanes that customers share go round among them: this is whose it is. '' where there is nobody to take turns with.
  turn text NOT NULL,
  priority smallint NOT NULL,
  -- Within one priority: by age of the execution, or by arrival where order is promised.
  rank text NOT NULL
);
CREATE INDEX lane_waits_next ON lane_waits (lane, turn, priority, rank);
CREATE SEQUENCE lane_arrivals;

ALTER TABLE customers ADD COLUMN max_running integer CHECK (max_running > 0);
ALTER TABLE customers ADD COLUMN starts_per_minute integer CHECK (starts_per_minute > 0);
-- For customers without their own.
ALTER TABLE organizations ADD COLUMN max_running_per_customer integer CHECK (max_running_per_customer > 0);
ALTER TABLE organizations ADD COLUMN starts_per_minute_per_customer integer CHECK (starts_per_minute_per_customer > 0);
-- {limit, key}: key is a path into the input, or null; {limit, seconds}.
ALTER TABLE workflows ADD COLUMN concurrency jsonb;
ALTER TABLE workflows ADD COLUMN rate_limit jsonb;
ALTER TABLE workflow_versions ADD COLUMN concurrency jsonb;
ALTER TABLE workflow_versions ADD COLUMN rate_limit jsonb;

-- Calls counted against limits, by all processes together. What a crash loses of it does no harm.
CREATE UNLOGGED TABLE rate_windows (
  key text PRIMARY KEY,
  used integer NOT NULL,
  ends_at timestamptz NOT NULL
);
CREATE INDEX rate_windows_ends ON rate_windows (ends_at);

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['lanes', 'lane_waits'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format($q$CREATE POLICY tenant ON %I TO patchbay_app USING (organization_id = current_setting('app.organization_id', true))
      WITH CHECK (organization_id = current_setting('app.organization_id', true))$q$, t);
    EXECUTE format('CREATE POLICY runtime ON %I TO patchbay_system USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO patchbay_app, patchbay_system', t);
  END LOOP;
  EXECUTE 'ALTER TABLE rate_windows ENABLE ROW LEVEL SECURITY';
  EXECUTE 'ALTER TABLE rate_windows FORCE ROW LEVEL SECURITY';
  EXECUTE 'CREATE POLICY runtime ON rate_windows TO patchbay_system USING (true) WITH CHECK (true)';
  EXECUTE 'GRANT USAGE ON SEQUENCE lane_arrivals TO patchbay_app, patchbay_system';
  EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON rate_windows TO patchbay_system';
END $$;
