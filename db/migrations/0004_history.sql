-- What happened, kept by time. Ids begin with the time (core/ids.ts), so ranges of ids are spans of time: each span
-- is one partition of every table of history, and is dropped whole when its time is over. Rows whose span has no
-- partition go to the default ones, whatever happens.
--
-- Partitions are reached through their tables only: no role has a right to one, and none has a policy.
-- The functions are the owner's, who alone may change tables; they touch nothing but history.

CREATE FUNCTION history_tables() RETURNS TABLE (name text, key text, prefix text) LANGUAGE sql IMMUTABLE AS $$
  VALUES ('executions', 'id', 'exec_'), ('execution_logs', 'execution_id', 'exec_'), ('execution_steps', 'execution_id', 'exec_'),
    ('events', 'id', 'evt_'), ('traces', 'id', 'trc_')
$$;

-- The first of the ids made at a time, without its prefix.
CREATE FUNCTION history_bound(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
$$;

-- The spans that have partitions, oldest first. All tables have the same.
CREATE FUNCTION history_spans() RETURNS TABLE (suffix text, starts_at timestamptz, ends_at timestamptz)
LANGUAGE sql STABLE SET search_path = patchbay, pg_temp AS $$
  SELECT substr(p.relname, length('executions_') + 1), to_timestamp(b.bounds[1]), to_timestamp(b.bounds[2])
  FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid CROSS JOIN LATERAL (
    SELECT array_agg(('x0000' || m[1])::bit(64)::bigint / 1000.0 ORDER BY m[1]) AS bounds
    FROM regexp_matches(pg_get_expr(p.relpartbound, p.oid), 'exec_([0-9a-f]{12})', 'g') m) b
  WHERE i.inhparent = 'executions'::regclass AND b.bounds IS NOT NULL ORDER BY b.bounds[1]
$$;

-- Makes the partitions of the time to come: of a quarter of the days kept each, so that about eight are in use and
-- what is dropped late is late by a quarter at most. Rows that came to the default partitions meanwhile are moved.
-- lock_timeout: whoever reads or writes history waits no longer than this for us, and is never found in a deadlock
-- with us (deadlock_timeout is longer); we try again later.
CREATE FUNCTION make_history(at timestamptz, days integer) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = patchbay, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  span interval := make_interval(days => least(greatest(days / 4, 1), 91));
  today timestamptz := date_trunc('day', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
  first timestamptz;
  next timestamptz;
  made text[] := '{}';
  partition text;
  bounds text[];
  late boolean;
  t record;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7241936) THEN RETURN made; END IF;
  SELECT greatest(max(ends_at), today) INTO first FROM history_spans();
  WHILE first < at + span + interval '2 days' LOOP
    next := first + span;
    FOR t IN SELECT * FROM history_tables() LOOP
      partition := t.name || to_char(first AT TIME ZONE 'UTC', '_YYYYMMDD');
      bounds := ARRAY[t.prefix || history_bound(first), t.prefix || history_bound(next)];
      -- No policy but the table's own: with row security on and none of its own, a partition shows nothing to anybody.
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition, t.name);
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', partition);
      EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE %I >= $1 AND %I < $2)', t.name || '_default', t.key, t.key)
        INTO late USING bounds[1], bounds[2];
      IF late THEN
        -- Nobody may look for these rows where they no longer are.
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', t.name);
        EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= $1 AND %I < $2 RETURNING *) INSERT INTO %I SELECT * FROM moved',
          t.name || '_default', t.key, t.key, partition) USING bounds[1], bounds[2];
      END IF;
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', t.name, partition, bounds[1], bounds[2]);
    END LOOP;
    made := made || to_char(first AT TIME ZONE 'UTC', 'YYYYMMDD');
    first := next;
  END LOOP;
  RETURN made;
END $$;

-- Takes the oldest span, if its time is over, out of its tables: from here on nobody writes to it, and it can be
-- looked at for what must stay before drop_history drops it in the same transaction. Null: none is over.
CREATE FUNCTION detach_history(at timestamptz, days integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = patchbay, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  old text;
  t record;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7241936) THEN RETURN NULL; END IF;
  SELECT suffix INTO old FROM history_spans() WHERE ends_at <= at - make_interval(days => days) LIMIT 1;
  IF old IS NULL THEN RETURN NULL; END IF;
  FOR t IN SELECT * FROM history_tables() LOOP
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', t.name, t.name || '_' || old);
  END LOOP;
  RETURN old;
END $$;

