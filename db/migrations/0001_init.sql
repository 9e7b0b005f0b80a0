-- Roles: the server never works as the connecting user. patchbay_app is bound by the tenant policies;
-- patchbay_system is what the runtime uses for the few questions that come before the tenant is known
-- (which key is this? whose webhook? which executions are due?). Neither can bypass row-level security.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'patchbay_app') THEN
    CREATE ROLE patchbay_app NOLOGIN NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'patchbay_system') THEN
    CREATE ROLE patchbay_system NOLOGIN NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the cluster made them just now
END $$;
DO $$ BEGIN
  IF NOT pg_has_role(current_user, 'patchbay_app', 'MEMBER') THEN EXECUTE format('GRANT patchbay_app TO %I', current_user); END IF;
  IF NOT pg_has_role(current_user, 'patchbay_system', 'MEMBER') THEN EXECUTE format('GRANT patchbay_system TO %I', current_user); END IF;
END $$;
GRANT USAGE ON SCHEMA patchbay TO patchbay_app, patchbay_system;

-- May the current transaction see rows of this customer? app.customer_id holds nothing (all of the
-- organization's customers) or the ids the actor is limited to, separated by commas. Rows of no customer are
-- the organization's own: a run for one customer sees them (app.shared is on), an end user does not.
CREATE FUNCTION customer_visible(customer text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  -- CASE rather than OR: of an OR of these the planner believes that it holds for one row in two hundred.
  SELECT CASE WHEN coalesce(current_setting('app.customer_id', true), '') = '' THEN true
    ELSE customer = ANY (string_to_array(current_setting('app.customer_id', true), ','))
      OR (customer IS NULL AND current_setting('app.shared', true) = 'on') END
$$;

CREATE TABLE organizations (
  id text PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE environments (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  slug text NOT NULL,
  name text NOT NULL,
  production boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, slug)
);

-- Keys that seal an organization's secrets, themselves wrapped by the master key (envelope encryption).
CREATE TABLE data_keys (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  wrapped_key text NOT NULL,
  master_key_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX data_keys_organization ON data_keys (organization_id, created_at DESC);

CREATE TABLE customers (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  name text NOT NULL,
  slug text NOT NULL,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, slug)
);

CREATE TABLE api_keys (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  name text NOT NULL,
  mode text NOT NULL CHECK (mode IN ('test', 'live')),
  prefix text NOT NULL,
  hash bytea NOT NULL UNIQUE,
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'operator', 'end_user', 'viewer')),
  -- Narrows the role; null means all the role has.
  permissions text[],
  -- The only customers the key reaches; null means all.
  customer_ids text[],
  ip_allowlist text[],
  rate_per_minute integer CHECK (rate_per_minute > 0),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (role <> 'end_user' OR cardinality(customer_ids) = 1)
);
CREATE INDEX api_keys_organization ON api_keys (organization_id, id);

CREATE TABLE connectors (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  slug text NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  visibility text NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
  -- Everything of the definition but its actions and its shared schemas.
  definition jsonb NOT NULL,
  -- Shared JSON Schemas the actions refer to as #/schemas/<name>.
  schemas jsonb NOT NULL DEFAULT '{}',
  -- Counts changes; caches of a connector are keyed by it.
  revision integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, slug)
);

CREATE TABLE actions (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  connector_id text NOT NULL REFERENCES connectors ON DELETE CASCADE,
  slug text NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  effect text NOT NULL CHECK (effect IN ('read', 'write', 'destructive')),
  definition jsonb NOT NULL,
  search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', replace(slug, '_', ' ')), 'A')
    || setweight(to_tsvector('english', name), 'A')
    || setweight(to_tsvector('english', description), 'B')
  ) STORED,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (connector_id, slug)
);
CREATE INDEX actions_search ON actions USING gin (search);
CREATE INDEX actions_organization ON actions (organization_id, connector_id);

CREATE TABLE connections (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  -- Null: the organization's own account, shared by its workflows.
  customer_id text REFERENCES customers ON DELETE CASCADE,
  connector_id text NOT NULL REFERENCES connectors ON DELETE CASCADE,
  name text NOT NULL,
  auth_method text NOT NULL,
  credentials text NOT NULL, -- sealed
  base_url text,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'expired', 'failed')),
  status_reason text,
  is_default boolean NOT NULL DEFAULT false,
  verified_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (organization_id, customer_id, connector_id, name)
);
CREATE UNIQUE INDEX connections_default ON connections (organization_id, customer_id, connector_id) NULLS NOT DISTINCT WHERE is_default;
CREATE INDEX connections_connector ON connections (connector_id);
CREATE INDEX connections_customer ON connections (customer_id);

