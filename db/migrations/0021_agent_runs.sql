-- Runs of agents. The row is the queue: a process that has room claims what is due and holds it under a lease.
CREATE TABLE agent_runs (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  -- The only customer its actor reaches; null: all.
  customer_id text REFERENCES customers ON DELETE CASCADE,
  agent text NOT NULL,
  -- Who started it. What they may do is looked up anew whenever the run goes on.
  actor jsonb NOT NULL,
  api_key_id text REFERENCES api_keys ON DELETE CASCADE,
  input jsonb NOT NULL,
  output jsonb,
  error jsonb,
  approval text NOT NULL CHECK (approval IN ('auto', 'manual')),
  status text NOT NULL CHECK (status IN ('queued', 'running', 'waiting', 'completed', 'failed', 'canceled')),
  -- The open question: {id, point, question, details, schema, default}.
  question jsonb,
  budget jsonb NOT NULL,
  usage jsonb NOT NULL DEFAULT '{}',
  -- Milliseconds of work so far; waiting is not counted.
  worked_ms bigint NOT NULL DEFAULT 0,
  cancel_requested boolean NOT NULL DEFAULT false,
  -- Counts claims: whoever names the newest holds the run.
  claim integer NOT NULL DEFAULT 0,
  worker text,
  heartbeat_at timestamptz,
  -- Claims that ended without a word, since the run last got on.
  losses integer NOT NULL DEFAULT 0,
  -- Counts goings-back: calls recorded before the last are not for what comes after it.
  epoch integer NOT NULL DEFAULT 0,
  last_event integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  ended_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX agent_runs_organization ON agent_runs (organization_id, id DESC);
CREATE INDEX agent_runs_open ON agent_runs (status, id) WHERE status IN ('queued', 'running', 'waiting');
CREATE INDEX agent_runs_ended ON agent_runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX agent_runs_customer ON agent_runs (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX agent_runs_key ON agent_runs (api_key_id) WHERE api_key_id IS NOT NULL;

-- What happened in a run, in order: the trajectory, and what streams are made of.
CREATE TABLE agent_run_events (
  run_id text NOT NULL REFERENCES agent_runs ON DELETE CASCADE,
  seq integer NOT NULL,
  organization_id text NOT NULL,
  customer_id text,
  type text NOT NULL,
  data jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, seq)
);

-- What visits of nodes got: answers of tools and people, and values computed once. A visit that is run again takes them.
CREATE TABLE agent_run_records (
  run_id text NOT NULL REFERENCES agent_runs ON DELETE CASCADE,
  key text NOT NULL,
  organization_id text NOT NULL,
  customer_id text,
  value jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, key)
);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['agent_runs', 'agent_run_events', 'agent_run_records'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I TO patchbay_app
      USING (organization_id = current_setting(''app.organization_id'', true) AND customer_visible(customer_id))
      WITH CHECK (organization_id = current_setting(''app.organization_id'', true) AND customer_visible(customer_id))', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO patchbay_app', t);
    EXECUTE format('CREATE POLICY runtime ON %I TO patchbay_system USING (true) WITH CHECK (true)', t);
  END LOOP;
END $$;
GRANT SELECT, UPDATE, DELETE ON agent_runs TO patchbay_system;
GRANT SELECT, INSERT, DELETE ON agent_run_events TO patchbay_system;
GRANT SELECT, DELETE ON agent_run_records TO patchbay_system;

-- Who waits for news of a run, and who has room for one, is told.
CREATE TRIGGER agent_runs_came AFTER INSERT ON agent_runs
  FOR EACH ROW EXECUTE FUNCTION notify_change('agent_runs', 'id');
CREATE TRIGGER agent_runs_changed AFTER UPDATE ON agent_runs FOR EACH ROW
  WHEN ((OLD.status, OLD.cancel_requested, OLD.last_event) IS DISTINCT FROM (NEW.status, NEW.cancel_requested, NEW.last_event))
  EXECUTE FUNCTION notify_change('agent_runs', 'id');

-- Checkpoints of runs: the tables @langchain/langgraph-checkpoint-postgres works on, as its own set-up would make them
-- (graphs/frame/checkpointer.int.test.ts compares), but made here so that row-level security is forced on them: a thread is a
-- run, and whoever cannot see the run sees no checkpoint of it.
CREATE SCHEMA agent_checkpoints;
CREATE TABLE agent_checkpoints.checkpoint_migrations (v integer PRIMARY KEY);
INSERT INTO agent_checkpoints.checkpoint_migrations (v) SELECT generate_series(0, 4);
CREATE TABLE agent_checkpoints.checkpoints (
  thread_id text NOT NULL REFERENCES agent_runs ON DELETE CASCADE,
  checkpoint_ns text NOT NULL DEFAULT '',
  checkpoint_id text NOT NULL,
  parent_checkpoint_id text,
  type text,
  checkpoint jsonb NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
);
CREATE TABLE agent_checkpoints.checkpoint_blobs (
  thread_id text NOT NULL REFERENCES agent_runs ON DELETE CASCADE,
  checkpoint_ns text NOT NULL DEFAULT '',
  channel text NOT NULL,
  version text NOT NULL,
  type text NOT NULL,
  blob bytea,
  PRIMARY KEY (thread_id, checkpoint_ns, channel, version)
);
CREATE TABLE agent_checkpoints.checkpoint_writes (
  thread_id text NOT NULL REFERENCES agent_runs ON DELETE CASCADE,
  checkpoint_ns text NOT NULL DEFAULT '',
  checkpoint_id text NOT NULL,
  task_id text NOT NULL,
  idx integer NOT NULL,
  channel text NOT NULL,
  type text,
  blob bytea NOT NULL,
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);
GRANT USAGE ON SCHEMA agent_checkpoints TO patchbay_app;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['checkpoints', 'checkpoint_blobs', 'checkpoint_writes'] LOOP
    EXECUTE format('ALTER TABLE agent_checkpoints.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE agent_checkpoints.%I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON agent_checkpoints.%I TO patchbay_app
      USING (EXISTS (SELECT FROM patchbay.agent_runs r WHERE r.id = thread_id))
      WITH CHECK (EXISTS (SELECT FROM patchbay.agent_runs r WHERE r.id = thread_id))', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON agent_checkpoints.%I TO patchbay_app', t);
  END LOOP;
END $$;