-- Drops a span that detach_history took out. Executions that have not ended, and those to keep, go on in the default
-- partitions, with what they recorded.
CREATE FUNCTION drop_history(old text, keep text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = patchbay, pg_temp AS $$
DECLARE
  kept text[];
  t record;
BEGIN
  IF old !~ '^\d{8}$' OR EXISTS (SELECT FROM history_spans() WHERE suffix = old) THEN
    RAISE EXCEPTION 'no detached span of history: %', old;
  END IF;
  EXECUTE format($q$SELECT array_agg(id) FROM %I WHERE status IN ('queued', 'running', 'waiting') OR id = ANY ($1)$q$, 'executions_' || old)
    INTO kept USING keep;
  FOR t IN SELECT * FROM history_tables() WHERE prefix = 'exec_' LOOP
    CONTINUE WHEN kept IS NULL;
    EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE %I = ANY ($1)', t.name || '_default', t.name || '_' || old, t.key) USING kept;
  END LOOP;
  FOR t IN SELECT * FROM history_tables() LOOP
    EXECUTE format('DROP TABLE %I', t.name || '_' || old);
  END LOOP;
  RETURN coalesce(cardinality(kept), 0);
END $$;

-- Deletes up to `most` ended executions, events and traces older than a time from the default partitions, but those to keep.
CREATE FUNCTION clear_history(before timestamptz, keep text[], most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = patchbay, pg_temp AS $$
DECLARE
  gone text[];
  n integer;
  total integer;
  t record;
BEGIN
  gone := ARRAY(SELECT id FROM executions_default WHERE id < 'exec_' || history_bound(before)
    AND status NOT IN ('queued', 'running', 'waiting') AND id <> ALL (keep) ORDER BY id LIMIT most FOR UPDATE SKIP LOCKED);
  total := cardinality(gone);
  FOR t IN SELECT * FROM history_tables() WHERE prefix = 'exec_' AND total > 0 LOOP
    EXECUTE format('DELETE FROM %I WHERE %I = ANY ($1)', t.name || '_default', t.key) USING gone;
  END LOOP;
  FOR t IN SELECT * FROM history_tables() WHERE prefix <> 'exec_' LOOP
    EXECUTE format('DELETE FROM %I WHERE id = ANY (ARRAY(SELECT id FROM %I WHERE id < $1 ORDER BY id LIMIT $2))', t.name || '_default', t.name || '_default')
      USING t.prefix || history_bound(before), most;
    GET DIAGNOSTICS n = ROW_COUNT;
    total := total + n;
  END LOOP;
  RETURN total;
END $$;

DO $$
DECLARE
  t record;
  f text;
BEGIN
  FOR t IN SELECT * FROM history_tables() LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', t.name || '_default', t.name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name || '_default');
  END LOOP;
  PERFORM make_history(now(), 90);
  FOREACH f IN ARRAY ARRAY['make_history(timestamptz, integer)', 'detach_history(timestamptz, integer)', 'drop_history(text, text[])',
    'clear_history(timestamptz, text[], integer)']
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO patchbay_system', f);
  END LOOP;
END $$;

-- What belongs to an execution goes with it. Foreign keys would do the same, but each insert would pay for them, and
-- no partition could be dropped without looking for who refers to it. The caller may be limited to some customers and
-- the owner is bound by row-level security, so this is the runtime's own role at work.
CREATE FUNCTION delete_with_executions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = patchbay, pg_temp AS $$
BEGIN
  DELETE FROM execution_logs WHERE execution_id IN (SELECT id FROM gone);
  DELETE FROM execution_steps WHERE execution_id IN (SELECT id FROM gone);
  DELETE FROM execution_signals WHERE execution_id IN (SELECT id FROM gone);
  DELETE FROM approvals WHERE execution_id IN (SELECT id FROM gone);
  DELETE FROM traces WHERE execution_id IN (SELECT id FROM gone);
  DELETE FROM dead_letters WHERE execution_id IN (SELECT id FROM gone);
  DELETE FROM files WHERE execution_id IN (SELECT id FROM gone);
  DELETE FROM state_entries WHERE scope = 'execution' AND scope_id IN (SELECT id FROM gone);
  -- An execution that called one of these and waits for it would wait for ever.
  WITH ended AS (
    UPDATE execution_steps s SET status = 'failed', error = '{"status": "deleted"}' FROM gone g
    WHERE s.execution_id = g.parent_execution_id AND s.kind = 'workflows.run' AND s.status = 'pending' AND s.waits_for = g.id
    RETURNING s.execution_id)
  UPDATE executions e SET status = 'queued', due_at = now() FROM ended WHERE e.id = ended.execution_id AND e.status = 'waiting';
  RETURN NULL;
END $$;
CREATE TRIGGER executions_gone AFTER DELETE ON executions REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION delete_with_executions();
GRANT CREATE ON SCHEMA patchbay TO patchbay_system;
ALTER FUNCTION delete_with_executions() OWNER TO patchbay_system;
REVOKE CREATE ON SCHEMA patchbay FROM patchbay_system;

GRANT DELETE ON execution_logs, traces, approvals, dead_letters, state_entries TO patchbay_system;
GRANT SELECT ON state_entries TO patchbay_system;
CREATE POLICY runtime ON state_entries TO patchbay_system USING (scope = 'execution') WITH CHECK (scope = 'execution');
CREATE INDEX state_entries_execution ON state_entries (scope_id COLLATE "C") WHERE scope = 'execution';
CREATE INDEX files_execution ON files (execution_id) WHERE execution_id IS NOT NULL;
CREATE INDEX dead_letters_pending ON dead_letters (execution_id) WHERE status = 'pending';

ALTER TABLE event_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY runtime ON event_keys TO patchbay_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON event_keys TO patchbay_system;