CREATE TABLE workflows (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  slug text NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
  tier text NOT NULL DEFAULT 'standard' CHECK (tier IN ('instant', 'standard', 'long')),
  timeout_ms integer NOT NULL CHECK (timeout_ms > 0),
  -- {maxAttempts, initialIntervalMs, backoffCoefficient, maxIntervalMs}; null means never retried.
  retry jsonb,
  -- A run that takes too long goes on in the next longer tier.
  escalate_on_timeout boolean NOT NULL DEFAULT false,
  input_schema jsonb,
  draft_code text NOT NULL,
  latest_version integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, slug)
);

CREATE TABLE workflow_versions (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workflow_id text NOT NULL REFERENCES workflows ON DELETE CASCADE,
  version integer NOT NULL,
  source text NOT NULL,
  code text NOT NULL, -- what the sandbox runs: the source without its types
  tier text NOT NULL,
  timeout_ms integer NOT NULL,
  retry jsonb,
  escalate_on_timeout boolean NOT NULL DEFAULT false,
  input_schema jsonb,
  connectors text[] NOT NULL DEFAULT '{}',
  published_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workflow_id, version)
);

CREATE TABLE deployments (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workflow_id text NOT NULL REFERENCES workflows ON DELETE CASCADE,
  workflow_version_id text NOT NULL REFERENCES workflow_versions ON DELETE CASCADE,
  environment text NOT NULL,
  active boolean NOT NULL DEFAULT true,
  deployed_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (organization_id, environment) REFERENCES environments
);
CREATE UNIQUE INDEX deployments_active ON deployments (workflow_id, environment) WHERE active;
CREATE INDEX deployments_history ON deployments (workflow_id, environment, id DESC);

