-- What workflows keep through ctx beside ctx.state.

-- ctx.cache. Unlogged: a crash of the database may empty it, and it costs no write-ahead log.
CREATE UNLOGGED TABLE cache_entries (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  -- '' for the organization's own, or the customer's id: a primary key takes no null.
  owner text NOT NULL,
  key text NOT NULL,
  value jsonb NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, owner, key)
);
CREATE INDEX cache_entries_expired ON cache_entries (expires_at);

-- ctx.config: settings of an environment. Not secret.
CREATE TABLE configs (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  environment text NOT NULL,
  key text NOT NULL COLLATE "C",
  value jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, environment, key),
  FOREIGN KEY (organization_id, environment) REFERENCES environments (organization_id, slug) ON DELETE CASCADE
);

-- ctx.db: records of a customer, or of the organization, by collection and key.
CREATE TABLE records (
  organization_id text NOT NULL REFERENCES organizations ON DELETE CASCADE,
  customer_id text REFERENCES customers ON DELETE CASCADE,
  owner text NOT NULL,
  collection text NOT NULL,
  key text NOT NULL COLLATE "C",
  value jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, owner, collection, key)
);

DO $$
DECLARE
  t text;
  owned text;
BEGIN
  FOREACH t IN ARRAY ARRAY['cache_entries', 'configs', 'records'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    -- Configs are the organization's own, like its workflows: runs see them, who is limited to some customers does not.
    owned := format($q$organization_id = current_setting('app.organization_id', true) AND customer_visible(%s)$q$,
      CASE t WHEN 'configs' THEN 'NULL' ELSE 'customer_id' END);
    EXECUTE format('CREATE POLICY tenant ON %I TO patchbay_app USING (%s) WITH CHECK (%s)', t, owned, owned);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO patchbay_app', t);
  END LOOP;
  -- For clearing away what has expired.
  EXECUTE 'CREATE POLICY runtime ON cache_entries TO patchbay_system USING (true) WITH CHECK (true)';
  EXECUTE 'GRANT SELECT, DELETE ON cache_entries TO patchbay_system';
END $$;