CREATE TABLE triggers (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  type text NOT NULL CHECK (type IN ('webhook', 'scheduler', 'app_event')),
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  enabled boolean NOT NULL DEFAULT true,
  -- {verification, deduplication, deadLetter, ...}: validated by the type's zod schema.
  config jsonb NOT NULL,
  secret text, -- sealed signing secret or key
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX triggers_organization ON triggers (organization_id, id);

CREATE TABLE routes (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  trigger_id text NOT NULL REFERENCES triggers ON DELETE CASCADE,
  workflow_id text NOT NULL REFERENCES workflows ON DELETE CASCADE,
  environment text NOT NULL,
  filter jsonb, -- condition; null matches every event
  position integer NOT NULL,
  FOREIGN KEY (organization_id, environment) REFERENCES environments
);
CREATE INDEX routes_trigger ON routes (trigger_id, position);
CREATE INDEX routes_workflow ON routes (workflow_id);

-- Events, executions and traces are written by the hundreds a second: they reference only what their deletion
-- must follow. The organization's is followed through the workflow; a deleted trigger leaves its history.
-- They are partitioned by their ids, which begin with the time (0004_history.sql). Ids of executions compare byte by
-- byte ("C") wherever they are kept, as the bounds of the partitions do.
CREATE TABLE events (
  id text COLLATE "C" PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  source text NOT NULL CHECK (source IN ('webhook', 'scheduled', 'manual')),
  trigger_id text,
  dedupe_key text,
  headers jsonb NOT NULL DEFAULT '{}',
  payload jsonb,
  status text NOT NULL CHECK (status IN ('delivered', 'unmatched', 'failed')),
  received_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (id);
CREATE INDEX events_organization ON events (organization_id, id DESC);
CREATE INDEX events_source ON events (organization_id, source, id DESC);
CREATE INDEX events_trigger ON events (trigger_id, id DESC) WHERE trigger_id IS NOT NULL;
CREATE INDEX events_customer ON events (customer_id, id DESC) WHERE customer_id IS NOT NULL;
CREATE INDEX events_undelivered ON events (organization_id, status, id DESC) WHERE status <> 'delivered';

-- Which event took a delivery first. Apart from the events, since no partitioned table can be unique in this.
CREATE TABLE event_keys (
  trigger_id text NOT NULL,
  dedupe_key text NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  organization_id text NOT NULL,
  PRIMARY KEY (trigger_id, dedupe_key)
);
-- They go by the time of their event.
CREATE INDEX event_keys_event ON event_keys (event_id);

CREATE TABLE executions (
  id text COLLATE "C" PRIMARY KEY,
  organization_id text NOT NULL,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  workflow_id text NOT NULL REFERENCES workflows ON DELETE CASCADE,
  workflow_version_id text NOT NULL,
  environment text NOT NULL,
  tier text NOT NULL,
  -- waiting: it sleeps, or waits for an event, an approval or a workflow, and holds no worker.
  status text NOT NULL CHECK (status IN ('queued', 'running', 'waiting', 'completed', 'failed', 'timeout', 'cancelled')),
  triggered_by text NOT NULL CHECK (triggered_by IN ('webhook', 'scheduler', 'app_event', 'api', 'mcp', 'cli', 'workflow', 'replay', 'agent')),
  event_id text COLLATE "C",
  trigger_id text,
  parent_execution_id text COLLATE "C",
  replay_of text COLLATE "C",
  depth integer NOT NULL DEFAULT 0,
  input jsonb,
  headers jsonb NOT NULL DEFAULT '{}',
  output jsonb,
  error jsonb,
  stats jsonb,
  -- Attempts begun. An attempt that waited, or whose worker died, goes on in further runs.
  attempt integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL DEFAULT 1,
  -- Takes the place of the workflow's retry policy: what its webhook says.
  retry jsonb,
  -- How often a worker took it: with this number a worker proves that it is still its own.
  run integer NOT NULL DEFAULT 0,
  -- Does the next run go on with the attempt that was under way?
  resume boolean NOT NULL DEFAULT false,
  -- Runs in a row that ended because their worker died.
  losses integer NOT NULL DEFAULT 0,
  -- Log lines kept of the attempt under way: a resumed run logs them again, and they are skipped.
  lines_kept integer NOT NULL DEFAULT 0,
  -- What makes it repeatable: its random numbers and the time its code sees start from these.
  random_seed text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
  clock_at timestamptz,
  -- The execution whose recorded steps it goes on with (a replay from the failed step); null: its own.
  origin_id text,
  -- The step of its parent that called it.
  parent_step text,
  -- Milliseconds it waited for a worker, and ran, in all; and how long the attempt under way has run.
  queue_ms double precision NOT NULL DEFAULT 0,
  run_ms double precision NOT NULL DEFAULT 0,
  attempt_ms double precision NOT NULL DEFAULT 0,
  cancel_requested boolean NOT NULL DEFAULT false,
  -- Does a final failure go to the dead letter queue?
  dead_letter boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- When a queued execution may run next (retries wait here), or a waiting one goes on.
  due_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  worker text,
  heartbeat_at timestamptz,
  -- 1 people, 2 events, 3 background, 4 polling: who goes first, within a customer and among all.
  priority smallint NOT NULL DEFAULT 2,
  -- What it must have a place in before it may run, in this order (see lanes), and how many of them it has one in.
  lanes text[] NOT NULL DEFAULT '{}',
  slots smallint NOT NULL DEFAULT 0,
  -- queued: later (not before due_at), held (it waits for a place in lanes[slots + 1]), admitted (a worker may take it).
  admission text NOT NULL DEFAULT 'admitted' CHECK (admission IN ('later', 'held', 'admitted'))
) PARTITION BY RANGE (id);
CREATE INDEX executions_organization ON executions (organization_id, id DESC);
CREATE INDEX executions_workflow ON executions (workflow_id, id DESC);
CREATE INDEX executions_event ON executions (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX executions_customer ON executions (customer_id, id DESC) WHERE customer_id IS NOT NULL;
CREATE INDEX executions_trigger ON executions (trigger_id, id DESC) WHERE trigger_id IS NOT NULL;
-- Of production the newest are soon found; the others are few, and production does not pay for them.
CREATE INDEX executions_environment ON executions (organization_id, environment, id DESC) WHERE environment <> 'production';
-- Those that ended badly are looked for most, and are few: of the others the newest are soon found.
CREATE INDEX executions_unhappy ON executions (organization_id, status, id DESC) WHERE status IN ('failed', 'timeout', 'cancelled');
CREATE INDEX executions_customer_unhappy ON executions (customer_id, status, id DESC) WHERE customer_id IS NOT NULL AND status IN ('failed', 'timeout', 'cancelled');
CREATE INDEX executions_workflow_unhappy ON executions (workflow_id, status, id DESC) WHERE status IN ('failed', 'timeout', 'cancelled');
-- What the sweeper looks at.
CREATE INDEX executions_admitted ON executions (due_at) WHERE status = 'queued' AND admission = 'admitted';
CREATE INDEX executions_later ON executions (due_at) WHERE status = 'queued' AND admission = 'later';
CREATE INDEX executions_waiting ON executions (due_at) WHERE status = 'waiting';
CREATE INDEX executions_replay ON executions (replay_of) WHERE replay_of IS NOT NULL;
CREATE INDEX executions_parent ON executions (parent_execution_id) WHERE parent_execution_id IS NOT NULL;
CREATE INDEX executions_running ON executions (heartbeat_at) WHERE status = 'running';

-- The log lines of one run, written once when it ends.
CREATE TABLE execution_logs (
  execution_id text COLLATE "C" NOT NULL,
  run integer NOT NULL,
  attempt integer NOT NULL,
  organization_id text NOT NULL,
  customer_id text,
  lines jsonb NOT NULL,
  PRIMARY KEY (execution_id, run)
) PARTITION BY RANGE (execution_id);

-- What an execution did, in order: its calls and steps with their results, and what it waits for. A run that goes
-- on where another ended takes the results from here.
CREATE TABLE execution_steps (
  execution_id text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  organization_id text NOT NULL,
  customer_id text,
  -- connectors.call, fetch, step, sleep, wait.event …
  kind text NOT NULL,
  -- What was called, waited for, or the step's own name.
  name text NOT NULL,
  -- Of kind, name and arguments, and how many alike came before it in the same step: what a repeated call is recognized by.
  fingerprint text NOT NULL,
  -- The step (ctx.step) it was part of; null: none; ?step: it may have been, for it was made beside the step.
  within text,
  status text NOT NULL CHECK (status IN ('done', 'failed', 'pending')),
  output jsonb,
  error jsonb,
  -- pending: when it ends by itself; null: never.
  wake_at timestamptz,
  -- pending: the event's key, the approval's id, or the execution that is waited for.
  waits_for text,
  attempt integer NOT NULL,
  run integer NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (execution_id, seq)
) PARTITION BY RANGE (execution_id);
CREATE INDEX execution_steps_waits ON execution_steps (organization_id, kind, name, waits_for) WHERE status = 'pending';

-- Decisions that executions wait for (ctx.wait.approval).
CREATE TABLE approvals (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text,
  execution_id text COLLATE "C" NOT NULL,
  title text NOT NULL,
  description text NOT NULL DEFAULT '',
  data jsonb,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'rejected', 'expired')),
  decided_by text,
  comment text,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  decided_at timestamptz
);
CREATE INDEX approvals_organization ON approvals (organization_id, id DESC);
CREATE INDEX approvals_execution ON approvals (execution_id);

-- Events sent to one execution before it waits for them.
CREATE TABLE execution_signals (
  id text PRIMARY KEY,
  organization_id text NOT NULL,
  customer_id text,
  execution_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  -- null: for a wait with any key.
  key text,
  payload jsonb,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX execution_signals_execution ON execution_signals (execution_id, name, id);

CREATE TABLE traces (
  id text COLLATE "C" PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text,
  execution_id text COLLATE "C",
  attempt integer,
  connection_id text,
  connector text NOT NULL,
  action text NOT NULL,
  status text NOT NULL CHECK (status IN ('success', 'error', 'pending')),
  http_status integer,
  duration_ms integer,
  request jsonb NOT NULL,
  response jsonb,
  error jsonb,
  created_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (id);
CREATE INDEX traces_organization ON traces (organization_id, id DESC);
CREATE INDEX traces_execution ON traces (execution_id, id) WHERE execution_id IS NOT NULL;
CREATE INDEX traces_connector ON traces (organization_id, connector, id DESC);
CREATE INDEX traces_connection ON traces (connection_id, id DESC) WHERE connection_id IS NOT NULL;
CREATE INDEX traces_unhappy ON traces (organization_id, status, id DESC) WHERE status <> 'success';

CREATE TABLE dead_letters (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text,
  execution_id text COLLATE "C",
  event_id text,
  workflow_id text NOT NULL REFERENCES workflows ON DELETE CASCADE,
  workflow_version_id text NOT NULL,
  event_payload jsonb,
  error_message text NOT NULL,
  error_context jsonb NOT NULL,
  retry_count integer NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'replayed', 'expired')),
  replay_execution_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  replayed_at timestamptz
);
CREATE INDEX dead_letters_organization ON dead_letters (organization_id, id DESC);
CREATE UNIQUE INDEX dead_letters_execution ON dead_letters (execution_id);

-- Values workflows keep between runs. scope_id: '' for the organization, a customer id, or an execution id.
CREATE TABLE state_entries (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  scope text NOT NULL CHECK (scope IN ('organization', 'customer', 'execution')),
  scope_id text NOT NULL,
  key text NOT NULL,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, scope, scope_id, key)
);

CREATE TABLE secrets (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  environment text,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('text', 'json')),
  value text NOT NULL, -- sealed
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (organization_id, customer_id, environment, name)
);

CREATE TABLE audit_log (
  id text PRIMARY KEY,
  organization_id text NOT NULL,
  customer_id text,
  at timestamptz NOT NULL DEFAULT now(),
  actor_type text NOT NULL,
  actor_id text NOT NULL,
  actor_name text NOT NULL,
  door text NOT NULL,
  action text NOT NULL,
  resource text,
  outcome text NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
  error_code text,
  detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_organization ON audit_log (organization_id, id DESC);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER workflow_versions_immutable BEFORE UPDATE ON workflow_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE idempotency_keys (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  actor_id text NOT NULL,
  key text NOT NULL,
  request_hash text NOT NULL,
  status integer, -- null while the first call runs
  response jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, actor_id, key)
);

-- Row-level security on every tenant table, forced so that even the owner of the tables is bound by it.
DO $$
DECLARE
  t text;
  visible text;
BEGIN
  FOREACH t IN ARRAY ARRAY['organizations', 'environments', 'data_keys', 'customers', 'api_keys', 'connectors', 'actions',
    'connections', 'workflows', 'workflow_versions', 'deployments', 'triggers', 'routes', 'events', 'executions',
    'execution_logs', 'execution_steps', 'approvals', 'execution_signals', 'traces', 'dead_letters', 'state_entries', 'secrets',
    'audit_log', 'idempotency_keys']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    visible := CASE
      WHEN t = 'organizations' THEN $q$id = current_setting('app.organization_id', true)$q$
      WHEN t = 'customers' THEN $q$organization_id = current_setting('app.organization_id', true) AND customer_visible(id)$q$
      WHEN EXISTS (SELECT FROM information_schema.columns c
                    WHERE c.table_schema = current_schema() AND c.table_name = t AND c.column_name = 'customer_id')
        THEN $q$organization_id = current_setting('app.organization_id', true) AND customer_visible(customer_id)$q$
      ELSE $q$organization_id = current_setting('app.organization_id', true)$q$
    END;
    EXECUTE format('CREATE POLICY tenant ON %I TO patchbay_app USING (%s) WITH CHECK (%s)', t, visible, visible);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO patchbay_app', t);
  END LOOP;

  -- What the runtime reaches before, or across, tenants.
  FOREACH t IN ARRAY ARRAY['organizations', 'environments', 'api_keys', 'workflows', 'workflow_versions', 'deployments', 'triggers', 'routes',
    'events', 'executions', 'execution_logs', 'execution_steps', 'approvals', 'execution_signals', 'traces', 'dead_letters',
    'idempotency_keys', 'data_keys', 'customers']
  LOOP
    EXECUTE format('CREATE POLICY runtime ON %I TO patchbay_system USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT ON %I TO patchbay_system', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['organizations', 'environments', 'data_keys'] LOOP EXECUTE format('GRANT INSERT ON %I TO patchbay_system', t); END LOOP;
  FOREACH t IN ARRAY ARRAY['api_keys', 'events', 'executions', 'execution_logs', 'execution_steps', 'approvals', 'traces', 'dead_letters'] LOOP
    EXECUTE format('GRANT INSERT, UPDATE ON %I TO patchbay_system', t);
  END LOOP;
  EXECUTE 'GRANT DELETE ON idempotency_keys, execution_steps, execution_signals TO patchbay_system';
  EXECUTE 'REVOKE UPDATE, DELETE ON audit_log FROM patchbay_app';
END $$;
